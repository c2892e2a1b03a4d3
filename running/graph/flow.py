"""Flow of tensors: backbone and heads of a network, and what crosses every boundary of its topological order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from planner.running.network.folding import Folded
from planner.running.network.reading import reads
from planner.schemas.bundles.cuts import Activation
from planner.schemas.bundles.tensors import Tensor
from planner.schemas.reading.problems import InputError, Problem, input_error


@dataclass(frozen=True)
class Head:
    """What an exit needs and the final output does not."""

    name: str
    nodes: tuple[int, ...]
    """Indices into `Flow.nodes`."""
    reads: frozenset[str]
    """Tensors of the backbone that it reads; its own output where that is one of them."""
    position: int
    """Boundary behind the last backbone node that feeds it: the number of backbone nodes before it."""
    activation: Activation


@dataclass(frozen=True)
class Flow:
    """A network in execution order: the nodes of the backbone first, then those of the heads."""

    folded: Folded
    nodes: tuple[Any, ...]
    """Live nodes: the backbone in topological order, then heads."""
    backbone: int
    """Number of nodes of the backbone."""
    final: tuple[str, ...]
    """Final outputs; the first holds the classes."""
    heads: tuple[Head, ...]
    """Early exits by depth."""
    activation: Activation
    """What the first final output has been through."""

    def crossing(self, position: int) -> tuple[str, ...]:
        """Return the tensors that cross the boundary behind the first `position` nodes of the backbone.

        These are inputs and results of earlier nodes that a later node, a head attached further down or the final
        output needs, in the order in which they are made.
        """
        made = [tensor.name for tensor in self.folded.inputs]
        made += [name for node in self.nodes[:position] for name in node.output if name]
        needed = self._needed_behind(position)
        return tuple(name for name in made if name in needed)

    def _needed_behind(self, position: int) -> set[str]:
        needed = set(self.final)
        for node in self.nodes[position : self.backbone]:
            needed |= reads(node)
        for head in self.heads:
            if head.position > position:
                needed |= head.reads
        return needed

    def crossings(self) -> list[frozenset[str]]:
        """Return the tensors that cross every boundary 0, ..., backbone, in one pass from the end."""
        found: list[frozenset[str]] = []
        needed = set(self.final)
        by_position: dict[int, set[str]] = {}
        for head in self.heads:
            by_position.setdefault(head.position, set()).update(head.reads)
        inputs = {tensor.name for tensor in self.folded.inputs}
        makers = {name: index for index, node in enumerate(self.nodes[: self.backbone]) for name in node.output if name}
        for position in range(self.backbone, -1, -1):
            found.append(frozenset(name for name in needed if name in inputs or makers.get(name, position) < position))
            needed |= by_position.get(position, set())
            if position:
                needed |= reads(self.nodes[position - 1])
        return found[::-1]


def trace_flow(folded: Folded, exits: Sequence[str], final: Sequence[str], file: str) -> Flow:
    """Separate the backbone from the heads of early exits.

    Args:
        folded: The folded network.
        exits: Outputs that are early exits.
        final: Final outputs (empty: all outputs that are no exits).
        file: File to name in messages.

    Returns:
        The backbone in execution order, and the nodes of every head.

    Raises:
        InputError: An unknown or repeated output, or an exit that is no function of the backbone.
    """
    outputs = [value.name for value in folded.model.graph.output]
    _check_names(outputs, exits, final, file)
    ends = tuple(final) or tuple(name for name in outputs if name not in exits)
    if not ends:
        fix = "leave one output out of --exits, or name the last one with --final"
        raise input_error("no output is left as the final one", fix, file=file, path="--exits")
    makers = {name: index for index, node in enumerate(folded.model.graph.node) for name in node.output if name}
    nodes = list(folded.model.graph.node)
    spine = _ancestors(ends, nodes, makers)
    if not spine:
        raise input_error("the final output is an input or a constant", "name another one", file=file, path="--final")
    order = [index for index in range(len(nodes)) if index in spine]
    place = {index: position for position, index in enumerate(order)}
    feeds = {name for index in order for name in nodes[index].output} | {tensor.name for tensor in folded.inputs}
    kept: dict[int, int] = {}
    heads = []
    for name in exits:
        own = sorted(_ancestors((name,), nodes, makers) - spine)
        read = {each for index in own for each in reads(nodes[index])} & feeds
        read |= {name} & feeds
        behind = [place[makers[each]] + 1 for each in read if each in makers]
        if not behind:
            fix = "name an output that is computed from the network's own layers"
            raise input_error("this exit is no function of the backbone", fix, file=file, path="--exits", value=name)
        for index in own:
            kept.setdefault(index, 0)
        heads.append((name, own, frozenset(read), max(behind), _activation(name, nodes, makers)))
    extra = {index: len(order) + rank for rank, index in enumerate(sorted(kept))}
    made = tuple(
        Head(name, tuple(extra[index] for index in own), read, position, activation)
        for name, own, read, position, activation in sorted(heads, key=lambda head: head[3])
    )
    _check_heads(made, len(order), file)
    live = tuple(nodes[index] for index in (*order, *sorted(kept)))
    return Flow(folded, live, len(order), ends, made, _activation(ends[0], nodes, makers))


def _check_names(outputs: Sequence[str], exits: Sequence[str], final: Sequence[str], file: str) -> None:
    problems = [
        Problem(file, option, name, "the network has no such output", f"use one of {', '.join(outputs)}")
        for option, names in (("--exits", exits), ("--final", final))
        for name in names
        if name not in outputs
    ]
    given = [*exits, *final]
    problems += [
        Problem(file, "--exits", name, "this output is named twice", "name it once")
        for name in dict.fromkeys(given)
        if given.count(name) > 1
    ]
    if problems:
        raise InputError(problems)


def _check_heads(heads: Sequence[Head], backbone: int, file: str) -> None:
    seen: dict[int, str] = {}
    for head in heads:
        if head.position in seen:
            fix = f"keep one of {seen[head.position]} and {head.name}"
            raise input_error("two exits stand behind one node", fix, file=file, path="--exits", value=head.name)
        if head.position == backbone:
            fix = "leave it out of --exits: it ends where the final output does"
            raise input_error("this exit is no earlier than the final output", fix, file=file, value=head.name)
        seen[head.position] = head.name


def _ancestors(names: Iterable[str], nodes: Sequence[Any], makers: Mapping[str, int]) -> set[int]:
    """Return the nodes that some tensors are computed from."""
    found: set[int] = set()
    waiting = [makers[name] for name in names if name in makers]
    while waiting:
        index = waiting.pop()
        if index not in found:
            found.add(index)
            waiting += [makers[name] for name in reads(nodes[index]) if name in makers]
    return found


def _activation(name: str, nodes: Sequence[Any], makers: Mapping[str, int]) -> Activation:
    """Tell whether an output has been through a softmax, looking through operators that move data only."""
    while name in makers:
        node = nodes[makers[name]]
        if node.op_type == "Softmax":
            return "softmax"
        if node.op_type == "LogSoftmax":
            return "log_softmax"
        if node.op_type not in ("Reshape", "Flatten", "Squeeze", "Identity", "Cast"):
            return "none"
        name = node.input[0]
    return "none"


def crossing_bits(names: Iterable[str], tensors: Mapping[str, Tensor]) -> float | None:
    """Return the bits of crossing tensors, None where one cannot be carried."""
    total = 0.0
    for name in names:
        if name not in tensors:
            return None
        total += tensors[name].bits
    return total

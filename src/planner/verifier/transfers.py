"""The verifier's view of transfers: what a plan has to carry from where to where, and what its routes carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from planner.schemas import App, Block, Exit, Model, Route
from planner.schemas.planning.dataflow_checks import INPUT
from planner.verifier.points import Point


class Cargo(NamedTuple):
    """What a route carries."""

    after: str | None
    """Block whose output it is; None for the input."""
    to: str | None
    """Block that reads it; None for a result."""
    tensor: str | None
    """Which of the block's outputs it is; None for its one output."""
    result_of: str | None
    """Exit whose result it is, if it is one."""

    def label(self, model: Model) -> str:
        """Return what it is, in words; who reads it goes without saying where the model names no inputs."""
        if self.result_of is not None:
            return f"result of {self.result_of}, after {self.after}"
        what = "input" if self.after is None else f"output of {self.after}"
        if all(block.inputs is None for block in model.blocks):
            return what
        return what + ("" if self.tensor is None else f" ({self.tensor})") + f" to {self.to}"


@dataclass(frozen=True)
class Stage:
    """A deployed block on its node, its head if that is on, and the fraction of samples that reaches it."""

    block: Block
    head: Exit | None
    node: str
    reach: float

    def runs_per_sample(self, batch: int) -> float:
        """Return how often the block runs for each sample: a batch goes on as long as any of its samples does."""
        return self.reach if batch == 1 else (1.0 - (1.0 - self.reach) ** batch) / batch

    @property
    def parts(self) -> tuple[Block | Exit, ...]:
        """All that runs on the node."""
        return (self.block,) if self.head is None else (self.block, self.head)


@dataclass(frozen=True)
class Need:
    """A transfer that the plan needs: what, from where to where, for which fraction of samples."""

    after: str | None
    result_of: str | None
    start: str
    end: str
    bits: float
    weight: float
    to: str | None = None
    tensor: str | None = None

    @property
    def cargo(self) -> Cargo:
        """What is carried."""
        return Cargo(self.after, self.to, self.tensor, self.result_of)


def needs_of(app: App, model: Model, point: Point, stages: Sequence[Stage], source: str) -> list[Need]:
    """Find every transfer between two nodes that the plan needs.

    Args:
        app: The app.
        model: Its model.
        point: The operating point.
        stages: Deployed blocks on their nodes.
        source: Node that holds the input.

    Returns:
        Transfers with their sizes (bit) and fractions of samples: the inputs of blocks, then the results of exits.
    """
    needs: list[Need] = []
    hosts: dict[str | None, str] = {None: source} | {stage.block.name: stage.node for stage in stages}
    there: dict[tuple[str | None, str | None], set[str]] = {}
    for before, stage in zip(hosts, stages, strict=False):
        for after, tensor in _reads(stage.block, before):
            held = there.setdefault((after, tensor), {hosts[after]})
            if stage.node not in held:
                bits = _size_of(after, tensor, model)
                needs.append(Need(after, None, hosts[after], stage.node, bits, stage.reach, stage.block.name, tensor))
            held.add(stage.node)
    for stage in stages:
        head = stage.head
        if app.destination is not None and head is not None and point.fractions[head.name] > 0.0:
            weight = point.fractions[head.name]
            needs.append(Need(head.after, head.name, stage.node, app.destination, head.result_bits, weight))
    return [need for need in needs if need.start != need.end]


def _reads(block: Block, before: str | None) -> list[tuple[str | None, str | None]]:
    """Return producer (None: the input) and tensor of all that a block reads; the block before where it names none."""
    if block.inputs is None:
        return [(before, None)]
    return [(None if row.block == INPUT else row.block, row.tensor) for row in block.inputs]


def _size_of(after: str | None, tensor: str | None, model: Model) -> float:
    """Return the size of a tensor in bits: a reader says it, or it is all of the producer's output."""
    for block in model.blocks:
        for row in block.inputs or ():
            if (row.block, row.tensor) == (after or INPUT, tensor) and row.bits is not None:
                return row.bits
    return next((block.output_bits for block in model.blocks if block.name == after), model.input_bits)


def cargo_of(route: Route, model: Model) -> Cargo:
    """Return what a route carries; one that does not say where to leads to the next block.

    Args:
        route: The route.
        model: The model that its blocks belong to.
    """
    names = [block.name for block in model.blocks]
    to = route.to
    if to is None and route.result_of is None:
        place = names.index(route.after) + 1 if route.after in names else 0
        to = names[place] if place < len(names) else None
    return Cargo(route.after, to, route.tensor, route.result_of)

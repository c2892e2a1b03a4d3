"""Parts of a network by its cuts: a run of blocks with the heads that are on, as tensors in, nodes and tensors out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from planner.running.graph.carried import Carried
from planner.running.network.reading import reads
from planner.running.pieces.extraction import extract
from planner.schemas.bundles.cuts import Cuts, ExitNodes
from planner.schemas.bundles.tensors import Tensor


@dataclass(frozen=True)
class Part:
    """A run of blocks, and the head at its end where one is on."""

    blocks: tuple[str, ...]
    receives: tuple[Tensor, ...]
    """Tensors that must be there: those that its blocks read; in a chain all that crosses the boundary before."""
    inputs: tuple[Tensor, ...]
    """Those that the nodes read."""
    outputs: tuple[Tensor, ...]
    """Those that the nodes make and somebody needs."""
    sends: tuple[str, ...]
    """In a chain, tensors that cross the boundary behind; none where the run ends the network."""
    nodes: tuple[int, ...]
    exit: ExitNodes | None


def boundary_before(cuts: Cuts, block: int) -> tuple[Tensor, ...]:
    """Return the tensors that arrive at a block."""
    return cuts.inputs if block == 0 else cuts.boundaries[block - 1].tensors


def part_of(cuts: Cuts, graph: Any, first: int, last: int, head: ExitNodes | None, ends: bool) -> Part:  # noqa: ANN401 - protobuf
    """Make the part of blocks `first`, ..., `last`, which hands on all that crosses the boundary behind it.

    Args:
        cuts: Cuts of the network.
        graph: ONNX model that was cut.
        first: Index of the first block.
        last: Index of the last block.
        head: Exit at its end that is on, if any.
        ends: No block runs behind it.

    Returns:
        The part: its tensors in, its nodes, its tensors out.
    """
    nodes = (*range(cuts.blocks[first].start, cuts.blocks[last].stop), *(head.nodes if head else ()))
    receives = boundary_before(cuts, first)
    sent = () if ends else boundary_before(cuts, last + 1)
    wanted = {tensor.name: tensor for tensor in (*sent, *(head.outputs if head else ()))}
    read = _read(graph, nodes)
    made = {name for index in nodes for name in graph.graph.node[index].output}
    return Part(
        blocks=tuple(block.name for block in cuts.blocks[first : last + 1]),
        receives=receives,
        inputs=tuple(tensor for tensor in receives if tensor.name in read),
        outputs=tuple(tensor for name, tensor in wanted.items() if name in made),
        sends=tuple(tensor.name for tensor in sent),
        nodes=nodes,
        exit=head,
    )


def part_with_skips(
    cuts: Cuts,
    graph: Any,  # noqa: ANN401 - protobuf
    carried: Sequence[Carried],
    span: tuple[int, int],
    head: ExitNodes | None,
    deepest: int,
) -> Part:
    """Make the part of some blocks of a network whose tensors go straight to the blocks that read them.

    Args:
        cuts: Cuts of the network.
        graph: ONNX model that was cut.
        carried: What goes between its blocks.
        span: Indices of the first and the last block.
        head: Exit at its end that is on, if any.
        deepest: Index of the last block that runs at all.

    Returns:
        The part; its outputs are what later blocks read and what its head puts out, and `sends` is empty.
    """
    first, last = span
    nodes = (*range(cuts.blocks[first].start, cuts.blocks[last].stop), *(head.nodes if head else ()))
    inside, behind = range(first, last + 1), range(last + 1, deepest + 1)
    receives = [
        tensor
        for each in carried
        if each.producer < first and any(reader in inside for reader in each.readers)
        for tensor in each.tensors
    ]
    wanted = {
        tensor.name: tensor
        for each in carried
        if each.producer in inside and any(reader in behind for reader in each.readers)
        for tensor in each.tensors
    }
    wanted |= {tensor.name: tensor for tensor in (head.outputs if head else ())}
    read = _read(graph, nodes)
    made = {name for index in nodes for name in graph.graph.node[index].output}
    return Part(
        blocks=tuple(block.name for block in cuts.blocks[first : last + 1]),
        receives=tuple(receives),
        inputs=tuple(tensor for tensor in receives if tensor.name in read),
        outputs=tuple(tensor for name, tensor in wanted.items() if name in made),
        sends=(),
        nodes=nodes,
        exit=head,
    )


def head_part(cuts: Cuts, graph: Any, head: ExitNodes) -> Part | None:  # noqa: ANN401 - protobuf
    """Make the part of a head alone, without blocks.

    Args:
        cuts: Cuts of the network.
        graph: ONNX model that is cut.
        head: Head to separate.

    Returns:
        The part, with the tensors that the head reads as its inputs; None where the head has no node.
    """
    if not head.nodes:
        return None
    after = next(index for index, block in enumerate(cuts.blocks) if block.name == head.after)
    known = {tensor.name: tensor for tensor in (*boundary_before(cuts, after + 1), *boundary_before(cuts, after))}
    inputs = tuple(tensor for name, tensor in known.items() if name in _read(graph, head.nodes))
    return Part((), inputs, inputs, head.outputs, (), head.nodes, head)


def part_bytes(graph: Any, part: Part) -> bytes:  # noqa: ANN401 - protobuf
    """Return a part as ONNX bytes."""
    return extract(graph, part.nodes, part.inputs, part.outputs)


def run_parts(
    parts: Sequence[Part], runs: Sequence[Any], feeds: Mapping[str, Any], outputs: Iterable[str]
) -> dict[str, Any]:
    """Run parts one after the other, each on the tensors that it receives alone, and return some results.

    Args:
        parts: Parts in execution order.
        runs: For each part a function from names of outputs and inputs to results.
        feeds: Inputs of the network.
        outputs: Tensors to return.

    Returns:
        The tensors of `outputs` that were made, by name.
    """
    known = dict(feeds)
    for part, run in zip(parts, runs, strict=True):
        names = [tensor.name for tensor in part.outputs]
        received = {tensor.name: known[tensor.name] for tensor in part.receives}
        made = run(names, {tensor.name: received[tensor.name] for tensor in part.inputs})
        known |= dict(zip(names, made, strict=True))
    return {name: known[name] for name in outputs if name in known}


def _read(graph: Any, nodes: Iterable[int]) -> set[str]:  # noqa: ANN401 - protobuf
    return {name for index in nodes for name in reads(graph.graph.node[index])}

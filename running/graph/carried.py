"""Tensors that blocks read from earlier blocks, grouped by producer and readers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from planner.running.network.reading import reads
from planner.schemas.bundles.cuts import Cuts
from planner.schemas.bundles.tensors import Tensor

NETWORK_INPUT = -1
"""Stands for the network's input among the indices of producers."""


@dataclass(frozen=True)
class Carried:
    """Tensors of one producer that the same blocks read: they go together."""

    producer: int
    """Index of the block that makes them; `NETWORK_INPUT` for inputs of the network."""
    readers: tuple[int, ...]
    """Indices of the later blocks that read them, heads behind a block and its final outputs included."""
    tensors: tuple[Tensor, ...]
    alone: bool
    """No other tensors of this producer are carried."""

    @property
    def name(self) -> str | None:
        """What `inputs` of a model call them: that of the first tensor; None where they are all of the output."""
        return None if self.alone else self.tensors[0].name

    @property
    def bits(self) -> float:
        """Size of all tensors, in bits."""
        return sum(tensor.bits for tensor in self.tensors)


def carried_tensors(cuts: Cuts, graph: Any) -> tuple[Carried, ...]:  # noqa: ANN401 - protobuf
    """Return what goes between blocks, in the order in which it is made.

    A tensor is read by a block whose nodes read it, by one whose head reads it, and by the last block if it is a final
    output.

    Args:
        cuts: Blocks and exits as ranges of the graph's nodes.
        graph: ONNX model that was cut.
    """
    described = {tensor.name: tensor for boundary in cuts.boundaries for tensor in boundary.tensors}
    described |= {tensor.name: tensor for tensor in cuts.inputs}
    makers = {tensor.name: NETWORK_INPUT for tensor in cuts.inputs}
    for index, block in enumerate(cuts.blocks):
        for node in graph.graph.node[block.start : block.stop]:
            makers |= {name: index for name in node.output if name}
    readers: dict[str, list[int]] = {name: [] for name in makers}
    for index, names in enumerate(block_reads(cuts, graph)):
        for name in names & makers.keys():
            if makers[name] < index:
                readers[name].append(index)
    groups: dict[tuple[int, tuple[int, ...]], list[Tensor]] = {}
    for name, maker in makers.items():
        if readers[name]:
            groups.setdefault((maker, tuple(readers[name])), []).append(described[name])
    producers = [producer for producer, _ in groups]
    return tuple(
        Carried(producer, blocks, tuple(tensors), producers.count(producer) == 1)
        for (producer, blocks), tensors in groups.items()
    )


def block_reads(cuts: Cuts, graph: Any) -> list[set[str]]:  # noqa: ANN401 - protobuf
    """Return the tensors that every block reads or hands out, its head included; its own results among them.

    Args:
        cuts: Blocks and exits as ranges of the graph's nodes.
        graph: ONNX model that was cut.
    """
    nodes = graph.graph.node
    found = [_read(nodes[block.start : block.stop]) for block in cuts.blocks]
    place = {block.name: index for index, block in enumerate(cuts.blocks)}
    for head in cuts.exits:
        found[place[head.after]] |= _read(nodes[index] for index in head.nodes)
        found[place[head.after]] |= {tensor.name for tensor in head.outputs}
    return found


def _read(nodes: Iterable[Any]) -> set[str]:
    return {name for node in nodes for name in reads(node)}


def makes_chain(carried: Sequence[Carried], blocks: int) -> bool:
    """Tell whether every block reads from the block before alone (or nothing reads or is read at some block).

    Args:
        carried: What goes between blocks.
        blocks: Number of blocks.
    """
    if {reader for each in carried for reader in each.readers} != set(range(blocks)):
        return True  # a block reads nothing: only the order of execution says when it runs
    return all(each.readers == (each.producer + 1,) for each in carried)


def inputs_of_blocks(
    carried: Sequence[Carried], names: Sequence[str], input_bits: float
) -> list[list[dict[str, Any]] | None]:
    """Write the field `inputs` of every block: who makes what it reads, by which name, and of how many bits.

    Args:
        carried: What goes between blocks.
        names: Names of the blocks.
        input_bits: Size of all inputs of the network, in bits.

    Returns:
        Rows of JSON data by block; None where a block reads all of what the block before puts out, and nothing else.
    """
    rows: list[list[dict[str, Any]] | None] = []
    for index in range(len(names)):
        read = [each for each in carried if index in each.readers]
        found = [_row(each, names, input_bits) for each in read]
        before = "input" if index == 0 else names[index - 1]
        rows.append(None if found == [{"block": before}] else found)
    return rows


def _row(each: Carried, names: Sequence[str], input_bits: float) -> dict[str, Any]:
    """Return one entry of `inputs`, with its size where that is not the whole output of its block."""
    if each.producer == NETWORK_INPUT:
        if each.alone and each.bits == input_bits:
            return {"block": "input"}
        return {"block": "input", "tensor": each.tensors[0].name, "bits": each.bits}
    row: dict[str, Any] = {"block": names[each.producer]}
    return row if each.name is None else row | {"tensor": each.name, "bits": each.bits}


def output_bits(carried: Sequence[Carried], blocks: int) -> list[float]:
    """Return the bits of every block's output: its one output, or of several those that the next block reads.

    Args:
        carried: What goes between blocks.
        blocks: Number of blocks.
    """
    return [
        sum(each.bits for each in carried if each.producer == index and (each.alone or index + 1 in each.readers))
        for index in range(blocks)
    ]


def by_input(carried: Sequence[Carried]) -> Mapping[tuple[int, str | None], Carried]:
    """Return what is carried by its producer and its name in `inputs` (those of the network by both names)."""
    named = {(each.producer, each.name): each for each in carried}
    return named | {(each.producer, each.tensors[0].name): each for each in carried}

"""cuts.json: the blocks of a bundle as ranges of graph nodes, and the tensors that cross every boundary."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from planner.schemas.bundles.tensors import Digest, Size, Tensor
from planner.schemas.reading.base import (
    Document,
    Finding,
    Name,
    Strict,
    Version,
    duplicate_names,
    field_of,
    items_of,
    names_of,
    number_of,
)

Activation = Literal["none", "softmax", "log_softmax"]
Confidence = Literal["softmax", "entropy"]


class BlockNodes(Strict):
    """One block: the nodes `start`, ..., `stop - 1` of graph.onnx."""

    name: Name = Field(description="Name of the block in model.json.")
    start: Size = Field(description="Index of the first node of the block.")
    stop: Size = Field(description="Index behind the last node of the block.")


class Boundary(Strict):
    """What crosses from a block to the blocks behind it."""

    after: Name = Field(description="Block that ends here.")
    tensors: tuple[Tensor, ...] = Field(description="Tensors that later blocks, heads or the final outputs need.")


class ExitNodes(Strict):
    """One exit: its head's nodes and output."""

    name: Name = Field(description="Name of the exit in model.json.")
    after: Name = Field(description="Block that the head stands behind.")
    outputs: tuple[Tensor, ...] = Field(min_length=1, description="Outputs of the exit; the first holds the classes.")
    nodes: tuple[Size, ...] = Field((), description="Indices of the head's nodes in graph.onnx.")
    activation: Activation = Field("none", description="What the first output has been through already.")


class PointThresholds(Strict):
    """Thresholds of a jointly measured operating point."""

    name: Name = Field(description="Name of the operating point in model.json.")
    thresholds: dict[str, float | None] = Field(
        description="Least confidence to leave at each exit that is on (no unit; null: takes all that remain)."
    )


def _check_cuts(data: object) -> Iterator[Finding]:
    blocks = items_of(data, "blocks")
    names = names_of(blocks)
    yield from duplicate_names("blocks", blocks)
    yield from duplicate_names("exits", items_of(data, "exits"))
    expected = 0.0
    for index, block in enumerate(blocks):
        start, stop = number_of(block, "start"), number_of(block, "stop")
        if start is None or stop is None:
            continue
        if start != expected or stop <= start:
            fix = "blocks follow each other without gaps; import the network again"
            yield ("blocks", index, "start"), start, f"the block does not start at node {expected:g}", fix
        expected = stop
    after = [field_of(boundary, "after") for boundary in items_of(data, "boundaries")]
    if after != names[:-1]:
        fix = "give one boundary behind every block but the last, in their order"
        yield ("boundaries",), after, "the boundaries are not those between the blocks", fix
    for index, head in enumerate(items_of(data, "exits")):
        if field_of(head, "after") not in names:
            yield ("exits", index, "after"), field_of(head, "after"), "there is no block of this name", "import again"


class Cuts(Document):
    """Where a network can be cut: blocks as ranges of nodes, crossing tensors, exits."""

    cross_checks: ClassVar = _check_cuts

    schema_version: Version
    name: Name = Field(description="Name of the network.")
    graph: Digest = Field(description="Hash of graph.onnx.")
    source: Digest = Field(description="Hash of the file that was imported.")
    inputs: tuple[Tensor, ...] = Field(min_length=1, description="Inputs of the network.")
    blocks: tuple[BlockNodes, ...] = Field(min_length=1, description="Blocks in execution order.")
    boundaries: tuple[Boundary, ...] = Field(description="What crosses behind every block but the last.")
    exits: tuple[ExitNodes, ...] = Field(min_length=1, description="Exits; the last one is the final output.")
    confidence: Confidence = Field("softmax", description="Measure of confidence that thresholds are compared with.")
    operating_points: tuple[PointThresholds, ...] = Field((), description="Thresholds of jointly measured points.")

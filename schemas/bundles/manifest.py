"""manifest.json of a folder of pieces: which part of which network runs on which node, with hashes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from planner.schemas.bundles.cuts import Activation, Confidence
from planner.schemas.bundles.tensors import Digest, FileName, Tensor
from planner.schemas.reading.base import (
    Document,
    Finding,
    Name,
    NonNegative,
    Strict,
    Version,
    duplicate_names,
    field_of,
    items_of,
    names_of,
)


class PieceExit(Strict):
    """The exit at the end of a piece."""

    name: Name = Field(description="Name of the exit.")
    outputs: tuple[Name, ...] = Field(min_length=1, description="Tensors that are the result; the first: classes.")
    activation: Activation = Field("none", description="What the first output has been through already.")
    threshold: float | None = Field(
        None, description="Least confidence to leave here (no unit; null: takes all that remain)."
    )


class Piece(Strict):
    """Blocks that run on one node one after the other, up to the next exit that is on."""

    name: Name = Field(description="Name, unique in the plan.")
    file: FileName = Field(description="ONNX file in this folder.")
    sha256: Digest = Field(description="Hash of the file.")
    node: Name = Field(description="Node that runs it.")
    blocks: tuple[Name, ...] = Field(min_length=1, description="Blocks, in execution order.")
    inputs: tuple[Tensor, ...] = Field(description="Tensors that the file takes in.")
    outputs: tuple[Tensor, ...] = Field(description="Tensors that the file makes.")
    receives: tuple[Tensor, ...] = Field(description="Tensors that arrive: the inputs, and those that pass through.")
    sends: tuple[Name, ...] = Field(
        (), description="Tensors that the next piece receives (none behind the last, and where `transfers` say it)."
    )
    exit: PieceExit | None = Field(None, description="Exit at its end, if one is on there.")


class Transfer(Strict):
    """Tensors that go from one piece to another on a route of their own."""

    after: Name | None = Field(description="Piece that makes them, or hands them on; null for the input.")
    to: Name = Field(description="Piece that needs them first on its node.")
    tensors: tuple[Name, ...] = Field(min_length=1, description="Their names.")
    path: tuple[Name, ...] = Field(
        min_length=1, description="Nodes passed, both ends included; one node where the source itself needs its input."
    )


class SplitCheck(Strict):
    """How the pieces were checked against the whole network, on random input."""

    samples: Annotated[int, Field(ge=1)] = Field(description="Inputs compared (count).")
    bit_equal: bool = Field(description="Without graph optimisation, every output was equal bit by bit.")
    relative_error: NonNegative = Field(
        description="Largest error of an output at the optimisation used, over its largest magnitude (no unit)."
    )


class PlanPieces(Strict):
    """The pieces of one plan of one app."""

    name: Name = Field(description="Name of the plan: the app's name, or that of a policy's plan.")
    app: Name = Field(description="Name of the app.")
    model: FileName = Field(description="Copy of the model file in this folder.")
    model_sha256: Digest = Field(description="Hash of the model file.")
    operating_point: Name = Field(description="Operating point of the plan.")
    energy_j: NonNegative | None = Field(
        None, description="Planned energy of one inference, in joules (null: unknown)."
    )
    source: Name | None = Field(None, description="Node that holds the input (null: that of the first piece).")
    routes: dict[str, tuple[Name, ...]] = Field(
        default_factory=dict, description="Nodes that the output of a block passes, by block; `input` for the input."
    )
    transfers: tuple[Transfer, ...] | None = Field(
        None, description="What goes between pieces, where tensors skip pieces (null: `sends`, over `routes`)."
    )
    confidence: Confidence = Field("softmax", description="Measure of confidence.")
    inputs: tuple[Tensor, ...] = Field(min_length=1, description="Inputs of the network.")
    pieces: tuple[Piece, ...] = Field(min_length=1, description="Pieces, in execution order.")
    check: SplitCheck = Field(description="How the pieces were checked.")


def _check_manifest(data: object) -> Iterator[Finding]:
    plans = items_of(data, "plans")
    yield from duplicate_names("plans", plans)
    for index, plan in enumerate(plans):
        pieces = items_of(plan, "pieces")
        for where, name, message, fix in duplicate_names("pieces", pieces):
            yield ("plans", index, *where), name, message, fix
        if pieces and field_of(pieces[-1], "exit") is None:
            yield ("plans", index, "pieces"), None, "the last piece has no exit", "split the plan again"
        yield from _check_transfers(index, plan, names_of(pieces))


def _check_transfers(index: int, plan: object, pieces: list[str]) -> Iterator[Finding]:
    """Check that transfers go from earlier pieces to later ones."""
    fix = "split the plan again"
    for number, transfer in enumerate(items_of(plan, "transfers")):
        after, to = field_of(transfer, "after"), field_of(transfer, "to")
        for field, name in (("after", after), ("to", to)):
            if isinstance(name, str) and name not in pieces:
                yield ("plans", index, "transfers", number, field), name, "there is no piece of this name", fix
        if after in pieces and to in pieces and pieces.index(str(after)) >= pieces.index(str(to)):
            yield ("plans", index, "transfers", number, "to"), to, "this piece runs no later", fix


class Manifest(Document):
    """Pieces of one or several plans."""

    cross_checks: ClassVar = _check_manifest

    schema_version: Version
    plans: tuple[PlanPieces, ...] = Field(min_length=1, description="The plans.")
    plan_sha256: Digest = Field(description="Hash of the placement or policy that was split.")

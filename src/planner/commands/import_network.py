"""`planner import`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from planner.commands.command import command
from planner.commands.options import AsJson
from planner.commands.output import FOLDER, say, say_json
from planner.schemas.reading.problems import input_error

if TYPE_CHECKING:
    from planner.running.graph.options import CutChoice
    from planner.schemas.bundles.cuts import Confidence
    from planner.schemas.planning.model import Model

Dims = Annotated[list[str] | None, typer.Option("--dim", help="Size of an open dimension: batch=1. May be repeated.")]

Values = Annotated[
    list[str] | None,
    typer.Option(
        "--value",
        metavar="NAME=NUMBER",
        help="Number that fills an input that never changes: sr=16000. May be repeated.",
    ),
]


@command
def import_command(
    network: Annotated[Path, typer.Argument(help="An ONNX file, or a table of measured layers (.csv).")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder for the bundle."), FOLDER],
    as_json: AsJson = False,
    dim: Dims = None,
    value: Values = None,
    exits: Annotated[str | None, typer.Option(help="Outputs that are early exits: e1,e2.")] = None,
    final: Annotated[str | None, typer.Option(help="Final outputs (default: those that are no exits).")] = None,
    blocks: Annotated[int, typer.Option(min=1, max=1000, help="Most blocks.")] = 12,
    data: Annotated[Path | None, typer.Option(help="Labelled samples (.npz) to calibrate exits on.")] = None,
    accuracy: Annotated[str | None, typer.Option(help="Accuracy of the final output, such as 0.76 or 76%.")] = None,
    confidence: Annotated[str, typer.Option(help="Confidence at exits: softmax or entropy.")] = "softmax",
    cuts: Annotated[str, typer.Option(help="Where blocks may end: at single tensors (single), any, or auto.")] = "auto",
    chain: Annotated[bool, typer.Option("--chain", help="No skips, memory as a sum (several apps, fleets).")] = False,
    name: Annotated[str | None, typer.Option(help="Name of the model (default: that of the file).")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="The file is a table of layers, whatever its suffix.")] = False,
    hardware: Annotated[str, typer.Option(help="Profile that measured layers belong to (of a table).")] = "measured",
) -> int:
    """Turn an ONNX file (or a table of measured layers) into a model that can be planned."""
    from planner.text.bundle import bundle_text
    from planner.units import parse_fraction

    stated = None if accuracy is None else parse_fraction(accuracy, "--accuracy")
    if as_csv or network.suffix.lower() in (".csv", ".tsv"):
        model, notes = _layers(network, hardware, stated, name, output)
        counts = [1] * (len(model.blocks) - 1)
    else:
        from planner.progress import waiting
        from planner.running.library import from_onnx

        with waiting("importing"):
            bundle = from_onnx(
                network,
                dims=parse_dims(dim or ()),
                values=parse_values(value or ()),
                exits=_names(exits),
                final=_names(final),
                blocks=blocks,
                data=data,
                accuracy=stated,
                confidence=_measure(confidence),
                cuts=_cuts(cuts),
                chain=chain,
                name=name,
            )
            bundle.write(output)
        counts = [len(boundary.tensors) for boundary in bundle.cuts.boundaries]
        model, notes = bundle.model, list(bundle.notes)
    if as_json:
        say_json(model.model_dump(mode="json"))
    else:
        say(bundle_text(model, counts, notes))
    say(f"wrote {output}", err=True)
    return 0


def _layers(
    path: Path, hardware: str, accuracy: float | None, name: str | None, output: Path
) -> tuple[Model, list[str]]:
    """Write the model of a table of layers into a folder."""
    from planner.files.writing import made_folder, whole_file
    from planner.running.layers import read_layers

    model, text, notes = read_layers(path, hardware, accuracy, name)
    made_folder(output)
    with whole_file(output / "model.json") as file:
        file.write(text.decode())
    return model, notes


def parse_dims(texts: Sequence[str]) -> dict[str, int]:
    """Return sizes of dimensions from ``NAME=SIZE``; raise InputError for what is no such pair."""
    dims: dict[str, int] = {}
    for text in texts:
        name, separator, size = text.rpartition("=")
        if not separator or not name or not size.isascii() or not size.isdecimal() or not 0 < len(size) < 10:
            raise input_error("not the size of a dimension", "write it as batch=1", path="--dim", value=text)
        if name in dims:
            raise input_error("the dimension is given twice", "give it once", path="--dim", value=text)
        dims[name] = int(size)
    return dims


def parse_values(texts: Sequence[str]) -> dict[str, float]:
    """Return values of inputs from ``NAME=NUMBER``, whole numbers as integers, which no float rounds.

    Raises:
        InputError: A text is no such pair, or an input is given twice.
    """
    values: dict[str, float] = {}
    for text in texts:
        name, separator, value = text.rpartition("=")
        number = _number(value)
        if not separator or not name or number is None:
            message = "not the value of an input: a name and one finite number, which fills the input, are expected"
            raise input_error(message, "write it as sr=16000, a truth value as flag=1", path="--value", value=text)
        if name in values:
            raise input_error("the input is given twice", "give it once", path="--value", value=text)
        values[name] = number
    return values


_MOST_DIGITS = 40
"""Digits up to which a whole number is kept as one; no type of integers is as long."""


def _number(text: str) -> float | None:
    """Return a finite number, an integer where it is whole; None for what is none."""
    try:
        exact = Decimal(text)
    except InvalidOperation:
        return None
    if not exact.is_finite() or not math.isfinite(float(exact)):
        return None
    whole = not exact.is_zero() and exact.adjusted() < _MOST_DIGITS and exact == exact.to_integral_value()
    return int(exact) if whole else float(exact)


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name for part in (text or "").split(",") if (name := part.strip()))


def _cuts(text: str) -> CutChoice:
    from planner.running.graph.options import CutChoice

    for choice in get_args(CutChoice):
        if text == choice:
            return cast("CutChoice", choice)
    raise input_error("no such choice of cuts", "use auto, single or any", path="--cuts", value=text)


def _measure(text: str) -> Confidence:
    if text == "softmax":
        return "softmax"
    if text == "entropy":
        return "entropy"
    raise input_error("no such measure of confidence", "use softmax or entropy", path="--confidence", value=text)

"""model.json: a profiled DNN as blocks in an order of execution, with or without early exits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import Field

from planner.schemas.planning.batches import ByBatch, check_profile, of_batch
from planner.schemas.planning.dataflow_checks import check_inputs, check_params
from planner.schemas.reading.base import (
    MOST,
    Document,
    Finding,
    Fraction,
    Name,
    Positive,
    Quantity,
    Strict,
    Version,
    duplicate_names,
    field_of,
    items_of,
    mapping_of,
    names_of,
    number_of,
)

FRACTION_TOLERANCE = 1e-6
OUTPUT, FULL = "output", "full"
"""Names of the exit and of the operating point of a model without early exits."""


class Input(Strict):
    """A tensor that a block reads: all of an earlier block's output, or a part of it."""

    block: Name = Field(description='Name of an earlier block, or "input".')
    bits: Quantity | None = Field(None, description="Size of the tensor, in bits (none: that block's output_bits).")
    tensor: Name | None = Field(None, description="Which of that block's tensors (none: its one output).")


_WORKING = "Memory needed only while it runs (activations, workspace), in bytes."
_STATE = "Memory held per app as long as the app is served (a KV cache), in bytes."
_PARAMS = "Names of the model's `params` that it uses; a node holds each of them once."


class Block(Strict):
    """A stretch of the DNN that is never split over two nodes."""

    name: Name = Field(description="Name, unique among blocks and exits.")
    ops: Quantity = Field(description="Work of one inference in operations (one multiply-accumulate = 2 ops).")
    param_bytes: Quantity = Field(0.0, description="Memory that the parameters take, in bytes.")
    output_bits: Quantity = Field(0.0, description="Size of the output that the next block reads, in bits.")
    inputs: tuple[Input, ...] | None = Field(
        None, description="Tensors that the block reads (none: the output of the block before alone)."
    )
    working_bytes: Quantity = Field(0.0, description=_WORKING)
    state_bytes: Quantity = Field(0.0, description=_STATE)
    params: tuple[Name, ...] = Field((), description=_PARAMS)


class Exit(Strict):
    """A classifier head behind a block."""

    name: Name = Field(description="Name, unique among blocks and exits.")
    after: Name = Field(description="Name of the block whose output the head reads.")
    ops: Quantity = Field(0.0, description="Work of the head in operations.")
    param_bytes: Quantity = Field(0.0, description="Memory that the head's parameters take, in bytes.")
    result_bits: Quantity = Field(0.0, description="Size of a result, in bits (carried to the destination, if any).")
    working_bytes: Quantity = Field(0.0, description=_WORKING)
    state_bytes: Quantity = Field(0.0, description=_STATE)
    params: tuple[Name, ...] = Field((), description=_PARAMS)


class OperatingPoint(Strict):
    """Which exits are on, the fraction of samples that leaves at each, and the accuracy that results."""

    name: Name = Field(description="Name, unique among operating points.")
    exit_fractions: dict[str, Fraction] = Field(
        min_length=1,
        description="Fraction of samples that leaves at each exit that is on (no unit; sums to 1).",
    )
    accuracy: Fraction | None = Field(
        description="Accuracy over all samples (fraction in [0, 1]); null only where a model without early exits does "
        "not say it."
    )


class Profile(Strict):
    """A measured cost of one block or exit head on one kind of hardware."""

    time_s: ByBatch = Field(
        description="Measured time of one inference, in seconds; or of whole batches, by their size."
    )
    energy_j: ByBatch | None = Field(
        None, description="Measured energy of one inference, in joules; or of whole batches, by their size."
    )

    def time_of(self, batch: int = 1) -> float | None:
        """Return the time of a whole batch in seconds; None where that size was not measured."""
        return of_batch(self.time_s, batch)

    def energy_of(self, batch: int = 1) -> float | None:
        """Return the energy of a whole batch in joules; None where that was not measured."""
        return of_batch(self.energy_j, batch)


class ExitCalibration(Strict):
    """What was measured of one exit alone, for each threshold."""

    exited: tuple[Quantity, ...] = Field(min_length=1, description="Samples that leave here, by threshold (count).")
    correct: tuple[Quantity, ...] = Field(min_length=1, description="Those of them classified right (count).")


class Calibration(Strict):
    """Measurements of each exit alone, from which operating points are designed."""

    samples: Positive = Field(description="Samples measured (count).")
    thresholds: tuple[float, ...] = Field(min_length=1, description="Confidence thresholds (no unit).")
    exits: dict[str, ExitCalibration] = Field(min_length=1, description="Counts of each exit, by exit name.")


def _check_model(data: object) -> Iterator[Finding]:
    blocks, exits = items_of(data, "blocks"), items_of(data, "exits")
    points = items_of(data, "operating_points")
    block_names, exit_names = names_of(blocks), names_of(exits)
    yield from duplicate_names("blocks", blocks)
    yield from duplicate_names("exits", exits)
    yield from duplicate_names("operating_points", points)
    yield from _check_exits(exits, block_names)
    for index, point in enumerate(points):
        yield from _check_fractions(("operating_points", index, "exit_fractions"), point, exit_names)
    yield from _check_calibration(field_of(data, "calibration"), exit_names)
    for hardware, rows in mapping_of(data, "profiles").items():
        for name, profile in mapping_of({"rows": rows}, "rows").items():
            yield from check_profile(("profiles", hardware, name), profile)
            if name not in block_names and name not in exit_names:
                fix = f"use one of {_some(block_names + exit_names)}"
                yield ("profiles", hardware, name), name, "no block or exit has this name", fix
    yield from _check_points(data, exits, points)
    yield from check_inputs(data)
    yield from check_params(data)


def _check_points(data: object, exits: list[object], points: list[object]) -> Iterator[Finding]:
    """Check that something says when samples leave, and how accurate the model is then."""
    designs = field_of(data, "calibration") is not None
    if not exits and (points or designs):
        fix = "give exits, or leave out operating_points and calibration"
        yield ("exits",), [], "the model has no early exits, so no sample can leave at one", fix
    elif exits and not points and not designs:
        fix = "give operating_points, or a calibration to design them from"
        yield ("operating_points",), [], "the model says nothing of when samples leave", fix
    if _is_completed(exits, points):
        return
    if field_of(data, "accuracy") is not None:
        fix = "give the accuracy of each operating point instead"
        yield ("accuracy",), field_of(data, "accuracy"), "this is for a model without early exits", fix
    for index, point in enumerate(points):
        if isinstance(point, Mapping) and "accuracy" in point and point["accuracy"] is None:
            fix = "give a fraction in [0, 1]"
            yield ("operating_points", index, "accuracy"), None, "the accuracy of an operating point is missing", fix


def _is_completed(exits: list[object], points: list[object]) -> bool:
    """Tell whether exits and operating points are those of a model without early exits."""
    only_output = [field_of(head, "name") for head in exits] == [OUTPUT]
    return only_output and [field_of(point, "name") for point in points] == [FULL]


def _check_exits(exits: list[object], block_names: list[str]) -> Iterator[Finding]:
    behind: dict[str, str] = {}
    for index, head in enumerate(exits):
        name, after = field_of(head, "name"), field_of(head, "after")
        if isinstance(name, str) and name in block_names:
            yield ("exits", index, "name"), name, "a block has this name too", "rename the exit"
        if not isinstance(after, str):
            continue
        if after not in block_names:
            fix = f"use one of {_some(block_names)}"
            yield ("exits", index, "after"), after, "there is no block of this name", fix
        elif after in behind:
            fix = f"keep one head behind a block ({behind[after]!r} is there already)"
            yield ("exits", index, "after"), after, "two exits stand behind one block", fix
        else:
            behind[after] = str(name)


def _check_fractions(where: tuple[str | int, ...], point: object, exit_names: list[str]) -> Iterator[Finding]:
    fractions = mapping_of(point, "exit_fractions")
    for name in fractions:
        if name not in exit_names:
            yield (*where, name), name, "there is no exit of this name", f"use one of {_some(exit_names)}"
    values = [value for name in fractions if (value := number_of(fractions, name)) is not None]
    total = sum(values)
    if values and len(values) == len(fractions) and not abs(total - 1.0) <= FRACTION_TOLERANCE:
        yield where, total, f"the fractions sum to {total:.9g}, not to 1", "make them sum to 1 (to 1e-6)"


def _check_calibration(calibration: object, exit_names: list[str]) -> Iterator[Finding]:
    if calibration is None:
        return
    thresholds = items_of(calibration, "thresholds")
    samples = number_of(calibration, "samples")
    numbers = [value for value in thresholds if isinstance(value, (int, float))]
    if len(set(numbers)) != len(numbers):
        yield (
            ("calibration", "thresholds"),
            thresholds,
            "a threshold stands twice",
            "list each threshold once",
        )
    for name, counts in mapping_of(calibration, "exits").items():
        where = ("calibration", "exits", name)
        if name not in exit_names:
            yield where, name, "there is no exit of this name", f"use one of {_some(exit_names)}"
        yield from _check_counts(where, counts, len(thresholds), samples)


def _check_counts(where: tuple[str | int, ...], counts: object, rows: int, samples: float | None) -> Iterator[Finding]:
    exited, correct = items_of(counts, "exited"), items_of(counts, "correct")
    for field, values in (("exited", exited), ("correct", correct)):
        if values and len(values) != rows:
            fix = f"give one count for each of the {rows} thresholds"
            yield (*where, field), len(values), f"{len(values)} counts for {rows} thresholds", fix
    for index, (left, right) in enumerate(zip(exited, correct, strict=False)):
        if not isinstance(left, (int, float)) or not isinstance(right, (int, float)):
            continue
        if right > left:
            yield (*where, "correct", index), right, f"more right than left here ({left})", "check the counts"
        if samples is not None and left > samples:
            yield (*where, "exited", index), left, f"more than all {samples:g} samples", "check the counts"


def _some(names: list[str], most: int = 8) -> str:
    shown = ", ".join(repr(name) for name in names[:most])
    return (shown + (", ..." if len(names) > most else "")) or "the names (there are none yet)"


class Model(Document):
    """A profiled DNN: blocks in execution order, what they read, its exits, and how samples leave.

    A model without early exits may leave out `exits`, `operating_points` and `calibration`. It is completed with the
    exit `output` behind the last block, whose result is that block's output, and the operating point `full`, at which
    all samples leave there; its accuracy is the model's `accuracy`, null where that is unknown.
    """

    cross_checks: ClassVar = _check_model

    @classmethod
    def complete(cls, data: Any) -> Any:  # noqa: ANN401 - raw input
        """Write out the exit and the operating point of a model without early exits."""
        blocks = items_of(data, "blocks")
        last = field_of(blocks[-1], "name") if blocks else None
        told = any(field_of(data, name) for name in ("exits", "operating_points", "calibration"))
        if told or not isinstance(data, Mapping) or not isinstance(last, str):
            return data
        accuracy, bits = number_of(data, "accuracy"), number_of(blocks[-1], "output_bits")
        head = {"name": OUTPUT, "after": last, "result_bits": 0.0 if bits is None or not 0.0 <= bits <= MOST else bits}
        known = accuracy is not None and 0.0 <= accuracy <= 1.0
        point = {"name": FULL, "exit_fractions": {OUTPUT: 1.0}, "accuracy": accuracy if known else None}
        return {**data, "exits": (head,), "operating_points": (point,)}

    @property
    def accuracy_known(self) -> bool:
        """Whether the model says how accurate it is; a model without early exits may leave it open."""
        return all(point.accuracy is not None for point in self.operating_points)

    schema_version: Version
    name: Name = Field(description="Name of the DNN.")
    citation: str = Field("", description="Where the figures come from.")
    input_bits: Quantity = Field(description="Size of one input, in bits.")
    blocks: tuple[Block, ...] = Field(min_length=1, description="Blocks in execution order.")
    exits: tuple[Exit, ...] = Field(
        (), description="Exits, each behind one block (none: all samples leave at the end)."
    )
    accuracy: Fraction | None = Field(
        None, description="Accuracy of a model without early exits (fraction in [0, 1]; none: unknown)."
    )
    operating_points: tuple[OperatingPoint, ...] = Field((), description="Measured operating points.")
    params: dict[str, Quantity] = Field(
        default_factory=dict, description="Sizes of parameters that several blocks use, in bytes, by name."
    )
    calibration: Calibration | None = Field(None, description="Counts to design operating points from.")
    profiles: dict[str, dict[str, Profile]] = Field(
        default_factory=dict, description="Measured costs, by hardware and by block or exit name."
    )

"""An imported network as plain text: a table of blocks with what crosses behind each."""

from __future__ import annotations

from collections.abc import Sequence

from planner.schemas.planning.model import Model
from planner.schemas.reading.printable import printable
from planner.units import format_quantity


def bundle_text(model: Model, crossing: Sequence[int], notes: Sequence[str]) -> str:
    """Return a table of blocks: operations, parameters, bits that cross, number of tensors, exit.

    Args:
        model: The model.
        crossing: Tensors that cross behind every block but the last.
        notes: Notes to print below.
    """
    heads = {head.after: head.name for head in model.exits}
    rows = [("block", "operations", "parameters", "crosses behind", "exit")]
    for index, block in enumerate(model.blocks):
        sent = format_quantity(block.output_bits, "bit") if index < len(crossing) else "-"
        tensors = f" ({crossing[index]} tensors)" if index < len(crossing) and crossing[index] > 1 else ""
        parameters = format_quantity(block.param_bytes, "B")
        operations = format_quantity(block.ops, "op")
        rows.append((block.name, operations, parameters, sent + tensors, heads.get(block.name, "")))
    rows.append(_total(model))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    points = len(model.operating_points)
    lines.append(f"input {format_quantity(model.input_bits, 'bit')}; {points} operating point{'s' * (points != 1)}")
    return "\n".join(map(printable, [*lines, *(f"note: {note}" for note in notes)]))


def _total(model: Model) -> tuple[str, str, str, str, str]:
    ops = sum(block.ops for block in model.blocks) + sum(head.ops for head in model.exits)
    size = sum(block.param_bytes for block in model.blocks) + sum(head.param_bytes for head in model.exits)
    return ("all", format_quantity(ops, "op"), format_quantity(size, "B"), "", "")

"""An imported network as plain text: a table of blocks with what crosses behind each."""

from __future__ import annotations

from collections.abc import Sequence

from planner.schemas.planning.dataflow_checks import INPUT
from planner.schemas.planning.model import Model
from planner.schemas.reading.printable import printable
from planner.units import format_quantity


def bundle_text(model: Model, crossing: Sequence[int], notes: Sequence[str]) -> str:
    """Format a table of blocks: operations, parameters, working memory, bits that cross, what they read, exit.

    Args:
        model: The model.
        crossing: Tensors that cross behind every block but the last.
        notes: Notes to print below.

    Returns:
        Lines of text: the table, the size of the input with the number of operating points, and the notes.
    """
    heads = {head.after: head.name for head in model.exits}
    rows: list[tuple[str, ...]] = [("block", "operations", "parameters", "working", "crosses behind", "reads", "exit")]
    crosses = _crossing_bits(model)
    before = INPUT
    for index, block in enumerate(model.blocks):
        sent = format_quantity(crosses[index], "bit") if index < len(crossing) else "-"
        tensors = f" ({crossing[index]} tensors)" if index < len(crossing) and crossing[index] > 1 else ""
        shared = (f" + {name} ({format_quantity(model.params[name], 'B')})" for name in block.params)
        parameters = format_quantity(block.param_bytes, "B") + "".join(shared)
        operations = format_quantity(block.ops, "op")
        working = format_quantity(block.working_bytes, "B") if block.working_bytes else ""
        read = [before] if block.inputs is None else list(dict.fromkeys(row.block for row in block.inputs))
        shown = "" if read == [before] else ", ".join(read)
        rows.append((block.name, operations, parameters, working, sent + tensors, shown, heads.get(block.name, "")))
        before = block.name
    rows.append(_total(model))
    kept = [column for column in range(len(rows[0])) if any(row[column] for row in rows[1:])]
    rows = [tuple(row[column] for column in kept) for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(kept))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    points = len(model.operating_points)
    lines.append(f"input {format_quantity(model.input_bits, 'bit')}; {points} operating point{'s' * (points != 1)}")
    return "\n".join(map(printable, [*lines, *(f"note: {note}" for note in notes)]))


def _total(model: Model) -> tuple[str, ...]:
    ops = sum(block.ops for block in model.blocks) + sum(head.ops for head in model.exits)
    size = sum(block.param_bytes for block in model.blocks) + sum(head.param_bytes for head in model.exits)
    size += sum(model.params.values())
    return ("all", format_quantity(ops, "op"), format_quantity(size, "B"), "", "", "", "")


def _crossing_bits(model: Model) -> list[float]:
    """Return the bits of all tensors that cross behind every block."""
    sizes = [model.input_bits, *(block.output_bits for block in model.blocks)]
    place = {INPUT: -1} | {block.name: index for index, block in enumerate(model.blocks)}
    last: dict[tuple[int, str | None], tuple[float, int]] = {}
    for index, block in enumerate(model.blocks):
        rows: list[tuple[int, str | None, float | None]] = [(index - 1, None, None)]
        if block.inputs is not None:
            rows = [(place[row.block], row.tensor, row.bits) for row in block.inputs]
        for producer, tensor, bits in rows:
            last[producer, tensor] = (sizes[producer + 1] if bits is None else bits, index)
    return [
        sum(bits for (producer, _), (bits, reader) in last.items() if producer <= index < reader)
        for index in range(len(model.blocks))
    ]

"""Tables as plain text: columns aligned by spaces, and left out where the terminal is too narrow for them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_GAP = "  "


def table_lines(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows whose columns are aligned; the last column is as wide as it is.

    Args:
        rows: Cells of the heading and of every row, printable, equally many in each.
    """
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        yield _GAP.join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def fitted(rows: Sequence[Sequence[str]], optional: Sequence[str], width: int | None) -> list[list[str]]:
    """Leave out as many optional columns as make rows fit into a line.

    Args:
        rows: The heading, then the other rows.
        optional: Headings of columns that can be missed, the least important first.
        width: Characters in a line; None for no limit.

    Returns:
        The heading and the rows with the columns that are left; too wide still where no optional column is left.
    """
    kept = [list(row) for row in rows]
    for name in optional:
        if width is None or max(map(len, table_lines(kept))) <= width:
            break
        if name in kept[0]:
            place = kept[0].index(name)
            kept = [[*row[:place], *row[place + 1 :]] for row in kept]
    return kept


def terminal_width() -> int | None:
    """Return the characters in a line of the terminal behind standard output; None where there is no terminal."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else None
    except (OSError, ValueError):
        return None


def csv_text(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Return rows as the text of a CSV file.

    Args:
        rows: The rows, all with the same columns.
        columns: The columns where there is no row.
    """
    import csv
    import io

    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]) if rows else list(columns), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()

"""All methods on one request as a table: text for people, rows for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

from planner.pipeline.compare import OPTIONAL, Row, best_value, cells, headings, objective_of_all, row_json
from planner.schemas.reading.printable import printable
from planner.text.table import csv_text, fitted, table_lines


@dataclass(frozen=True, repr=False)
class Comparison:
    """The answer of every method to one request, in the order in which they ran."""

    rows: tuple[Row, ...]
    together: bool
    """Whether several apps were planned together."""

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, method: str) -> Row:
        """Return the row of a method; raise KeyError for one that did not run."""
        return {row.method: row for row in self.rows}[method]

    @property
    def best(self) -> float | None:
        """Best objective that any method found, in the unit of the objective; None where none found a plan."""
        return best_value(self.rows)

    def summary(self, width: int | None = None, notes: bool = False) -> str:
        """Return the comparison as a table of plain text.

        Args:
            width: Characters in a line; columns that can be missed are left out to fit (default: no limit).
            notes: Say below the table what stopped methods, where something did.
        """
        lines = list(table_lines(fitted(self._table(), OPTIONAL, width)))
        messages = dict.fromkeys(row.placement.message for row in self.rows if row.placement.message)
        for message in messages if notes else ():
            names = ", ".join(row.method for row in self.rows if row.placement.message == message)
            lines.append(f"{names}: {printable(message)}")
        return "\n".join(lines)

    def _table(self) -> list[tuple[str, ...]]:
        named = self.together and objective_of_all(self.rows) is not None
        rows = (cells(row, self.best, self.together, named) for row in self.rows)
        return [headings(self.rows, self.together), *rows]

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        return f"<Comparison of {', '.join(row.method for row in self.rows)}>"

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.summary())}</pre>"

    def to_rows(self) -> list[dict[str, Any]]:
        """Return a row per method; figures are None where there is no plan.

        Returns:
            Rows with `method`, `status`, `objective` (its name), `value`, `lower_bound`, `upper_bound`,
            `relative_gap` and `seconds`.
        """
        rows = []
        for row in self.rows:
            proof = row.placement.certificate
            rows.append(
                {
                    "method": row.method,
                    "status": row.placement.status,
                    "objective": None if proof is None else proof.objective,
                    "value": row.value,
                    "lower_bound": None if proof is None else proof.lower_bound,
                    "upper_bound": None if proof is None else proof.upper_bound,
                    "relative_gap": None if proof is None else proof.relative_gap,
                    "seconds": row.seconds,
                }
            )
        return rows

    def to_json(self) -> list[dict[str, Any]]:
        """Return a row per method as JSON data, each with its whole placement."""
        return [row_json(row) for row in self.rows]

    def to_csv(self) -> str:
        """Return `to_rows` as CSV, in SI units."""
        return csv_text(self.to_rows(), ("method",))

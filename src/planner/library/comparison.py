"""All methods on one request as a table: text for people, rows for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

from planner.pipeline.compare import Row, best_value, cells, headings


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

    def summary(self) -> str:
        """Return the comparison as a table of plain text."""
        table = [
            headings(self.rows, self.together),
            *(cells(row, self.best, self.together) for row in self.rows),
        ]
        widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
        return "\n".join(
            "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in table
        )

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

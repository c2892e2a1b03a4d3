"""Comparison of methods: all of them on one request, as a table for people and rows for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any, Unpack

from planner.fin.method import Options
from planner.library.inputs import ModelsLike, TopologyLike, WorkloadLike, planning_inputs
from planner.library.placement import Placement
from planner.library.requests import first_joint, request_for
from planner.pipeline.compare import OPTIONAL, Row, best_value, by_rate, cells, headings, objective_of_all, row_json
from planner.pipeline.compare import compare as run_methods
from planner.pipeline.dispatch import check_names
from planner.pipeline.request import methods_for, together
from planner.schemas.planning.model import Model
from planner.schemas.planning.workload import AppLimits
from planner.schemas.reading.printable import printable
from planner.schemas.reading.problems import advice_for, input_error
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
        rated = by_rate(self.rows)
        rows = (cells(row, self.best, self.together, named, rated) for row in self.rows)
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


def compare(
    model: ModelsLike | None = None,
    topology: TopologyLike | None = None,
    *,
    workload: WorkloadLike | None = None,
    models: Mapping[str, Model] | None = None,
    methods: Sequence[str] | None = None,
    gap: float = 0.0,
    time_limit_s: float | None = 10.0,
    gamma: int = Options.gamma,
    per_exit_thresholds: bool = False,
    jobs: int = 1,
    watch: Callable[[Row], None] = lambda row: None,
    **limits: Unpack[AppLimits],
) -> Comparison:
    """Run several methods on the same request, one after the other; every plan is verified.

    Args:
        model: As for `plan`.
        topology: As for `plan`.
        workload: As for `plan`.
        models: As for `plan`.
        methods: Names of methods (default: all that the request can go to).
        gap: Relative gap at which an answer counts as proved.
        time_limit_s: Limit of each method, in seconds.
        gamma: Latency levels of the method `gamma`.
        per_exit_thresholds: Design operating points with one threshold per exit.
        jobs: As for `plan`.
        watch: Told of every row as soon as it is there.
        **limits: `source`, `max_latency_s` and the other limits of one app, as for `plan`.

    Returns:
        A table that prints as text; `to_rows()` for programs, and a placement per row.

    Raises:
        InputError: An input cannot be used, or there is no such method.

    Example:
        >>> table = planner.compare("examples/small.json", "examples/small-topology.json", max_latency_s=0.03)
        >>> table["neurosurgeon"].value >= table["exact"].value
        True
    """
    planned = planning_inputs(model, topology, workload, models, limits)
    options = Options(gap=gap, time_limit_s=time_limit_s, gamma=gamma, jobs=jobs)
    request = request_for(planned, first_joint(methods), options, per_exit_thresholds)
    chosen = methods_for(request)
    for name in methods or ():
        if name not in chosen:
            fix = advice_for(name, chosen, len(chosen))
            raise input_error("there is no such method to compare with the others", fix, path="methods", value=name)
    check_names(request)
    rows = []
    for row in run_methods(request, methods or chosen):
        watch(row)
        rows.append(replace(row, placement=Placement.of(row.placement, planned)))
    return Comparison(tuple(rows), together(request))

"""Cases of a suite (one request each) and their rows (status and figures of the answer)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, get_args, get_type_hints

from planner.schemas.batch.suite import Path
from planner.schemas.planning.workload import App
from planner.schemas.reading.quantities import format_quantity

Scalar = str | float | int


_NOTHING = object()


@cache
def _defaults(of_workload: bool) -> dict[Path, Scalar]:
    """Return what settings stand for where a suite leaves them out; apps of a workload have values of their own."""
    from planner.fin.method import Options

    options = Options()
    defaults: dict[Path, Scalar] = {
        ("method",): "auto", ("thresholds",): "common", ("gap",): options.gap, ("gamma",): options.gamma,
    }  # fmt: skip
    of_app = {} if of_workload else {name: App.model_fields[name].default for name in _APP_DEFAULTS}
    return defaults | {(name,): value for name, value in of_app.items()}


_APP_DEFAULTS = ("rate_per_s", "latency", "objective")


@dataclass(frozen=True)
class Case:
    """One request of a suite."""

    number: int
    """Place in the suite, from 0."""
    settings: Mapping[Path, Scalar]
    """Value of each setting, by its path in the suite: ``("gap",)`` or ``("links", "phone->edge", "bit_per_s")``."""
    inputs: Mapping[str, str]
    """Hash of every file that the request reads, by its path."""

    def text(self, name: str) -> str | None:
        """Return a setting as text, None where the suite does not set it."""
        value = self.settings.get((name,))
        return None if value is None else str(value)

    @property
    def labels(self) -> dict[str, Scalar]:
        """Settings by the names of the table's columns."""
        return {".".join(path): value for path, value in self.settings.items()}

    @cached_property
    def digest(self) -> str:
        """Hash of what is asked and of the files.

        The number is no part of it, nor is a setting at its default: a case stays the same where a suite gets more
        values, or an axis that has the default among its values.
        """
        neutral = _defaults("workload" in {path[0] for path in self.settings})
        settings = sorted(
            ([*path], value) for path, value in self.settings.items() if neutral.get(path, _NOTHING) != value
        )
        text = json.dumps({"settings": settings, "inputs": dict(self.inputs)}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class CaseRow:
    """Status and figures of a case's answer; figures that do not apply are None."""

    digest: str
    status: str
    """optimal, feasible, infeasible and unknown as for a placement; error where the planner itself failed."""
    objective: str | None = None
    energy_j: float | None = None
    """Energy of one inference of every app."""
    latency_s: float | None = None
    """Latency by the app's statistic; of several apps the longest."""
    accuracy: float | None = None
    """Accuracy; of several apps the least."""
    power_w: float | None = None
    """Rates times energies, and idle power of the nodes in use."""
    value: float | None = None
    """What is minimised, in its unit."""
    lower_bound: float | None = None
    """In the unit of the objective."""
    relative_gap: float | None = None
    operating_point: str | None = None
    deployment: str | None = None
    """Which node runs which blocks, in order of execution."""
    chosen_model: str | None = None
    """Of apps that name several models, the one of each."""
    chosen_batch: str | None = None
    """Batch size of each app."""
    nodes_used: int | None = None
    node_share_sum: float | None = None
    """Shares of all nodes, summed; only apps that are planned together have shares."""
    media_share_sum: float | None = None
    """The same of all media."""
    plan: str | None = None
    """Hash of the plan: rows that agree in it agree in every block, route and figure."""
    message: str = ""
    build_s: float | None = None
    search_s: float | None = None
    whole_s: float | None = None
    """From the request to the verified answer, or until the case was killed."""
    peak_memory_bytes: int | None = None
    """Most memory that the worker's process held during the case, its libraries included."""


MEASURED = ("build_s", "search_s", "whole_s", "peak_memory_bytes")
"""Columns that differ from run to run; all others do not."""

COLUMN_TYPES: dict[str, type] = {name: (get_args(hint) or (hint,))[0] for name, hint in get_type_hints(CaseRow).items()}
"""Type of every column of `CaseRow`; all but digest, status and message may be None."""

ROW_COLUMNS = tuple(COLUMN_TYPES)


def timed_out_row(case: Case, limit_s: float) -> CaseRow:
    """Return the row of a case that was killed at its limit (seconds)."""
    message = f"timeout: killed, for the case took longer than its limit of {format_quantity(limit_s, 's')}"
    return CaseRow(case.digest, "unknown", message=message, whole_s=limit_s)


def failed_row(case: Case, reason: str) -> CaseRow:
    """Return the row of a case that the planner failed on, with the reason."""
    return CaseRow(case.digest, "error", message=reason)


def as_record(row: CaseRow) -> dict[str, Any]:
    """Return a row's values by column."""
    return {name: getattr(row, name) for name in ROW_COLUMNS}

"""Rows of a suite for its page, read from a results folder or from its CSV table."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from planner.bench.results.folder import held_identity
from planner.bench.results.reading import read_records
from planner.schemas.planning.workload import LIMITED_FIGURES
from planner.schemas.reading.files import is_folder
from planner.schemas.reading.problems import InputError, Problem, input_error

STATUSES = ("optimal", "feasible", "infeasible", "unknown", "error")
_METRIC = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}")
_AS_WRITTEN = "give the table as it was written"
_ASKED = (
    *(row.field for row in LIMITED_FIGURES),
    "min_accuracy", "objective", "thresholds", "gap", "gamma", "time_limit_s", "seed",
)  # fmt: skip
"""Settings that say which plans are wanted; what plans cost is decided by all others."""
_FILES = ("topology", "model", "workload", "app")
"""Settings whose values speak for themselves."""
_NO_SETTINGS = (
    "digest",
    "number",
    "in_suite",
    "inputs",
    "planner",
    "operating_point",
    "nodes_used",
    "plan",
    "peak_memory_bytes",
)
Record = Mapping[str, Any]
CaseSettings = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ReportedCase:
    """Status and figures of one case with one method; None where a figure does not apply."""

    method: str
    setting: CaseSettings
    """All that was asked for, without the method."""
    status: str
    objective: str | None = None
    energy_j: float | None = None
    latency_s: float | None = None
    accuracy: float | None = None
    power_w: float | None = None
    lower_bound: float | None = None
    relative_gap: float | None = None
    build_s: float | None = None
    search_s: float | None = None
    whole_s: float | None = None
    message: str = ""
    deployment: str = ""
    """Which node runs which blocks."""

    @property
    def value(self) -> float | None:
        """What is minimised, in the unit of the objective; None without a plan, or where rows do not hold it."""
        held = {"energy_j": self.energy_j, "latency_s": self.latency_s, "power_w": self.power_w}
        return held.get(self.objective or "") if self.status in ("optimal", "feasible") else None

    @property
    def group(self) -> str:
        """The inputs in words: plans of one group are of the same apps on the same topology."""
        inputs = [(name, value) for name, value in self.setting if name not in _ASKED]
        return ", ".join(value if name in _FILES else f"{name} {value}" for name, value in inputs)

    @property
    def asked(self) -> str:
        """Limits and objective in words."""
        return ", ".join(f"{name} {value}" for name, value in self.setting if name in _ASKED)


@dataclass(frozen=True)
class SuiteResults:
    """All rows of a suite."""

    name: str
    cases: int
    """Cases of the suite; not all need have a row yet."""
    rows: tuple[ReportedCase, ...]
    """Rows of the suite's cases, in its order."""
    outside: tuple[ReportedCase, ...]
    """Rows of cases that the suite no longer has."""
    inputs: Mapping[str, str]
    """Hash of every input file, by its path."""


_FIELDS = tuple(field.name for field in fields(ReportedCase) if field.name not in ("method", "setting"))
_NUMBERS = tuple(name for name in _FIELDS if name not in ("status", "objective", "message", "deployment"))


def read_results(path: Path) -> SuiteResults:
    """Read the rows of a results folder, or of a CSV table that was exported from one.

    Args:
        path: The folder, which may be read-only, or the table.

    Raises:
        InputError: They cannot be read, or are no results.
    """
    name, cases, records = _folder(path) if is_folder(path) else _table(path)
    problems: list[Problem] = []
    rows = [_result(record, f"row {index}", str(path), problems) for index, record in enumerate(records, 1)]
    if problems:
        raise InputError(problems)
    inside = [str(record.get("in_suite", True)) != "False" for record in records]
    if not any(inside):
        raise input_error("there is no row yet", "run planner bench first", file=str(path))
    inputs: dict[str, str] = {}
    for record in records:
        inputs |= _hashes(record.get("inputs"), path)
    kept = tuple(row for row, here in zip(rows, inside, strict=True) if here)
    outside = tuple(row for row, here in zip(rows, inside, strict=True) if not here)
    return SuiteResults(name, max(cases, len(kept)), kept, outside, inputs)


def _hashes(raw: object, path: Path) -> dict[str, str]:
    held = _json(raw, path) if isinstance(raw, str) and raw.startswith("{") else raw
    return {str(name): str(digest) for name, digest in held.items()} if isinstance(held, dict) else {}


def _folder(path: Path) -> tuple[str, int, list[Record]]:
    """Return the suite's name, its number of cases, and its rows as flat records, in the order of the suite."""
    identity = held_identity(path)
    return identity.suite, identity.cases, list(read_records(path))


def _json(text: str, path: Path) -> Any:  # noqa: ANN401 - JSON data
    try:
        return json.loads(text)
    except ValueError:
        raise input_error("a row holds no JSON where it should", _AS_WRITTEN, file=str(path)) from None


def _settings(record: Record) -> Mapping[str, Any]:
    """Return what was asked for; a table has a column for each setting, beside those of the answers."""
    known = {*_FIELDS, *_NO_SETTINGS}
    held = record.get("settings")
    return held if isinstance(held, dict) else {k: v for k, v in record.items() if k not in known}


def _table(path: Path) -> tuple[str, int, list[Record]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            table = csv.DictReader(file)
            columns = list(table.fieldnames or ())
            records: list[Record] = list(table)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise input_error(
            f"cannot read the table ({error})", "give a results folder or its CSV", file=str(path)
        ) from None
    if "status" not in columns:
        raise input_error("the table has no column status", "give the CSV of a results folder", file=str(path))
    if twice := [name for name in columns if columns.count(name) > 1]:
        raise input_error("this column stands twice", "keep one of the two", file=str(path), value=twice[0])
    return path.stem, 0, records


def _result(record: Record, where: str, file: str, problems: list[Problem]) -> ReportedCase:
    def wrong(name: str, message: str, fix: str = _AS_WRITTEN) -> None:
        problems.append(Problem(file, f"{where}.{name}", str(record.get(name) or ""), message, fix))

    figures: dict[str, Any] = {}
    for name in _NUMBERS:
        try:
            value = figures[name] = _number(record.get(name))
        except ValueError:
            wrong(name, "not a finite number")
            continue
        most = 1.0 if name == "accuracy" else math.inf
        if value is not None and name != "lower_bound" and not 0.0 <= value <= most:
            wrong(name, "not in [0, 1]" if most == 1.0 else "below 0")
    status, objective = str(record.get("status")), record.get("objective") or None
    if status not in STATUSES:
        wrong("status", "no such status", f"use one of {', '.join(STATUSES)}")
    if objective is not None and not _METRIC.fullmatch(str(objective)):
        wrong("objective", "no name of an objective")
    settings = _settings(record)
    setting = tuple((k, str(v)) for k, v in settings.items() if k != "method" and v not in (None, ""))
    return ReportedCase(
        method=str(settings.get("method") or "auto"), setting=setting, status=status,
        objective=objective, message=str(record.get("message") or ""),
        deployment=str(record.get("deployment") or ""), **figures,
    )  # fmt: skip


def _number(raw: object) -> float | None:
    if raw in (None, ""):
        return None
    value = float(str(raw))
    if not math.isfinite(value):
        raise ValueError
    return value


def case_of(row: ReportedCase) -> tuple[CaseSettings, str | None]:
    """Return what makes rows of different methods comparable: settings and objective."""
    return row.setting, row.objective


def best_values(rows: Iterable[ReportedCase]) -> dict[tuple[CaseSettings, str | None], float]:
    """Return the best value of the objective that any method reached, for each case that has a plan."""
    best: dict[tuple[CaseSettings, str | None], float] = {}
    for row in rows:
        if row.value is not None:
            best[case_of(row)] = min(best.get(case_of(row), math.inf), row.value)
    return best

"""Expansion of a suite into its cases, in a fixed order, with all checks that need no planning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from planner.bench.case import Case, Scalar
from planner.bench.check import problems_of
from planner.bench.loaded_inputs import LoadedInputs, load_inputs
from planner.schemas.batch.suite import Path as SettingPath
from planner.schemas.batch.suite import Suite, settings_of
from planner.schemas.reading.files import read_toml
from planner.schemas.reading.problems import InputError

Settings = dict[SettingPath, Scalar]


@dataclass(frozen=True)
class ExpandedSuite:
    """A checked suite, its cases, and the files that they name."""

    suite: Suite
    cases: tuple[Case, ...]
    loaded: LoadedInputs


def expand_suite(path: Path) -> ExpandedSuite:
    """Read a suite and every file that it names, and check all cases.

    Args:
        path: The suite file (TOML).

    Raises:
        InputError: With every problem of the suite, else of the files, else of the cases.
    """
    suite = read_toml(path, Suite)
    every = list(matrix(suite))
    loaded = load_inputs(path.parent, every)
    inputs = _case_inputs(loaded, every)
    cases = tuple(Case(number, settings, inputs[number]) for number, settings in enumerate(every))
    if problems := problems_of(str(path), cases, loaded):
        raise InputError(problems)
    return ExpandedSuite(suite, cases, loaded)


def matrix(suite: Suite) -> Iterator[Settings]:
    """Yield the settings of every case of a suite.

    Args:
        suite: The checked suite.

    Returns:
        Settings by path; zipped groups change slowest, the last axis of the schema's order fastest.
    """
    fixed = _given(suite.fixed.model_dump(exclude_unset=True))
    groups = [_entries(_given(group.model_dump(exclude_unset=True))) for group in suite.zipped]
    axes = [
        [{path: value} for value in values]
        for path, values in _given(suite.axes.model_dump(exclude_unset=True)).items()
    ]
    for chosen in product(*groups, *axes):
        settings = dict(fixed)
        for part in chosen:
            settings |= part
        yield settings


def _given(table: Mapping[str, object]) -> dict[SettingPath, Any]:
    """Return what a checked table sets: a value by each path, or a tuple of values for axes."""
    return {path: value for path, value in settings_of(table).items() if value is not None}


def _entries(group: Mapping[SettingPath, Sequence[Scalar]]) -> list[Settings]:
    """Return the settings of each entry of lists that are walked together."""
    return [dict(zip(group, row, strict=True)) for row in zip(*group.values(), strict=True)]


def _case_inputs(loaded: LoadedInputs, every: Sequence[Settings]) -> list[dict[str, str]]:
    """Return the inputs of every case; cases that read the same files share one object."""
    known: dict[tuple[object, ...], dict[str, str]] = {}
    found = []
    for settings in every:
        key = tuple(settings.get((kind,)) for kind in ("topology", "model", "workload"))
        if key not in known:
            known[key] = loaded.inputs_of(settings)
        found.append(known[key])
    return found

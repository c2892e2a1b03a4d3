"""Checks of cases before any runs: one case of every kind is built up to the instance that its method would get."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from planner.bench.case import Case
from planner.bench.loaded_inputs import LoadedInputs
from planner.bench.request_building import method_of, request_of
from planner.pipeline.dispatch import check_names
from planner.pipeline.request import together
from planner.schemas.batch.suite import Path
from planner.schemas.reading.problems import InputError, Problem

Kind = tuple[tuple[Path, str | None], ...]
"""What a case sets; numbers are left out."""


def problems_of(file: str, cases: Sequence[Case], loaded: LoadedInputs) -> list[Problem]:
    """Find the problems of all cases.

    Args:
        file: The suite file, for messages.
        cases: All cases of the suite.
        loaded: The files that cases name.

    Returns:
        Every problem once, in the order of the cases; empty where there is none.
    """
    problems: dict[Problem, None] = {}
    built: set[tuple[Kind, bool]] = set()
    for (kind, _), case in _kinds(cases).items():
        try:
            request = request_of(case, loaded)
            if (kind, together(request)) not in built:
                built.add((kind, together(request)))
                check_names(request)
        except InputError as error:
            problems |= {replace(problem, file=_within(file, problem.file)): None for problem in error.problems}
    return list(problems)


def _kinds(cases: Sequence[Case]) -> dict[tuple[Kind, str], Case]:
    """Return the first case of every kind and method: cases that differ in numbers alone are of one kind.

    The schema has checked every number, and a number that is set of a node or a link changes nothing else.
    """
    kinds: dict[tuple[Kind, str], Case] = {}
    for case in cases:
        kind = tuple(
            (path, value if isinstance(value, str) else None)
            for path, value in case.settings.items()
            if path != ("method",)
        )
        kinds.setdefault((kind, method_of(case)), case)
    return kinds


def _within(suite: str, file: str) -> str:
    return suite if file in ("", "limits") else f"{suite}: {file}"

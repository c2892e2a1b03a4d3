"""Checking cases before anything runs: one of every kind is built as far as a method would get it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fin.method import METHODS
from planner.bench.asking import method_of, request_of
from planner.bench.case import Case
from planner.bench.documents import Documents
from planner.pipeline import AUTO
from schemas.problems import InputError, Problem, shown


def problems_of(file: str, cases: Sequence[Case], documents: Documents) -> list[Problem]:
    """Return every problem of the cases, each once; problems that many cases share are one."""
    from planner.pipeline import instance_of

    problems: dict[Problem, None] = {}
    for name in dict.fromkeys(method_of(case) for case in cases):
        if name not in (AUTO, *METHODS):
            fix = f"use one of {', '.join((AUTO, *METHODS))}"
            problems[Problem(file, "method", shown(name), "there is no such method", fix)] = None
    for case in _kinds(cases):
        try:
            instance_of(request_of(case, documents))
        except InputError as error:
            problems |= {replace(problem, file=_within(file, problem.file)): None for problem in error.problems}
    return list(problems)


def _kinds(cases: Sequence[Case]) -> list[Case]:
    """Return the first case of every kind: cases that differ in numbers alone are of one kind.

    The schema has checked every number, and a number that is set of a node or a link changes nothing else.
    """
    kinds: dict[tuple[object, ...], Case] = {}
    for case in cases:
        kind = tuple(
            (path, value if isinstance(value, str) else None)
            for path, value in case.settings.items()
            if path != ("method",)
        )
        kinds.setdefault(kind, case)
    return list(kinds.values())


def _within(suite: str, file: str) -> str:
    return suite if file in ("", "limits") else f"{suite}: {file}"

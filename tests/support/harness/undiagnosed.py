"""Planning without diagnoses, for tests that are not about them: a diagnosis takes many searches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from planner.pipeline import one_app
from planner.pipeline.request import Request
from planner.schemas import Diagnosis, Placement


@contextmanager
def undiagnosed() -> Iterator[None]:
    """Let nothing say why there is no plan for one app."""
    with patch.object(one_app, "_diagnosis", lambda *_: Diagnosis(summary="left out by the test", limits=())):
        yield


def solve_undiagnosed(request: Request) -> Placement:
    """Plan a request as the library does, but that nothing says why there is no plan."""
    with undiagnosed():
        return one_app.solve(request)

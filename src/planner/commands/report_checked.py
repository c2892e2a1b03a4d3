"""Plans and fronts as pages, once they have passed the verifier against the files given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from planner.commands.inputs import read_asked
from planner.commands.options import Limits, Sources
from planner.report.front_page import front_page
from planner.report.page import Page
from planner.report.plan_page import plan_page
from planner.schemas.planning.front import Front
from planner.schemas.planning.placement import Placement
from planner.schemas.reading.files import check_document
from planner.schemas.reading.problems import InputError, Problem, input_error
from planner.verifier.verify import Violation, verify

_FIX = "give the files and the limits that it was made for"


def checked_placement(path: Path, raw: object, sources: Sources | None, limits: Limits) -> Page:
    """Return the page of a placement; `raw` is the content of the file at `path`, which may be a pipe.

    Raises:
        InputError: A file cannot be used, or the placement does not stand before the verifier.
    """
    placement = check_document(raw, Placement, str(path))
    if sources is None:
        message = "the page of a placement needs what it was made for"
        raise input_error(message, "give --topology and --model (or --workload)", file=str(path))
    asked = read_asked(sources, limits)
    _refuse(path, "", verify(placement, asked.topology, asked.apps))
    return plan_page(placement, asked.topology, asked.apps, asked.inputs)


def checked_front(path: Path, raw: object, sources: Sources | None, limits: Limits) -> Page:
    """Return the page of a front (`raw` is the content of the file at `path`); given files are checked against.

    Raises:
        InputError: A file cannot be used, or a plan does not stand before the verifier.
    """
    front = check_document(raw, Front, str(path))
    if sources is None:
        return front_page(front, None)
    asked = read_asked(sources, limits)
    # a front without a least accuracy is over all accuracies
    apps = [
        (app if app.min_accuracy is not None else app.model_copy(update={"min_accuracy": 0.0}), model)
        for app, model in asked.apps
    ]
    for index, point in enumerate(front.points):
        _refuse(path, f"points[{index}].", verify(point.placement, asked.topology, apps))
    return front_page(front, asked.inputs)


def _refuse(path: Path, where: str, violations: Sequence[Violation]) -> None:
    """Raise InputError with everything that does not stand."""
    if violations:
        raise InputError(
            [
                Problem(
                    str(path),
                    where + ": ".join(part for part in (each.app, each.what) if part),
                    "",
                    f"the plan does not stand before the verifier: {each.message}",
                    _FIX,
                )
                for each in violations
            ]
        )

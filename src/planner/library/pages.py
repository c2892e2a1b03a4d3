"""Pages of results that have passed the verifier against what they were made for."""

from __future__ import annotations

from collections.abc import Sequence

from planner.library.inputs import PlanningInputs
from planner.report.front_page import front_page
from planner.report.page import Page
from planner.report.plan_page import plan_page
from planner.schemas.planning.front import Front
from planner.schemas.planning.placement import Placement
from planner.schemas.reading.problems import InputError, Problem
from planner.verifier.verify import Violation, verify

_FIX = "give the inputs and the limits that it was made for"


def checked_placement_page(placement: Placement, planned: PlanningInputs, file: str = "") -> Page:
    """Return the page of a placement; raise InputError where it does not stand before the verifier."""
    _refuse(file, "", verify(placement, planned.topology, planned.apps))
    return plan_page(placement, planned.topology, planned.apps, planned.inputs)


def checked_front_page(front: Front, planned: PlanningInputs | None, file: str = "") -> Page:
    """Return the page of a front; raise InputError where one of its plans does not stand before the verifier.

    Without `planned` there is nothing to verify against, and the page says so.
    """
    if planned is None:
        return front_page(front, None)
    # a front without a least accuracy is over all accuracies
    apps = [
        (app if app.min_accuracy is not None else app.model_copy(update={"min_accuracy": 0.0}), model)
        for app, model in planned.apps
    ]
    for index, point in enumerate(front.points):
        _refuse(file, f"points[{index}].", verify(point.placement, planned.topology, apps))
    return front_page(front, planned.inputs)


def _refuse(file: str, where: str, violations: Sequence[Violation]) -> None:
    """Raise InputError with everything that does not stand."""
    if violations:
        raise InputError(
            [
                Problem(
                    file,
                    where + ": ".join(part for part in (each.app, each.what) if part),
                    "",
                    f"the plan does not stand before the verifier: {each.message}",
                    _FIX,
                )
                for each in violations
            ]
        )

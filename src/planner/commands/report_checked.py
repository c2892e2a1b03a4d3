"""Plans and fronts as pages, once they have passed the verifier against the files given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from planner.commands.inputs import read_asked
from planner.commands.made_from import sources_of
from planner.commands.options import Limits, PartialSources, Sources
from planner.report.front_page import front_page
from planner.report.page import Page
from planner.report.plan_page import plan_page
from planner.report.run.run_page import run_page
from planner.schemas.bundles.run import Run
from planner.schemas.planning.front import Front
from planner.schemas.planning.placement import Placement
from planner.schemas.reading.files import check_document, read_json
from planner.schemas.reading.problems import InputError, Problem, input_error
from planner.verifier.verify import Violation, verify

_FIX = "give the files and the limits that it was made for"


def checked_page(path: Path, files: PartialSources, limits: Limits) -> Page:
    """Return the page of a run, or of a placement or a front, once its plans have passed the verifier.

    The file is read once, so it may be a pipe.

    Raises:
        InputError: A file cannot be used, holds something else, or a plan does not stand before the verifier.
    """
    raw = read_json(path)
    sources = files.whole()
    if isinstance(raw, dict) and ("points" in raw or "searches" in raw):
        return _front_page(path, check_document(raw, Front, str(path)), sources, limits)
    if isinstance(raw, dict) and "plans" in raw and "in_flight" in raw:
        if sources is not None:
            raise input_error("a run carries its own inputs", "leave --topology and the rest out", file=str(path))
        return run_page(check_document(raw, Run, str(path)))
    _refuse_other_kinds(path, raw)
    placement = check_document(raw, Placement, str(path))
    return _placement_page(path, placement, sources_of(placement, path, files), limits)


_KINDS = {
    "blocks": "a model",
    "nodes": "a topology",
    "packages": "a topology",
    "conditions": "states of a topology",
    "tasks": "designs of a device",
    "design_set": "a policy of a device",
    "plan_set": "a policy of placements",
}
"""What a file is, by a field that no other kind of file has."""


def _refuse_other_kinds(path: Path, raw: object) -> None:
    """Raise InputError for a file of a kind that has no page, by its name instead of its unknown fields."""
    if not isinstance(raw, dict):
        return
    kind = next((name for field, name in _KINDS.items() if field in raw), None)
    if kind is None and "apps" in raw and "status" not in raw:
        kind = "a workload"
    if kind is not None:
        fix = "give a placement, a front, or a folder of results"
        raise input_error(f"the file is {kind}, which has no page", fix, file=str(path))


def _placement_page(path: Path, placement: Placement, sources: Sources, limits: Limits) -> Page:
    asked = read_asked(sources, limits)
    _refuse(path, "", verify(placement, asked.topology, asked.apps))
    return plan_page(placement, asked.topology, asked.apps, asked.inputs)


def _front_page(path: Path, front: Front, sources: Sources | None, limits: Limits) -> Page:
    """Return the page of a front; its plans are checked where the files are given."""
    if sources is None:
        if given := limits.given():
            raise input_error(f"{', '.join(given)} needs --topology", "give it too, or leave the option out")
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

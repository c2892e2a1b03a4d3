"""Pages of results that have passed the verifier against what they were made for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from planner.library.checking import made_for
from planner.library.inputs import (
    Asked,
    ModelsLike,
    PlanningInputs,
    TopologyLike,
    WorkloadLike,
    planned_from,
)
from planner.library.made_from import Note
from planner.schemas.planning.front import Front
from planner.schemas.planning.model import Model
from planner.schemas.planning.placement import Placement
from planner.schemas.planning.workload import App, AppLimits
from planner.schemas.reading.files import check_document, is_folder, read_json
from planner.schemas.reading.kinds import kind_of
from planner.schemas.reading.problems import InputError, Problem, input_error
from planner.verifier.verify import Violation, verify

if TYPE_CHECKING:
    from planner.report.page import Page

_FIX = "give the inputs and the limits that it was made for"


def write_report(
    result: Placement | Front | str | Path,
    path: str | Path,
    *,
    model: ModelsLike | None = None,
    topology: TopologyLike | None = None,
    workload: WorkloadLike | None = None,
    models: Mapping[str, Model] | None = None,
    **limits: Unpack[AppLimits],
) -> None:
    """Write a result as one HTML page that needs no network (needs the extra `report`).

    Args:
        result: A placement, a front, or the path of either, of a policy, of the record of a run, or of a suite's
            results (their folder, or their CSV table).
        path: File for the page.
        model: What a placement was made for, as for `plan`; not needed for a placement that `plan` returned, nor where
            the files that it names are found beside it or in the current folder.
        topology: As for `plan`.
        workload: As for `plan`.
        models: As for `plan`.
        **limits: `source`, `max_latency_s` and the other limits of one app, as for `plan`.

    Raises:
        InputError: An input cannot be used, the plan does not stand before the verifier, the file cannot be written, or
            the extra is not installed.
    """
    from planner.files.writing import whole_file
    from planner.report.page import page_html

    asked: Asked = {"model": model, "topology": topology, "workload": workload, **limits}
    page = page_of(Path(result) if isinstance(result, str) else result, asked, models)
    with whole_file(Path(path)) as file:
        file.write(page_html(page))


def page_of(
    result: Placement | Front | Path, asked: Asked, models: Mapping[str, Model] | None = None, note: Note | None = None
) -> Page:
    """Build the page of a result; plans on it have passed the verifier.

    A file is read once, so it may be a pipe.

    Args:
        result: As for `write_report`.
        asked: Files and limits that are given.
        models: Models by the name that apps give them.
        note: Told of files that have changed since the plan was made (default: a warning).

    Returns:
        The page, ready to be written as HTML.

    Raises:
        InputError: A file cannot be used, holds something else, or a plan does not stand before the verifier.
    """
    given = any(value is not None for value in asked.values())
    if isinstance(result, Path):
        if is_folder(result) or result.suffix.lower() == ".csv":
            return _results_page(result, given)
        raw = read_json(result)
        if isinstance(raw, list):
            return _comparison_page(result, raw, given)
        kind = kind_of(raw)
        schema = "Placement" if kind is None else kind.schema
        if schema == "Run":
            return _run_page(result, raw, given)
        if schema in ("Policy", "PlacementPolicy"):
            return _policy_page(result, raw, schema, given)
        if kind is not None and schema not in ("Placement", "Front"):
            fix = "give a placement, a front, a policy, a comparison, the record of a run, or a folder of results"
            if schema == "FleetPlacement":
                raise input_error(
                    "the page of a fleet needs its files", "give --fleet and --topology too", file=str(result)
                )
            raise input_error(f"the file is {kind.words}, which has no page", fix, file=str(result))
        held = check_document(raw, Front if schema == "Front" else Placement, str(result))
    else:
        held = result
    file = str(result) if isinstance(result, Path) else ""
    if isinstance(held, Front):
        return _front_page(held, planned_from(asked, models) if given else None, file)
    assert isinstance(held, Placement)
    return _placement_page(held, made_for(result, held, asked, models, note), file)


def _results_page(folder: Path, given: bool) -> Page:
    from planner.report.results.page import results_page
    from planner.report.results.reading import read_results

    if given:
        raise input_error("results carry their own inputs", "leave the topology and the rest out", file=str(folder))
    return results_page(read_results(folder))


def _comparison_page(path: Path, raw: list[object], given: bool) -> Page:
    from planner.report.results.comparison_page import comparison_page, read_comparison

    if given:
        raise input_error("a comparison carries its own inputs", "leave the topology and the rest out", file=str(path))
    return comparison_page(read_comparison(raw, str(path)), path)


def _run_page(path: Path, raw: object, given: bool) -> Page:
    from planner.report.run.run_page import run_page
    from planner.schemas.bundles.run import Run

    if given:
        raise input_error("a run carries its own inputs", "leave the topology and the rest out", file=str(path))
    return run_page(check_document(raw, Run, str(path)))


def _policy_page(path: Path, raw: object, schema: str, given: bool) -> Page:
    """Return the page of a policy: of placements, or of a device's designs."""
    if given:
        raise input_error("a policy is drawn as it stands", "leave the topology and the rest out", file=str(path))
    if schema == "Policy":
        from planner.report.policy.device_policy_page import device_policy_page
        from planner.schemas.adaptation.policy import Policy

        return device_policy_page(check_document(raw, Policy, str(path)))
    from planner.report.policy.placement_policy_page import placement_policy_page
    from planner.schemas.adaptation.placement_policy import PlacementPolicy

    return placement_policy_page(check_document(raw, PlacementPolicy, str(path)))


def _placement_page(placement: Placement, planned: PlanningInputs, file: str) -> Page:
    from planner.report.plan_page import plan_page

    _refuse(file, "", verify(placement, planned.topology, planned.apps, objective=planned.objective))
    return plan_page(placement, planned.topology, planned.apps, planned.inputs)


def _front_page(front: Front, planned: PlanningInputs | None, file: str) -> Page:
    """Return the page of a front; without `planned` there is nothing to verify against, and the page says so."""
    from planner.report.front.front_page import front_page

    if planned is None:
        return front_page(front, None)
    apps = [(app.model_copy(update=_walked(front, app)), model) for app, model in planned.apps]
    for index, point in enumerate(front.points):
        _refuse(file, f"points[{index}].", verify(point.placement, planned.topology, apps))
    return front_page(front, planned.inputs)


def _walked(front: Front, app: App) -> dict[str, object]:
    """Return the fields of the app for which each plan of a front is optimal: it is over all accuracies by default."""
    least: dict[str, object] = {} if app.min_accuracy is not None else {"min_accuracy": 0.0}
    if len(front.axes) != 2:
        return least
    first, second = front.axes
    return {**least, "objective": second if first == "accuracy" else first}


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

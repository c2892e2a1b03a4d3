"""Plans to split: a placement or a policy, matched with the bundle it was made for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from planner.running.graph.bundle import Bundle, read_bundle
from planner.running.graph.importing import import_onnx
from planner.running.graph.options import ImportOptions
from planner.running.pieces.splitting import PlanToSplit
from planner.schemas.adaptation.placement_policy import PlacementPolicy
from planner.schemas.planning.placement import AppPlacement, Placement, Provenance
from planner.schemas.planning.workload import Workload
from planner.schemas.reading.files import check_document, digest_of, is_file, read_bytes, read_document, read_json
from planner.schemas.reading.problems import input_error


def read_plans(network: Path, plan: Path) -> tuple[list[PlanToSplit], str]:
    """Read a placement or a policy, and the networks that its apps run.

    Args:
        network: A bundle, an ONNX file, or a workload whose models are bundles.
        plan: The placement, or the policy of placements.

    Returns:
        Every plan with its network, and the hash of the plan's file.

    Raises:
        InputError: A file cannot be used, or the plan was made for another model.
    """
    raw, digest = read_json(plan), digest_of(read_bytes(plan))
    if isinstance(raw, dict) and "plan_set" in raw:
        policy = check_document(raw, PlacementPolicy, str(plan))
        _refuse_chosen([each.placement for each in policy.plan_set], plan)
        _refuse_batches([each.placement for each in policy.plan_set], plan)
        bundle = _bundle(network)
        _check_made_for(policy.provenance, bundle, plan)
        return [PlanToSplit(each.name, bundle, each.placement) for each in policy.plan_set], digest
    placement = check_document(raw, Placement, str(plan))
    if not placement.apps:
        message = f"there is nothing to split: the placement is {placement.status}"
        raise input_error(message, "give a placement with a plan", file=str(plan))
    _refuse_batches(placement.apps, plan)
    if network.suffix == ".json":
        workload, _ = read_document(network, Workload)
        chosen = {plan.name: plan.model for plan in placement.apps}
        paths = {app.name: network.parent / (chosen.get(app.name) or app.models[0]) for app in workload.apps}
    else:
        if len(placement.apps) > 1:
            fix = "give the workload instead of one bundle"
            raise input_error(f"the placement has {len(placement.apps)} apps", fix, file=str(plan))
        _refuse_chosen(placement.apps, plan)
        paths = {placement.apps[0].name: network}
    if unknown := [app.name for app in placement.apps if app.name not in paths]:
        fix = "give the workload that was planned"
        raise input_error("the workload has no app of this name", fix, file=str(network), value=unknown[0])
    bundles = {path: _bundle(path) for path in {paths[app.name] for app in placement.apps}}
    for bundle in bundles.values():
        _check_made_for(placement.provenance, bundle, plan)
    return [PlanToSplit(app.name, bundles[paths[app.name]], app) for app in placement.apps], digest


def _refuse_batches(plans: Sequence[AppPlacement], file: Path) -> None:
    """Refuse plans of batches, which pieces do not gather."""
    if sizes := [plan.batch for plan in plans if plan.batch > 1]:
        fix = "plan with batches of 1 alone, and split the plan"
        raise input_error(
            "pieces run samples one by one, and the plan has batches", fix, file=str(file), value=sizes[0]
        )


def _refuse_chosen(plans: Sequence[AppPlacement], file: Path) -> None:
    """Refuse plans that chose one of several models: a bundle alone does not say which of them it is."""
    if named := [plan.model for plan in plans if plan.model is not None]:
        fix = "give the workload that names the models, or plan again with this one alone"
        raise input_error("the plan chose one of several models", fix, file=str(file), value=named[0])


def _bundle(path: Path) -> Bundle:
    if path.suffix.lower() == ".onnx":
        return import_onnx(path, ImportOptions())
    if is_file(path):
        fix = "give the folder that planner import wrote"
        raise input_error("no bundle: a model file alone has no network", fix, file=str(path))
    return read_bundle(path)


def _check_made_for(provenance: Provenance | None, bundle: Bundle, plan: Path) -> None:
    """Refuse a plan whose inputs name neither this model.json nor the file that it was imported from."""
    known = set() if provenance is None else set(provenance.inputs.values())
    if not known & {digest_of(bundle.model_json), bundle.cuts.source}:
        message = f"the plan was not made for this model ({bundle.model.name!r}, by its hash)"
        fix = "plan again with this bundle: a profile or a new import changes model.json"
        raise input_error(message, fix, file=str(plan))

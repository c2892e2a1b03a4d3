"""The verifier's checks of what a plan is made of: its operating point, blocks, routes and shares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from planner.schemas import App, AppPlacement, Model, Route
from planner.schemas.planning.privacy import private_blocks
from planner.verifier.metrics import metrics_of
from planner.verifier.network import Network
from planner.verifier.points import Point, design_fault, designed_name, designed_point, exits_in_order
from planner.verifier.recompute import (
    Carried,
    Recomputed,
    Sharing,
    media_of,
    part_cost,
    recompute,
    stages_of,
)
from planner.verifier.sharing import check_shares
from planner.verifier.transfers import Cargo, Need, Stage, cargo_of, needs_of
from planner.verifier.violations import Violation, check_claim, fault_of


def check_structure(
    app: App, model: Model, plan: AppPlacement, network: Network, speeds: Mapping[str, float]
) -> tuple[Recomputed | None, list[Violation]]:
    """Check what must hold before anything can be computed at the speeds of nodes; no cost where it does not.

    Args:
        app: The app.
        model: Its model.
        plan: Its plan.
        network: All nodes and hops.
        speeds: Relative clock speeds by node; 1 where none is given.

    Returns:
        What the plan costs, None where it cannot be computed; and what does not stand.
    """
    point, faults = _check_point(app, model, plan)
    filling_s = 0.0
    if plan.batch not in app.batch:
        sizes = ", ".join(map(str, app.batch))
        faults.append(
            fault_of(app.name, "batch", f"runs batches of {plan.batch}; the sizes to choose from are {sizes}")
        )
    elif plan.batch > 1 and not app.rate_per_s > 0.0:
        return None, [*faults, fault_of(app.name, "batch", "a batch fills at a rate, and the app has none")]
    elif plan.batch > 1:
        filling_s = (plan.batch - 1) / app.rate_per_s
    source = app.source if app.source is not None else network.default_source
    for what, name in (("source", source), ("destination", app.destination)):
        if name is not None and name not in network.nodes:
            faults.append(fault_of(app.name, what, f"there is no node {name!r}"))
    if point is None or source is None or any(fault.what in ("source", "destination") for fault in faults):
        return None, faults
    faults += (misplaced := list(_check_assignments(app, model, plan, point)))
    if misplaced:
        return None, faults
    stages = stages_of(model, point, [assignment.node for assignment in plan.assignments])
    faults += (missing := list(_check_nodes(app, model, stages, plan.routes, network)))
    faults += (unable := list(_check_hosts(app, model, stages, network, plan.batch)))
    faults += _check_pins(app, model, stages)
    faults += _check_privacy(app, model, stages, source)
    needs = needs_of(app, model, point, stages, source)
    carried, wrong = _check_routes(app, model, plan.routes, needs, network)
    faults += wrong
    if missing or unable or len(carried) < len(needs):
        return None, faults
    sharing = Sharing(speeds, plan.shares.nodes, plan.shares.media)
    nodes, media = {stage.node for stage in stages}, media_of(network, carried)
    faults += check_shares(app.name, sharing, nodes, media)
    if not sharing.divides(nodes, media):
        return None, faults
    cost = recompute(model, network, stages, point, carried, sharing, plan.batch)
    metrics = metrics_of(model, network, stages, carried, sharing, plan.batch)
    exits = tuple(replace(time, filling_s=filling_s) for time in cost.exits)
    return replace(cost, metrics=metrics, exits=exits), faults


def _check_point(app: App, model: Model, plan: AppPlacement) -> tuple[Point | None, list[Violation]]:
    point: Point | None = None
    if plan.thresholds is not None:
        if (fault := design_fault(model, plan.thresholds)) is not None:
            return None, [fault_of(app.name, "thresholds", fault)]
        if model.calibration is not None:
            point = designed_point(model, model.calibration, plan.thresholds)
    for given in model.operating_points if plan.thresholds is None else ():
        if given.name == plan.operating_point:
            point = Point(given.exit_fractions, given.accuracy)
    if point is None:
        return None, [fault_of(app.name, "operating_point", f"the model has no {plan.operating_point!r}")]
    faults = _check_accuracy(app, plan, point)
    if plan.thresholds is not None and plan.operating_point != (name := designed_name(model, plan.thresholds)):
        message = f"the point of these exits and thresholds is named {name!r}, not {plan.operating_point!r}"
        faults.append(fault_of(app.name, "operating_point", message))
    if set(plan.exit_fractions) != set(point.fractions):
        on = ", ".join(sorted(point.fractions))
        return point, [*faults, fault_of(app.name, "exit_fractions", f"the exits that are on are {on}")]
    for name, fraction in point.fractions.items():
        faults += check_claim(
            app.name, f"exit_fractions.{name}", plan.exit_fractions[name], fraction, "fraction", whole=1.0
        )
    return point, faults


def _check_accuracy(app: App, plan: AppPlacement, point: Point) -> list[Violation]:
    if plan.accuracy is not None and point.accuracy is not None:
        return check_claim(app.name, "accuracy", plan.accuracy, point.accuracy, "fraction", whole=1.0)
    if plan.accuracy is None and point.accuracy is None:
        return []
    known = "does not say" if point.accuracy is None else "says"
    return [fault_of(app.name, "accuracy", f"claims {plan.accuracy}, but the model {known} how accurate it is")]


def _check_assignments(app: App, model: Model, plan: AppPlacement, point: Point) -> Iterator[Violation]:
    deepest = exits_in_order(model, point.fractions)[-1].after
    names = [block.name for block in model.blocks]
    deployed = names[: names.index(deepest) + 1]
    if [assignment.block for assignment in plan.assignments] != deployed:
        message = f"the blocks to assign, once and in this order, are {', '.join(deployed)}"
        yield fault_of(app.name, "assignments", message)


def _check_nodes(
    app: App, model: Model, stages: Sequence[Stage], routes: Iterable[Route], network: Network
) -> Iterator[Violation]:
    """Check that every node of assignments and routes is there; each that is not is reported once."""
    lost: dict[str, list[str]] = {}
    for stage in stages:
        if stage.node not in network.nodes:
            lost.setdefault(stage.node, []).append(stage.block.name)
    for name, blocks in lost.items():
        yield fault_of(app.name, "assignments", f"there is no node {name!r} to run {_some(blocks, 'block')}")
    passed: dict[str, list[str]] = {}
    for route in routes:
        for name in dict.fromkeys(route.path):
            if name not in network.nodes and name not in lost:
                passed.setdefault(name, []).append(cargo_of(route, model).label(model))
    for name, labels in passed.items():
        yield fault_of(app.name, "routes", f"{_some(labels, 'route')}: there is no node {name!r}")


def _check_hosts(app: App, model: Model, stages: Sequence[Stage], network: Network, batch: int) -> Iterator[Violation]:
    """Check that every node that is there hosts blocks and has costs of what runs on it; once per node."""
    for name in dict.fromkeys(stage.node for stage in stages if stage.node in network.nodes):
        if (node := network.nodes[name]) is None:
            yield fault_of(app.name, "assignments", f"{name} hosts no block")
            continue
        parts = [part for stage in stages if stage.node == name for part in stage.parts]
        if unknown := [part.name for part in parts if part_cost(part, node, model, batch) is None]:
            yield fault_of(app.name, "cost", f"nothing gives the cost on {name} of {_some(unknown, 'part')}")


def _some(names: Sequence[str], noun: str) -> str:
    """Return the first of some names, and how many more there are."""
    more = len(names) - 1
    return names[0] + (f" and {more} more {noun}{'s' * (more > 1)}" if more else "")


def _check_pins(app: App, model: Model, stages: Sequence[Stage]) -> Iterator[Violation]:
    for name in sorted(set(app.pin) - {block.name for block in model.blocks}):
        yield fault_of(app.name, "pin", f"there is no block {name!r} to pin")
    for stage in stages:
        allowed = app.pin.get(stage.block.name)
        if allowed is not None and stage.node not in allowed:
            yield fault_of(app.name, "pin", f"{stage.block.name} must run on {', '.join(allowed)}, not {stage.node}")


def _check_privacy(app: App, model: Model, stages: Sequence[Stage], source: str) -> Iterator[Violation]:
    """Check that no data leave the source before the block of `private_until`."""
    if app.private_until is None:
        return
    if app.private_until not in {block.name for block in model.blocks}:
        yield fault_of(app.name, "private_until", f"there is no block {app.private_until!r}")
    kept = private_blocks(app.private_until, model)
    for stage in stages:
        if stage.block.name in kept and stage.node != source:
            message = f"{stage.block.name} must stay on the source {source}, not run on {stage.node}"
            yield fault_of(app.name, "private_until", message)


def _check_routes(
    app: App, model: Model, routes: Iterable[Route], needs: Sequence[Need], network: Network
) -> tuple[list[Carried], list[Violation]]:
    """Match routes and needs; return the needs whose route can be followed."""
    needed = {need.cargo: need for need in needs}
    faults: list[Violation] = []
    paths: dict[Cargo, Carried] = {}
    wrong_paths: dict[str, list[str]] = {}
    seen: set[Cargo] = set()
    for route in routes:
        cargo = cargo_of(route, model)
        need = needed.get(cargo)
        if need is None or cargo in seen:
            reason = "not needed" if need is None else "given twice"
            faults.append(fault_of(app.name, "routes", f"{cargo.label(model)}: this route is {reason}"))
            continue
        seen.add(cargo)
        faults += check_claim(app.name, "routes.bits", route.bits, need.bits, "bit")
        if not set(route.path) <= set(network.nodes):
            continue  # said once for the node
        if (wrong := _path_fault(route.path, need, network)) is None:
            paths[cargo] = (need, route.path)
        else:
            wrong_paths.setdefault(wrong, []).append(cargo.label(model))
    for wrong, labels in wrong_paths.items():
        faults.append(fault_of(app.name, "routes", f"{_some(labels, 'route')}: {wrong}"))
    for cargo, need in needed.items():
        if cargo not in seen and {need.start, need.end} <= set(network.nodes):
            message = f"{cargo.label(model)}: no route from {need.start} to {need.end}"
            faults.append(fault_of(app.name, "routes", message))
    return list(paths.values()), faults


def _path_fault(path: Sequence[str], need: Need, network: Network) -> str | None:
    if path[0] != need.start or path[-1] != need.end:
        return f"leads from {path[0]} to {path[-1]}, not from {need.start} to {need.end}"
    for pair in pairwise(path):
        if pair not in network.hops:
            return f"there is no link from {pair[0]} to {pair[1]}"
        if pair in network.ambiguous:
            return f"several links lead from {pair[0]} to {pair[1]}: the path does not say which it takes"
    return None

"""Joint instances: what joint plans do not keep is refused, a limit that nobody thought of included."""

from __future__ import annotations

import numpy as np
import two_apps
from joint_plans import violations

from planner.clear.method import joint_method
from planner.clear.problem.instance import build_joint
from planner.fin.instance.network import build_network
from planner.fin.instance.packages import expand
from planner.fin.method import Options
from planner.schemas import App, InputError, Model, Topology, Workload, check_document


class LaterApp(App):
    """An app of a later version, with a limit that joint planning does not know."""

    max_transfers: int | None = None


def problems_with(**changes: object) -> list[str]:
    """Return the problems of building two apps, the first of which is changed."""
    first, second = check_document(two_apps.WORKLOAD, Workload).apps
    model = check_document(two_apps.MODEL, Model)
    network = build_network(*expand(check_document(two_apps.TOPOLOGY, Topology)))
    changed = LaterApp(**{**first.model_dump(exclude_none=True), **changes})
    try:
        build_joint([(changed, model), (second, model)], network)
    except InputError as error:
        return [f"{problem.path}: {problem.message} ({problem.value})" for problem in error.problems]
    return []


def test_an_unknown_limit_is_refused_where_it_is_set() -> None:
    assert problems_with() == []
    assert problems_with(max_transfers=2) == ["app cam: max_transfers: methods for several apps do not keep this (2)"]


def test_limits_of_unknown_metrics_are_refused() -> None:
    problem = "app cam: limits.money: the topology defines no metric of this name (money)"
    assert problem in problems_with(limits={"money": 0.5})


def test_data_stay_private_in_joint_plans_and_plans_that_leak_are_rejected() -> None:
    topology = check_document(two_apps.TOPOLOGY, Topology)
    workload, model = check_document(two_apps.WORKLOAD, Workload), check_document(two_apps.MODEL, Model)
    pairs = tuple((app, model) for app in workload.apps)
    joint = build_joint(pairs, build_network(*expand(topology)))
    last = model.blocks[-1].name
    private = tuple((app.model_copy(update={"private_until": last}), model) for app, _ in pairs)
    held = build_joint(private, joint.network)
    for own in held.variants:
        assert np.flatnonzero(own.allowed.any(axis=0)).tolist() == [own.source]
    outcome = joint_method("clear").solve(joint, Options())
    assert outcome.plan is not None
    away = any(set(column.decision.nodes) != {joint.apps[column.app].source} for column in outcome.plan.columns)
    assert away
    assert violations(joint, topology, private, outcome)
    assert violations(joint, topology, pairs, outcome) == []


def test_a_block_that_the_model_lacks_keeps_nothing_private() -> None:
    problem = "app cam: private_until: the model has no block of this name (later)"
    assert problem in problems_with(private_until="later")

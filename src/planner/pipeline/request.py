"""Requests of planning: one app, or several together, with the method and its options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from planner.clear.method import ALL_JOINT_METHODS, joint_methods_of
from planner.fin.method import ALL_METHODS, GENERAL_METHODS, METHODS_WITH_METRICS, Options, methods_of
from planner.pipeline.prepared import PreparedTopology
from planner.schemas.planning.batches import refuse_unprofiled
from planner.schemas.planning.memory import least_memory_bytes, memory_may_bind
from planner.schemas.planning.model import Model
from planner.schemas.planning.refusals import is_chain, is_sum
from planner.schemas.planning.topology import Topology
from planner.schemas.planning.variants import Pair, by_app
from planner.schemas.planning.workload import POWER, App
from planner.schemas.reading.problems import advice_for, input_error

AUTO = "auto"
"""The method `exact` for one app, `clear` for several."""
PROVING = "clear"
"""The joint method that `auto` stands for: it proves what it says; baselines say no more than what they found."""


@dataclass(frozen=True)
class Request:
    """One app that is to be planned, and how."""

    app: App
    model: Model
    topology: Topology
    method: str = AUTO
    options: Options = field(default_factory=Options)
    per_exit_thresholds: bool = False
    """Whether operating points are designed with one threshold per exit."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Hash of every input file, by its name."""
    prepared: PreparedTopology | None = None
    """Arrays of the topology, where they were kept from an earlier plan."""
    alternatives: tuple[Pair, ...] = ()
    """The app with each of its models, `app` and `model` being the first, where it names several."""
    named: bool = False
    """Whether the placement names its model: this is one of the variants of another request."""

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The app with each of its models."""
        return self.alternatives or ((self.app, self.model),)

    def asking(self, **changes: Any) -> Request:  # noqa: ANN401 - as the fields of an app are
        """Return the request with other fields of its app, whichever model is chosen."""
        pairs = tuple((app.model_copy(update=changes), model) for app, model in self.alternatives)
        return replace(self, app=self.app.model_copy(update=changes), alternatives=pairs)


@dataclass(frozen=True)
class JointRequest:
    """Apps that are to be planned together, and how."""

    apps: tuple[tuple[App, Model], ...]
    topology: Topology
    method: str = AUTO
    options: Options = field(default_factory=Options)
    per_exit_thresholds: bool = False
    """Whether operating points are designed with one threshold per exit."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Hash of every input file, by its name."""
    prepared: PreparedTopology | None = None
    """Arrays of the topology, where they were kept from an earlier plan."""
    objective: str = POWER
    """What all apps together are planned for: `power`, `latency`, `accuracy` or a metric."""


AnyRequest = Request | JointRequest


def request_of(
    apps: Sequence[tuple[App, Model]],
    topology: Topology,
    method: str,
    options: Options,
    per_exit_thresholds: bool,
    inputs: Mapping[str, str],
    objective: str = POWER,
) -> AnyRequest:
    """Build the request: several apps are planned together; one is, where only a joint method has that name.

    One app is planned with shares too where its workload has an objective of its own.

    Args:
        apps: Every app with its model; with each of them in turn where it names several.
        topology: Nodes and links.
        method: `auto`, or the name of a method.
        options: Gap, time limit and levels.
        per_exit_thresholds: Whether operating points are designed with one threshold per exit.
        inputs: Hash of every input file, by its name.
        objective: What the workload is planned for.

    Returns:
        A `JointRequest` for a plan with shares, otherwise a `Request`.

    Raises:
        InputError: There is no such method, or none for so many apps.
    """
    groups = by_app(apps)
    if len(groups) > 1 or objective != POWER or method not in (AUTO, *ALL_METHODS):
        _check_method(len(groups), method, objective)
        for app, model in apps:
            refuse_unprofiled(app, model, topology)
        return JointRequest(tuple(apps), topology, method, options, per_exit_thresholds, inputs, objective=objective)
    for app, model in apps:
        refuse_unprofiled(app, model, topology)
    app, model = apps[0]
    alternatives = tuple(apps) if len(apps) > 1 else ()
    return Request(app, model, topology, method, options, per_exit_thresholds, inputs, alternatives=alternatives)


def _check_method(apps: int, method: str, objective: str) -> None:
    """Raise InputError unless a method plans so many apps together for an objective."""
    known = (AUTO, *joint_methods_of(objective))
    if method in known:
        return
    if method in ALL_JOINT_METHODS:
        message = f"the method does not know the objective {objective} of all apps"
        raise input_error(message, f"use one of {', '.join(known)}", path="method", value=method)
    if (apps > 1 or objective != POWER) and method in ALL_METHODS:
        fix = f"use one of {', '.join(known)}, or choose one of the apps"
        message = f"the method plans one app, and there are {apps}"
        if apps == 1:
            message = f"the method plans one app by its own objective, and the workload is planned for {objective}"
        raise input_error(message, fix, path="method", value=method)
    names = known if apps > 1 else dict.fromkeys((AUTO, *ALL_METHODS, *known))
    raise input_error("there is no such method", advice_for(method, names, len(names)), path="method", value=method)


def together(request: AnyRequest) -> bool:
    """Tell whether a request goes to a joint method."""
    return isinstance(request, JointRequest)


def methods_for(request: AnyRequest) -> tuple[str, ...]:
    """Return every method that a request can go to."""
    if isinstance(request, JointRequest):
        return joint_methods_of(request.objective)
    known = methods_of(request.app.objective)
    if request.app.limits or request.app.objective in {metric.name for metric in request.topology.metrics}:
        known = tuple(name for name in known if name in METHODS_WITH_METRICS)
    least_bytes = least_memory_bytes(request.topology) / max(request.app.batch)
    models = [model for _, model in request.pairs]
    if all(is_chain(model) and (is_sum(model) or not memory_may_bind([model], least_bytes)) for model in models):
        return known
    return tuple(name for name in known if name in GENERAL_METHODS)

"""What a plan takes of nodes and media, and each app's latency alone: recomputed with the verifier's arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from planner.schemas.planning.model import Model
from planner.schemas.planning.placement import AppPlacement, Placement, Shares
from planner.schemas.planning.topology import Topology
from planner.schemas.planning.workload import App
from planner.verifier.network import Network, expand, medium_name
from planner.verifier.recompute import Recomputed, latency_of
from planner.verifier.structure import check_structure


@dataclass(frozen=True)
class Use:
    """What all apps together take of a node or a medium."""

    name: str
    busy: float
    """Part of its time (no unit): rates times busy time per inference at its planned speed."""
    most_busy: float = 1.0
    """Largest part of its time that may be taken."""
    memory_bytes: float = 0.0
    most_memory_bytes: float | None = None
    """Its memory in bytes; None for no limit."""


@dataclass(frozen=True)
class PlanUsage:
    """Use of nodes, in the order in which the plan names them, and of media; latency of every app alone."""

    nodes: tuple[Use, ...]
    media: tuple[Use, ...]
    alone_s: Mapping[str, float]
    """Latency in seconds that each app's plan would have at the whole of everything, at the planned speeds."""


def usage_of(placement: Placement, apps: Sequence[tuple[App, Model]], topology: Topology) -> PlanUsage:
    """Compute what a plan that has passed the verifier takes of nodes and media.

    Args:
        placement: The placement.
        apps: Every app with its model, as it was planned.
        topology: The topology that it was planned on.

    Returns:
        Busy parts of time (no unit), memory in bytes, and the latency in seconds of every app alone.
    """
    network = expand(topology)
    plans = {plan.name: plan for plan in placement.apps}
    nodes: dict[str, Use] = {}
    media: dict[str, Use] = {}
    alone_s: dict[str, float] = {}
    held: set[tuple[str, tuple[str, ...], str]] = set()  # parameters of a model that a node holds once
    for app, model in apps:
        plan = plans.get(app.name)
        cost = None if plan is None else _cost(app, model, plan, network, placement)
        if plan is None or cost is None:
            continue
        for name, busy_s in cost.node_busy_s.items():
            use = nodes.get(name) or _unused(name, network)
            params = {
                key: size for key, size in cost.params.get(name, {}).items() if (name, app.models, key) not in held
            }
            held |= {(name, app.models, key) for key in params}
            memory_bytes = use.memory_bytes + cost.memory_bytes.get(name, 0.0) + sum(params.values())
            nodes[name] = replace(use, busy=use.busy + app.rate_per_s * busy_s, memory_bytes=memory_bytes)
        for medium, busy_s in cost.medium_busy_s.items():
            use = media.get(medium_name(medium)) or Use(medium_name(medium), 0.0)
            media[use.name] = replace(use, busy=use.busy + app.rate_per_s * busy_s)
        whole = _cost(app, model, plan.model_copy(update={"shares": Shares()}), network, placement)
        if whole is not None:
            alone_s[app.name] = latency_of(app.latency, whole.exits)[0]
    return PlanUsage(tuple(nodes.values()), tuple(media.values()), alone_s)


def _cost(app: App, model: Model, plan: AppPlacement, network: Network, placement: Placement) -> Recomputed | None:
    return check_structure(app, model, plan, network, placement.node_speeds)[0]


def _unused(name: str, network: Network) -> Use:
    node = network.nodes[name]
    if node is None:  # an I/O die, which hosts nothing
        return Use(name, 0.0)
    return Use(name, 0.0, node.max_utilization, 0.0, node.memory_bytes)

"""Plans of joint methods as placements that claim what the verifier computes, but for their power and bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clear.joint import Joint
from clear.method import JointOutcome
from clear.plan import Plan
from fin.instance import Instance
from planner.expansion import expand
from planner.recompute import Recomputed, latency_of
from planner.structure import check_structure
from planner.verify import Violation, verify
from schemas import App, AppPlacement, Model, Placement, Topology, check_document


@dataclass(frozen=True)
class _Asked:
    app: App
    model: Model
    instance: Instance


def violations(
    joint: Joint, topology: Topology, apps: tuple[tuple[App, Model], ...], outcome: JointOutcome, gap: float = 1e-6
) -> list[Violation]:
    """Return what the verifier finds wrong with an outcome that has a plan."""
    plan = outcome.plan
    assert plan is not None
    asked = [_Asked(*pair, instance) for pair, instance in zip(apps, joint.apps, strict=True)]
    network = joint.network
    speeds = {network.names[n]: float(plan.allocation.speed[n]) for column in plan.columns for n in column.nodes}
    raw = [_raw(each, plan, index) for index, each in enumerate(asked)]
    costs = []
    for each, one in zip(asked, raw, strict=True):
        cost, faults = check_structure(
            each.app, each.model, check_document(one, AppPlacement), expand(topology), speeds
        )
        if cost is None or faults:
            return faults
        one.update(_claims(each.app, cost))
        costs.append(cost)
    bound = outcome.lower_bound_w
    placement = {
        "schema_version": "1", "status": outcome.status, "apps": raw, "node_speeds": speeds,
        "total": {
            "energy_j": sum(cost.energy_j for cost in costs), "power_w": plan.power_w, "nodes_used": len(speeds),
        },
        "certificate": {
            "lower_bound": bound, "objective": "power_w",
            "relative_gap": max(0.0, plan.power_w - bound) / plan.power_w if plan.power_w > 0.0 else 0.0,
        },
    }  # fmt: skip
    return verify(check_document(placement, Placement), topology, apps, gap)


def _raw(asked: _Asked, plan: Plan, index: int) -> dict[str, Any]:
    column, instance = plan.columns[index], asked.instance
    decision, points, names = column.decision, instance.points, instance.network.names
    exits = zip(points.exit_names, points.fraction[decision.point], points.on[decision.point], strict=True)
    nodes = [names[node] for node in column.nodes]
    blocks = instance.block_names
    routes = [
        {"after": blocks[block - 1] if block else None, "path": path, "result_of": None,
         "bits": float(instance.output_bits[block - 1]) if block else instance.input_bits}
        for block, path in enumerate(decision.transfers)
    ]  # fmt: skip
    routes += [
        {"after": blocks[points.exit_block[head]], "path": path, "result_of": points.exit_names[head],
         "bits": float(instance.result_bits[head])}
        for head, path in decision.results.items()
    ]  # fmt: skip
    media = [instance.network.medium_name(medium) for medium in column.media.tolist()]
    return {
        "name": asked.app.name,
        "operating_point": points.name(decision.point),
        "exit_fractions": {name: float(q) for name, q, on in exits if on},
        "assignments": [{"block": b, "node": names[n]} for b, n in zip(blocks, decision.nodes, strict=False)],
        "routes": [{**route, "path": [names[n] for n in route["path"]]} for route in routes if len(route["path"]) > 1],
        "shares": {
            "nodes": dict(zip(nodes, plan.allocation.node_shares[index].tolist(), strict=True)),
            "media": dict(zip(media, plan.allocation.medium_shares[index].tolist(), strict=True)),
        },
        "accuracy": float(points.accuracy[decision.point]),
        "energy_j": 0.0, "latency_s": 0.0,
        "breakdown": {"compute_j": 0.0, "transfer_j": 0.0, "compute_s": 0.0, "transfer_s": 0.0},
    }  # fmt: skip


def _claims(app: App, cost: Recomputed) -> dict[str, Any]:
    latency_s, parts = latency_of(app.latency, cost.exits)
    compute_s, transfer_s = parts[0]
    breakdown = {
        "compute_j": cost.compute_j, "transfer_j": cost.transfer_j, "compute_s": compute_s, "transfer_s": transfer_s,
    }  # fmt: skip
    return {"energy_j": cost.energy_j, "latency_s": latency_s, "breakdown": breakdown}

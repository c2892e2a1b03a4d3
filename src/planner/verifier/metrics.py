"""Metrics of a plan, recomputed by the verifier from the schemas alone, and what the placement claims of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from planner.schemas import Model
from planner.schemas.planning.topology import Metric
from planner.verifier.network import Network
from planner.verifier.recompute import UNKNOWN, Carried, Sharing, part_cost
from planner.verifier.transfers import Stage
from planner.verifier.violations import Violation, check_claim, check_limit, fault_of


def metrics_of(
    model: Model,
    network: Network,
    stages: Sequence[Stage],
    carried: Sequence[Carried],
    sharing: Sharing,
    batch: int = 1,
) -> dict[str, float]:
    """Compute every metric of one inference.

    A node counts while it computes, at its speed and whatever the app's share of it; a link counts what it carries.

    Args:
        model: The model.
        network: All nodes, hops and metrics.
        stages: Deployed blocks on their nodes.
        carried: Every transfer with its path.
        sharing: Speeds of nodes.
        batch: Samples that run together.

    Returns:
        Values by the name of the metric, each in its unit.
    """
    return {
        name: _of_nodes(metric, model, network, stages, sharing, batch) + _of_links(metric, carried)
        for name, metric in network.metrics.items()
    }


def _of_nodes(
    metric: Metric, model: Model, network: Network, stages: Sequence[Stage], sharing: Sharing, batch: int
) -> float:
    total = 0.0
    for stage in stages:
        if (added := metric.nodes.get(stage.node)) is None:
            continue
        for part in stage.parts:
            whole = part_cost(part, network.nodes.get(stage.node), model, batch) or UNKNOWN
            cost = whole.at(sharing.speed(stage.node))
            total += stage.runs_per_sample(batch) * (added.per_s * cost.time_s + added.per_j * cost.energy_j)
    return total


def _of_links(metric: Metric, carried: Sequence[Carried]) -> float:
    per_bit = {(link.source, link.target): link.per_bit for link in metric.links}
    hops = ((need, pair) for need, path in carried for pair in pairwise(path))
    return sum(need.weight * need.bits * per_bit.get(pair, 0.0) for need, pair in hops)


def check_metrics(
    app: str, claimed: Mapping[str, float], recomputed: Mapping[str, float], network: Network
) -> Iterator[Violation]:
    """Check that a plan states every metric of the topology, and no other one, as recomputed.

    Args:
        app: Name of the app; empty for the sums over all apps.
        claimed: What the placement says.
        recomputed: What the metrics are.
        network: Its metrics with their units.

    Yields:
        What does not hold.
    """
    prefix, per = ("metrics", "") if app else ("total.metrics", "/s")
    for name in sorted({*claimed, *recomputed}):
        if name not in recomputed:
            yield fault_of(app, f"{prefix}.{name}", "the topology defines no metric of this name")
        elif name not in claimed:
            unit = f"{network.metrics[name].unit}{per}"
            yield fault_of(app, f"{prefix}.{name}", f"missing, is {recomputed[name]:.12g} {unit}")
        else:
            unit = f"{network.metrics[name].unit}{per}"
            yield from check_claim(app, f"{prefix}.{name}", claimed[name], recomputed[name], unit)


def check_metric_limits(
    app: str, limits: Mapping[str, float], recomputed: Mapping[str, float], network: Network
) -> Iterator[Violation]:
    """Check limits on metrics.

    Args:
        app: Name of the app (or class of users) that has them.
        limits: Largest values by the name of the metric, each in its unit.
        recomputed: Metrics of its plan, by name.
        network: The metrics of the topology with their units.

    Yields:
        What does not hold.
    """
    for name, most in limits.items():
        if name not in recomputed:
            yield fault_of(app, f"limits.{name}", "the topology defines no metric of this name")
        else:
            yield from check_limit(app, f"limits.{name}", most, recomputed[name], network.metrics[name].unit)


def check_units(claimed: Mapping[str, str], network: Network) -> Iterator[Violation]:
    """Check that a placement gives the unit of every metric of the topology.

    Args:
        claimed: Unit of each metric, by its name, as the placement gives it.
        network: The metrics of the topology with their units.

    Yields:
        One violation where they differ.
    """
    units = {name: metric.unit for name, metric in network.metrics.items()}
    if claimed != units:
        given, wanted = (", ".join(f"{name} in {unit}" for name, unit in each.items()) or "none" for each in
                         (claimed, units))  # fmt: skip
        yield fault_of("", "metric_units", f"says {given}, the topology {wanted}")

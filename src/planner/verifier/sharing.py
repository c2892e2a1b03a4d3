"""The verifier's checks of plans with shares: several apps, or node speeds, or power as the objective.

Each app has a share of every node and medium that it uses, and waits in a queue of its own there. Shares add up to
no more than there is, and no queue may grow for ever: an app's load is at most its share. Together these imply the
limits on utilisation that a plan without shares is checked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from planner.schemas import App, Placement, Total
from planner.verifier.network import Medium, Network, medium_name
from planner.verifier.recompute import SLACK, Recomputed, Sharing
from planner.verifier.violations import Violation, check_claim, check_limit, fault_of

_Key = TypeVar("_Key")


def has_shares(placement: Placement, apps: int) -> bool:
    """Tell whether a plan of this number of apps is one with shares; without, all speeds and shares are 1."""
    certificate = placement.certificate
    by_power = certificate is not None and certificate.objective == "power_w"
    named = any(plan.shares.nodes or plan.shares.media for plan in placement.apps)
    return apps > 1 or named or bool(placement.node_speeds) or by_power


def check_together(apps: Sequence[App]) -> Iterator[Violation]:
    """Check that apps can be planned together: each has a rate, and several have no objective of their own."""
    for app in apps:
        if not app.rate_per_s > 0.0:
            yield fault_of(app.name, "rate_per_s", "an app in a plan with shares needs a rate above 0")
        if len(apps) > 1 and app.objective != "energy":
            message = f"several apps are planned for one objective, but this one has its own, {app.objective}"
            yield fault_of(app.name, "objective", message)


def check_speeds(placement: Placement, network: Network) -> Iterator[Violation]:
    """Check that every node in use, and every node with a speed, runs at one that it has."""
    hosts = {assignment.node for plan in placement.apps for assignment in plan.assignments}
    for name in sorted({*placement.node_speeds, *hosts}):
        if name in network.nodes:
            node = network.nodes[name]
            given = node.speed if node is not None else None
            slowest, fastest = (given.min, given.max) if given is not None else (1.0, 1.0)
            speed = placement.node_speeds.get(name, 1.0)
            if not slowest * (1.0 - SLACK) <= speed <= fastest * (1.0 + SLACK):
                limit = slowest if speed < slowest else fastest
                message = f"{name} runs at speed {speed:.6g}, outside {slowest:.6g} to {fastest:.6g}"
                yield Violation("", "node_speeds", limit, speed, "fraction", message)
        elif name in placement.node_speeds:
            yield fault_of("", "node_speeds", f"there is no node {name!r}")


def check_shares(app: str, sharing: Sharing, nodes: Collection[str], media: Collection[Medium]) -> Iterator[Violation]:
    """Check that an app's shares are of `nodes` and `media`, those that its plan uses, and each in (0, 1].

    Args:
        app: Name of the app.
        sharing: Its shares.
        nodes: Nodes that host its blocks.
        media: Media that it loads.

    Returns:
        What does not stand.
    """
    yield from _check_shares(app, "shares.nodes", sharing.nodes, set(nodes))
    yield from _check_shares(app, "shares.media", sharing.media, {medium_name(medium) for medium in media})


def _check_shares(app: str, what: str, shares: Mapping[str, float], used: set[str]) -> Iterator[Violation]:
    for name, share in shares.items():
        if name not in used:
            uses = ", ".join(sorted(used)) or "none"
            yield fault_of(app, what, f"a share of {name!r}, which the app does not use (it uses: {uses})")
        elif not 0.0 < share <= 1.0:
            message = f"the share of {name} is {share:.6g}, not above 0 and at most 1"
            yield Violation(app, what, share, None, "fraction", message)


def check_queues(app: App, cost: Recomputed) -> Iterator[Violation]:
    """Check that no queue of an app grows for ever: its load of everything is at most its share."""
    loads = [(node, busy_s, cost.node_shares[node]) for node, busy_s in cost.node_busy_s.items()]
    loads += [(medium_name(at), busy_s, cost.medium_shares[at]) for at, busy_s in cost.medium_busy_s.items()]
    for name, busy_s, share in loads:
        subject = f"the queue at {name}"
        yield from check_limit(app.name, "stability", share, app.rate_per_s * busy_s, "fraction", subject=subject)


def check_share_sums(costs: Sequence[Recomputed], network: Network) -> Iterator[Violation]:
    """Check that no more of a node or medium is shared out than there is."""
    for name, share in summed(cost.node_shares for cost in costs).items():
        if (node := network.nodes[name]) is not None:
            subject = f"the sum of shares of {name}"
            yield from check_limit("", "max_utilization", node.max_utilization, share, "fraction", subject=subject)
    for medium, share in summed(cost.medium_shares for cost in costs).items():
        subject = f"the sum of shares of {medium_name(medium)}"
        yield from check_limit("", "medium_utilization", 1.0, share, "fraction", subject=subject)


def summed(parts: Iterable[Mapping[_Key, float]]) -> dict[_Key, float]:
    """Return the sum over all apps, by key."""
    total: dict[_Key, float] = {}
    for part in parts:
        for key, value in part.items():
            total[key] = total.get(key, 0.0) + value
    return total


def check_sum_claims(total: Total, costs: Sequence[Recomputed], shared: bool) -> Iterator[Violation]:
    """Check the sums of shares that a placement claims; it need not claim any.

    Args:
        total: The sums that the placement claims.
        costs: What every app's plan costs.
        shared: Whether the plan is one with shares.

    Returns:
        What does not stand.
    """
    node_shares = sum(share for cost in costs for share in cost.node_shares.values())
    media_shares = sum(share for cost in costs for share in cost.medium_shares.values())
    for what, claimed, value in (
        ("total.node_share_sum", total.node_share_sum, node_shares),
        ("total.media_share_sum", total.media_share_sum, media_shares),
    ):
        if claimed is not None and not shared:
            yield fault_of("", what, "there are no shares to sum up")
        elif claimed is not None:
            yield from check_claim("", what, claimed, value, "shares")

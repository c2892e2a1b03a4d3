"""The verifier's checks of objectives that are maximised: the rate that a plan sustains, accuracy, and upper bounds.

A plan sustains one over its bottleneck: the largest of the busy times of nodes over their `max_utilization` and of
those of media, all of one inference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import inf, isclose, isinf

from planner.schemas import App, AppPlacement, Certificate
from planner.verifier.network import Network, medium_name
from planner.verifier.recompute import SLACK, Recomputed
from planner.verifier.violations import Violation, check_claim, fault_of

_FIELDS = {"rate": "rate_per_s", "accuracy": "accuracy"}


def loads_of(cost: Recomputed, network: Network) -> dict[str, float]:
    """Return what bounds the rate, in seconds by name: nodes (busy time over `max_utilization`), and media.

    Args:
        cost: What the plan costs.
        network: All nodes.
    """
    loads: dict[str, float] = {}
    for name, busy_s in cost.node_busy_s.items():
        node = network.nodes[name]
        most = node.max_utilization if node is not None else 0.0
        if busy_s > 0.0:
            loads[name] = busy_s / most if most > 0.0 else inf
    loads.update({medium_name(at): busy_s for at, busy_s in cost.medium_busy_s.items() if busy_s > 0.0})
    return loads


def rate_of_plan(cost: Recomputed, network: Network) -> float:
    """Return the largest rate that a plan sustains, in inferences per second; infinite where nothing is busy."""
    busiest_s = max(loads_of(cost, network).values(), default=0.0)
    return inf if busiest_s == 0.0 else 1.0 / busiest_s


def check_sustained(app: App, plan: AppPlacement, cost: Recomputed, network: Network) -> Iterator[Violation]:
    """Check rate, busy times and bottleneck of a plan: all there where the rate is maximised, else none.

    Args:
        app: The app.
        plan: Its plan as claimed.
        cost: What was recomputed of it.
        network: The verifier's view of the topology.

    Yields:
        What does not hold.
    """
    if app.objective != "rate":
        for what in ("rate_per_s", "busy_s", "bottleneck"):
            if getattr(plan, what) is not None:
                yield fault_of(app.name, what, "this is said of plans whose rate is maximised")
        return
    if plan.busy_s is None:
        yield fault_of(app.name, "busy_s", "the busy times of a plan whose rate is maximised are missing")
        return
    rate = rate_of_plan(cost, network)
    if plan.rate_per_s is None or isinf(rate):
        if plan.rate_per_s is not None or not isinf(rate):
            says, has = ("any rate", f"{rate:.12g} per second") if plan.rate_per_s is None else ("a rate", "any")
            yield fault_of(app.name, "rate_per_s", f"claims {says}, sustains {has}")
    else:
        yield from check_claim(app.name, "rate_per_s", plan.rate_per_s, rate, "1/s")
    nodes = {name: busy_s for name, busy_s in cost.node_busy_s.items() if busy_s > 0.0}
    media = {medium_name(at): busy_s for at, busy_s in cost.medium_busy_s.items() if busy_s > 0.0}
    yield from _check_busy(app.name, "busy_s.nodes", plan.busy_s.nodes, nodes)
    yield from _check_busy(app.name, "busy_s.media", plan.busy_s.media, media)
    yield from _check_bottleneck(app.name, plan.bottleneck, loads_of(cost, network))


def _check_busy(app: str, what: str, claimed: Mapping[str, float], busy_s: Mapping[str, float]) -> Iterator[Violation]:
    for name in sorted({*claimed, *busy_s}):
        yield from check_claim(app, f"{what}.{name}", claimed.get(name, 0.0), busy_s.get(name, 0.0), "s")


def _check_bottleneck(app: str, claimed: str | None, loads: Mapping[str, float]) -> Iterator[Violation]:
    most = max(loads.values(), default=0.0)
    if claimed is None:
        if loads:
            yield fault_of(app, "bottleneck", "none is named, but something is busy")
    elif claimed not in loads or not loads[claimed] >= most * (1.0 - SLACK):
        yield fault_of(app, "bottleneck", f"{claimed} does not bound the rate")


def check_upper_bound(certificate: Certificate, objective: str, value: float) -> Iterator[Violation]:
    """Check the certificate of a plan whose objective is maximised.

    Args:
        certificate: What is claimed to be proved.
        objective: What is maximised, `rate` or `accuracy`.
        value: The objective of the plan, as recomputed; infinite for any rate.

    Yields:
        What does not hold.
    """
    if certificate.objective != _FIELDS[objective]:
        yield fault_of("", "certificate.objective", f"{certificate.objective} is not what the app maximises")
        return
    if certificate.lower_bound is not None:
        yield fault_of("", "certificate.lower_bound", "the objective is maximised, so its bound is an upper one")
    bound = inf if certificate.upper_bound is None else certificate.upper_bound
    if not bound >= value * (1.0 - SLACK):
        message = f"the bound {bound:.12g} is below the plan's {value:.12g}"
        yield Violation("", "certificate.upper_bound", bound, value, "", message)
    true_gap = gap_below(bound, value)
    if certificate.relative_gap is None:
        if true_gap is not None:
            yield fault_of("", "certificate.relative_gap", "there is a plan and a bound, so there is a gap")
    elif true_gap is None or not isclose(certificate.relative_gap, true_gap, rel_tol=SLACK, abs_tol=SLACK):
        message = f"claims a gap of {certificate.relative_gap:.12g}, is {true_gap}"
        yield Violation("", "certificate.relative_gap", certificate.relative_gap, true_gap, "fraction", message)


def gap_below(bound: float, value: float) -> float | None:
    """Return the gap of a value below an upper bound as a fraction of the bound; None where no bound is known."""
    if value >= bound or isinf(value):
        return 0.0
    return None if isinf(bound) else 1.0 - value / bound

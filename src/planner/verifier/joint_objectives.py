"""The verifier's checks of objectives of all apps together, other than power: latency over limit, accuracy, metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from planner.schemas import Certificate, Total
from planner.schemas.reading.quantities import FRACTION
from planner.verifier.violations import Violation, check_claim, fault_of

_FIELDS = {"latency": "latency_over_limit", "accuracy": "mean_accuracy"}
"""Sums that hold the value of an objective."""
_NAMES = {"latency": "latency_over_limit"}
"""What certificates call objectives, where that is another name."""


@dataclass(frozen=True)
class JointFigures:
    """What objectives of all apps together depend on, of one app as recomputed."""

    rate_per_s: float
    latency_s: float
    max_latency_s: float | None
    accuracy: float | None
    metrics: Mapping[str, float]


def value_of_objective(objective: str, apps: Sequence[JointFigures]) -> float:
    """Return the objective of all apps as recomputed, in its unit.

    Args:
        objective: What the workload is planned for.
        apps: Figures of every app.

    Returns:
        The largest latency over its limit (infinite without a limit), the mean accuracy weighted by rates (an unknown
        one counts as 0), or the sum of rates times a metric (infinite where there is no such metric).
    """
    if objective == "latency":
        return max(float("inf") if app.max_latency_s is None else app.latency_s / app.max_latency_s for app in apps)
    if objective == "accuracy":
        rates = sum(app.rate_per_s for app in apps)
        return sum(app.rate_per_s * (app.accuracy or 0.0) for app in apps) / rates if rates > 0.0 else 0.0
    return sum(app.rate_per_s * app.metrics.get(objective, float("inf")) for app in apps)


def check_sums_of_objective(total: Total, objective: str, apps: Sequence[JointFigures]) -> Iterator[Violation]:
    """Check what the sums say of the objective: its value where it is asked for, and nothing elsewhere.

    Args:
        total: The sums that the placement claims.
        objective: What the workload is planned for.
        apps: Figures of every app.

    Yields:
        What does not hold.
    """
    for name, field in _FIELDS.items():
        what, claimed = f"total.{field}", getattr(total, field)
        if name != objective:
            if claimed is not None:
                yield fault_of("", what, f"this is said of plans for {name}")
        elif claimed is None:
            yield fault_of("", what, f"the workload is planned for {name}, and it is missing")
        else:
            yield from check_claim("", what, claimed, value_of_objective(objective, apps), FRACTION)
    if objective == "accuracy" and any(app.accuracy is None for app in apps):
        yield fault_of("", "total.mean_accuracy", "a model does not say how accurate it is")


def check_objective_named(
    certificate: Certificate, objective: str, metrics: Mapping[str, object]
) -> Iterator[Violation]:
    """Check that the certificate is about what the workload is planned for, and that there is such an objective.

    Args:
        certificate: What is claimed to be proved.
        objective: What the workload is planned for.
        metrics: The metrics of the topology, by name.

    Yields:
        What does not hold.
    """
    if objective not in _FIELDS and objective not in metrics:
        yield fault_of("", "objective", f"the topology defines no metric {objective}")
    elif certificate.objective != _NAMES.get(objective, objective):
        yield fault_of("", "certificate.objective", f"{certificate.objective} is not what the workload is planned for")

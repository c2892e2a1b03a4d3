"""The verifier's checks of objectives of all apps together, other than power: latency over its limit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from planner.schemas import Certificate, Total
from planner.schemas.reading.quantities import FRACTION
from planner.verifier.violations import Violation, check_claim, fault_of

_FIELDS = {"latency": "latency_over_limit"}


@dataclass(frozen=True)
class JointFigures:
    """What objectives of all apps together depend on, of one app as recomputed."""

    rate_per_s: float
    latency_s: float
    max_latency_s: float | None


def value_of_objective(objective: str, apps: Sequence[JointFigures]) -> float:
    """Return the objective of all apps as recomputed, in its unit; infinite where an app's latency has no limit.

    Args:
        objective: What the workload is planned for.
        apps: Figures of every app.
    """
    return max(float("inf") if app.max_latency_s is None else app.latency_s / app.max_latency_s for app in apps)


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


def check_objective_named(certificate: Certificate, objective: str) -> Iterator[Violation]:
    """Check that the certificate is about what the workload is planned for.

    Args:
        certificate: What is claimed to be proved.
        objective: What the workload is planned for.

    Yields:
        What does not hold.
    """
    if certificate.objective != _FIELDS.get(objective, objective):
        yield fault_of("", "certificate.objective", f"{certificate.objective} is not what the workload is planned for")

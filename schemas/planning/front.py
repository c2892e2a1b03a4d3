"""front.json: every trade-off of energy, latency, accuracy or metrics that no other plan beats, each with its plan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from planner.schemas.planning.placement import Diagnosis, Placement, Provenance
from planner.schemas.reading.base import (
    MOST_COUNT,
    Document,
    Finding,
    Fraction,
    Name,
    NonNegative,
    Strict,
    Version,
    field_of,
    items_of,
)

FrontStatus = Literal["complete", "partial", "infeasible", "unknown"]


class FrontPoint(Strict):
    """A plan that no other one is as good as in all axes and better in one."""

    energy_j: NonNegative = Field(description="Energy of one inference, in joules.")
    latency_s: NonNegative = Field(description="Latency by the app's statistic, in seconds.")
    accuracy: Fraction | None = Field(
        description="Accuracy of the operating point (fraction); null where the model does not say it."
    )
    placement: Placement = Field(description="The plan; its bound is for plans as fast and as accurate as this one.")


def _check_front(data: object) -> Iterator[Finding]:
    for index, point in enumerate(items_of(data, "points")):
        count = len(items_of(field_of(point, "placement"), "apps"))
        if count != 1:
            where = ("points", index, "placement", "apps")
            yield where, count, "a point of a front is a plan of one app", "make the front again with planner pareto"


class Front(Document):
    """The trade-offs of one app on one topology.

    Those of energy, latency and accuracy come with the most accurate first, then by rising energy; those of two axes by
    the first one, rising (or by the second, where the first is accuracy).
    """

    cross_checks: ClassVar = _check_front

    schema_version: Version = "1"
    status: FrontStatus = Field(
        description="complete (proved: no point is missing), partial (a limit stopped the search; every point given "
        "is one of the front), infeasible (proved: there is no plan) or unknown (a limit came before any plan)."
    )
    message: str = Field("", description="What stopped the search and which plans it had not looked at yet.")
    app: Name = Field(description="Name of the app.")
    latency: Name = Field(description="Which latency counts: worst, mean, or a percentile such as p95.")
    axes: tuple[Name, ...] = Field(
        ("energy", "latency", "accuracy"), description="Figures that plans are compared by; metrics by their names."
    )
    resolution: NonNegative = Field(description="Relative difference below which two figures count as equal (no unit).")
    points: tuple[FrontPoint, ...] = Field((), description="The front.")
    searches: int = Field(ge=0, le=MOST_COUNT, description="Exact searches that the front took (count).")
    diagnosis: Diagnosis | None = Field(None, description="Why there is no plan (infeasible only).")
    provenance: Provenance | None = Field(None, description="What made this file.")

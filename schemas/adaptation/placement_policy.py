"""placement-policy.json: which plan to use in which state of a topology."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from planner.schemas.planning.placement import AppPlacement, Diagnosis, Provenance, Status
from planner.schemas.planning.workload import FigureKind
from planner.schemas.reading.base import MOST_COUNT, Document, Fraction, Name, NonNegative, Strict, Version

Limit = Literal[FigureKind, "metric", "accuracy", "rate"]


class KeptFixed(Strict):
    """What it would cost never to leave a plan."""

    states_kept: int = Field(ge=0, le=MOST_COUNT, description="States where the plan keeps every limit (count).")
    worst_regret: NonNegative | None = Field(
        description="Largest regret over those states, in the unit of `objective` (null: there is none)."
    )
    mean_regret: NonNegative | None = Field(description="Mean regret over those states, in the unit of `objective`.")


class PolicyPlan(Strict):
    """A plan that some state uses."""

    name: Name = Field(description="Name of the plan: p0 is that of the state where nothing is wrong, if it has one.")
    states: int = Field(ge=1, le=MOST_COUNT, description="States that use it (count).")
    placement: AppPlacement = Field(description="The plan, with what it costs in the first state that uses it.")
    kept_fixed: KeptFixed = Field(description="The plan kept in every state.")


class StatePlan(Strict):
    """One state and the plan to use there."""

    conditions: tuple[Name, ...] = Field(description="Conditions that hold; none: nothing is wrong.")
    status: Status = Field(description="What is proved of plans within the limits in this state.")
    plan: Name | None = Field(description="Plan to use (null: nothing can run, or none was found in the time limit).")
    degraded: bool = Field(description="The plan breaks a limit, because no plan keeps all of them.")
    gave_up: tuple[Limit, ...] = Field((), description="Limits that the plan breaks.")
    energy_j: NonNegative | None = Field(None, description="Energy of one inference in this state, in joules.")
    latency_s: NonNegative | None = Field(None, description="Latency in this state by the app's statistic, in seconds.")
    accuracy: Fraction | None = Field(None, description="Accuracy of the plan (fraction).")
    rate_per_s: NonNegative | None = Field(
        None, description="Inferences per second that the plan bears, where it does not bear the rate asked for."
    )
    message: str = Field("", description="What the plan gives up, or what stopped the search, in words.")
    regret: dict[str, NonNegative | None] = Field(
        default_factory=dict,
        description="By plan: how far its objective is above the plan of this state, in the unit of `objective`; "
        "null where it cannot run or breaks a limit. Only for states with a plan within the limits.",
    )
    diagnosis: Diagnosis | None = Field(None, description="Why no plan keeps the limits (infeasible only).")


class PlacementPolicy(Document):
    """Every state of a topology, with the plan to use there."""

    schema_version: Version = "1"
    name: Name = Field(description="Name of the set of states.")
    app: Name = Field(description="Name of the app that is planned.")
    objective: Literal["energy_j", "latency_s"] = Field(description="What is minimised, with its unit.")
    plan_set: tuple[PolicyPlan, ...] = Field(description="All plans that the policy uses.")
    policy: tuple[StatePlan, ...] = Field(min_length=1, description="Every state; first that where nothing is wrong.")
    provenance: Provenance = Field(description="What made this file.")

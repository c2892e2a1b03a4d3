"""fleet placement: groups of users with their plans, totals, the proof, and what is short."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from planner.schemas.planning.placement import Assignment, Provenance, Route, Status
from planner.schemas.reading.base import MOST_COUNT, Document, Fraction, Name, NonNegative, Strict, Version


class Group(Strict):
    """Users of one class with one plan."""

    class_name: Name = Field(alias="class", description="Name of the class.")
    count: int = Field(ge=1, le=MOST_COUNT, description="Users with this plan (count).")
    attach: Name = Field(description="Shared node that they attach to.")
    operating_point: Name = Field(description="Operating point chosen (or designed).")
    exit_fractions: dict[str, Fraction] = Field(description="Exits that are on, with the fraction that leaves at each.")
    thresholds: dict[str, float | None] | None = Field(
        None, description="Threshold of each exit that is on (null: takes all that remain); for designed points only."
    )
    assignments: tuple[Assignment, ...] = Field(
        min_length=1, description="Deployed blocks in execution order; `device` is the user's own node."
    )
    routes: tuple[Route, ...] = Field((), description="Routes of more than one node.")
    energy_j: NonNegative = Field(description="Energy of one inference, in joules.")
    latency_s: NonNegative = Field(description="Latency by the class's statistic, in seconds.")
    accuracy: Fraction | None = Field(
        description="Accuracy of the operating point (fraction; null where the model does not say it)."
    )
    metrics: dict[str, NonNegative] = Field(
        default_factory=dict, description="Metrics of the topology, of one inference, by name; units in `metric_units`."
    )


class Load(Strict):
    """A shared node or medium: how busy it is, and what more of it would save."""

    name: Name = Field(description="Node, or medium (source->target of a link that is one of its own).")
    kind: Literal["node", "medium"] = Field(description="What it is.")
    utilization: NonNegative = Field(description="Fraction of time it is busy (no unit).")
    capacity: NonNegative = Field(description="Largest fraction allowed (no unit).")
    price_w: NonNegative = Field(
        description="Dual price in watts per unit of capacity: power that a little more of it would save, relatively."
    )


class FleetTotal(Strict):
    """Sums over all users."""

    power_w: NonNegative = Field(description="Rate times energy of all users, and idle power, in watts.")
    idle_power_w: NonNegative = Field(description="Part of it that shared nodes in use draw idle, in watts.")
    users: int = Field(ge=0, le=MOST_COUNT, description="Users of all classes (count).")
    served: int = Field(ge=0, le=MOST_COUNT, description="Users that have a plan (count).")
    nodes_used: int = Field(ge=0, le=MOST_COUNT, description="Shared nodes that host a block (count).")
    tier_w: dict[str, NonNegative] = Field(
        description="Power by where it is spent: `device`, `network`, or the tier of the node, in watts."
    )
    metrics: dict[str, NonNegative] = Field(
        default_factory=dict,
        description="Metrics of all users (rates times figures), by name, in their units per second.",
    )


class FleetCertificate(Strict):
    """What is proved of the answer."""

    lower_bound: NonNegative = Field(description="No plan of the same users has a smaller power, in watts.")
    relative_gap: NonNegative | None = Field(
        None, description="(power - lower_bound) / power; null, or left out, without a plan."
    )
    objective: Literal["power_w"] = Field("power_w", description="What is minimised.")
    linear_gap: NonNegative | None = Field(
        None, description="The same gap of the linear program, whose users may be split; null if it was not solved."
    )
    complete: bool = Field(
        True, description="Whether the bound covers all plans, or only those over the hosts and routes considered."
    )


class Shortage(Strict):
    """A shared node or medium that keeps users from being served."""

    name: Name = Field(description="Node or medium.")
    kind: Literal["node", "medium"] = Field(description="What it is.")
    capacity: NonNegative = Field(description="Largest fraction of time it may be busy (no unit).")
    users_per_tenth: NonNegative = Field(
        description="Users that a tenth more of its capacity would serve (dual, count)."
    )


class FleetDiagnosis(Strict):
    """Why not all users are served."""

    summary: str = Field(description="One sentence.")
    most_served: int = Field(ge=0, le=MOST_COUNT, description="No plan serves more users (proved bound, count).")
    short: tuple[Shortage, ...] = Field((), description="What is short, the scarcest first.")
    impossible: tuple[str, ...] = Field((), description="Classes whose limits no plan meets, however much is free.")


class Unserved(Strict):
    """Users of a class that have no plan."""

    class_name: Name = Field(alias="class", description="Name of the class.")
    count: int = Field(ge=1, le=MOST_COUNT, description="Users without a plan (count).")


class Change(Strict):
    """What differs from the placement that was planned from."""

    moved: int = Field(ge=0, le=MOST_COUNT, description="Users whose plan is another than before (count).")
    new: int = Field(ge=0, le=MOST_COUNT, description="Users that were not there before (count).")
    gone: int = Field(ge=0, le=MOST_COUNT, description="Users of before that are not there any more (count).")


class FleetTiming(Strict):
    """Where the planner's time went."""

    build_s: NonNegative = Field(description="Arrays and plan kinds, in seconds.")
    linear_s: NonNegative = Field(description="The linear program, in seconds.")
    whole_s: NonNegative = Field(description="Whole users, in seconds.")


class FleetPlacement(Document):
    """The plan of a fleet."""

    schema_version: Version = "1"
    fleet: Name = Field(description="Name of the fleet.")
    status: Status = Field(description="optimal, feasible (the gap is not closed), infeasible (proved) or unknown.")
    message: str = Field("", description="What stopped the search, where something did.")
    groups: tuple[Group, ...] = Field((), description="Users with their plans (none unless there is a plan).")
    total: FleetTotal | None = Field(None, description="Sums over all users.")
    loads: tuple[Load, ...] = Field((), description="Shared nodes and media in use.")
    certificate: FleetCertificate | None = Field(None, description="What is proved.")
    unserved: tuple[Unserved, ...] = Field((), description="Users without a plan, by class.")
    diagnosis: FleetDiagnosis | None = Field(None, description="Why not all users are served.")
    metric_units: dict[str, str] = Field(
        default_factory=dict, description="Unit of each metric of the topology, by its name."
    )
    change: Change | None = Field(None, description="What differs from the placement that was planned from.")
    timing: FleetTiming | None = Field(None, description="Where the planner's time went.")
    provenance: Provenance | None = Field(None, description="What made this file.")

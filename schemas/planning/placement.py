"""placement.json: the answer, with its proof or with the reason why there is none."""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import Field

from planner.schemas.planning.batches import MOST_BATCH
from planner.schemas.planning.workload import FigureKind
from planner.schemas.reading.base import MOST_COUNT, Document, Fraction, Name, NonNegative, Strict, Version

Status = Literal["optimal", "feasible", "infeasible", "unknown"]
Reason = Literal["proved", "limit", "incomplete", "numerical"]
LimitReached = Literal["time", "size", "nodes"]
LimitKind = Literal[FigureKind, "accuracy", "metric", "memory", "rate", "utilization", "medium", "pin", "reachability"]


class Assignment(Strict):
    """One block and the node that runs it."""

    block: Name = Field(description="Name of the block.")
    node: Name = Field(description="Name of the node.")


class Route(Strict):
    """The route that one output takes."""

    after: str | None = Field(description="Block whose output is carried; null for the input.")
    to: Name | None = Field(None, description="Block that it is carried to (none: the one behind `after`).")
    tensor: Name | None = Field(None, description="Which of the outputs of `after` it is, where there are several.")
    path: tuple[Name, ...] = Field(min_length=2, description="Nodes passed, both ends included.")
    bits: NonNegative = Field(description="Size of what is carried, in bits.")
    result_of: str | None = Field(
        None, description="Exit whose result is carried to the destination, if it is a result."
    )


class Shares(Strict):
    """The app's share of what it uses together with others (1 where nothing is shared)."""

    nodes: dict[str, Fraction] = Field(default_factory=dict, description="Share of each node (no unit).")
    media: dict[str, Fraction] = Field(
        default_factory=dict,
        description="Share of each medium, by its name, or by source->target of a link of its own (no unit).",
    )


class Breakdown(Strict):
    """Where energy and time go."""

    compute_j: NonNegative = Field(description="Energy of computing, in joules.")
    transfer_j: NonNegative = Field(description="Energy of transfers, in joules.")
    compute_s: NonNegative = Field(description="Computing part of the latency, in seconds.")
    transfer_s: NonNegative = Field(description="Transfer part of the latency, in seconds.")
    filling_s: NonNegative = Field(0.0, description="Wait until the batch is full, part of the latency, in seconds.")


class BusyTimes(Strict):
    """How long one inference keeps nodes and media busy."""

    nodes: dict[str, NonNegative] = Field(default_factory=dict, description="Busy time of each node, in seconds.")
    media: dict[str, NonNegative] = Field(
        default_factory=dict,
        description="Busy time of each medium, by its name, or by source->target of a link of its own, in seconds.",
    )


class AppPlacement(Strict):
    """The plan of one app."""

    name: Name = Field(description="Name of the app.")
    model: Name | None = Field(None, description="Model chosen, as the app names it, where it names several.")
    batch: int = Field(1, ge=1, le=MOST_BATCH, description="Samples that run together: the batch size chosen (count).")
    operating_point: Name = Field(description="Operating point chosen (or designed).")
    exit_fractions: dict[str, Fraction] = Field(description="Exits that are on, with the fraction that leaves at each.")
    thresholds: dict[str, float | None] | None = Field(
        None,
        description="Threshold of each exit that is on (null: takes all that remain); for designed points only.",
    )
    assignments: tuple[Assignment, ...] = Field(min_length=1, description="Deployed blocks, in execution order.")
    routes: tuple[Route, ...] = Field((), description="Routes of more than one node.")
    shares: Shares = Field(default_factory=Shares, description="Shares of nodes and media.")
    energy_j: NonNegative = Field(description="Energy of one inference, in joules.")
    latency_s: NonNegative = Field(description="Latency by the app's statistic, in seconds.")
    accuracy: Fraction | None = Field(
        description="Accuracy of the operating point (fraction); null where the model does not say it."
    )
    breakdown: Breakdown = Field(description="Where energy and time go.")
    metrics: dict[str, NonNegative] = Field(
        default_factory=dict, description="Metrics of the topology, of one inference, by name; units in `metric_units`."
    )
    rate_per_s: NonNegative | None = Field(
        None,
        description="Largest rate that the plan sustains, where the rate is maximised, in inferences per second (null "
        "with `busy_s`: nothing is busy, so any rate).",
    )
    busy_s: BusyTimes | None = Field(None, description="Busy times of one inference, where the rate is maximised.")
    bottleneck: str | None = Field(
        None, description="Node or medium that bounds the rate, where it is maximised (null: nothing is busy)."
    )

    @property
    def nodes_used(self) -> int:
        """Number of nodes that run blocks."""
        return len({each.node for each in self.assignments})


class Total(Strict):
    """Sums over all apps."""

    energy_j: NonNegative = Field(description="Energy of one inference of every app, in joules.")
    power_w: NonNegative = Field(description="Rate times energy, and idle power of the nodes in use, in watts.")
    nodes_used: int = Field(ge=0, le=MOST_COUNT, description="Nodes that host a block (count).")
    node_share_sum: NonNegative | None = Field(
        None, description="All apps' shares of all nodes, summed (no unit; null for a plan without shares)."
    )
    media_share_sum: NonNegative | None = Field(
        None, description="All apps' shares of all media, summed (no unit; null for a plan without shares)."
    )
    metrics: dict[str, NonNegative] = Field(
        default_factory=dict,
        description="Metrics of the topology, rates times figures of all apps, by name; units per second.",
    )
    latency_over_limit: NonNegative | None = Field(
        None,
        description="Largest latency over its limit, where all apps are planned for it (no unit; null elsewhere).",
    )
    mean_accuracy: Fraction | None = Field(
        None,
        description="Mean accuracy weighted by rates, where all apps are planned for it (fraction; null elsewhere).",
    )


class Certificate(Strict):
    """What is proved of the answer."""

    lower_bound: float | None = Field(
        None,
        description="No plan within the limits has a smaller objective; unit as in `objective`; null where it is "
        "maximised.",
    )
    upper_bound: NonNegative | None = Field(
        None,
        description="No plan within the limits has a larger objective, where it is maximised; null: no bound is known, "
        "or a rate is without bound.",
    )
    relative_gap: NonNegative | None = Field(
        description="(objective - lower_bound) / objective, or (upper_bound - objective) / upper_bound; null without a "
        "plan or a bound."
    )
    objective: Name = Field(
        description="What is minimised, with its unit: energy_j, latency_s or power_w, or the name of a metric; of all "
        "apps together also latency_over_limit, and metrics are per second; or what is maximised: rate_per_s or "
        "accuracy."
    )

    @property
    def maximised(self) -> bool:
        """Whether the objective is maximised, so that the bound is an upper one."""
        return self.objective in MAXIMISED_FIELDS

    @property
    def bound(self) -> float | None:
        """The bound on the objective, whichever way; None where there is none."""
        return self.upper_bound if self.maximised else self.lower_bound


class Timing(Strict):
    """Where the planner's time went."""

    build_s: NonNegative = Field(description="Building the graph, in seconds.")
    search_s: NonNegative = Field(description="Searching, in seconds.")


class Provenance(Strict):
    """What made this file, from what."""

    planner: str = Field(description="Version of the planner.")
    method: str = Field(description="Method used.")
    inputs: dict[str, str] = Field(default_factory=dict, description="Hash of every input file.")
    files: dict[str, str] = Field(
        default_factory=dict,
        description="Paths of inputs as they were given, by name, where a path says more than the name.",
    )
    limits: dict[str, Any] = Field(
        default_factory=dict,
        description="Limits that were given beside the files, by the name of the library's argument.",
    )


class Termination(Strict):
    """Why the search ended."""

    reason: Reason = Field(
        description="limit (a limit came first), incomplete (the method proves no more), numerical (a solver failed) "
        "or proved (the status is proved)."
    )
    limit: LimitReached | None = Field(
        None, description="Which limit: time, size (more plans than the method takes) or nodes (of a search tree)."
    )
    detail: str = Field("", description="The same in words.")


class BrokenLimit(Strict):
    """One limit that cannot hold, and what could be reached if it gave way and all others were kept."""

    kind: LimitKind = Field(description="Kind of limit.")
    subject: str = Field(description="The app, node, block or exit that it is about.")
    demand: float | None = Field(None, description="What is asked for, in `unit`.")
    best: float | None = Field(None, description="The best that can be reached with the other limits kept, in `unit`.")
    unit: str = Field(description="Unit of demand and best.")
    message: str = Field(description="The same in words.")


class Diagnosis(Strict):
    """Why there is no plan."""

    summary: str = Field(description="One sentence.")
    limits: tuple[BrokenLimit, ...] = Field(description="The limits, each with the best that can be reached.")


_OBJECTIVE_UNITS = {
    "energy_j": "J", "latency_s": "s", "power_w": "W", "rate_per_s": "1/s", "accuracy": "", "latency_over_limit": "",
}  # fmt: skip
MAXIMISED_FIELDS = ("rate_per_s", "accuracy")
"""Objectives of certificates that are maximised."""


class Placement(Document):
    """The result of planning."""

    schema_version: Version = "1"
    status: Status = Field(description="optimal, feasible (a limit stopped the proof), infeasible (proved) or unknown.")
    message: str = Field("", description="What stopped the search, where something did.")
    termination: Termination | None = Field(
        None, description="Why the search ended without a proof (none: it is proved)."
    )
    apps: tuple[AppPlacement, ...] = Field((), description="The plan of each app (none unless there is a plan).")
    total: Total | None = Field(None, description="Sums over all apps.")
    node_speeds: dict[str, NonNegative] = Field(
        default_factory=dict, description="Relative clock speeds (1 = nominal)."
    )
    metric_units: dict[str, str] = Field(
        default_factory=dict, description="Unit of each metric of the topology, by its name."
    )
    certificate: Certificate | None = Field(None, description="What is proved.")
    diagnosis: Diagnosis | None = Field(None, description="Why there is no plan (infeasible only).")
    timing: Timing | None = Field(None, description="Where the planner's time went.")
    provenance: Provenance | None = Field(None, description="What made this file.")

    @property
    def objective_unit(self) -> str:
        """Unit of what is minimised: that of the certificate's objective; J without a certificate."""
        name = "energy_j" if self.certificate is None else self.certificate.objective
        if name in _OBJECTIVE_UNITS:
            return _OBJECTIVE_UNITS[name]
        unit = self.metric_units.get(name, "")
        return f"{unit}/s" if self.together else unit

    @property
    def together(self) -> bool:
        """Whether apps were planned together, with shares; so may one app be that a joint method planned."""
        return self.total is not None and self.total.node_share_sum is not None

    @property
    def objective_value(self) -> float | None:
        """Value of the objective, in `objective_unit`; None without a plan or a certificate."""
        if self.total is None or self.certificate is None or not self.apps:
            return None
        name, plan = self.certificate.objective, self.apps[0]
        if self.together:
            sums = {
                "power_w": self.total.power_w,
                "latency_over_limit": self.total.latency_over_limit,
                "accuracy": self.total.mean_accuracy,
            }
            return sums[name] if name in sums else self.total.metrics.get(name)
        figures: dict[str, float | None] = {
            "power_w": self.total.power_w,
            "energy_j": plan.energy_j,
            "latency_s": plan.latency_s,
            "rate_per_s": math.inf if plan.rate_per_s is None else plan.rate_per_s,
            "accuracy": plan.accuracy,
        }
        return figures[name] if name in figures else plan.metrics.get(name)

"""policy.json: which joint design to run in every state of a device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from planner.schemas.adaptation.designs import MAX_ENGINES, Constraint, Metric
from planner.schemas.planning.placement import Provenance
from planner.schemas.reading.base import (
    Document,
    Finding,
    Name,
    NonNegative,
    Strict,
    Version,
    duplicate_names,
    field_of,
    items_of,
)

Count = Annotated[int, Field(ge=0)]


class TaskMetrics(Strict):
    """What one task costs within a joint design."""

    engine: Name = Field(description="Engine that it runs on.")
    tasks_on_engine: Annotated[int, Field(ge=1)] = Field(1, description="Tasks on that engine, itself included.")
    accuracy: float | None = Field(None, description="Accuracy (fraction).")
    size_bytes: NonNegative | None = Field(None, description="Size of the stored model, in bytes.")
    memory_bytes: NonNegative = Field(description="Memory, in bytes.")
    energy_j: NonNegative | None = Field(None, description="Energy of one inference, in joules.")
    latency_s: dict[str, NonNegative] = Field(
        default_factory=dict, description="Latency in seconds, contention included, by statistic."
    )


class JointMetrics(Strict):
    """What a joint design costs (null where a design does not say)."""

    accuracy: float | None = Field(None, description="Mean accuracy of the tasks (fraction).")
    size_bytes: NonNegative | None = Field(None, description="Sum of the tasks' sizes, in bytes.")
    memory_bytes: NonNegative = Field(description="Sum of the tasks' memory, in bytes.")
    energy_j: NonNegative | None = Field(None, description="Sum of the tasks' energy, in joules.")
    latency_s: dict[str, NonNegative] = Field(
        default_factory=dict, description="Largest latency of the tasks in seconds, by statistic."
    )
    tasks: dict[str, TaskMetrics] = Field(min_length=1, description="The same of every task, by its name.")


class ScoredObjective(Strict):
    """An objective, with what its values are measured by."""

    metric: Metric = Field(description="Metric.")
    statistic: str | None = Field(None, description="Statistic of latency or throughput.")
    task: Name | None = Field(None, description="Task (none: all tasks together).")
    weight: NonNegative = Field(description="Weight (no unit).")
    best: float = Field(description="Best value among the joint designs that meet every constraint.")
    standard_deviation: NonNegative = Field(
        description="Population standard deviation among them (0: the objective is skipped)."
    )


class JointDesign(Strict):
    """One design per task."""

    name: Name = Field(description="Name; d0 is the design of the state where nothing is wrong.")
    choice: dict[str, Name] = Field(min_length=1, description="Name of the design of every task.")
    distance: NonNegative = Field(description="Distance to the best values in standard deviations (no unit).")
    optimality: NonNegative | None = Field(None, description="1 / distance; null where the distance is 0 (infinite).")
    metrics: JointMetrics = Field(description="What it costs while no engine is overloaded.")


class PolicyRow(Strict):
    """What to run in one state."""

    overloaded: tuple[Name, ...] = Field(description="Engines that are overloaded, in the device's order.")
    memory_tight: bool = Field(description="Whether memory is tight.")
    design: Name = Field(description="Joint design to run.")
    degraded: bool = Field(description="Whether it uses an overloaded engine or exceeds the memory budget.")


class Baseline(Strict):
    """What another way of choosing would run where nothing is wrong."""

    choice: dict[str, Name] | None = Field(None, description="Name of the design of every task (null: it has none).")
    feasible: bool | None = Field(None, description="Whether it meets every constraint.")
    distance: NonNegative | None = Field(None, description="Its distance, measured as for the designs.")
    optimality: NonNegative | None = Field(None, description="1 / distance; null where the distance is 0.")
    optimality_ratio: NonNegative | None = Field(
        None, description="Optimality of d0 over its own; null where it is not feasible or d0's is infinite."
    )
    metrics: JointMetrics | None = Field(None, description="What it costs.")
    message: str = Field("", description="Why there is no design, or what it breaks.")


class Regret(Strict):
    """What a bound on the design set gives up, summed over all states, against the policy without the bound."""

    max_designs: Annotated[int, Field(ge=1)] = Field(description="The bound (count).")
    unbounded_designs: Annotated[int, Field(ge=1)] = Field(description="Designs that the policy would name (count).")
    states_changed: Count = Field(description="States that get another design (count).")
    newly_degraded: Count = Field(description="States that are degraded by the bound alone (count).")
    extra_overloaded_engines: Count = Field(description="Overloaded engines in use in excess (count).")
    extra_memory_bytes: NonNegative = Field(description="Memory of the degraded states in excess, in bytes.")
    extra_distance: NonNegative = Field(description="Distance of the other states in excess (no unit).")
    largest_extra_distance: NonNegative = Field(description="The most of it in one state (no unit).")
    proved_least: bool = Field(description="Whether every choice of that many candidates was compared.")


class BrokenConstraint(Strict):
    """One constraint that cannot hold together with the others."""

    metric: Metric = Field(description="Metric.")
    statistic: str | None = Field(None, description="Statistic of latency or throughput.")
    task: Name | None = Field(None, description="Task (none: all tasks together).")
    bound: str = Field(description="max or min.")
    demand: NonNegative = Field(description="What is asked for, in `unit`.")
    best: NonNegative | None = Field(description="Best value with all others kept, in `unit`; null if none keeps them.")
    unit: str = Field(description="Unit of demand and best.")
    message: str = Field(description="The same in words.")


class PolicyDiagnosis(Strict):
    """Why no joint design will do."""

    summary: str = Field(description="One sentence.")
    constraints: tuple[BrokenConstraint, ...] = Field(description="Every constraint with the best that can be had.")


def engines_of(policy: object) -> list[str]:
    """Return the engines that a policy knows, in the device's order: its longest row names all of them."""
    rows = [items_of(row, "overloaded") for row in items_of(policy, "policy")]
    return [name for name in max(rows, key=len, default=[]) if isinstance(name, str)]


def _check_policy(data: object) -> Iterator[Finding]:
    designs, rows = items_of(data, "design_set"), items_of(data, "policy")
    yield from duplicate_names("design_set", designs)
    if field_of(data, "diagnosis") is not None:
        return
    if not designs:
        yield ("design_set",), [], "the policy has no design", "make it with planner adapt"
        return
    names = [field_of(design, "name") for design in designs]
    for index, row in enumerate(rows):
        design = field_of(row, "design")
        if isinstance(design, str) and design not in names:
            yield ("policy", index, "design"), design, "the design set has no design of this name", "name one of it"
    engines = engines_of(data)
    if len(engines) > MAX_ENGINES:
        yield ("policy",), len(engines), f"more than {MAX_ENGINES} engines", "make it with planner adapt"
        return
    yield from _check_states(rows, engines)


def _check_states(rows: list[object], engines: list[str]) -> Iterator[Finding]:
    seen = set()
    for index, row in enumerate(rows):
        overloaded = [name for name in items_of(row, "overloaded") if isinstance(name, str)]
        state = (frozenset(overloaded), field_of(row, "memory_tight") is True)
        if strange := [name for name in overloaded if name not in engines]:
            fix = f"the row with all of them names {', '.join(engines)}"
            yield ("policy", index, "overloaded"), strange[0], "no row with all engines overloaded names it", fix
        elif state in seen or len(state[0]) != len(overloaded):
            yield ("policy", index), sorted(overloaded), "this state stands twice", "keep one row for each state"
        seen.add(state)
    wanted = 2 ** (len(engines) + 1)
    if len(seen) < wanted:
        fix = "give a row for every set of overloaded engines, with memory tight and not"
        yield ("policy",), len(seen), f"{len(seen)} of {wanted} states have a row", fix


class Policy(Document):
    """The designs to hold ready, the one to run in every state, and what other ways of choosing would run."""

    cross_checks: ClassVar = _check_policy

    schema_version: Version = "1"
    name: str = Field("", description="Name of the use case on this device.")
    memory_budget_bytes: NonNegative | None = Field(None, description="Memory while it is tight, in bytes.")
    joint_designs: Count = Field(0, description="Joint designs that were scored (count).")
    feasible_joint_designs: Count = Field(0, description="Those that meet every constraint (count).")
    objectives: tuple[ScoredObjective, ...] = Field((), description="What the distance is made of.")
    constraints: tuple[Constraint, ...] = Field((), description="What every design of the set meets.")
    design_set: tuple[JointDesign, ...] = Field((), description="The joint designs that the policy names.")
    policy: tuple[PolicyRow, ...] = Field((), description="One row for every state.")
    baselines: dict[str, Baseline] = Field(default_factory=dict, description="Other ways of choosing, by name.")
    regret: Regret | None = Field(None, description="What the bound on the design set gives up, if there is one.")
    diagnosis: PolicyDiagnosis | None = Field(None, description="Why there is no design (infeasible only).")
    provenance: Provenance | None = Field(None, description="What made this file.")

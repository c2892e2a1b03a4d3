"""Placement policy: the optimal plan of an app for every state of a topology, and the regret of keeping one plan.

CARIn (Panopoulos et al., ACM TECS 2024, doi 10.1145/3665868) plans ahead for every state of one device and switches by
look-up when the state changes; here the same is done for placements on a network of devices, edge, cloud and chiplets.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum

from planner.adaptation.check_states import check_states
from planner.adaptation.degradation import TopologyChange, combine_conditions, degraded, lost_names
from planner.adaptation.fallback import Fallback, fallback
from planner.adaptation.reuse import evaluate_in
from planner.fin.instance.decision import objective_of
from planner.pipeline.one_app import instances_of, solve
from planner.pipeline.request import AUTO, Request
from planner.schemas.adaptation.placement_policy import KeptFixed, PlacementPolicy, PolicyPlan, StatePlan
from planner.schemas.adaptation.states import Condition, States, states_of
from planner.schemas.planning.placement import AppPlacement, BrokenLimit, Diagnosis, Placement, Provenance
from planner.schemas.planning.workload import MAXIMISED
from planner.schemas.reading.problems import input_error
from planner.version import __version__


@dataclass(frozen=True)
class _StateResult:
    """What is known of one state."""

    conditions: tuple[str, ...]
    change: TopologyChange
    """What the conditions do together; inputs are degraded anew where needed, as a large topology takes much memory."""
    placement: Placement
    """FIN's answer within all limits."""
    instead: Fallback | None = None

    @property
    def plan(self) -> AppPlacement | None:
        if self.placement.apps:
            return self.placement.apps[0]
        return None if self.instead is None else self.instead.plan


def plan_for_states(
    request: Request, states: States, file: str = "", inputs: Mapping[str, str] | None = None
) -> PlacementPolicy:
    """Plan for every state, merge equal plans, and evaluate each plan in every other state.

    Args:
        request: The app, its model and the topology without any condition.
        states: The conditions that may hold, and which of them together.
        file: Name of the states file, for messages.
        inputs: Hash of every input file, by its name (default: those of the request).

    Returns:
        The distinct plans, the plan of every state, and what each plan gives up in every other state.

    Raises:
        InputError: A name is not in the topology, or the request cannot be used.
        InternalError: A plan does not pass the verifier.
    """
    check_states(states, request.topology, file)
    _refuse_maximised(request)
    instance = instances_of(request)[0]
    # the source by default is that of the whole topology: it does not wander off when its node is lost
    source = instance.network.names[instance.source]
    fixed = request.asking(source=source)
    answers = [_answer(fixed, conditions) for conditions in states_of(states)]
    plans, used = _distinct(answers)
    regrets = [_regrets(fixed, answer, plans) for answer in answers]
    return PlacementPolicy(
        name=states.name,
        app=request.app.name,
        objective="energy_j" if request.app.objective == "energy" else "latency_s",
        plan_set=tuple(_policy_plan(name, plan, used.count(name), regrets) for name, plan in plans.items()),
        policy=tuple(map(_state_plan, answers, used, regrets)),
        provenance=Provenance(
            planner=__version__,
            method="exact" if request.method == AUTO else request.method,
            inputs=dict(request.inputs if inputs is None else inputs),
        ),
    )


def _refuse_maximised(request: Request) -> None:
    """Raise InputError for an objective that regrets are not defined for."""
    objective, metrics = request.app.objective, {metric.name for metric in request.topology.metrics}
    if objective in metrics:
        fix = f'use energy or latency; a metric can be a limit ("limits": {{"{objective}": ...}})'
        raise input_error("plans of states are compared by energy or latency", fix, path="objective", value=objective)
    if objective in MAXIMISED:
        message = "plans of states are compared by an objective that is minimised"
        fix = "use energy or latency; a rate or an accuracy can be a limit (rate_per_s, min_accuracy)"
        raise input_error(message, fix, path="objective", value=objective)


def _answer(request: Request, conditions: Sequence[Condition]) -> _StateResult:
    """Plan for one state."""
    names = tuple(condition.name for condition in conditions)
    change = combine_conditions(conditions)
    lost = lost_names(request.topology, change)
    ends = (("source", request.app.source), ("destination", request.app.destination))
    if gone := [f"the {what} {name} is lost" for what, name in ends if name in lost]:
        return _StateResult(names, change, _nothing_runs(request.app.name, gone))
    here = degraded(request, change)
    placement = solve(here)
    instead = fallback(here, placement) if placement.status == "infeasible" else None
    return _StateResult(names, change, placement, instead)


def _nothing_runs(app: str, reasons: Sequence[str]) -> Placement:
    limits = tuple(BrokenLimit(kind="reachability", subject=app, unit="", message=reason) for reason in reasons)
    summary = f"no plan for {app!r}: {'; '.join(reasons)}"
    return Placement(status="infeasible", diagnosis=Diagnosis(summary=summary, limits=limits))


_Plans = Mapping[str, AppPlacement]
"""Plans by their names in the policy, in the order of the states that use them first."""


def _distinct(answers: Sequence[_StateResult]) -> tuple[_Plans, list[str | None]]:
    """Return every plan once, and the name of each state's (None where it has none)."""
    names: dict[Hashable, str] = {}
    plans: dict[str, AppPlacement] = {}
    used: list[str | None] = []
    for plan in (answer.plan for answer in answers):
        name = None if plan is None else names.setdefault(_identity(plan), f"p{len(names)}")
        if plan is not None and name is not None:
            plans.setdefault(name, plan)
        used.append(name)
    return plans, used


def _identity(plan: AppPlacement) -> Hashable:
    """Return what makes a plan: what runs where and which way data takes, not what that costs in some state."""
    thresholds = None if plan.thresholds is None else frozenset(plan.thresholds.items())
    return plan.model, plan.batch, plan.operating_point, thresholds, plan.assignments, frozenset(plan.routes)


_Regrets = Mapping[str, float | None]


def _regrets(request: Request, answer: _StateResult, plans: _Plans) -> _Regrets:
    """Return by how much each plan is worse than this state's, None where it does not hold; nothing without a plan."""
    if not answer.placement.apps:
        return {}
    best = answer.placement.apps[0]
    variants = {
        (instance.model, instance.batch): instance for instance in instances_of(degraded(request, answer.change))
    }
    least = best.energy_j if request.app.objective == "energy" else best.latency_s
    regrets: dict[str, float | None] = {}
    for name, plan in plans.items():
        regrets[name] = None
        instance = variants.get((plan.model, plan.batch))
        if instance is not None and (cost := evaluate_in(instance, plan)) is not None:
            regrets[name] = max(0.0, objective_of(instance, cost) - least)
    return regrets


def _policy_plan(name: str, plan: AppPlacement, states: int, regrets: Sequence[_Regrets]) -> PolicyPlan:
    kept = [regret for row in regrets if (regret := row.get(name)) is not None]
    fixed = KeptFixed(
        states_kept=len(kept),
        worst_regret=max(kept, default=None),
        mean_regret=fsum(kept) / len(kept) if kept else None,
    )
    return PolicyPlan(name=name, states=states, placement=plan, kept_fixed=fixed)


def _state_plan(answer: _StateResult, name: str | None, regrets: _Regrets) -> StatePlan:
    plan, instead = answer.plan, answer.instead
    return StatePlan(
        conditions=answer.conditions,
        status=answer.placement.status,
        plan=name,
        degraded=instead is not None,
        gave_up=() if instead is None else instead.gave_up,
        energy_j=None if plan is None else plan.energy_j,
        latency_s=None if plan is None else plan.latency_s,
        accuracy=None if plan is None else plan.accuracy,
        rate_per_s=None if instead is None else instead.rate_per_s,
        message=answer.placement.message if instead is None else instead.message,
        regret=dict(regrets),
        diagnosis=answer.placement.diagnosis,
    )

"""The policy of an app on a changing topology: FIN's optimum for every state, and what staying on one plan would cost.

CARIn (Panopoulos et al., ACM TECS 2024, doi 10.1145/3665868) plans ahead for every state of one device and switches in
no time when the state changes; here the same is done for placements on a network of devices, edge, cloud and chiplets.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import fsum

from fin.decision import objective_of
from fin.instance import Instance
from planner.degradation import all_lost, degraded, together
from planner.fallback import Fallback, fallback
from planner.pipeline import AUTO, Request, instance_of, solve
from planner.reuse import cost_in
from planner.states_check import check_states
from planner.version import __version__
from schemas.placement import AppPlacement, BrokenLimit, Diagnosis, Placement, Provenance
from schemas.placement_policy import KeptFixed, PlacementPolicy, PolicyPlan, StatePlan
from schemas.states import Condition, States, states_of


@dataclass(frozen=True)
class _Answer:
    """What is known of one state."""

    conditions: tuple[str, ...]
    instance: Instance | None
    """The app in this state, None where its source or destination is lost."""
    placement: Placement
    """FIN's answer within all limits."""
    instead: Fallback | None = None

    @property
    def plan(self) -> AppPlacement | None:
        if self.placement.apps:
            return self.placement.apps[0]
        return None if self.instead is None else self.instead.plan


def adapt(request: Request, states: States, file: str = "", inputs: Mapping[str, str] | None = None) -> PlacementPolicy:
    """Plan for every state, merge equal plans, and tell what each plan would cost if it were kept.

    Args:
        request: The app, its model and the topology where nothing is wrong.
        states: What may happen to the topology.
        file: Name of the states file, for messages.
        inputs: Hash of every input file, by its name (default: those of the request).

    Raises:
        InputError: A name is not in the topology, or the request cannot be used.
        InternalError: A plan does not stand before the verifier.
    """
    check_states(states, request.topology, file)
    instance = instance_of(request)
    # the source by default is that of the whole topology: it does not wander off when its node is lost
    source = instance.network.names[instance.source]
    fixed = replace(request, app=request.app.model_copy(update={"source": source}))
    answers = [_answer(fixed, conditions) for conditions in states_of(states)]
    plans = _distinct(answers)
    regrets = [_regrets(answer, plans) for answer in answers]
    return PlacementPolicy(
        name=states.name,
        app=request.app.name,
        objective="energy_j" if request.app.objective == "energy" else "latency_s",
        plan_set=tuple(_policy_plan(name, plans, answers, regrets) for name in plans),
        policy=tuple(_state_plan(answer, plans, row) for answer, row in zip(answers, regrets, strict=True)),
        provenance=Provenance(
            planner=__version__,
            method="exact" if request.method == AUTO else request.method,
            inputs=dict(request.inputs if inputs is None else inputs),
        ),
    )


def _answer(request: Request, conditions: Sequence[Condition]) -> _Answer:
    """Plan for one state."""
    names = tuple(condition.name for condition in conditions)
    change = together(conditions)
    lost = all_lost(request.topology, change)
    ends = (("source", request.app.source), ("destination", request.app.destination))
    if gone := [f"the {what} {name} is lost" for what, name in ends if name in lost]:
        return _Answer(names, None, _nothing_runs(request.app.name, gone))
    here = degraded(request, change)
    placement = solve(here)
    instead = fallback(here, placement) if placement.status == "infeasible" else None
    return _Answer(names, instance_of(here), placement, instead)


def _nothing_runs(app: str, reasons: Sequence[str]) -> Placement:
    limits = tuple(BrokenLimit(kind="reachability", subject=app, unit="", message=reason) for reason in reasons)
    summary = f"no plan for {app!r}: {'; '.join(reasons)}"
    return Placement(status="infeasible", diagnosis=Diagnosis(summary=summary, limits=limits))


_Plans = Mapping[str, AppPlacement]
"""Plans by their names in the policy, in the order of the states that use them first."""


def _distinct(answers: Sequence[_Answer]) -> _Plans:
    found: dict[Hashable, AppPlacement] = {}
    for answer in answers:
        if answer.plan is not None:
            found.setdefault(_identity(answer.plan), answer.plan)
    return {f"p{index}": plan for index, plan in enumerate(found.values())}


def _identity(plan: AppPlacement) -> Hashable:
    """Return what makes a plan: what runs where and which way data takes, not what that costs in some state."""
    thresholds = None if plan.thresholds is None else frozenset(plan.thresholds.items())
    return plan.operating_point, thresholds, plan.assignments, frozenset(plan.routes)


def _name_of(plan: AppPlacement | None, plans: _Plans) -> str | None:
    if plan is None:
        return None
    return next(name for name, other in plans.items() if _identity(other) == _identity(plan))


_Regrets = Mapping[str, float | None]


def _regrets(answer: _Answer, plans: _Plans) -> _Regrets:
    """Return by how much each plan is worse than this state's, None where it does not hold; nothing without a plan."""
    if answer.instance is None or not answer.placement.apps:
        return {}
    best = answer.placement.apps[0]
    least = best.energy_j if answer.instance.minimise == "energy" else best.latency_s
    regrets: dict[str, float | None] = {}
    for name, plan in plans.items():
        cost = cost_in(answer.instance, plan)
        regrets[name] = None if cost is None else max(0.0, objective_of(answer.instance, cost) - least)
    return regrets


def _policy_plan(name: str, plans: _Plans, answers: Sequence[_Answer], regrets: Sequence[_Regrets]) -> PolicyPlan:
    kept = [regret for row in regrets if (regret := row.get(name)) is not None]
    fixed = KeptFixed(
        states_kept=len(kept),
        worst_regret=max(kept, default=None),
        mean_regret=fsum(kept) / len(kept) if kept else None,
    )
    uses = sum(_name_of(answer.plan, plans) == name for answer in answers)
    return PolicyPlan(name=name, states=uses, placement=plans[name], kept_fixed=fixed)


def _state_plan(answer: _Answer, plans: _Plans, regrets: _Regrets) -> StatePlan:
    plan, instead = answer.plan, answer.instead
    return StatePlan(
        conditions=answer.conditions,
        status=answer.placement.status,
        plan=_name_of(plan, plans),
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

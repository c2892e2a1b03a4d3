"""Policy of a device by RASS: joint designs are scored, and the best one of every state is chosen ahead of time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.carin.baselines import BaselineDesign, all_baselines
from planner.carin.bounded_design_set import BoundedDesignSet, choose_bounded
from planner.carin.candidates import Candidates, find_candidates
from planner.carin.diagnosis import diagnose
from planner.carin.metrics import metrics_of
from planner.carin.rass import StateDesigns, choose_designs, states
from planner.carin.scored_designs import ScoredDesigns, choice_of, score_designs
from planner.carin.scoring import all_values, chunk_of, meets_all
from planner.schemas.adaptation.designs import Designs
from planner.schemas.adaptation.policy import (
    Baseline,
    JointDesign,
    Policy,
    PolicyDiagnosis,
    PolicyRow,
    Regret,
    ScoredObjective,
)
from planner.schemas.planning.placement import Provenance


def adapt(
    designs: Designs,
    *,
    max_designs: int | None = None,
    transfer_from: Designs | None = None,
    provenance: Provenance | None = None,
) -> Policy:
    """Compute the policy of a device, and compare its design of the normal state with the baselines.

    Every joint design is scored by its distance to the utopia point in standardised objective space; of those that meet
    all constraints, each state gets the one of least distance that suits it (CARIn's RASS).

    Args:
        designs: The designs of every task, objectives and constraints.
        max_designs: Most joint designs that the policy may name (default: what the file says, else no bound).
        transfer_from: Designs of another device, whose best joint design is evaluated on this one.
        provenance: Noted in the policy.

    Returns:
        The policy; without rows, but with a diagnosis, where no joint design meets every constraint.

    Raises:
        InputError: The other device has other tasks.
    """
    scored = score_designs(designs)
    if not scored.standardisation.feasible:
        return _policy(scored, provenance, None, {}, diagnose(scored.space))
    answer = _answer(scored, max_designs or designs.max_designs)
    picks = all_baselines(scored, transfer_from)
    usual = answer.design_set[0].distance
    return _policy(scored, provenance, answer, {name: _baseline(scored, picks[name], usual) for name in picks}, None)


@dataclass(frozen=True)
class _Answer:
    design_set: tuple[JointDesign, ...]
    rows: tuple[PolicyRow, ...]
    regret: Regret | None


def _answer(scored: ScoredDesigns, most: int | None) -> _Answer:
    designs = scored.designs
    candidates = find_candidates(scored.space, scored.standardisation, scored.grid)
    chosen = choose_designs(candidates, len(designs.engines))
    regret = None
    if most is not None:
        bounded = choose_bounded(candidates, chosen, len(designs.engines), most)
        regret = _regret(bounded, most, chosen)
        chosen = bounded.chosen
    names = _names(chosen)
    design_set = tuple(_joint_design(scored, candidates, place, name) for place, name in names.items())
    return _Answer(design_set, tuple(_rows(designs, chosen, names)), regret)


def _policy(
    scored: ScoredDesigns,
    provenance: Provenance | None,
    answer: _Answer | None,
    baselines: dict[str, Baseline],
    diagnosis: PolicyDiagnosis | None,
) -> Policy:
    designs = scored.designs
    return Policy(
        name=designs.name,
        memory_budget_bytes=designs.memory_budget_bytes,
        joint_designs=scored.space.joint_designs,
        feasible_joint_designs=scored.standardisation.feasible,
        objectives=() if answer is None else _objectives(scored),
        constraints=designs.constraints,
        design_set=() if answer is None else answer.design_set,
        policy=() if answer is None else answer.rows,
        baselines=baselines,
        regret=None if answer is None else answer.regret,
        diagnosis=diagnosis,
        provenance=provenance,
    )


def _objectives(scored: ScoredDesigns) -> tuple[ScoredObjective, ...]:
    space, standardisation = scored.space, scored.standardisation
    rows = zip(
        scored.designs.objectives,
        space.objectives,
        standardisation.best,
        standardisation.standard_deviation,
        strict=True,
    )
    return tuple(
        ScoredObjective(
            metric=each.metric, statistic=space.measures[measure].statistic, task=each.task,
            weight=each.weight, best=float(best), standard_deviation=float(standard_deviation),
        )
        for each, measure, best, standard_deviation in rows
    )  # fmt: skip


def _names(chosen: StateDesigns) -> dict[int, str]:
    """Name the candidates in use d0, d1, ... in the order in which states come upon them."""
    return {place: f"d{number}" for number, place in enumerate(dict.fromkeys(chosen.candidate.tolist()))}


def _joint_design(scored: ScoredDesigns, candidates: Candidates, place: int, name: str) -> JointDesign:
    choice = choice_of(scored.space, int(candidates.number[place]))
    distance = float(candidates.distance[place])
    return JointDesign(
        name=name,
        choice=choice,
        distance=distance,
        optimality=_optimality(distance),
        metrics=metrics_of(scored.designs, choice),
    )


def _optimality(distance: float) -> float | None:
    """Return 1 / distance; None stands for infinity, which JSON does not have."""
    return 1.0 / distance if distance > 1e-300 else None


def _rows(designs: Designs, chosen: StateDesigns, names: dict[int, str]) -> list[PolicyRow]:
    return [
        PolicyRow(
            overloaded=tuple(name for bit, name in enumerate(designs.engines) if state.overloaded >> bit & 1),
            memory_tight=state.memory_tight,
            design=names[int(chosen.candidate[state.number])],
            degraded=bool(chosen.degraded[state.number]),
        )
        for state in states(len(designs.engines))
    ]


def _baseline(scored: ScoredDesigns, pick: BaselineDesign, usual: float) -> Baseline:
    if pick.number is None:
        return Baseline(message=pick.message)
    indices = scored.space.indices_of(pick.number)
    values = all_values(scored.space, chunk_of(scored.space, tuple(np.array([index]) for index in indices)))
    distance = float(scored.distance(values)[0])
    feasible = bool(meets_all(scored.space, values)[0])
    choice = choice_of(scored.space, pick.number)
    return Baseline(
        choice=choice,
        feasible=feasible,
        distance=distance,
        optimality=_optimality(distance),
        optimality_ratio=_ratio(distance, usual) if feasible else None,
        metrics=metrics_of(scored.designs, choice),
        message="" if feasible else "breaks a constraint once the tasks run together on this device",
    )


def _ratio(distance: float, usual: float) -> float | None:
    if usual <= 1e-300:
        return 1.0 if distance <= 1e-300 else None
    return distance / usual


def _regret(bounded: BoundedDesignSet, most: int, chosen: StateDesigns) -> Regret:
    return Regret(
        max_designs=most,
        unbounded_designs=len(set(chosen.candidate.tolist())),
        states_changed=bounded.states_changed,
        newly_degraded=bounded.newly_degraded,
        extra_overloaded_engines=bounded.extra_overloaded_engines,
        extra_memory_bytes=bounded.extra_memory_bytes,
        extra_distance=bounded.extra_distance,
        largest_extra_distance=bounded.largest_extra_distance,
        proved_least=bounded.proved_least,
    )

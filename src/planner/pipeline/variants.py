"""Variants of one app, each solved exactly: the best of them by the order of ties, with the least of their bounds.

A variant is the app with one of its models and one of its batch sizes. Each is an instance of arrays of its own, so
every objective, limit and method works on it unchanged. No plan of the app is better than the least bound of all
variants; where a method proves its answers, plans that are worse than the best one so far need not be found, only
ruled out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from planner.fin.deadline import Deadline
from planner.fin.instance.decision import Decision, evaluate, objective_of
from planner.fin.instance.instance import Instance
from planner.fin.instance.ties import Merit, merit_of, most, preferred
from planner.fin.instance.variants import expanded_variants
from planner.fin.method import Method, Options
from planner.fin.outcome import PROVED, Outcome
from planner.pipeline.request import Request
from planner.schemas.planning.placement import BrokenLimit, Diagnosis, Status
from planner.schemas.planning.workload import MAXIMISED

_MOST_SAID = 3
"""Limits that a summary names."""
_AT_LEAST = ("accuracy", "rate")
"""Kinds of limits that are lower ones."""
_ANY_OF_TIES = 1e-12
"""Gap with which no further criterion is looked at among plans that tie."""
_CLOSED = 5e-9
"""Relative gap that counts as none, as in the exact method."""


def requests_of(request: Request) -> tuple[Request, ...]:
    """Return a request for each variant of an app; the request itself where there is but one.

    Args:
        request: The app with its models. Its least accuracy is by default the best that any of them offers.

    Raises:
        InputError: A model does not say how accurate it is.
    """
    several = bool(request.alternatives)
    if not several and len(request.app.batch) == 1:
        return (request,)
    return tuple(
        replace(request, app=app, model=model, alternatives=(), named=several)
        for app, model in expanded_variants(request.pairs, request.per_exit_thresholds)
    )


def solve_variants(
    variants: Sequence[Instance], chosen: Method, options: Options
) -> tuple[Instance, Outcome[Decision]]:
    """Solve every variant, and return the best with the answer for all.

    Args:
        variants: At least one.
        chosen: The method.
        options: Gap and time limit; each variant gets an even part of the time that is left.

    Returns:
        The variant whose plan is preferred (the first where there is no plan), and the outcome: its plan, the least
        bound of all variants, and the status that these prove.
    """
    if len(variants) == 1:
        return variants[0], chosen.solve(variants[0], options)
    until = Deadline.after(options.time_limit_s)
    # of plans that sustain the best rate the one of least energy is preferred: it is sought where the rate is the best
    twice = chosen.name == "exact" and variants[0].minimise == "rate" and options.gap == 0.0
    first = replace(options, gap=_ANY_OF_TIES) if twice else options
    outcomes: list[Outcome[Decision]] = []
    best = float("inf")
    for index, variant in enumerate(variants):
        instance = _below(variant, best) if chosen.name == "exact" else variant
        outcomes.append(chosen.solve(instance, _within(first, until, len(variants) - index)))
        merit = _merit(variant, outcomes[-1])
        best = best if merit is None else min(best, merit.objective)
    tied = [index for index, each in enumerate(outcomes) if twice and _ties(_merit(variants[index], each), best)]
    for index in tied:
        found = chosen.solve(_below(variants[index], best), _within(options, until, len(tied)))
        outcomes[index] = found if found.status == "optimal" else outcomes[index]
    return _best_of(variants, outcomes, options.gap)


def _within(options: Options, until: Deadline, parts: int) -> Options:
    """Return options whose time limit is an even part of the time that is left."""
    left_s = None if options.time_limit_s is None else max(0.0, until.remaining_s) / parts
    return replace(options, time_limit_s=left_s)


def _ties(merit: Merit | None, value: float) -> bool:
    """Tell whether a plan is as good as the best value of the objective."""
    return merit is not None and merit.objective <= most(value)


def _merit(variant: Instance, outcome: Outcome[Decision]) -> Merit | None:
    return None if outcome.plan is None else merit_of(variant, outcome.plan)


def _below(instance: Instance, value: float) -> Instance:
    """Return a variant whose plans must be as good as a known value of the objective; accuracies stay."""
    if instance.minimise == "rate":
        least = 1.0 / (most(value) * instance.batch) if 0.0 < value < float("inf") else 0.0
        return replace(instance, rate_per_s=max(instance.rate_per_s, least))
    if instance.minimise in MAXIMISED or not value < instance.own_limit:
        return instance
    return instance.limited(instance.minimise, most(value))


def _best_of(
    variants: Sequence[Instance], outcomes: Sequence[Outcome[Decision]], gap: float
) -> tuple[Instance, Outcome[Decision]]:
    """Return the variant whose plan is preferred, and one answer for all."""
    bound = min(outcome.lower_bound for outcome in outcomes)
    open_ = [outcome for outcome in outcomes if outcome.status in ("feasible", "unknown")]
    termination = open_[0].termination if open_ else PROVED
    build_s, search_s = (sum(getattr(each, name) for each in outcomes) for name in ("build_s", "search_s"))
    found = [(merit, index) for index, each in enumerate(outcomes) if (merit := _merit(variants[index], each))]
    if not found:
        status: Status = "unknown" if open_ else "infeasible"
        return variants[0], Outcome(status, None, bound, termination, build_s, search_s)
    best = found[preferred([merit for merit, _ in found])][1]
    value = _value(variants[best], outcomes[best])
    closed = not open_ or bound >= value - max(gap, _CLOSED) * abs(value)
    answer = replace(
        outcomes[best],
        status="optimal" if closed else "feasible",
        lower_bound=min(bound, value),
        termination=PROVED if closed else termination,
        build_s=build_s,
        search_s=search_s,
    )
    return variants[best], answer


def _value(variant: Instance, outcome: Outcome[Decision]) -> float:
    """Return the objective of a plan as methods minimise it."""
    assert outcome.plan is not None
    return objective_of(variant, evaluate(variant, outcome.plan))


def joint_diagnosis(name: str, labelled: Sequence[tuple[str, Diagnosis]]) -> Diagnosis:
    """Return why no variant of an app has a plan: every limit with the best value that any variant could reach.

    Args:
        name: Name of the app.
        labelled: What tells each variant from the others, and why it has no plan.
    """
    rows: dict[tuple[str, str, str], BrokenLimit] = {}
    for label, diagnosis in labelled:
        for row in diagnosis.limits:
            key, told = (row.kind, row.subject, row.unit), row.model_copy(update={"message": f"{label}: {row.message}"})
            rows[key] = told if key not in rows else _nearer(rows[key], told)
    reasons = [row.message for row in list(rows.values())[:_MOST_SAID]] or [labelled[0][1].summary]
    summary = f"no plan for {name!r} with any of {len(labelled)} variants: {'; '.join(reasons)}"
    return Diagnosis(summary=summary, limits=tuple(rows.values()))


def _nearer(first: BrokenLimit, second: BrokenLimit) -> BrokenLimit:
    """Return the one of two rows about a limit whose best value is nearer to what is asked for."""
    if first.best is None or second.best is None:
        return second if first.best is None and second.best is not None else first
    if first.kind in _AT_LEAST:
        return second if second.best > first.best else first
    return second if second.best < first.best else first

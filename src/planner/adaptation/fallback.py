"""Fallback of an infeasible app: the plan that relaxes its limits least, in a fixed order.

Capacities, pins and links stay. Of the limits that the user set, the latency limit is dropped first, then the energy
limit and any further ones, then those of metrics, then all; accuracy is lowered only where nothing runs otherwise, and
to the best that can be reached; the rate comes last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from planner.fin.instance.instance import TOLERANCE
from planner.pipeline.one_app import solve
from planner.pipeline.request import Request
from planner.schemas.adaptation.placement_policy import Limit
from planner.schemas.planning.placement import AppPlacement, LimitKind, Placement
from planner.schemas.planning.workload import LIMITED_FIGURES, MINIMISED, App
from planner.units import format_accuracy, format_quantity

_LOWERED: tuple[tuple[LimitKind, str], ...] = (("accuracy", "min_accuracy"), ("rate", "rate_per_s"))
"""Limits that are lowered to what can be reached, and their fields, in this order."""


@dataclass(frozen=True)
class Fallback:
    """A plan that breaks limits of its app, and which."""

    plan: AppPlacement
    gave_up: tuple[Limit, ...]
    rate_per_s: float | None
    """Inferences per second that it bears, None where it bears those asked for."""
    message: str


def fallback(request: Request, refused: Placement) -> Fallback | None:
    """Return the plan that relaxes the limits least, None where nothing can run.

    Args:
        request: A request that has no plan within its limits.
        refused: The proof of that, with its diagnosis.
    """
    for app, plan in _plans(request, refused):
        units = {metric.name: metric.unit for metric in request.topology.metrics}
        broken = dict(_broken(request.app, app, plan, units))
        rate_per_s = app.rate_per_s if "rate" in broken else None
        return Fallback(plan, tuple(broken), rate_per_s, "; ".join(broken.values()))
    return None


def _plans(request: Request, refused: Placement) -> Iterator[tuple[App, AppPlacement]]:
    """Yield plans and the limits that they keep, those that give up least first."""
    for app in _without_limits(request.app):
        refused = solve(_asking(request, app))
        yield from ((app, plan) for plan in refused.apps)
    # without deadline and energy limit, the diagnosis says how accurate a plan can be, and which rate nodes bear
    best = {row.kind: row.best for row in refused.diagnosis.limits} if refused.diagnosis is not None else {}
    for kind, field in _LOWERED:
        if (value := best.get(kind)) is not None:
            lowered = request.app.model_copy(update={field: value})
            for app in (lowered, *_without_limits(lowered)):
                yield from ((app, plan) for plan in solve(_asking(request, app)).apps)
    if request.app.rate_per_s > 0:  # accuracy and rate must both give way: at least single inferences
        single = request.asking(rate_per_s=0.0, batch=(1,))
        answer = solve(single)
        yield from ((single.app, plan) for plan in answer.apps)
        yield from _plans(single, answer)


def _asking(request: Request, app: App) -> Request:
    """Return a request with the limits, rate and objective of another copy of its app."""
    fields = ("objective", "limits", *(row.field for row in LIMITED_FIGURES), *(field for _, field in _LOWERED))
    return request.asking(**{name: getattr(app, name) for name in fields})


def _without_limits(app: App) -> Iterator[App]:
    """Yield the app without each limit in turn (those of metrics together), then without all.

    What is given up is minimised (of several, the first), so that it is broken as little as can be; of what cannot be
    minimised, the plan of least energy is taken.
    """
    changes: list[tuple[str, dict[str, object]]] = [
        (row.kind, {row.field: None}) for row in LIMITED_FIGURES if row.limit_of(app) is not None
    ]
    if app.limits:
        changes.append((next(iter(app.limits)), {"limits": {}}))
    minimised = {kind: kind if kind in (*MINIMISED, *app.limits) else "energy" for kind, _ in changes}
    for kind, change in changes:
        yield app.model_copy(update={**change, "objective": minimised[kind]})
    if len(changes) > 1:
        every = {name: value for _, change in changes for name, value in change.items()}
        yield app.model_copy(update={**every, "objective": minimised[changes[0][0]]})


def _broken(asked: App, given: App, plan: AppPlacement, units: Mapping[str, str]) -> Iterator[tuple[Limit, str]]:
    slack = 1.0 + TOLERANCE
    for row in LIMITED_FIGURES:
        limit, value = row.limit_of(asked), row.value_of(plan)
        if limit is not None and value > limit * slack:
            found, most = row.text(value), row.text(limit)
            yield row.kind, f"takes {found}, the limit is {most}"
    over = [
        f"has {name} {format_quantity(plan.metrics[name], units[name])}, "
        f"the limit is {format_quantity(most, units[name])}"
        for name, most in asked.limits.items()
        if plan.metrics[name] > most * slack
    ]
    if over:
        yield "metric", "; ".join(over)
    if given.min_accuracy != asked.min_accuracy:
        least = "the best that the model offers" if asked.min_accuracy is None else f"{asked.min_accuracy:.4g}"
        yield "accuracy", f"accuracy {format_accuracy(plan.accuracy)}, asked for is {least}"
    if given.rate_per_s != asked.rate_per_s:
        bears = f"{given.rate_per_s:.4g} inferences per second" if given.rate_per_s else "single inferences only"
        yield "rate", f"bears {bears}, asked for are {asked.rate_per_s:.4g} per second"

"""What was asked for, in one line: the objective, the limits, the rate and where the input is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from planner.schemas.planning.workload import LIMITED_FIGURES, MAXIMISED, POWER, App
from planner.units import format_quantity

_POWER = (POWER, "power_w")


def asked_text(app: App, units: Mapping[str, str], of_all: str = POWER) -> str:
    """Return objective and limits of an app, such as ``least energy, worst latency at most 50 ms``.

    Args:
        app: The app as it was asked for.
        units: Unit of every metric by name, where known.
        of_all: Objective of all apps together; where it is not power, the app has limits alone.

    Returns:
        The parts of the sentence, joined by commas.
    """
    if of_all in _POWER:
        return ", ".join([_objective(app), *_limits(app, units)])
    limited = app.model_copy(update={"objective": "accuracy" if of_all == "accuracy" else "energy"})
    return ", ".join(_limits(limited, units))


def _objective(app: App) -> str:
    if app.objective in MAXIMISED:
        return {"rate": "largest rate", "accuracy": "best accuracy"}[app.objective]
    latency = "latency" if app.latency == "worst" else f"{app.latency} latency"
    return f"least {latency if app.objective == 'latency' else app.objective}"


def _limits(app: App, units: Mapping[str, str]) -> Iterator[str]:
    for row in LIMITED_FIGURES:
        if (limit := row.limit_of(app)) is not None:
            yield f"{_words(app, row.kind)} at most {format_quantity(limit, row.unit)}"
    for name, limit in app.limits.items():
        yield f"{name} at most {format_quantity(limit, units.get(name, ''))}"
    if app.min_accuracy is not None:
        yield f"accuracy at least {app.min_accuracy:.4g}" if app.min_accuracy > 0.0 else "any accuracy"
    elif app.objective != "accuracy":
        yield "best accuracy"
    if app.rate_per_s > 0.0:
        samples = f"{app.rate_per_s:.4g} inference{'s' * (app.rate_per_s != 1.0)} per second"
        yield f"at least {samples}" if app.objective == "rate" else samples
    if app.batch != (1,):
        *others, last = map(str, app.batch)
        yield f"batches of {', '.join(others)} or {last}" if others else f"batches of {last}"
    if app.pin:
        yield f"{len(app.pin)} block{'s' * (len(app.pin) > 1)} pinned"
    if app.private_until is not None:
        yield f"no data leave the source before {app.private_until}"


def _words(app: App, kind: str) -> str:
    return f"{app.latency} latency" if kind == "latency" else kind


def of_limit(app: App | None, latency_s: float) -> str:
    """Return a latency beside its limit, such as ``12 ms of 150 ms``; alone where there is no limit.

    Args:
        app: The app as it was asked for; None where that is not known.
        latency_s: Its latency in seconds.
    """
    latency = format_quantity(latency_s, "s")
    if app is None or app.max_latency_s is None:
        return latency
    return f"{latency} of {format_quantity(app.max_latency_s, 's')}"

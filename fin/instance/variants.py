"""Variants of an app as pairs of an app and a model: one for each of its models and each of its batch sizes."""

from __future__ import annotations

from collections.abc import Sequence

from planner.fin.instance.operating_points import operating_points
from planner.schemas.planning.model import Model
from planner.schemas.planning.variants import Pair
from planner.schemas.planning.workload import App
from planner.schemas.reading.problems import InputError, Problem


def expanded_variants(pairs: Sequence[Pair], per_exit_thresholds: bool = False) -> list[Pair]:
    """Return an app once for each of its models and batch sizes, models in the outer loop.

    Args:
        pairs: The app with each of its models.
        per_exit_thresholds: Whether operating points are designed with one threshold per exit.

    Returns:
        Pairs whose apps have one batch size each; where there are several models, with the least accuracy of all of
        them: that asked for, else the best that any of them offers.

    Raises:
        InputError: There are several models, and one of them does not say how accurate it is.
    """
    several = len(pairs) > 1
    least = _least_accuracy(pairs, per_exit_thresholds) if several else pairs[0][0].min_accuracy
    return [
        (app.model_copy(update={"min_accuracy": least, "batch": (size,)}), model)
        for app, model in pairs
        for size in app.batch
    ]


def _least_accuracy(pairs: Sequence[Pair], per_exit_thresholds: bool) -> float | None:
    """Return the least accuracy of all variants: that asked for, else the best of all; None where it is maximised."""
    app = pairs[0][0]
    if unknown := [model for _, model in pairs if not model.accuracy_known]:
        raise InputError([_unknown(app, model) for model in unknown])
    if app.min_accuracy is not None or app.objective == "accuracy":
        return app.min_accuracy
    offered = (operating_points(model, per_exit_thresholds) for _, model in pairs)
    return max(float(points.accuracy.max()) for points in offered)


def _unknown(app: App, model: Model) -> Problem:
    fix = f'give the model {model.name!r} its "accuracy"'
    message = "models are alternatives only where it is known how accurate each is"
    return Problem("", f"app {app.name}: model", model.name, message, fix)

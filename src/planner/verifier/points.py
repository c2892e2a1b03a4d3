"""The verifier's own operating points: those that a model gives, and those designed from its calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from planner.schemas import Calibration, Exit, Model


@dataclass(frozen=True)
class Point:
    """Fraction of samples by exit that is on, and the accuracy (both in [0, 1]; None: the model does not say it)."""

    fractions: Mapping[str, float]
    accuracy: float | None


def exits_in_order(model: Model, names: Mapping[str, object]) -> list[Exit]:
    """Return the exits of these names in the order in which samples meet them."""
    depth = {block.name: index for index, block in enumerate(model.blocks)}
    return sorted((head for head in model.exits if head.name in names), key=lambda head: depth[head.after])


def design_fault(model: Model, thresholds: Mapping[str, float | None]) -> str | None:
    """Return why these thresholds design no operating point, None if they do."""
    calibration = model.calibration
    if calibration is None:
        return "thresholds are given, but the model has no calibration"
    unknown = sorted(set(thresholds) - {head.name for head in model.exits if head.name in calibration.exits})
    if unknown or not thresholds:
        return f"no exit with a calibration: {', '.join(unknown) or '(none is on)'}"
    *earlier, last = [head.name for head in exits_in_order(model, thresholds)]
    if thresholds[last] is not None:
        return f"the last exit, {last}, takes all that remain: its threshold must be null"
    wrong = [name for name in earlier if thresholds[name] not in calibration.thresholds]
    return f"threshold is not among those calibrated: {', '.join(wrong)}" if wrong else None


def designed_point(model: Model, calibration: Calibration, thresholds: Mapping[str, float | None]) -> Point:
    """Compute the operating point of thresholds without fault, by the nesting rule.

    A sample that leaves at an exit would have left at any later one. So an exit keeps only those beyond what
    the earlier exit that lets most go has taken (the first such exit, where several let equally many go).

    Args:
        model: The model.
        calibration: What was measured of each exit alone.
        thresholds: Threshold of each exit that is on; None for the last one.

    Returns:
        Fraction of samples that leave at each exit, and the accuracy (both in [0, 1]).
    """
    fractions: dict[str, float] = {}
    most_exited, most_ratio, right = 0.0, 0.0, 0.0
    for head in exits_in_order(model, thresholds):
        exited, correct = _counts(calibration, head.name, thresholds[head.name])
        ratio = correct / exited if exited > 0.0 else 0.0
        right += _kept_right(exited, correct, most_exited, most_ratio)
        fractions[head.name] = max(0.0, exited - most_exited) / calibration.samples
        if exited > most_exited:
            most_exited, most_ratio = exited, ratio
    return Point(fractions, right / calibration.samples)


def _counts(calibration: Calibration, name: str, threshold: float | None) -> tuple[float, float]:
    """Samples that an exit alone lets go, and those of them that are right.

    The last exit (threshold None) lets all go; a sample that no threshold accepted was never judged, so it
    counts as wrong.
    """
    counts = calibration.exits[name]
    if threshold is not None:
        row = calibration.thresholds.index(threshold)
        return counts.exited[row], counts.correct[row]
    return calibration.samples, counts.correct[counts.exited.index(max(counts.exited))]


def designed_name(model: Model, thresholds: Mapping[str, float | None]) -> str:
    """Return the name of a designed point: its exits in order, each but the last with its threshold.

    Args:
        model: The model.
        thresholds: Threshold of each exit that is on; None for the last one.
    """
    order = [head.name for head in exits_in_order(model, thresholds)]
    return "+".join(name if thresholds[name] is None else f"{name}@{thresholds[name]:g}" for name in order)


def best_accuracy(model: Model, per_exit_thresholds: bool = False) -> float | None:
    """Return the best accuracy that a model offers, which is an app's least accuracy by default.

    Given points are compared one by one. Designed ones are not listed: what an exit keeps depends only on the earlier
    exit that lets most samples go, so dynamic programming over that exit finds the best of all of them.

    Args:
        model: The model.
        per_exit_thresholds: Whether points are designed with one threshold per exit rather than one for all.

    Returns:
        A fraction in [0, 1]; None where the model does not say how accurate it is.
    """
    offered = [point.accuracy for point in model.operating_points if point.accuracy is not None]
    if model.calibration is not None:
        rows = range(len(model.calibration.thresholds))
        choices = [list(rows)] if per_exit_thresholds else [[row] for row in rows]
        offered += [_best_designed(model, model.calibration, choice) for choice in choices]
    return max(offered, default=None)


def _best_designed(model: Model, calibration: Calibration, rows: Sequence[int]) -> float:
    """Return the best accuracy of all sets of exits whose thresholds are among some (by their place)."""
    best = 0.0
    most_right = {(0.0, 0.0): 0.0}  # by samples and share of right ones at the earlier exit that lets most go
    for head in exits_in_order(model, calibration.exits):
        counts = calibration.exits[head.name]
        choices = [(counts.exited[row], counts.correct[row]) for row in rows]
        known = dict(most_right)
        for (most_exited, most_ratio), right in known.items():
            last = _kept_right(*_counts(calibration, head.name, None), most_exited, most_ratio)
            best = max(best, (right + last) / calibration.samples)
            for exited, correct in choices:
                ratio = correct / exited if exited > 0.0 else 0.0
                state = (exited, ratio) if exited > most_exited else (most_exited, most_ratio)
                total = right + _kept_right(exited, correct, most_exited, most_ratio)
                most_right[state] = max(total, most_right.get(state, 0.0))
    return best


def _kept_right(exited: float, correct: float, most_exited: float, most_ratio: float) -> float:
    """Return how many of the samples that an exit keeps are right, by the nesting rule."""
    ratio = correct / exited if exited > 0.0 else 0.0
    left = max(0.0, exited - most_exited)
    return min(max(correct - max(most_ratio, ratio) * most_exited, 0.0), left)

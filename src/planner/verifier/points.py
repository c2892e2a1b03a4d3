"""The verifier's own operating points: those that a model gives, and those designed from its calibration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from planner.schemas import Calibration, Exit, Model


@dataclass(frozen=True)
class Point:
    """Fraction of samples by exit that is on, and the accuracy (both in [0, 1])."""

    fractions: Mapping[str, float]
    accuracy: float


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
    """Return the operating point of thresholds without fault, by the nesting rule.

    A sample that leaves at an exit would have left at any later one. So an exit keeps only those beyond what
    the earlier exit that lets most go has taken (the first such exit, where several let equally many go).
    """
    fractions: dict[str, float] = {}
    most_exited, most_ratio, right = 0.0, 0.0, 0.0
    for head in exits_in_order(model, thresholds):
        exited, correct = _counts(calibration, head.name, thresholds[head.name])
        ratio = correct / exited if exited > 0.0 else 0.0
        left = max(0.0, exited - most_exited)
        right += min(max(correct - max(most_ratio, ratio) * most_exited, 0.0), left)
        fractions[head.name] = left / calibration.samples
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


def best_accuracy(model: Model) -> float:
    """Return the accuracy that counts as the best a model offers (fraction).

    The true best over all designed points needs a search over every choice of thresholds. The deepest
    calibrated exit alone stands for them: cheap, and never more than the planner can reach.
    """
    offered = [point.accuracy for point in model.operating_points]
    if model.calibration is not None:
        deepest = exits_in_order(model, model.calibration.exits)[-1].name
        offered.append(designed_point(model, model.calibration, {deepest: None}).accuracy)
    return max(offered)

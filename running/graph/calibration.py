"""Calibration of early exits on labelled samples: counts of every exit alone, and jointly measured points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planner.running.confidence import confidence
from planner.running.graph.flow import Flow
from planner.running.graph.samples import Samples, check_labels
from planner.running.network.sessions import execute, session
from planner.schemas.bundles.cuts import Activation, Confidence

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
"""Confidences that exits are measured at."""
_MOST_ON = 3
"""Operating points are measured jointly for sets of up to so many exits."""
_MOST_POINTS = 2000


@dataclass(frozen=True)
class Answers:
    """What every exit says of every sample."""

    names: tuple[str, ...]
    sure: NDArray[np.float64]
    """(exits, samples) confidence."""
    right: NDArray[np.bool_]
    """(exits, samples) the class is that of the label."""


@dataclass(frozen=True)
class MeasuredPoint:
    """An operating point as it was measured on the samples."""

    name: str
    thresholds: dict[str, float | None]
    fractions: dict[str, float]
    accuracy: float


def answers_of(flow: Flow, samples: Samples, names: Sequence[str], measure: Confidence, file: str) -> Answers:
    """Run the whole network on labelled samples, and return what every exit says.

    Args:
        flow: The network.
        samples: Labelled samples.
        names: Names of the exits, by depth; the last is that of the final output.
        measure: Measure of confidence.
        file: Data file, to name in messages.

    Returns:
        Confidence and correctness by exit and sample, arrays of shape (exits, samples).

    Raises:
        InputError: A label is out of range, or ONNX Runtime refuses.
    """
    outputs = [(head.name, head.activation) for head in flow.heads] + [(flow.final[0], flow.activation)]
    kinds: list[Activation] = [activation for _, activation in outputs]
    runtime = session(flow.folded.model.SerializeToString(), file, threads=1)
    for name, _ in outputs:
        size = int(np.prod(flow.folded.tensors[name].shape)) if name in flow.folded.tensors else 0
        check_labels(samples, size, file)
    labels = samples.labels
    assert labels is not None  # read with labels
    sure, right = np.zeros((len(outputs), samples.count)), np.zeros((len(outputs), samples.count), dtype=bool)
    for index, feeds in enumerate(samples.inputs):
        scores = execute(runtime, [name for name, _ in outputs], feeds, file)
        for row, (score, activation) in enumerate(zip(scores, kinds, strict=True)):
            sure[row, index] = confidence(score, activation, measure)
            right[row, index] = int(np.argmax(score)) == int(labels[index])
    return Answers(tuple(names), sure, right)


def calibration_of(answers: Answers) -> dict[str, Any]:
    """Return the field `calibration` of a model: how many samples each exit alone would let go, and how many rightly.

    The last exit takes all, whatever the threshold.
    """
    exits = {}
    last = len(answers.names) - 1
    for row, name in enumerate(answers.names):
        leave = [answers.sure[row] >= (0.0 if row == last else threshold) for threshold in THRESHOLDS]
        exits[name] = {
            "exited": [float(each.sum()) for each in leave],
            "correct": [float((each & answers.right[row]).sum()) for each in leave],
        }
    return {"samples": float(answers.sure.shape[1]), "thresholds": list(THRESHOLDS), "exits": exits}


def measured_points(answers: Answers) -> list[MeasuredPoint]:
    """Return jointly measured operating points: all thresholds of all sets of up to three exits.

    Of points where another is no worse in accuracy and in the samples that reach every exit, only the other is kept.
    """
    rows = range(len(answers.names))
    sets = [each for size in range(1, _MOST_ON + 1) for each in combinations(rows, size)]
    common = sum(len(THRESHOLDS) ** (len(each) - 1) for each in sets) > _MOST_POINTS
    points = []
    for chosen in sets:
        early = len(chosen) - 1
        choices: Any = [(t,) * early for t in THRESHOLDS] if common and early else product(THRESHOLDS, repeat=early)
        points += [_measure(answers, chosen, thresholds) for thresholds in choices]
    return _undominated(answers, points)


def _measure(answers: Answers, chosen: Sequence[int], thresholds: Sequence[float]) -> MeasuredPoint:
    """Let every sample leave at the first exit that is on and sure enough."""
    samples = answers.sure.shape[1]
    left = np.ones(samples, dtype=bool)
    counts, right = [], 0
    for row, threshold in zip(chosen, (*thresholds, -np.inf), strict=True):
        leave = left & (answers.sure[row] >= threshold)
        counts.append(int(leave.sum()))
        right += int((leave & answers.right[row]).sum())
        left &= ~leave
    names = [answers.names[row] for row in chosen]
    bounds: list[float | None] = [*thresholds, None]
    parts = [name if bound is None else f"{name}>={bound:g}" for name, bound in zip(names, bounds, strict=True)]
    fractions = {name: count / samples for name, count in zip(names, counts, strict=True)}
    return MeasuredPoint("+".join(parts), dict(zip(names, bounds, strict=True)), fractions, right / samples)


def _undominated(answers: Answers, points: Sequence[MeasuredPoint]) -> list[MeasuredPoint]:
    """Keep points that no other beats: an exit that is on costs its head for all samples that reach it."""
    figures = np.array([_figures(answers, point) for point in points])
    kept: list[int] = []
    for index in np.lexsort(figures.T[::-1]):
        if not any((figures[other] <= figures[index]).all() for other in kept):
            kept.append(int(index))
    return [points[index] for index in sorted(kept)]


def _figures(answers: Answers, point: MeasuredPoint) -> list[float]:
    """Return what is to be small: inaccuracy, samples that reach each depth, samples that run each head."""
    reach, reached, heads = 1.0, [], []
    for index, name in enumerate(answers.names):
        deeper = any(each in point.fractions for each in answers.names[index:])
        reached.append(round(reach, 12) if deeper else 0.0)
        heads.append(round(reach, 12) if name in point.fractions else 0.0)
        reach -= point.fractions.get(name, 0.0)
    return [1.0 - point.accuracy, *reached, *heads]

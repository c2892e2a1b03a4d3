"""Operating points as arrays: given in the model, or designed from what was measured of each exit alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from planner.fin.instance.network import Bools, Floats, Ints
from planner.schemas.planning.model import Calibration, Model
from planner.schemas.reading.problems import input_error

MOST_DESIGNED = 200_000


@dataclass(frozen=True, eq=False)
class OperatingPoints:
    """K operating points over X exits (in order of depth) and L blocks."""

    exit_names: tuple[str, ...]
    exit_block: Ints
    """(X,) index of the block that an exit stands behind."""
    on: Bools
    """(K, X) exits that are on."""
    fraction: Floats
    """(K, X) fraction of samples that leaves at each exit."""
    accuracy: Floats
    """(K,) accuracy over all samples; 0 where it is not known."""
    thresholds: Floats
    """(K, X) designed threshold of each exit that is on; infinite for the last one, NaN where nothing was designed."""
    given_names: tuple[str, ...]
    """Names of the first points, which the model gives; the others are designed."""
    accuracy_known: bool = True
    """Whether the model says how accurate it is."""
    batch: int = 1
    """Samples that run together."""

    @property
    def count(self) -> int:
        """Number of operating points."""
        return len(self.accuracy)

    @property
    def depth(self) -> Ints:
        """(K,) number of blocks that are deployed."""
        return np.asarray((self.on * (self.exit_block + 1)).max(axis=1), dtype=np.int64)

    def reach(self, blocks: int) -> Floats:
        """(K, L) fraction of samples that executes each block: those that have not left before it."""
        return self._reach(slice(None), blocks)

    def reach_of(self, index: int, blocks: int) -> Floats:
        """(L,) fraction of samples that executes each block under one operating point."""
        if (index, blocks) not in self._known:  # every plan that is evaluated asks for that of its point
            self._known[index, blocks] = np.asarray(self._reach(slice(index, index + 1), blocks)[0])
        return self._known[index, blocks]

    @cached_property
    def _known(self) -> dict[tuple[int, int], Floats]:
        return {}

    def _reach(self, some: slice, blocks: int) -> Floats:
        on, fraction = self.on[some], self.fraction[some]
        left = np.zeros((len(on), blocks + 1))
        for index, block in enumerate(self.exit_block.tolist()):
            left[:, block + 1] += fraction[:, index]
        remaining = np.clip(1.0 - np.cumsum(left, axis=1)[:, :blocks], 0.0, 1.0)
        # rounding must not let a sliver of samples live on behind the last exit that anybody reaches
        remaining[remaining < 1e-12] = 0.0
        depth = (on * (self.exit_block + 1)).max(axis=1)
        return np.where(np.arange(blocks) < depth[:, None], remaining, 0.0)

    def computing_weight(self, reach: Floats) -> Floats:
        """Return how often blocks run for each batch: a batch goes on as long as any of its samples does.

        Args:
            reach: Fraction of samples that executes each block.

        Returns:
            ``1 - (1 - reach)^batch``; the reach itself without batches.
        """
        return reach if self.batch == 1 else 1.0 - (1.0 - reach) ** self.batch

    def name(self, index: int) -> str:
        """Return the name of a point; a designed one is named after its exits and thresholds."""
        if index < len(self.given_names):
            return self.given_names[index]
        parts = []
        for exit_index in np.flatnonzero(self.on[index]):
            threshold = self.thresholds[index, exit_index]
            suffix = "" if np.isinf(threshold) else f"@{threshold:g}"
            parts.append(self.exit_names[exit_index] + suffix)
        return "+".join(parts)

    def take(self, mask: Bools) -> OperatingPoints:
        """Keep the points of a mask."""
        given = tuple(name for name, kept in zip(self.given_names, mask, strict=False) if kept)
        return replace(
            self,
            on=self.on[mask],
            fraction=self.fraction[mask],
            accuracy=self.accuracy[mask],
            thresholds=self.thresholds[mask],
            given_names=given,
        )


def operating_points(model: Model, per_exit_thresholds: bool = False) -> OperatingPoints:
    """Return the points that a model gives, followed by those designed from its calibration.

    Args:
        model: The model.
        per_exit_thresholds: Design with one threshold per exit rather than one for all.

    Raises:
        InputError: The calibration would give more than 200,000 points.
    """
    position = {block.name: index for index, block in enumerate(model.blocks)}
    exits = sorted(model.exits, key=lambda head: position[head.after])
    names = tuple(head.name for head in exits)
    blocks = np.array([position[head.after] for head in exits], dtype=np.int64)
    given = _given(model, names)
    designed = _designed(model.calibration, names, per_exit_thresholds) if model.calibration else ()
    on, fraction, accuracy, thresholds = (
        np.concatenate([first, second]) for first, second in zip(given, designed, strict=True)
    ) if designed else given  # fmt: skip
    given_names = tuple(point.name for point in model.operating_points)
    return OperatingPoints(names, blocks, on, fraction, accuracy, thresholds, given_names, model.accuracy_known)


_Columns = tuple[Bools, Floats, Floats, Floats]


def _given(model: Model, names: tuple[str, ...]) -> _Columns:
    points = model.operating_points
    on = np.array([[name in point.exit_fractions for name in names] for point in points], dtype=bool)
    fraction = np.array([[point.exit_fractions.get(name, 0.0) for name in names] for point in points], dtype=np.float64)
    accuracy = np.array([point.accuracy or 0.0 for point in points], dtype=np.float64)
    shape = (len(points), len(names))
    return on.reshape(shape), fraction.reshape(shape), accuracy, np.full(shape, np.nan)


def _designed(calibration: Calibration, names: tuple[str, ...], per_exit: bool) -> _Columns:
    """Design every set of calibrated exits with every choice of thresholds, by the nesting of exits.

    A sample that leaves at an exit would have left at any later one, so exit j keeps
    ``max(0, exited_j - exited_p)`` samples, p being the earlier exit that lets most go.
    """
    known = [index for index, name in enumerate(names) if name in calibration.exits]
    rows = _choices(len(known), len(calibration.thresholds), per_exit)
    choice = np.full((len(rows), len(names)), -1, dtype=np.int64)
    choice[:, known] = rows
    on = choice >= 0
    last = len(names) - 1 - np.argmax(on[:, ::-1], axis=1)
    samples = calibration.samples
    most_exited, share_right = np.zeros(len(rows)), np.zeros(len(rows))
    left_by_exit, right = np.zeros(choice.shape), np.zeros(len(rows))
    for index in known:
        counts = calibration.exits[names[index]]
        exited_by_row, correct_by_row = np.array(counts.exited, dtype=float), np.array(counts.correct, dtype=float)
        takes_all = last == index
        fullest = int(np.argmax(exited_by_row))
        row = np.where(takes_all, fullest, choice[:, index])
        exited = np.where(takes_all, samples, exited_by_row[row])
        correct = correct_by_row[row]
        share = np.divide(correct, exited, out=np.zeros(len(rows)), where=exited > 0)
        left = np.where(on[:, index], np.maximum(0.0, exited - most_exited), 0.0)
        right += np.clip(correct - np.maximum(share_right, share) * most_exited, 0.0, left)
        left_by_exit[:, index] = left
        leads = on[:, index] & (exited > most_exited)
        share_right = np.where(leads, share, share_right)
        most_exited = np.where(leads, exited, most_exited)
    values = np.array([*calibration.thresholds, np.nan])
    thresholds = np.where(np.arange(len(names)) == last[:, None], np.inf, values[choice])
    return on, left_by_exit / samples, right / samples, thresholds


def _choices(exits: int, thresholds: int, per_exit: bool) -> Ints:
    """(K, exits) threshold row of each exit, -1 where it is off.

    The last exit that is on takes all that remain, so its own threshold does not matter and it bears row 0.
    """
    early = (thresholds + 1) if per_exit else 2
    count = sum(early**before * (1 if per_exit or not before else thresholds) for before in range(exits))
    if count > MOST_DESIGNED:
        fix = "calibrate fewer exits, give fewer thresholds, or give operating_points"
        message = f"{exits} exits and {thresholds} thresholds make {count:.3g} operating points"
        raise input_error(message, fix, path="calibration")
    parts = []
    for last in range(exits):
        sets = np.indices((early,) * last).reshape(last, -1).T - 1 if last else np.full((1, 0), -1)
        if not per_exit and last:
            some = sets[(sets >= 0).any(axis=1)]
            levels = np.arange(thresholds)[:, None, None]
            common = np.where(some[None] >= 0, levels, -1).reshape(-1, last)
            sets = np.concatenate([np.full((1, last), -1), common])
        block = np.full((len(sets), exits), -1, dtype=np.int64)
        block[:, :last] = sets
        block[:, last] = 0
        parts.append(block)
    return np.concatenate(parts)

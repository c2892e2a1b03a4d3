"""All plans of a kind that may be needed: label extension block by block, with Pareto dominance.

A label is a partial plan. It is dropped where another one at the same block, slot and operating point is no worse in
energy, time, every load and memory: whatever completes it completes the other as well. Plans that are late at the
least are dropped too. So for any prices of capacity a cheapest plan is among those kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.instance.network import Bools, Floats, Ints
from planner.fleet.instance.model_arrays import TOLERANCE, useful_points
from planner.fleet.plans.dominance import efficient
from planner.fleet.plans.kind import Kind, PlanSet, Step, columns_of, steps_of
from planner.schemas.planning.workload import percentile_of
from planner.schemas.reading.problems import input_error

MOST_LABELS = 400_000
_ENERGY, _TIME, _FIRST_LOAD = 0, 1, 2
_ROUND = 1e-12


@dataclass(frozen=True)
class _Labels:
    """n partial plans.

    Criteria are energy, time, busy seconds of S slots and M media, memory of S slots, metrics, arrivals.
    """

    point: Ints
    at: Ints
    criteria: Floats
    slot: Ints
    step: Ints
    result: Ints

    def take(self, kept: Ints | Bools) -> _Labels:
        return _Labels(
            self.point[kept], self.at[kept], self.criteria[kept], self.slot[kept], self.step[kept], self.result[kept]
        )


def enumerate_plans(kind: Kind, deadline: Deadline | None = None, *, single_cut: bool = False) -> PlanSet:
    """Enumerate the plans of a kind that may be needed.

    Args:
        kind: The kind.
        deadline: When to give up.
        single_cut: Only plans whose blocks leave the device once at most and then stay on one node.

    Returns:
        The plans; none where no plan keeps the limits.

    Raises:
        DeadlineReachedError: The deadline has passed before all plans were enumerated.
        InputError: There are more partial plans than can be held.
    """
    return _Enumeration(kind, single_cut).plans(deadline or Deadline())


def least_alone(kind: Kind) -> list[float]:
    """Find the least value of each limited figure, by dynamic programming: the other limits need not hold.

    Accuracy, memory and the rate that device and own link must bear hold in each.

    Args:
        kind: The kind.

    Returns:
        Latency in seconds, energy in joules, then each metric in its unit, of one inference; infinite where there is no
        plan at all.

    Raises:
        InputError: There are more partial plans than can be held.
    """
    metrics = len(kind.most_metrics)
    free = replace(kind, max_latency_s=np.inf, max_energy_j=np.inf, most_metrics=(np.inf,) * metrics)
    found = []
    search = _Enumeration(free, single_cut=False)
    for column in (_TIME, _ENERGY, *range(search.metric_at, search.metric_at + metrics)):
        search.count_only(column)
        labels = search.labels(Deadline())
        values = search.latency(labels) if column == _TIME else labels.criteria[:, column]
        found.append(float(values.min(initial=np.inf)))
    return found


class _Enumeration:
    """Extension of labels for one kind."""

    def __init__(self, kind: Kind, single_cut: bool) -> None:
        model, self.single_cut = kind.model, single_cut
        self.kind, self.model, self.steps = kind, model, steps_of(kind)
        self.travels = kind.destination >= 0
        self.arrivals = self.travels and kind.statistic != "mean"
        """Whether results may arrive out of order, so that the time of every exit is kept."""
        self.columns = columns_of(kind)
        exits = model.points.fraction.shape[1]
        self.media_at = _FIRST_LOAD + kind.slots
        self.memory_at = self.media_at + kind.media
        self.metric_at = self.memory_at + kind.slots
        self.most_metrics = np.array(kind.most_metrics)
        self.arrival_at = self.metric_at + len(self.most_metrics)
        self.width = self.arrival_at + (exits if self.arrivals else 0)
        weights = np.ones_like(model.reach) if self.arrivals else model.latency_weights(kind.statistic)
        self.time_weight = weights
        self.limited = np.isfinite(kind.memory_bytes)
        self.least_later_s = self._least_later(weights)
        self.counted = np.ones(self.width, dtype=bool)
        self.counted[_FIRST_LOAD + 1 : self.memory_at] = kind.scarce
        self.counted[self.media_at] |= not kind.radio.shared
        self.counted[self.metric_at : self.arrival_at] = np.isfinite(self.most_metrics)

    def _least_later(self, weights: Floats) -> Floats:
        """(K, L + 1) least weighted time of the blocks from each one on, each on its fastest slot."""
        blocks = self.kind.costs.blocks
        time_s = np.where(blocks.can_run[:, self.columns], blocks.time_s[:, self.columns], np.inf).min(axis=1)
        deployed = np.arange(self.model.blocks) < self.model.points.depth[:, None]
        least = np.where(deployed & (weights > 0.0), weights * np.where(np.isfinite(time_s), time_s, 0.0), 0.0)
        later = np.zeros((len(weights), self.model.blocks + 1))
        later[:, :-1] = np.cumsum(least[:, ::-1], axis=1)[:, ::-1]
        return later

    def count_only(self, column: int) -> None:
        """Let one criterion alone decide, beside those on memory and rate; latency needs every arrival."""
        self.counted[:] = False
        self.counted[[column, _FIRST_LOAD]] = True
        self.counted[self.media_at] = not self.kind.radio.shared
        self.counted[self.memory_at : self.metric_at] = self.limited
        if column == _TIME:
            self.counted[self.arrival_at :] = True

    def plans(self, deadline: Deadline) -> PlanSet:
        return self._finished(self.labels(deadline))

    def labels(self, deadline: Deadline) -> _Labels:
        """Return the labels of whole plans."""
        points = useful_points(self.model, self.kind.least_accuracy, self.travels)
        labels = _Labels(
            points, np.zeros(len(points), dtype=np.int64), np.zeros((len(points), self.width)),
            np.full((len(points), self.model.blocks), -1, dtype=np.int64),
            np.full((len(points), self.model.blocks), -1, dtype=np.int64),
            np.full((len(points), self.model.points.fraction.shape[1]), -1, dtype=np.int64),
        )  # fmt: skip
        ended: list[_Labels] = []
        depth = self.model.points.depth
        for block in range(self.model.blocks):
            deadline.check()
            labels = self._extended(labels.take(depth[labels.point] > block), block)
            ended.append(labels.take(depth[labels.point] == block + 1))
        return _joined(ended) if ended else labels

    def _extended(self, labels: _Labels, block: int) -> _Labels:
        """Put the next block on every slot that can run it, over every step."""
        runs = self.kind.costs.blocks.can_run[block, self.columns]
        parts = [
            self._moved(labels.take(labels.at == step.source), block, number, step)
            for number, step in enumerate(self.steps)
            if runs[step.target] and (not self.single_cut or step.source in (0, step.target))
        ]
        extended = (
            self._pruned(_joined(parts), block) if parts else labels.take(np.zeros(len(labels.point), dtype=bool))
        )
        head = int(self.model.head_at[block])
        if self.travels and head >= 0:
            extended = self._pruned(self._returned(extended, head), block)
        return extended

    def _moved(self, labels: _Labels, block: int, number: int, step: Step) -> _Labels:
        """Carry what a block reads over a step, and run the block and its head there."""
        model, costs, column = self.model, self.kind.costs, self.columns[step.target]
        bits, reach = model.entering_bits(block), model.reach[labels.point, block]
        criteria = labels.criteria.copy()
        carried = np.ones(len(reach)) if block == 0 else reach
        seconds = np.full(len(reach), float(costs.blocks.time_s[block, column]))
        joules = np.full(len(reach), float(costs.blocks.energy_j[block, column]))
        held = np.full(len(reach), float(model.block_bytes[block]))
        head = int(model.head_at[block])
        if head >= 0:
            on = model.points.on[labels.point, head]
            seconds += np.where(on, costs.heads.time_s[head, column], 0.0)
            joules += np.where(on, costs.heads.energy_j[head, column], 0.0)
            held += np.where(on, model.head_bytes[head], 0.0)
        self._carry(criteria, step, bits, carried)
        self._count(criteria, labels.point, block, column)
        criteria[:, _ENERGY] += reach * joules
        transfer_s = step.latency_s + bits * step.s_per_bit
        criteria[:, _TIME] += self.time_weight[labels.point, block] * (seconds + transfer_s)
        criteria[:, _FIRST_LOAD + step.target] += reach * seconds
        if self.limited[step.target]:
            criteria[:, self.memory_at + step.target] += held
        slot, used = labels.slot.copy(), labels.step.copy()
        slot[:, block], used[:, block] = step.target, number
        return _Labels(labels.point, np.full(len(reach), step.target), criteria, slot, used, labels.result)

    def _carry(self, criteria: Floats, step: Step, bits: float, weight: Floats) -> None:
        criteria[:, _ENERGY] += weight * bits * step.j_per_bit
        for medium, seconds in step.media:
            criteria[:, self.media_at + medium] += weight * bits * seconds
        for metric, per_bit in enumerate(step.metrics):
            if per_bit:
                criteria[:, self.metric_at + metric] += weight * bits * per_bit

    def _count(self, criteria: Floats, point: Ints, block: int, column: int) -> None:
        """Add what a block and its head add to metrics."""
        model, costs = self.model, self.kind.costs
        head, reach = int(model.head_at[block]), model.reach[point, block]
        for metric in range(len(self.most_metrics)):
            added = np.full(len(point), float(costs.block_metrics[metric, block, column]))
            if head >= 0:
                added += np.where(model.points.on[point, head], costs.head_metrics[metric, head, column], 0.0)
            criteria[:, self.metric_at + metric] += reach * added

    def _returned(self, labels: _Labels, head: int) -> _Labels:
        """Carry the results of an exit to the destination, over every step."""
        model, points = self.model, self.model.points
        bits, fraction = float(model.result_bits[head]), points.fraction[labels.point, head]
        leaves = fraction > 0.0
        parts = [labels.take(~leaves)]
        for number, step in enumerate(self.steps):
            chosen = leaves & (labels.at == step.source)
            if step.target != self.kind.destination or not chosen.any():
                continue
            some = labels.take(chosen)
            criteria, result = some.criteria.copy(), some.result.copy()
            weight = fraction[chosen]
            self._carry(criteria, step, bits, weight)
            seconds = step.latency_s + bits * step.s_per_bit
            if self.arrivals:
                criteria[:, self.arrival_at + head] = criteria[:, _TIME] + seconds
            else:
                criteria[:, _TIME] += weight * seconds
            result[:, head] = number
            parts.append(_Labels(some.point, some.at, criteria, some.slot, some.step, result))
        return _joined(parts)

    def _pruned(self, labels: _Labels, block: int) -> _Labels:
        """Drop labels beyond a limit, and dominated ones."""
        kind, criteria = self.kind, labels.criteria
        slack = 1.0 + TOLERANCE
        keep = criteria[:, _ENERGY] <= kind.max_energy_j * slack
        if not self.arrivals:
            least = criteria[:, _TIME] + self.least_later_s[labels.point, block + 1]
            keep &= least <= kind.max_latency_s * slack
        keep &= (criteria[:, self.memory_at : self.metric_at] <= kind.memory_bytes * slack).all(axis=1)
        keep &= (criteria[:, self.metric_at : self.arrival_at] <= self.most_metrics * slack).all(axis=1)
        keep &= self._most_rate(criteria) >= kind.least_rate_per_s / slack
        labels = labels.take(keep)
        if len(labels.point) > MOST_LABELS:
            message = f"a class has more than {MOST_LABELS:,} partial plans"
            fix = "give the model fewer blocks or operating points, or consider fewer hosts (--hosts)"
            raise input_error(message, fix)
        if self.single_cut:  # there are few, and time is short
            return labels
        group = labels.point * kind.slots + labels.at
        return labels.take(efficient(group, _rounded(labels.criteria[:, self.counted])))

    def _most_rate(self, criteria: Floats) -> Floats:
        """(n,) largest rate at which neither the device nor a link of the user's own is overloaded."""
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = self.kind.device_utilization / criteria[:, _FIRST_LOAD]
            rate = np.where(criteria[:, _FIRST_LOAD] > 0.0, rate, np.inf)
            if not self.kind.radio.shared:
                rate = np.minimum(rate, 1.0 / criteria[:, self.media_at])
        return np.asarray(rate, dtype=np.float64)

    def _finished(self, labels: _Labels) -> PlanSet:
        """Return whole plans; those that another one beats in energy, loads of shared capacity and rate go."""
        kind = self.kind
        latency = self.latency(labels)
        kept = latency <= kind.max_latency_s * (1.0 + TOLERANCE)
        labels, latency = labels.take(kept), latency[kept]
        loads = labels.criteria[:, _FIRST_LOAD + 1 : self.memory_at].copy()
        if not kind.radio.shared:
            loads[:, kind.slots - 1] = 0.0
        memory = labels.criteria[:, self.memory_at + 1 : self.metric_at][:, self.limited[1:]]
        plans = PlanSet(
            labels.criteria[:, _ENERGY].copy(), latency, loads, self._most_rate(labels.criteria), memory,
            labels.criteria[:, self.metric_at : self.arrival_at].copy(),
            labels.point, labels.slot, labels.step, labels.result, np.arange(len(latency)), self.steps,
        )  # fmt: skip
        found = plans.take(efficient_plans(kind, plans, kind.scarce))
        return replace(found, number=np.arange(found.count))

    def latency(self, labels: _Labels) -> Floats:
        """(n,) latency by the class's statistic."""
        if not self.arrivals:
            return labels.criteria[:, _TIME].copy()
        arrival = labels.criteria[:, self.arrival_at :]
        fraction = self.model.points.fraction[labels.point]
        arrival = np.where(fraction > 0.0, arrival, -np.inf)
        needed = percentile_of(self.kind.statistic)
        if needed is None:
            return np.asarray(arrival.max(axis=1), dtype=np.float64)
        order = np.argsort(arrival, axis=1, kind="stable")
        held = np.cumsum(np.take_along_axis(fraction, order, axis=1), axis=1) >= needed - TOLERANCE
        first = np.where(held.any(axis=1), held.argmax(axis=1), fraction.shape[1] - 1)
        sorted_arrival = np.take_along_axis(arrival, order, axis=1)
        return np.asarray(sorted_arrival[np.arange(len(first)), first], dtype=np.float64)


def efficient_plans(kind: Kind, plans: PlanSet, scarce: Bools) -> Bools:
    """Mark the plans that no other one beats in energy, memory, largest rate, and loads that may be short.

    Args:
        kind: The kind.
        plans: P plans of it.
        scarce: (S - 1 + M,) loads that may be short.

    Returns:
        (P,) mask.
    """
    rate = plans.most_rate_per_s
    # what every class of the kind can do is no criterion
    enough = rate * (1.0 + TOLERANCE) >= kind.most_rate_per_s
    slowness = np.where(enough, 0.0, 1.0 / np.where(enough, 1.0, rate))
    criteria = np.concatenate(
        [plans.energy_j[:, None], plans.loads_s[:, scarce], slowness[:, None], plans.memory_bytes], axis=1
    )
    return efficient(np.zeros(plans.count, dtype=np.int64), _rounded(criteria))


def _rounded(criteria: Floats) -> Floats:
    """Round to 1e-12 of the column's largest, so that sums of the same terms in another order are equal."""
    scale = np.abs(criteria).max(axis=0, initial=0.0) * _ROUND
    return np.where(scale > 0.0, np.round(criteria / np.where(scale > 0.0, scale, 1.0)), 0.0)


def _joined(parts: list[_Labels]) -> _Labels:
    return _Labels(
        np.concatenate([part.point for part in parts]),
        np.concatenate([part.at for part in parts]),
        np.concatenate([part.criteria for part in parts]),
        np.concatenate([part.slot for part in parts]),
        np.concatenate([part.step for part in parts]),
        np.concatenate([part.result for part in parts]),
    )

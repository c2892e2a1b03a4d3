"""App arrays: power, load, time and memory of each block by operating point and kind of node."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from planner.fin.instance.instance import TOLERANCE, Instance
from planner.fin.instance.network import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class AppArrays:
    """K operating points of at most D blocks on P columns of nodes, heads included. Powers are at speed 1.

    Nodes on which every block costs the same share a column.
    """

    column: Ints
    """(N,) column of each node."""
    depth: Ints
    """(K,) blocks that are deployed; behind them everything is 0."""
    dynamic_w: Floats
    """(K, D, P) power of computing, without static power."""
    static_w: Floats
    """(K, D, P) static power while computing."""
    load: Floats
    """(K, D, P) fraction of time that a block keeps a node busy."""
    late_s: Floats
    """(K, D, P) time that counts for the latency limit."""
    memory_bytes: Floats
    """(K, D) parameters and states."""
    working_bytes: Floats
    """(K, D) needed only while a block runs."""
    param_uses: Bools
    """(K, D, P) whether a block uses a named parameter, which a node holds once."""
    param_bytes: Floats
    """(P,) sizes of the named parameters."""
    param_part_bytes: Floats
    """(P,) the part of each that the app holds if all apps that may share it do."""
    allowed: Bools
    """(K, D, P) whether a block (with its head) may run on a node."""
    carry_bits: Floats
    """(D,) bits into each block."""
    carry_weight: Floats
    """(K, D) transfers into each block per second."""
    carry_late: Floats
    """(K, D) how often a transfer into each block counts for the latency limit."""
    result_bits: Floats
    """(K, D) bits of the result that leaves behind each block; 0 where nothing travels."""
    result_weight: Floats
    """(K, D) results per second."""
    result_late: Floats
    """(K, D) how often a result's route counts for the latency limit."""
    point_w: Floats
    """(K, 1) power of an operating point itself."""
    most_s: float
    """Latency limit, without the wait for a full batch."""

    def at_rate_of(self, instance: Instance, factor: float) -> AppArrays:
        """Return what the app asks at another rate, which is `factor` times this one."""
        per_second = ("dynamic_w", "static_w", "load", "carry_weight", "result_weight", "point_w")
        scaled = {name: factor * getattr(self, name) for name in per_second}
        return replace(self, most_s=_most_s(instance), **scaled)

    def at_deadline_of(self, instance: Instance) -> AppArrays:
        """Return what the app asks with another latency limit."""
        return replace(self, most_s=_most_s(instance))


def app_arrays(instance: Instance) -> AppArrays:
    """Lay an app out as arrays.

    The latency that counts is a lower bound of the app's statistic: the mean, or the latency of the exit that must be
    in time at the least. With results that travel, a percentile counts the way to that exit without its result.
    """
    points, rate, batch = instance.points, instance.rate_per_s, instance.batch
    depth = points.depth
    layers = int(depth.max(initial=1))
    reach = points.reach(len(instance.block_names))[:, :layers]
    head_of = _heads(instance, layers)
    on = points.on[:, head_of] & (head_of >= 0)
    fraction = np.where(on, points.fraction[:, head_of], 0.0)
    deployed = np.arange(layers) < depth[:, None]
    head = np.where(on, 1.0, 0.0)[:, :, None]
    first, column = _columns(instance)
    blocks, heads = instance.blocks, instance.heads
    time_s = blocks.time_s[:layers, first] + head * heads.time_s[head_of][:, first]
    dynamic_j = blocks.dynamic_j[:layers, first] + head * heads.dynamic_j[head_of][:, first]
    late, result_late = _late_weights(instance, reach, fraction)
    times = (rate * points.computing_weight(reach))[:, :, None]
    carry_weight = np.where(np.arange(layers) == 0, 1.0, reach)
    travels = (fraction > 0.0) & (instance.destination is not None)
    can_run = instance.allowed[:layers, first] & (heads.can_run[head_of][:, first] | (head == 0.0))
    return AppArrays(
        column=column,
        depth=depth,
        dynamic_w=batch * times * dynamic_j,  # energies are those of a sample, times those of a batch
        static_w=times * time_s * instance.network.static_power_w[first],
        load=times * time_s,
        late_s=late[:, :, None] * time_s,
        memory_bytes=deployed * (instance.block_bytes[:layers] + on * instance.head_bytes[head_of]),
        **_beyond_sum(instance, head_of, on, deployed),
        allowed=can_run | ~deployed[:, :, None],
        carry_bits=batch * np.concatenate([[instance.input_bits], instance.output_bits[: layers - 1]]),
        carry_weight=rate * carry_weight,
        carry_late=np.where(np.arange(layers) == 0, 1.0, late) if instance.statistic == "mean" else late,
        result_bits=batch * np.where(travels, instance.result_bits[head_of], 0.0),
        result_weight=np.where(travels, rate * fraction, 0.0),
        result_late=np.where(travels, result_late, 0.0),
        point_w=np.zeros((len(depth), 1)) if instance.point_j is None else batch * rate * instance.point_j[:, None],
        most_s=_most_s(instance),
    )


def _beyond_sum(instance: Instance, head_of: Ints, on: Bools, deployed: Bools) -> dict[str, Any]:
    """Return working memory and named parameters of (K, D) blocks with their heads."""
    memory, layers = instance.memory, len(head_of)
    if memory is None:
        none = np.zeros((*deployed.shape, 0), dtype=np.bool_)
        empty = np.zeros(0)
        return {
            "working_bytes": np.zeros(deployed.shape), "param_uses": none, "param_bytes": empty,
            "param_part_bytes": empty,
        }  # fmt: skip
    working = np.maximum(memory.block_working[:layers], on * memory.head_working[head_of])
    uses = memory.block_uses[:layers] | (on[:, :, None] & memory.head_uses[head_of])
    return {
        "working_bytes": deployed * working,
        "param_uses": deployed[:, :, None] & uses,
        "param_bytes": memory.param_bytes,
        "param_part_bytes": memory.param_bytes / memory.sharers,
    }


def _most_s(instance: Instance) -> float:
    """Return the latency limit without the wait for a full batch, to the tolerance of limits."""
    return float(instance.limits.latency_s * (1.0 + TOLERANCE) - instance.filling_s)


def _columns(instance: Instance) -> tuple[Ints, Ints]:
    """(P,) one node of each column, and (N,) the column of each node."""
    figures = [instance.blocks.time_s, instance.blocks.dynamic_j, instance.heads.time_s, instance.heads.dynamic_j]
    masks = [instance.allowed, instance.heads.can_run]
    rows = np.concatenate([*figures, *masks, instance.network.static_power_w[None]])
    _, first, column = np.unique(rows, axis=1, return_index=True, return_inverse=True)
    return first, column.ravel()


def _heads(instance: Instance, layers: int) -> Ints:
    """(D,) exit behind each block, -1 where there is none."""
    head_of = np.full(layers, -1, dtype=np.int64)
    for index, block in enumerate(instance.points.exit_block):
        if block < layers:
            head_of[block] = index
    return head_of


def _late_weights(instance: Instance, reach: Floats, fraction: Floats) -> tuple[Floats, Floats]:
    """(K, D) how often each block, and (K, D) how often each result, counts for the latency limit."""
    if instance.statistic == "mean":
        return reach, fraction
    layers = np.arange(fraction.shape[1])
    used = fraction > 0.0
    governing = layers[-1] - np.argmax(used[:, ::-1], axis=1)  # the deepest exit that anybody reaches
    if instance.percentile is not None:
        enough = np.cumsum(fraction, axis=1) >= instance.percentile - TOLERANCE
        governing = np.where(enough.any(axis=1), np.argmax(enough, axis=1), governing)
    late = (layers <= governing[:, None]).astype(np.float64)
    result = (layers == governing[:, None]) & (instance.percentile is None)
    return late, result.astype(np.float64)

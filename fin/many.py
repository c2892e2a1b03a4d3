"""Many small requests at once: arrays in, arrays out, every answer exact.

For streams of requests over few nodes (a phone, an edge, a cloud) the overhead of a single search is dearer than the
search. Here all placements of a whole batch are enumerated as arrays, layer by layer, which for five blocks on three
nodes is a few hundred additions per request. Requests with too many placements for that are solved one by one by
label setting.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.fin.graph.dominance import non_dominated
from planner.fin.instance.instance import TOLERANCE
from planner.fin.instance.network import Bools, Floats, Ints
from planner.schemas.reading.problems import input_error

_CELLS_AT_ONCE = 100_000
_MOST_PLACEMENTS = 4_096


@dataclass(frozen=True, eq=False)
class Plans:
    """Answers to B requests of D blocks."""

    nodes: Ints
    """(B, D) node of each block; -1 where there is no plan."""
    energy_j: Floats
    """(B,) least energy within the deadline, in joules; infinite where there is no plan."""
    latency_s: Floats
    """(B,) latency of that plan, in seconds; infinite where there is no plan."""
    feasible: Bools
    """(B,) whether there is a plan. Every answer is exact: where this is false, none exists."""


def plan_many(
    block_energy_j: Floats,
    block_time_s: Floats,
    transfer_energy_j: Floats,
    transfer_time_s: Floats,
    max_latency_s: Floats,
) -> Plans:
    """Plan B requests: least energy of each within its deadline.

    Args:
        block_energy_j: (B, D, N) energy of each block on each node; infinite where it may not run.
        block_time_s: (B, D, N) time of each block on each node.
        transfer_energy_j: (B, D, N, N) energy of carrying what a block reads from one node (third index) to
            another; at block 0 row 0 is the source, so order the nodes with the source first.
        transfer_time_s: (B, D, N, N) time of the same.
        max_latency_s: (B,) deadlines; infinite for none.

    The batch axis of any array may be 1 where all requests share it.

    Returns:
        Nodes, energy and latency of the best plan of each request, and whether there is one.

    Raises:
        InputError: Shapes do not fit, or a value is NaN or negative.
    """
    arrays = [np.asarray(array, dtype=np.float64) for array in (
        block_energy_j, block_time_s, transfer_energy_j, transfer_time_s, max_latency_s)]  # fmt: skip
    requests, blocks, nodes = _check_shapes(arrays)
    energy, time, carry_energy, carry_time, deadline = arrays
    limit = np.broadcast_to(deadline, (requests,)) * (1.0 + TOLERANCE)
    step_energy, step_time = carry_energy + energy[:, :, None, :], carry_time + time[:, :, None, :]
    step_energy, step_time = (_batch(array, requests) for array in (step_energy, step_time))
    if nodes**blocks > _MOST_PLACEMENTS:
        answers = [_search(step_energy[row], step_time[row], float(limit[row])) for row in range(requests)]
        return _plans([best for best, _ in answers], [path for _, path in answers], step_time)
    size = max(1, _CELLS_AT_ONCE // nodes**blocks)
    choice = np.empty(requests, dtype=np.int64)
    least = np.empty(requests)
    for first in range(0, requests, size):
        part = slice(first, first + size)
        choice[part], least[part] = _enumerate(step_energy[part], step_time[part], limit[part])
    digits = nodes ** np.arange(blocks - 1, -1, -1)
    return _plans(least, choice[:, None] // digits % nodes, step_time)


def _check_shapes(arrays: list[Floats]) -> tuple[int, int, int]:
    energy = arrays[0]
    if energy.ndim != 3 or 0 in energy.shape:
        raise input_error(
            "needs the shape (requests, blocks, nodes)",
            "give three axes, none empty",
            path="block_energy_j",
            value=energy.shape,
        )
    requests = max(array.shape[0] if array.ndim else 1 for array in arrays)
    _, blocks, nodes = energy.shape
    expected = ((blocks, nodes), (blocks, nodes), (blocks, nodes, nodes), (blocks, nodes, nodes), ())
    names = ("block_energy_j", "block_time_s", "transfer_energy_j", "transfer_time_s", "max_latency_s")
    for name, array, tail in zip(names, arrays, expected, strict=True):
        if array.ndim != len(tail) + 1 or array.shape[1:] != tail or array.shape[0] not in (1, requests):
            fix = f"give the shape {('requests', *tail)}, with {requests} or 1 requests"
            raise input_error("has another shape than the others ask for", fix, path=name, value=array.shape)
        if np.isnan(array).any() or (array < 0).any():
            raise input_error("holds NaN or negative values", "give numbers from 0 up", path=name)
    return requests, blocks, nodes


def _batch(array: Floats, requests: int) -> Floats:
    return np.broadcast_to(array, (requests, *array.shape[1:]))


def _enumerate(step_energy: Floats, step_time: Floats, limit: Floats) -> tuple[Ints, Floats]:
    """Return the best placement of each request, as a number in base N, and its energy (infinite: none in time).

    The batch is the last axis here, so that every addition runs over contiguous memory.
    """
    requests, blocks, _, nodes = step_energy.shape
    steps_j, steps_s = (np.ascontiguousarray(steps.transpose(1, 2, 3, 0)) for steps in (step_energy, step_time))
    energy, time = steps_j[0, :1], steps_s[0, :1]
    for block in range(1, blocks):
        # (path to the node before, node before, next node, request)
        energy = (energy[:, :, None] + steps_j[block]).reshape(-1, nodes, requests)
        time = (time[:, :, None] + steps_s[block]).reshape(-1, nodes, requests)
    in_time = np.where(time <= limit, energy, np.inf).reshape(-1, requests)
    choice = in_time.argmin(axis=0)
    return choice, in_time[choice, np.arange(requests)]


def _search(step_energy: Floats, step_time: Floats, limit: float) -> tuple[float, Ints]:
    """Best placement of one request with many placements: labels, layer by layer, without dominated ones."""
    blocks, _, nodes = step_energy.shape
    later = _least_time_later(step_time)
    energy, time = step_energy[0, 0], step_time[0, 0]
    last = np.arange(nodes)
    parents: list[Ints] = [np.full(nodes, -1)]
    layers: list[Ints] = [last]
    for block in range(blocks):
        if block:
            origin = np.repeat(np.arange(len(last)), nodes)
            target = np.tile(np.arange(nodes), len(last))
            energy = energy[origin] + step_energy[block, last[origin], target]
            time = time[origin] + step_time[block, last[origin], target]
            last = target
            parents.append(origin)
            layers.append(last)
        keep = (time + later[block, last] <= limit) & np.isfinite(energy)
        kept = np.flatnonzero(keep)
        kept = kept[non_dominated(last[kept], np.stack([energy[kept], time[kept]], axis=1))]
        energy, time, last = energy[kept], time[kept], last[kept]
        parents[-1], layers[-1] = parents[-1][kept], layers[-1][kept]
    if len(energy) == 0:
        return np.inf, np.full(blocks, -1)
    label = int(energy.argmin())
    best = float(energy[label])
    path = np.empty(blocks, dtype=np.int64)
    for block in range(blocks - 1, -1, -1):
        path[block] = layers[block][label]
        label = int(parents[block][label])
    return best, path


def _least_time_later(step_time: Floats) -> Floats:
    """(D, N) least time from behind each block on each node to the end."""
    blocks, _, nodes = step_time.shape
    later = np.zeros((blocks, nodes))
    for block in range(blocks - 2, -1, -1):
        later[block] = (step_time[block + 1] + later[block + 1]).min(axis=1)
    return later


def _plans(least: Floats | list[float], paths: Ints | list[Ints], step_time: Floats) -> Plans:
    energy, nodes = np.asarray(least, dtype=np.float64), np.asarray(paths, dtype=np.int64)
    feasible = np.isfinite(energy)
    before = np.concatenate([np.zeros((len(nodes), 1), dtype=np.int64), nodes[:, :-1]], axis=1)
    rows = np.arange(len(nodes))[:, None]
    latency = step_time[rows, np.arange(nodes.shape[1]), before, nodes].sum(axis=1)
    return Plans(
        np.where(feasible[:, None], nodes, -1),
        energy,
        np.where(feasible, latency, np.inf),
        feasible,
    )

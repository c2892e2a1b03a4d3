"""Links of dense networks as matrices: min-plus products, many scenarios at once.

On small networks the weights of all layers are formed in one product. On large ones they are never held: every use
forms those that it needs anew, a few rows at a time, so that they stay in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from planner.fin.instance.network import Bools, Floats, Ints, Network
from planner.fin.links.held import HeldWeightedLinks
from planner.fin.links.interface import FULL, Hops, Spread, cheapest_before, link_figures

_PAIRS_HELD = 16_384
"""Most pairs of nodes whose weights are held for all layers at once."""
_CELLS_AT_ONCE = 4_000_000
_CELLS_HELD = 131_072
"""Weights of one layer, over all scenarios, that are held at once."""
_CELLS_IN_CACHE = 16_000
"""Weights formed at once, where they are not held."""
_NARROW = 8
"""Where one node in so many may still be improved, weights are formed for these alone."""


class DenseLinks:
    """Links as (N, N) matrices, flattened: link s * N + t leads from s to t."""

    def __init__(
        self, network: Network, tracked_media: Sequence[int] = (), most_bit_per_s: float = 0.0,
        of_network: Sequence[int] = (),
    ) -> None:  # fmt: skip
        size = self.size = network.size
        metrics, loads = link_figures(network, tracked_media, of_network)
        link = network.link_source * size + network.link_target
        if len(link) == size * (size - 1) and bool((link[1:] > link[:-1]).all()):
            self.complete, self.present = True, np.ones((size, size), dtype=bool)
            self.metrics, self.loads = _between_all_pairs(metrics, size), _between_all_pairs(loads, size)
        else:
            self.metrics, self.loads = np.zeros((len(metrics), size * size)), np.zeros((len(loads), size * size))
            self.metrics[:, link], self.loads[:, link] = metrics, loads
            self.present = np.eye(size, dtype=bool)
            self.present.flat[link] = True
            self.complete = bool(self.present.all())
        self.slowest = float(metrics[1].max(initial=0.0))
        self.single_hop = self.complete and not (
            _relays_may_help(self.matrices, self.least_out, self.least_into)
            or (len(loads) > 0 and _relays_may_help(self.loads.reshape(-1, size, size)))
            or (most_bit_per_s * self.slowest > FULL and _relays_may_be_wider(self.matrices[1]))
        )

    @cached_property
    def absent(self) -> Ints:
        """Pairs of nodes that no link joins, numbered as links are."""
        return np.flatnonzero(~self.present) if not self.complete else np.zeros(0, dtype=np.int64)

    @cached_property
    def ends(self) -> tuple[Ints, Ints]:
        """(N * N,) nodes that the links leave, and that they lead to."""
        nodes = np.arange(self.size)
        return np.repeat(nodes, self.size), np.tile(nodes, self.size)

    @cached_property
    def no_links(self) -> Ints:
        """Pairs of nodes that no link joins, and those of a node with itself."""
        return np.union1d(self.absent, np.arange(self.size) * (self.size + 1))

    @cached_property
    def matrices(self) -> Floats:
        """(C, N, N) metrics from source to target."""
        return self.metrics.reshape(-1, self.size, self.size)

    @cached_property
    def transposed(self) -> Floats:
        """(C, N, N) metrics from target to source."""
        return np.ascontiguousarray(self.matrices.swapaxes(1, 2))

    @cached_property
    def varied(self) -> tuple[bool, ...]:
        """Whether each metric is anything but zero."""
        return tuple(bool(metric.any()) for metric in self.metrics)

    @cached_property
    def least_into(self) -> Floats:
        """(C, N) least of each metric over the links into a node."""
        return self._least[0]

    @cached_property
    def least_out(self) -> Floats:
        """(C, N) least of each metric over the links out of a node."""
        return self._least[1]

    @cached_property
    def _least(self) -> tuple[Floats, Floats]:
        present = None if self.complete else self.present
        apart = (_apart(metric, present) for metric in self.matrices)
        into, out = zip(*((metric.min(axis=0), metric.min(axis=1)) for metric in apart), strict=True)
        return np.stack(into), np.stack(out)

    def between(self, source: Ints, target: Ints) -> Ints:
        """Return the link between each pair of nodes; every pair must have one."""
        return np.asarray(source * self.size + target)

    def out_of(self, nodes: Ints, usable: Bools) -> Hops:
        """Return every link from some nodes (one row each) to the usable ones, (N,)."""
        targets = np.flatnonzero(usable)
        there = nodes[:, None] != targets
        if not self.complete:
            there &= self.present[nodes[:, None], targets]
        row, column = np.nonzero(there)
        target = targets[column]
        return Hops(row, nodes[row] * self.size + target, target)

    def weighted(self, coefficients: Floats, carried: Floats | None = None) -> HeldWeightedLinks | FormedWeightedLinks:
        """Price the links by (K, D, C) coefficients of their figures; `carried` only where weights are held."""
        if self.size * self.size > _PAIRS_HELD:
            return FormedWeightedLinks(self, coefficients)
        return HeldWeightedLinks(self.metrics, self.absent, self.single_hop, coefficients, carried)

    def scenarios_at_once(self) -> int:
        """Return the number of scenarios whose arrays of one layer fit into memory."""
        held = self.size * self.size <= _PAIRS_HELD
        return max(1, (_CELLS_HELD if held else _CELLS_AT_ONCE) // (self.size * self.size))


def _between_all_pairs(figures: Floats, size: int) -> Floats:
    """(C, N * N) figures of links between all pairs of nodes, given (C, N * (N - 1)) ones in order; 0 to oneself."""
    table = np.zeros((len(figures), size * size))
    for row, given in zip(table, figures, strict=True):
        # behind the first entry, every row of N + 1 entries ends with one of the diagonal
        row[1:].reshape(size - 1, size + 1)[:, :size] = given.reshape(size - 1, size)
    return table


def _apart(metric: Floats, present: Bools | None = None) -> Floats:
    """(N, N) figures of the links alone: infinite from a node to itself, and where there is no link."""
    apart = metric.copy() if present is None else np.where(present, metric, np.inf)
    apart.flat[:: len(metric) + 1] = np.inf
    return apart


def _relays_may_help(criteria: Floats, least_out: Floats | None = None, least_into: Floats | None = None) -> bool:
    """Tell whether a path of several links can beat a direct link in any of the (C, N, N) criteria.

    Never where the cheapest link out of the source and the cheapest link into the target together cost no less than
    the direct link, in every criterion.
    """
    for index, direct in enumerate(criteria):
        out = _apart(direct).min(axis=1) if least_out is None else least_out[index]
        into = _apart(direct).min(axis=0) if least_into is None else least_into[index]
        size = max(1, _CELLS_IN_CACHE // len(direct))
        for first in range(0, len(direct), size):
            rows = slice(first, first + size)
            # nothing is below the zeros of the diagonal
            if (out[rows, None] + into < direct[rows]).any():
                return True
    return False


def _relays_may_be_wider(seconds_per_bit: Floats) -> bool:
    """Tell whether some path of several links may have a wider narrowest link than the direct link has."""
    apart = _apart(seconds_per_bit)
    return bool((np.maximum(apart.min(axis=1)[:, None], apart.min(axis=0)) < seconds_per_bit).any())


class FormedWeightedLinks:
    """Dense links priced for K scenarios and D layers, weights formed a few rows at a time."""

    def __init__(self, links: DenseLinks, coefficients: Floats) -> None:
        self._links = links
        self._coefficients = coefficients
        self._scratch = np.empty((2, 0, 0))

    def spread(self, layer: int, seeds: Floats, wanted: Bools) -> Spread:
        """Relax the transfer into a layer forward, as `WeightedLinks.spread` says."""
        found = [self._relax(row, seeds[k], wanted[k], True) for k, row in enumerate(self._coefficients[:, layer])]
        rounds = None if self._links.single_hop else np.stack([rounds for _, rounds in found])
        return Spread(np.stack([values for values, _ in found]), rounds)

    def gather(self, layer: int, values: Floats, wanted: Bools) -> Floats:
        """Relax the transfer into a layer backward, as `WeightedLinks.gather` says."""
        rows = enumerate(self._coefficients[:, layer])
        return np.stack([self._relax(row, values[k], wanted[k], False)[0] for k, row in rows])

    def leave(self, layer: int, onward: Floats, wanted: Bools) -> Floats:
        """Compute the least of a first link out of each node and what follows, as `WeightedLinks.leave` says."""
        rows = enumerate(self._coefficients[:, layer])
        nothing = np.full(self._links.size, np.inf)
        order = (np.argsort(one, kind="stable") for one in onward)
        return np.stack([
            self._lowered(row, onward[k], nothing, one, wanted[k], False, leaving=True)
            for (k, row), one in zip(rows, order, strict=True)
        ])  # fmt: skip

    def step_back(self, layer: int, reached: Spread, rows: Ints, node: Ints) -> Ints:
        """Choose the node before each of R nodes on a cheapest path, as `WeightedLinks.step_back` says."""
        values = reached.values[rows]
        links, coefficients = self._links, self._coefficients[rows, layer]
        weights = np.einsum("rc,crn->rn", coefficients, links.matrices[:, :, node].swapaxes(1, 2))
        if not links.complete:
            weights = np.where(links.present[:, node].T, weights, np.inf)
        candidates = values + weights
        candidates[np.arange(len(rows)), node] = np.inf
        return cheapest_before(candidates, values, None if reached.rounds is None else reached.rounds[rows])

    def _relax(self, coefficients: Floats, values: Floats, wanted: Bools, forward: bool) -> tuple[Floats, Ints]:
        """Lower (N,) values over links until nothing changes; return them and the round that last improved each."""
        rounds = np.zeros(len(values), dtype=np.int64)
        single = self._links.single_hop
        if not single:
            wanted = np.ones_like(wanted)
        sources = np.argsort(values, kind="stable")
        current = 0
        while len(sources):
            current += 1
            lowered = self._lowered(coefficients, values, values, sources, wanted, forward)
            improved = np.flatnonzero(lowered < values)
            rounds[improved] = current
            values = lowered
            if single:
                break
            sources = improved[np.argsort(values[improved], kind="stable")]
        return values, rounds

    def _lowered(
        self, coefficients: Floats, values: Floats, ceiling: Floats, order: Ints, wanted: Bools, forward: bool,
        leaving: bool = False,
    ) -> Floats:  # fmt: skip
        """(N,) least of a ceiling and of values at some nodes (in increasing order) plus one link from there.

        The rest of the nodes is left out as soon as it could improve nothing that is wanted even over the cheapest
        links there are. What is left out cannot change the result, not even its rounding.
        """
        links, nodes = self._links, len(values)
        metrics = links.matrices if forward else links.transposed
        least_arc = np.empty(nodes)
        _weighted(links, coefficients, links.least_into if forward else links.least_out, least_arc, np.empty(nodes))
        least_arc[~wanted] = np.inf
        result, start = ceiling.copy(), 0
        while start < len(order):
            columns = np.flatnonzero(values[order[start]] + least_arc < result)
            if len(columns) == 0:
                break
            narrow = _NARROW * len(columns) < nodes
            rows = order[start : start + max(1, _CELLS_IN_CACHE // (_NARROW * len(columns) if narrow else nodes))]
            start += len(rows)
            arcs = self._some(coefficients, metrics, rows, columns, forward) if narrow else (
                self._rows(coefficients, metrics, rows, forward)
            )  # fmt: skip
            arcs += values[rows, None]
            if leaving:
                arcs[rows[:, None] == (columns if narrow else np.arange(nodes))] = np.inf
            lowest = np.minimum.reduce(arcs, axis=0)
            if narrow:
                result[columns] = np.minimum(result[columns], lowest)
            else:
                np.minimum(result, lowest, out=result)
        return result

    def _some(self, coefficients: Floats, metrics: Floats, rows: Ints, columns: Ints, forward: bool) -> Floats:
        """(rows, columns) weights of one scenario."""
        links, pairs = self._links, rows[:, None] * self._links.size + columns
        weights = np.zeros(pairs.shape)
        for index in np.flatnonzero(coefficients).tolist():
            weights += metrics[index].reshape(-1).take(pairs, mode="clip") * coefficients[index]
        if not links.complete:
            weights[~(links.present if forward else links.present.T)[rows[:, None], columns]] = np.inf
        return weights

    def _rows(self, coefficients: Floats, metrics: Floats, rows: Ints, forward: bool) -> Floats:
        """(rows, N) weights of one scenario, in memory that the next call uses again."""
        shape = (len(rows), self._links.size)
        if self._scratch.shape[1:] != shape:
            self._scratch = np.empty((2, *shape))
        total, term = self._scratch
        _weighted(self._links, coefficients, metrics, total, term, rows)
        if not self._links.complete:
            total[~(self._links.present[rows] if forward else self._links.present[:, rows].T)] = np.inf
        return total


def _weighted(
    links: DenseLinks, coefficients: Floats, metrics: Floats, total: Floats, term: Floats, rows: Ints | None = None
) -> None:
    """Write the weighted sum of the metrics (of some rows) into `total`; those that are zero are left out."""
    used = [index for index in range(len(metrics)) if coefficients[index] != 0.0 and links.varied[index]]
    if not used:
        total[:] = 0.0
    for place, index in enumerate(used):
        out = term if place else total
        if rows is None:
            np.multiply(metrics[index], coefficients[index], out=out)
        else:
            metrics[index].take(rows, axis=0, out=out, mode="clip")  # any other mode copies once more
            out *= coefficients[index]
        if place:
            total += term

"""Dijkstra's algorithm finishes Bellman-Ford's rounds: the same values, and paths that can be walked back."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.fin.instance.network import Network, build_network
from planner.fin.links import sparse
from planner.fin.links.sparse import SparseLinks
from planner.schemas import Link, Node


def network(r: Random, nodes: int) -> Network:
    """Return a ring with some chords, of which many links cost nothing."""
    names = [f"n{number}" for number in range(nodes)]
    ends = {(number, (number + 1) % nodes) for number in range(nodes)}
    ends |= {(r.randrange(nodes), r.randrange(nodes)) for _ in range(3)}
    links = [
        Link(source=names[a], target=names[b], bit_per_s=1e8, j_per_bit=r.choice([0.0, 1e-9, r.random() * 1e-8]))
        for a, b in ends
        if a != b
    ]
    return build_network([Node(name=name, ops_per_s=1e9, j_per_op=1e-9) for name in names], links)


@given(random=st.randoms(use_true_random=False), rounds=st.sampled_from([1, 2, 5]))
def test_values_are_those_of_all_rounds_and_paths_lead_back(random: Random, rounds: int) -> None:
    links = SparseLinks(network(random, 12))
    seeds = np.full((2, 12), np.inf)
    seeds[0, 0] = random.choice([0.0, 3.0])
    seeds[1, [2, 7]] = 0.0, random.random() * 1e-8
    weighted = links.weighted(np.tile([1.0, 0.0, 0.0], (2, 1, 1)))
    wanted = np.ones((2, 12), dtype=bool)
    expected = weighted.spread(0, seeds, wanted).values
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sparse, "_MOST_ROUNDS", rounds)
        reached = weighted.spread(0, seeds, wanted)
        behind = weighted.gather(0, seeds, wanted)
    np.testing.assert_array_equal(reached.values, expected)
    np.testing.assert_array_equal(behind, weighted.gather(0, seeds, wanted))
    for row in range(2):
        for node in range(12):
            at, steps = node, 0
            while reached.values[row, at] < seeds[row, at]:
                at = int(weighted.step_back(0, reached, np.array([row]), np.array([at]))[0])
                steps += 1
                assert steps <= 12

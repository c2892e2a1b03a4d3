"""Batches of small requests against enumeration in plain Python."""

from __future__ import annotations

import itertools
import math
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.fin import many
from planner.fin.instance.network import Floats
from planner.fin.many import Plans, plan_many
from planner.schemas import InputError

Arrays = tuple[Floats, Floats, Floats, Floats, Floats]


def random_requests(r: Random) -> Arrays:
    """Return up to 4 requests; any array may have one row for all, and blocks may be barred from nodes."""
    requests, blocks, nodes = r.randint(1, 4), r.randint(1, 4), r.randint(1, 3)

    def array(*shape: int, barred: float = 0.0) -> Floats:
        rows = r.choice([1, requests])
        values = [
            math.inf if r.random() < barred else r.choice([0.0, 1.0, 2.0, r.uniform(0, 5)])
            for _ in range(rows * math.prod(shape))
        ]
        return np.array(values).reshape(rows, *shape)

    deadlines = np.array([r.choice([math.inf, 0.0, r.uniform(0, 20)]) for _ in range(requests)])
    return (
        array(blocks, nodes, barred=0.2),
        array(blocks, nodes),
        array(blocks, nodes, nodes, barred=0.1),
        array(blocks, nodes, nodes),
        deadlines,
    )


def row_of(array: Floats, request: int) -> Floats:
    return array[request if len(array) > 1 else 0]


def cost_of(arrays: Arrays, request: int, nodes: tuple[int, ...]) -> tuple[float, float]:
    """Return energy and latency of a placement, from the definition."""
    energy_j, time_s, carry_j, carry_s = (row_of(array, request) for array in arrays[:4])
    energy, latency, before = 0.0, 0.0, 0
    for block, node in enumerate(nodes):
        energy += carry_j[block, before, node] + energy_j[block, node]
        latency += carry_s[block, before, node] + time_s[block, node]
        before = node
    return energy, latency


def check(arrays: Arrays, plans: Plans) -> None:
    blocks, nodes = arrays[0].shape[1:]
    assert plans.nodes.shape == (len(arrays[4]), blocks)
    for request, deadline in enumerate(arrays[4]):
        placements = itertools.product(range(nodes), repeat=blocks)
        costs = [cost_of(arrays, request, placement) for placement in placements]
        least = min((energy for energy, latency in costs if latency <= deadline * (1 + 1e-9)), default=math.inf)
        assert plans.feasible[request] == math.isfinite(least)
        assert plans.energy_j[request] == pytest.approx(least, rel=1e-12)
        if math.isfinite(least):
            energy, latency = cost_of(arrays, request, tuple(plans.nodes[request]))
            assert energy == pytest.approx(least, rel=1e-12)
            assert plans.latency_s[request] == pytest.approx(latency, rel=1e-12)
            assert latency <= deadline * (1 + 1e-9)
        else:
            assert plans.nodes[request].tolist() == [-1] * blocks
            assert plans.latency_s[request] == math.inf


@given(st.randoms(use_true_random=False))
def test_batches_equal_enumeration(r: Random) -> None:
    arrays = random_requests(r)
    check(arrays, plan_many(*arrays))


@given(st.randoms(use_true_random=False))
def test_the_search_for_many_placements_equals_enumeration(r: Random) -> None:
    arrays = random_requests(r)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(many, "_MOST_PLACEMENTS", 0)
        check(arrays, plan_many(*arrays))


@given(st.randoms(use_true_random=False))
def test_a_batch_in_parts_is_the_same(r: Random) -> None:
    arrays = random_requests(r)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(many, "_CELLS_AT_ONCE", 1)
        check(arrays, plan_many(*arrays))


def test_more_placements_than_are_enumerated() -> None:
    """Seven blocks on four nodes: the node that does nothing for free is the last one, and moving costs 1 J."""
    blocks, nodes = 7, 4
    assert nodes**blocks > many._MOST_PLACEMENTS
    energy = np.broadcast_to(np.array([3.0, 2.0, 1.0, 0.0]), (1, blocks, nodes))
    time = np.broadcast_to(np.array([0.0, 1.0, 2.0, 3.0]), (1, blocks, nodes))
    move = np.broadcast_to(1.0 - np.eye(nodes), (1, blocks, nodes, nodes))
    plans = plan_many(energy, time, move, np.zeros((1, blocks, nodes, nodes)), np.array([np.inf, 3.0, 0.0]))
    assert plans.energy_j.tolist() == [1.0, 6 * 3.0 + 1.0 + 0.0, 7 * 3.0]
    assert plans.nodes.tolist() == [[3] * 7, [0] * 6 + [3], [0] * 7]
    assert plans.latency_s.tolist() == [21.0, 3.0, 0.0]


def good(requests: int = 2, blocks: int = 2, nodes: int = 3) -> list[Floats]:
    return [
        np.ones((requests, blocks, nodes)),
        np.ones((requests, blocks, nodes)),
        np.ones((requests, blocks, nodes, nodes)),
        np.ones((requests, blocks, nodes, nodes)),
        np.full(requests, 10.0),
    ]


NAMES = ("block_energy_j", "block_time_s", "transfer_energy_j", "transfer_time_s", "max_latency_s")


@pytest.mark.parametrize(
    ("index", "shape"),
    [
        (0, (2, 2)),
        (0, (2, 0, 3)),
        (0, (0, 2, 3)),
        (1, (2, 2)),
        (1, (2, 3, 3)),
        (1, (3, 2, 3)),
        (2, (2, 2, 3)),
        (2, (2, 2, 3, 2)),
        (3, (2, 2, 2, 3)),
        (4, ()),
        (4, (2, 1)),
        (4, (0,)),
    ],
)
def test_shapes_that_do_not_fit_are_refused(index: int, shape: tuple[int, ...]) -> None:
    arrays = good()
    arrays[index] = np.ones(shape)
    with pytest.raises(InputError) as caught:
        plan_many(*arrays)
    assert caught.value.problems[0].path in NAMES
    if len(shape) != 3 or shape[0] != 3:  # with three rows, any of the others may be the one to blame
        assert caught.value.problems[0].path == NAMES[index]


@pytest.mark.parametrize("index", range(5))
@pytest.mark.parametrize("value", [np.nan, -1.0])
def test_values_that_make_no_sense_are_refused(index: int, value: float) -> None:
    arrays = good()
    arrays[index].flat[0] = value
    with pytest.raises(InputError, match=f"{NAMES[index]}: holds NaN or negative"):
        plan_many(*arrays)


def test_any_array_may_have_one_row_for_all() -> None:
    whole = plan_many(*good(requests=3))
    for index in range(5):
        arrays = good(requests=3)
        arrays[index] = arrays[index][:1]
        plans = plan_many(*arrays)
        np.testing.assert_array_equal(plans.energy_j, whole.energy_j)
        np.testing.assert_array_equal(plans.nodes, whole.nodes)


def test_lists_will_do() -> None:
    plans = plan_many([[[1.0, 2.0]]], [[[5.0, 1.0]]], np.zeros((1, 1, 2, 2)), np.zeros((1, 1, 2, 2)), [9.0, 2.0])
    assert plans.nodes.tolist() == [[0], [1]]
    assert plans.energy_j.tolist() == [1.0, 2.0]


def test_a_deadline_that_is_just_met_is_met() -> None:
    arrays = good(requests=1, blocks=1, nodes=1)
    arrays[4][:] = 2.0
    assert plan_many(*arrays).feasible.all()
    arrays[4][:] = 2.0 * (1 - 1e-6)
    assert not plan_many(*arrays).feasible.any()

"""What the verifier compares exactly: tiny limits, the default least accuracy, names of designed points, slivers."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner import plan, verify
from planner.fin.instance.operating_points import operating_points
from planner.schemas import App, Model, Placement, Topology, check_document
from planner.verifier.points import best_accuracy

ONE_NODE = check_document(
    {"schema_version": "1", "name": "one", "nodes": [{"name": "n", "ops_per_s": 1e9, "j_per_op": 1e-9}]}, Topology
)


def model_of(exits: int, **fields: Any) -> Model:
    """Return a model with an exit behind each block."""
    return check_document(
        {
            "schema_version": "1",
            "name": "net",
            "input_bits": 1e3,
            "blocks": [{"name": f"b{index}", "ops": 1e6, "output_bits": 1e3} for index in range(exits)],
            "exits": [{"name": f"e{index}", "after": f"b{index}"} for index in range(exits)],
            **fields,
        },
        Model,
    )


def calibrated(samples: int, thresholds: list[float], counts: list[tuple[list[int], list[int]]]) -> Model:
    rows = {f"e{i}": {"exited": exited, "correct": correct} for i, (exited, correct) in enumerate(counts)}
    return model_of(len(counts), calibration={"samples": samples, "thresholds": thresholds, "exits": rows})


def whats(placement: Placement, app: App, model: Model, **options: Any) -> list[str]:
    return [violation.what for violation in verify(placement, ONE_NODE, [(app, model)], **options)]


def test_limits_are_compared_relatively_however_small() -> None:
    tiny = model_of(1, operating_points=[{"name": "p", "exit_fractions": {"e0": 1.0}, "accuracy": 1e-11}])
    tiny = tiny.model_copy(update={"blocks": (tiny.blocks[0].model_copy(update={"ops": 2e-15}),)})
    placement = plan(tiny, ONE_NODE)
    assert placement.apps[0].latency_s == pytest.approx(2e-24, rel=1e-12)
    for name, just, over in (
        ("max_latency_s", 2e-24, 1.99e-24),
        ("max_energy_j", 2e-24, 1.99e-24),
        ("min_accuracy", 1e-11, 1.01e-11),
    ):
        assert whats(placement, App(model="net", **{name: just}), tiny) == [], name
        assert whats(placement, App(model="net", **{name: over}), tiny) == [name], name
    assert plan(tiny, ONE_NODE, min_accuracy=1.01e-11).status == "infeasible"


def test_claims_are_compared_relatively_however_small() -> None:
    tiny = model_of(1, operating_points=[{"name": "p", "exit_fractions": {"e0": 1.0}, "accuracy": 0.5}])
    tiny = tiny.model_copy(update={"blocks": (tiny.blocks[0].model_copy(update={"ops": 1e-15}),)})
    placement = plan(tiny, ONE_NODE)
    wrong = placement.apps[0].model_copy(update={"energy_j": 3e-24})
    assert "energy_j" in whats(placement.model_copy(update={"apps": (wrong,)}), App(model="net"), tiny)


def test_the_default_least_accuracy_is_the_best_of_all_designed_points() -> None:
    # alone, the exits are right for 30, 70 and 20 of 100 samples
    model = calibrated(100, [0.5], [([60], [30]), ([80], [70]), ([90], [20])])
    best = plan(model, ONE_NODE).apps[0]
    assert (best.operating_point, best.accuracy) == ("e1", 0.7)
    worse = plan(model, ONE_NODE, min_accuracy=0.25)
    assert (worse.apps[0].operating_point, worse.apps[0].accuracy) == ("e0", 0.3)
    assert whats(worse, App(model="net", min_accuracy=0.25), model) == []
    assert whats(worse, App(model="net"), model) == ["min_accuracy"]


def test_the_name_of_a_designed_point_is_that_of_its_exits_and_thresholds() -> None:
    model = calibrated(100, [0.25, 0.75], [([60, 30], [57, 30]), ([80, 50], [70, 48])])
    placement = plan(model, ONE_NODE)
    assert placement.apps[0].operating_point == "e0@0.25+e1"
    for name in ("e0@0.75+e1", "e0+e1", "best"):
        renamed = placement.apps[0].model_copy(update={"operating_point": name})
        assert whats(placement.model_copy(update={"apps": (renamed,)}), App(model="net"), model) == ["operating_point"]


@given(data=st.data(), per_exit=st.booleans())
def test_the_best_accuracy_is_that_of_the_best_designed_point(data: st.DataObject, per_exit: bool) -> None:
    exits, rows = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3))
    counts = []
    for _ in range(exits):
        exited = data.draw(st.lists(st.integers(0, 20), min_size=rows, max_size=rows))
        counts.append((exited, [data.draw(st.integers(0, most)) for most in exited]))
    model = calibrated(20, [0.1 * row for row in range(rows)], counts)
    expected = operating_points(model, per_exit).accuracy.max()
    assert best_accuracy(model, per_exit) == pytest.approx(expected, rel=1e-12)


SUMS_TO_ONE = [
    parts
    for parts in itertools.product([0.1, 0.2, 0.3, 0.4, 0.6, 0.7], repeat=3)
    if abs(sum(parts) - 1.0) < 1e-9 and sum(parts) != 1.0
]


@pytest.mark.parametrize("fractions", SUMS_TO_ONE, ids=str)
def test_rounding_of_fractions_leaves_no_sliver_of_samples(fractions: tuple[float, ...]) -> None:
    shares = {f"e{index}": share for index, share in enumerate((*fractions, 0.0))}
    model = model_of(4, operating_points=[{"name": "p", "exit_fractions": shares, "accuracy": 0.9}])
    reached = np.cumsum((1.0, *(-share for share in fractions)))[:3]
    placement = plan(model, ONE_NODE, destination="n")
    assert placement.status == "optimal"
    assert placement.apps[0].energy_j == pytest.approx(reached.sum() * 1e-3, rel=1e-9)


def test_there_are_sums_that_rounding_keeps_from_one() -> None:
    assert len(SUMS_TO_ONE) >= 3

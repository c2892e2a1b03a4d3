"""Operating points as given, and as designed by the nesting of exits (against a scalar version of the rule)."""

from __future__ import annotations

import itertools
import math
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.fin.instance.operating_points import OperatingPoints, operating_points
from planner.schemas import InputError, Model, check_document

Counts = dict[str, dict[str, list[float]]]


def model_of(depth: int, **more: Any) -> Model:
    """Return a chain with an exit behind each block, unless told otherwise."""
    document = {
        "schema_version": "1",
        "name": "m",
        "input_bits": 1.0,
        "blocks": [{"name": f"b{index}", "ops": 1.0} for index in range(depth)],
        "exits": [{"name": f"e{index}", "after": f"b{index}"} for index in range(depth)],
        **more,
    }
    return check_document(document, Model)


def calibrated(exits: int, thresholds: int, samples: float = 1000.0, counts: Counts | None = None) -> Model:
    if counts is None:
        rows = [float(10 * (index + 1)) for index in range(thresholds)]
        counts = {f"e{index}": {"exited": rows, "correct": rows} for index in range(exits)}
    values = [0.1 * index for index in range(thresholds)]
    return model_of(exits, calibration={"samples": samples, "thresholds": values, "exits": counts})


# Given


def test_given_points_are_taken_as_they_are() -> None:
    model = model_of(
        3,
        exits=[{"name": "late", "after": "b2"}, {"name": "early", "after": "b0"}],
        operating_points=[
            {"name": "both", "exit_fractions": {"late": 0.7, "early": 0.3}, "accuracy": 0.8},
            {"name": "short", "exit_fractions": {"early": 1.0}, "accuracy": 0.6},
            {"name": "watched", "exit_fractions": {"early": 0.0, "late": 1.0}, "accuracy": 0.9},
        ],
    )
    points = operating_points(model)
    assert points.exit_names == ("early", "late")
    assert points.exit_block.tolist() == [0, 2]
    assert points.on.tolist() == [[True, True], [True, False], [True, True]]
    assert points.fraction.tolist() == [[0.3, 0.7], [1.0, 0.0], [0.0, 1.0]]
    assert points.accuracy.tolist() == [0.8, 0.6, 0.9]
    assert points.depth.tolist() == [3, 1, 3]
    assert np.isnan(points.thresholds).all()
    assert [points.name(index) for index in range(3)] == ["both", "short", "watched"]
    assert points.reach(3) == pytest.approx(np.array([[1.0, 0.7, 0.7], [1.0, 0.0, 0.0], [1.0, 1.0, 1.0]]))


def test_nobody_reaches_what_lies_behind_the_last_sample() -> None:
    fractions = {"e0": 0.1, "e1": 0.2, "e2": 0.7, "e3": 0.0}
    model = model_of(4, operating_points=[{"name": "k", "exit_fractions": fractions, "accuracy": 0.5}])
    reach = operating_points(model).reach(4)[0]
    assert reach == pytest.approx([1.0, 0.9, 0.7, 0.0], abs=1e-15)
    assert reach[3] == 0.0  # 1 - 0.1 - 0.2 - 0.7 is not zero in floating point


def test_a_selection_keeps_names_with_their_points() -> None:
    given_points = [
        {"name": name, "exit_fractions": {"e0": 1.0}, "accuracy": accuracy}
        for name, accuracy in (("a", 0.5), ("b", 0.7), ("c", 0.6))
    ]
    counts = {"e0": {"exited": [5.0], "correct": [5.0]}}
    calibration = {"samples": 10.0, "thresholds": [0.1], "exits": counts}
    points = operating_points(model_of(1, operating_points=given_points, calibration=calibration))
    assert points.count == 4
    few = points.take(np.array([False, True, True, True]))
    assert [few.name(index) for index in range(3)] == ["b", "c", "e0"]
    assert few.accuracy.tolist() == [0.7, 0.6, 0.5]


# Designed


def scalar_rule(model: Model, chosen: dict[str, int | None]) -> tuple[dict[str, float], float]:
    """Fractions and accuracy of a set of exits, straight from the rule in DESIGN.md.

    Args:
        model: The model with its calibration.
        chosen: Exits that are on in order of depth, with the row of the threshold; None for the last one.
    """
    calibration = model.calibration
    assert calibration is not None
    samples = calibration.samples
    fractions, right = {}, 0.0
    exited_p, c_p = 0.0, 0.0
    for name, row in chosen.items():
        counts = calibration.exits[name]
        if row is None:
            most = max(range(len(counts.exited)), key=lambda index: counts.exited[index])
            exited, correct = samples, counts.correct[most]
        else:
            exited, correct = counts.exited[row], counts.correct[row]
        c = correct / exited if exited else 0.0
        left = max(0.0, exited - exited_p)
        right += min(max(correct - max(c_p, c) * exited_p, 0.0), left)
        fractions[name] = left / samples
        if exited > exited_p:
            exited_p, c_p = exited, c
    return fractions, right / samples


def choices(exits: int, thresholds: int, per_exit: bool) -> list[dict[str, int | None]]:
    """Every set of exits with every choice of thresholds."""
    found: list[dict[str, int | None]] = []
    for count in range(1, exits + 1):
        for chosen in itertools.combinations(range(exits), count):
            rows = itertools.product(range(thresholds), repeat=count - 1) if per_exit else (
                [(level,) * (count - 1) for level in range(thresholds)] if count > 1 else [()]
            )  # fmt: skip
            found += [{f"e{index}": row for index, row in zip(chosen, (*each, None), strict=True)} for each in rows]
    return found


def named(model: Model, chosen: dict[str, int | None]) -> str:
    assert model.calibration is not None
    levels = model.calibration.thresholds
    return "+".join(name + ("" if row is None else f"@{levels[row]:g}") for name, row in chosen.items())


def check_designed(model: Model, points: OperatingPoints, per_exit: bool) -> None:
    assert model.calibration is not None
    expected = {}
    for chosen in choices(len(model.calibration.exits), len(model.calibration.thresholds), per_exit):
        expected[named(model, chosen)] = (chosen, *scalar_rule(model, chosen))
    assert {points.name(index) for index in range(points.count)} == set(expected)
    assert points.count == len(expected)
    for index in range(points.count):
        chosen, fractions, accuracy = expected[points.name(index)]
        on = {points.exit_names[head] for head in np.flatnonzero(points.on[index])}
        assert on == set(chosen)
        held = dict(zip(points.exit_names, points.fraction[index], strict=True))
        assert {name: held[name] for name in on} == pytest.approx(fractions, abs=1e-12)
        assert sum(held.values()) == pytest.approx(1.0, abs=1e-12)
        assert points.accuracy[index] == pytest.approx(accuracy, abs=1e-12)
        assert points.depth[index] == max(int(name[1:]) for name in on) + 1
        for head, name in enumerate(points.exit_names):
            row = chosen.get(name, -1)
            value = points.thresholds[index, head]
            if row is None:
                assert value == math.inf
            else:
                assert math.isnan(value) if row == -1 else value == model.calibration.thresholds[row]


@given(st.randoms(use_true_random=False), st.booleans())
def test_designed_points_follow_the_rule(r: Random, per_exit: bool) -> None:
    exits, thresholds, samples = r.randint(1, 4), r.randint(1, 3), 20
    counts: Counts = {}
    for index in range(exits):
        exited = [r.randint(0, samples) for _ in range(thresholds)]
        counts[f"e{index}"] = {"exited": exited, "correct": [r.randint(0, count) for count in exited]}
    model = calibrated(exits, thresholds, samples, counts)
    check_designed(model, operating_points(model, per_exit), per_exit)


def test_the_rule_by_hand() -> None:
    """Of 100 samples 40 leave at e0 (36 right: 0.9), 60 at e1 (45 right: 0.75); e2 would get 80 right."""
    counts = {
        "e0": {"exited": [40.0], "correct": [36.0]},
        "e1": {"exited": [60.0], "correct": [45.0]},
        "e2": {"exited": [100.0], "correct": [80.0]},
    }
    points = operating_points(calibrated(3, 1, 100.0, counts))
    by_name = {points.name(index): index for index in range(points.count)}
    assert set(by_name) == {"e0", "e1", "e2", "e0@0+e1", "e0@0+e2", "e1@0+e2", "e0@0+e1@0+e2"}
    all_three = by_name["e0@0+e1@0+e2"]
    assert points.fraction[all_three] == pytest.approx([0.4, 0.2, 0.4])
    # e1 keeps 20, right: 45 - 0.9 * 40 = 9; e2 keeps 40, right: 80 - 0.8 * 60 = 32
    assert points.accuracy[all_three] == pytest.approx((36 + 9 + 32) / 100)
    assert points.accuracy[by_name["e2"]] == pytest.approx(0.8)
    assert points.accuracy[by_name["e0"]] == pytest.approx(0.36)
    assert points.accuracy[by_name["e0@0+e2"]] == pytest.approx((36 + 80 - 0.9 * 40) / 100)


@pytest.mark.parametrize(
    ("exits", "thresholds", "per_exit", "count"),
    [
        (1, 10, False, 1),
        (2, 10, False, 2 + 10),
        (3, 10, False, 3 + 10 * (1 + 3)),
        (8, 10, False, 2_478),
        (1, 10, True, 1),
        (2, 10, True, 1 + 11),
        (3, 10, True, 1 + 11 + 121),
        (5, 4, True, (5**5 - 1) // 4),
    ],
)
def test_counts_of_designed_points(exits: int, thresholds: int, per_exit: bool, count: int) -> None:
    points = operating_points(calibrated(exits, thresholds), per_exit)
    assert points.count == count
    assert len({points.name(index) for index in range(points.count)}) == count


def test_only_calibrated_exits_are_used() -> None:
    rows = [10.0, 20.0]
    counts = {name: {"exited": rows, "correct": rows} for name in ("e0", "e2")}
    points = operating_points(calibrated(3, 2, counts=counts))
    assert points.count == 4
    assert not points.on[:, 1].any()


def test_given_and_designed_points_stand_side_by_side() -> None:
    counts = {"e0": {"exited": [4.0], "correct": [4.0]}, "e1": {"exited": [9.0], "correct": [8.0]}}
    given_point = {"name": "measured", "exit_fractions": {"e0": 0.5, "e1": 0.5}, "accuracy": 0.77}
    calibration = {"samples": 10.0, "thresholds": [0.25], "exits": counts}
    points = operating_points(model_of(2, operating_points=[given_point], calibration=calibration))
    assert [points.name(index) for index in range(points.count)] == ["measured", "e0", "e1", "e0@0.25+e1"]
    assert points.accuracy == pytest.approx([0.77, 0.4, 0.8, 0.8])
    assert np.isnan(points.thresholds[0]).all()


@pytest.mark.parametrize(("exits", "thresholds", "per_exit"), [(7, 11, True), (22, 10, False)])
def test_too_many_points_are_refused(exits: int, thresholds: int, per_exit: bool) -> None:
    with pytest.raises(InputError) as caught:
        operating_points(calibrated(exits, thresholds), per_exit)
    (problem,) = caught.value.problems
    assert problem.path == "calibration"
    assert f"{exits} exits and {thresholds} thresholds make" in problem.message
    assert "fewer" in problem.fix

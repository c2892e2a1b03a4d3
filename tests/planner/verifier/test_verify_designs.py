"""The verifier on designed operating points."""

from __future__ import annotations

import pytest
from edits import whats
from verify_cases import MODEL, check, claims

from planner.schemas import Model, check_document
from planner.verifier.points import best_accuracy, designed_point

CALIBRATION = {
    "samples": 1000,
    "thresholds": [0.9, 0.5, 0.1],
    "exits": {
        "e1": {"exited": [200, 500, 700], "correct": [190, 440, 560]},
        "e3": {"exited": [600, 800, 950], "correct": [590, 760, 880]},
    },
}
DESIGNED = {**MODEL, "calibration": CALIBRATION, "operating_points": []}
# e1 at 0.5 takes 500, 440 of them right (c = 0.88); e3 takes the other 500. Its row of most exited is 0.1:
# 880 of all 1000 right (c = 0.88), 880 - 0.88 * 500 = 440 of them among its own: 880 of 1000 in all
HALF = {"apps.0.thresholds": {"e1": 0.5, "e3": None}, "apps.0.exit_fractions": {"e1": 0.5, "e3": 0.5}}
HALF |= {"apps.0.operating_point": "e1@0.5+e3", "apps.0.accuracy": 0.88}
# reach 0.5 of b2, b3, e3 and the transfer: 1.1 + 0.7 = 1.8 and 0.01
HALF = claims(1.81, 2.01, (1.8, 0.01, 1.8, 0.21), **HALF)


def test_a_designed_point_stands():
    assert check(HALF, model=DESIGNED) == []
    # e3 alone reaches 0.88 too, and no design reaches more
    assert check(HALF, model=DESIGNED, app={"min_accuracy": None}) == []


DESIGN_LIES = {
    "threshold not calibrated": ({"apps.0.thresholds": {"e1": 0.6, "e3": None}}, ["thresholds"]),
    "threshold nearly calibrated": ({"apps.0.thresholds": {"e1": 0.5 + 1e-12, "e3": None}}, ["thresholds"]),
    "last exit with a threshold": ({"apps.0.thresholds": {"e1": 0.5, "e3": 0.1}}, ["thresholds"]),
    "early exit without one": ({"apps.0.thresholds": {"e1": None, "e3": None}}, ["thresholds"]),
    "unknown exit": ({"apps.0.thresholds": {"e2": 0.5, "e3": None}}, ["thresholds"]),
    "no exit": ({"apps.0.thresholds": {}}, ["thresholds"]),
    "no thresholds": ({"apps.0.thresholds": None}, ["operating_point"]),
    "accuracy": ({"apps.0.accuracy": 0.89}, ["accuracy"]),
    "fractions": (
        {"apps.0.exit_fractions": {"e1": 0.4, "e3": 0.6}},
        ["exit_fractions.e1", "exit_fractions.e3"],
    ),
    "other exits": ({"apps.0.exit_fractions": {"e3": 1.0}}, ["exit_fractions"]),
}


@pytest.mark.parametrize(("changes", "expected"), DESIGN_LIES.values(), ids=DESIGN_LIES.keys())
def test_a_lie_about_a_design_is_found(changes, expected):
    assert whats(check({**HALF, **changes}, model=DESIGNED)) == expected


def test_the_best_accuracy_is_that_of_given_and_designed_points():
    assert best_accuracy(check_document(DESIGNED, Model)) == 0.88
    assert best_accuracy(check_document({**DESIGNED, "operating_points": MODEL["operating_points"]}, Model)) == 0.9
    shallow = {**DESIGNED, "calibration": {**CALIBRATION, "exits": {"e1": CALIBRATION["exits"]["e1"]}}}
    assert best_accuracy(check_document(shallow, Model)) == 0.56


def test_a_design_below_the_best_is_found():
    # e1 at 0.1 takes 700 with 560 right (c = 0.8); e3: 880 - 0.88 * 700 = 264 of 300: 824 of 1000
    plan = {
        "apps.0.thresholds": {"e1": 0.1, "e3": None},
        "apps.0.exit_fractions": {"e1": 0.7, "e3": 0.3},
        "apps.0.accuracy": 0.824,
        "apps.0.operating_point": "e1@0.1+e3",
    }
    # 1.1 + 0.3 * 1.4 = 1.52; 0.3 * 0.02 = 0.006
    right = claims(1.526, 2.01, (1.52, 0.006, 1.8, 0.21), **plan)
    assert check(right, model=DESIGNED) == []
    assert whats(check(right, model=DESIGNED, app={"min_accuracy": None})) == ["min_accuracy"]


FOUR = {
    "schema_version": "1",
    "name": "four",
    "input_bits": 0,
    "blocks": [{"name": f"b{index}", "ops": 1} for index in range(4)],
    "exits": [{"name": f"e{index}", "after": f"b{index}"} for index in (3, 0, 1, 2)],
    "calibration": {
        "samples": 100,
        "thresholds": [0.5],
        "exits": {
            "e0": {"exited": [40], "correct": [20]},
            "e1": {"exited": [30], "correct": [30]},
            "e2": {"exited": [60], "correct": [54]},
            "e3": {"exited": [80], "correct": [72]},
        },
    },
}
NESTING = {
    # all on: e0 keeps 40 (20 right). e1 keeps none: e0 lets more go. e2, beyond e0 (c 0.5 against 0.9):
    # 60 - 40 = 20, right 54 - 0.9 * 40 = 18. e3, beyond e2 (c 0.9 against 72 / 100): 40, 72 - 0.9 * 60 = 18
    "all": (["e0", "e1", "e2", "e3"], [0.4, 0.0, 0.2, 0.4], 0.56),
    # e1 keeps 30 right; e2, beyond e1 (c 1 against 0.9): 30, right 54 - 30 = 24; e3 as above: 40 and 18
    "without the first": (["e1", "e2", "e3"], [0.3, 0.3, 0.4], 0.72),
    # e3, beyond e1 (c 1 against 0.72): 70, right 72 - 30 = 42
    "one early exit": (["e1", "e3"], [0.3, 0.7], 0.72),
    # e0 keeps 40 (20 right); e1 takes all that remain, 60: its c is 30 / 100, right 30 - 0.5 * 40 = 10
    "the rest at a shy exit": (["e0", "e1"], [0.4, 0.6], 0.3),
    # nothing is left to cut: 20 samples were never judged, so they count as wrong
    "the last alone": (["e3"], [1.0], 0.72),
}


@pytest.mark.parametrize(("names", "fractions", "accuracy"), NESTING.values(), ids=NESTING.keys())
def test_nesting(names, fractions, accuracy):
    model = check_document(FOUR, Model)
    thresholds = dict.fromkeys(names[:-1], 0.5) | {names[-1]: None}
    point = designed_point(model, model.calibration, thresholds)
    assert [point.fractions[name] for name in names] == pytest.approx(fractions, abs=1e-12)
    assert point.accuracy == pytest.approx(accuracy, abs=1e-12)


def test_right_samples_are_clipped():
    # e1: 10 - max(0.9, 10 / 50) * 40 is below 0, so none of its 10 is right; e2 (last): c is 0.95,
    # 95 - 0.95 * 50 = 47.5 of 50
    exits = {
        "e0": {"exited": [40], "correct": [36]},
        "e1": {"exited": [50], "correct": [10]},
        "e2": {"exited": [100], "correct": [95]},
    }
    model = check_document({**FOUR, "calibration": {**FOUR["calibration"], "exits": exits}}, Model)
    point = designed_point(model, model.calibration, {"e0": 0.5, "e1": 0.5, "e2": None})
    assert point.accuracy == pytest.approx((36 + 0 + 47.5) / 100, abs=1e-12)


def test_of_exits_that_let_equally_many_go_the_first_counts():
    # e0 and e1 let 40 go, c is 0.75 and 0.5; e2, with c = 0.6, takes the other 60: 60 - 0.75 * 40 = 30 right
    exits = {
        "e0": {"exited": [40], "correct": [30]},
        "e1": {"exited": [40], "correct": [20]},
        "e2": {"exited": [100], "correct": [60]},
    }
    model = check_document({**FOUR, "calibration": {**FOUR["calibration"], "exits": exits}}, Model)
    point = designed_point(model, model.calibration, {"e0": 0.5, "e1": 0.5, "e2": None})
    assert point.accuracy == pytest.approx(0.6, abs=1e-12)


def test_an_exit_that_lets_none_go():
    exits = {"e0": {"exited": [0], "correct": [0]}, "e1": {"exited": [50], "correct": [45]}}
    model = check_document({**FOUR, "calibration": {**FOUR["calibration"], "exits": exits}}, Model)
    point = designed_point(model, model.calibration, {"e0": 0.5, "e1": None})
    assert point.fractions == {"e0": 0.0, "e1": 1.0}
    assert point.accuracy == pytest.approx(0.45, abs=1e-12)

"""Bounds on the design set: kept, and giving up the least."""

from __future__ import annotations

from itertools import combinations
from random import Random

import pytest
from carin_oracle import Joint, best_in, random_designs, scored, states
from hypothesis import assume, given
from hypothesis import strategies as st
from policies import RANDOMS, Json, adapted

from planner.carin import bounded_design_set
from planner.schemas import Policy


def lost(document: Json, joints: list[Joint], held: list[Joint]) -> tuple[float, ...]:
    """Return what a set gives up against all joint designs: states degraded, engines, memory, distance."""
    total = [0.0] * 4
    for overloaded, tight in states(document):
        best, degraded = best_in(document, joints, overloaded, tight)
        other, other_degraded = best_in(document, held, overloaded, tight)
        total[0] += other_degraded and not degraded
        total[1] += len(other.engines & overloaded) - len(best.engines & overloaded)
        if other_degraded:
            total[2] += max(0.0, other.memory - best.memory)
        else:
            total[3] += other.distance - best.distance
    return tuple(total)


@pytest.mark.slow
@given(RANDOMS, st.integers(1, 4))
def test_the_bound_is_kept_and_its_regret_is_the_least(random: Random, most: int) -> None:
    document = random_designs(random)
    joints = scored(document)
    assume(joints)
    policy = adapted(document, max_designs=most)
    free = adapted(document)
    assert 1 <= len(policy.design_set) <= most
    assert policy.design_set[0].choice == free.design_set[0].choice
    regret = policy.regret
    assert regret is not None
    assert regret.proved_least
    assert (regret.max_designs, regret.unbounded_designs) == (most, len(free.design_set))
    by_choice = {joint.choice: joint for joint in joints}
    wanted = [by_choice[tuple(design.choice.values())] for design in free.design_set]
    held = [joint for joint in joints if joint.choice in {tuple(d.choice.values()) for d in policy.design_set}]
    figures = (
        regret.newly_degraded, regret.extra_overloaded_engines, regret.extra_memory_bytes, regret.extra_distance,
    )  # fmt: skip
    wanted_figures = lost(document, joints, held)
    assert figures[:2] + figures[3:] == pytest.approx(wanted_figures[:2] + wanted_figures[3:], rel=1e-6, abs=1e-6)
    assert figures[2] == pytest.approx(wanted_figures[2], rel=1e-6, abs=32)
    pool = wanted if len(joints) > 10 else [wanted[0], *(joint for joint in joints if joint is not wanted[0])]
    for others in combinations(pool[1:], min(most, len(pool)) - 1):
        some = sorted([pool[0], *others], key=joints.index)
        assert_no_less(lost(document, joints, some), figures)


def assert_no_less(one: tuple[float, ...], other: tuple[float, ...]) -> None:
    """Compare losses, the most important first; memory that differs by its rounding to bytes decides nothing."""
    for place, (left, right) in enumerate(zip(one, other, strict=True)):
        if left != pytest.approx(right, rel=1e-6, abs=1e-6):
            assert left > right or (place == 2 and left == pytest.approx(right, abs=32))
            return


@pytest.mark.slow
@given(RANDOMS)
def test_exchanging_keeps_the_bound_and_tells_that_it_proves_nothing(random: Random) -> None:
    document = random_designs(random)
    proved = adapted(document, max_designs=3)
    assume(proved.diagnosis is None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounded_design_set, "_MOST_SETS", 0)
        patch.setattr(bounded_design_set, "_MOST_CELLS", 100)
        quick = adapted(document, max_designs=3)
    assert quick.regret is not None
    assert proved.regret is not None
    assert len(quick.design_set) <= 3
    if quick.regret.unbounded_designs > 3:
        assert not quick.regret.proved_least

        def loss(policy: Policy) -> tuple[float, ...]:
            regret = policy.regret
            assert regret is not None
            return (
                regret.newly_degraded, regret.extra_overloaded_engines, regret.extra_memory_bytes,
                regret.extra_distance,
            )  # fmt: skip

        assert_no_less(loss(quick), loss(proved))


def test_the_bound_of_the_file_counts_unless_another_is_given() -> None:
    document = random_designs(Random(12), constrained=False)
    assert len(adapted(document).design_set) > 2
    document["max_designs"] = 2
    assert len(adapted(document).design_set) == 2
    assert len(adapted(document, max_designs=1).design_set) == 1

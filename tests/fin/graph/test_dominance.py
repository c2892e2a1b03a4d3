"""Pareto dominance in groups against its definition, pair by pair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.fin.graph import dominance
from planner.fin.graph.dominance import non_dominated

Row = tuple[int, tuple[float, ...]]


def rows(values: st.SearchStrategy[float]) -> st.SearchStrategy[list[Row]]:
    """Rows of a group and 1 to 4 criteria."""
    groups = st.integers(0, 3)
    return st.integers(1, 4).flatmap(
        lambda width: st.lists(st.tuples(groups, st.tuples(*[values] * width)), min_size=1, max_size=40)
    )


def kept_of(found: list[Row]) -> list[bool]:
    groups = np.array([group for group, _ in found], dtype=np.int64)
    criteria = np.array([vector for _, vector in found], dtype=np.float64)
    return non_dominated(groups, criteria).tolist()


def check(found: list[Row]) -> None:
    kept = kept_of(found)
    assert len(kept) == len(found)

    def strictly_better(a: Row, b: Row) -> bool:
        return a[0] == b[0] and a[1] != b[1] and all(x <= y for x, y in zip(a[1], b[1], strict=True))

    efficient = {row for row in found if not any(strictly_better(other, row) for other in found)}
    survivors = [row for row, keep in zip(found, kept, strict=True) if keep]
    assert set(survivors) == efficient
    assert len(survivors) == len(efficient), "of equal rows one stays"


@given(rows(st.integers(0, 4).map(float)))
def test_with_many_ties(found: list[Row]) -> None:
    check(found)


@given(rows(st.floats(-1e6, 1e6)))
def test_with_any_numbers(found: list[Row]) -> None:
    check(found)


@given(rows(st.sampled_from([0.0, 1.0, np.inf])))
def test_with_infinities(found: list[Row]) -> None:
    check(found)


@given(rows(st.integers(0, 9).map(float)))
def test_large_groups_in_chunks(found: list[Row]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dominance, "_LARGE", 2)
        patch.setattr(dominance, "_CHUNK", 3)
        check(found)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_equal_rows_leave_one_in_each_group(width: int) -> None:
    groups = np.array([5, 2, 5, 2, 5])
    kept = non_dominated(groups, np.ones((5, width)))
    assert sorted(groups[kept].tolist()) == [2, 5]


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_nothing_in_nothing_out(width: int) -> None:
    assert non_dominated(np.zeros(0, dtype=np.int64), np.zeros((0, width))).tolist() == []


def test_groups_do_not_see_each_other() -> None:
    groups = np.arange(6)
    assert non_dominated(groups, np.arange(18, dtype=float).reshape(6, 3)).all()


def test_a_front_stays_whole_and_what_is_behind_it_goes() -> None:
    front = np.array([[x, 10.0 - x, 0.0] for x in range(11)])
    behind = front + np.array([0.0, 0.5, 0.5])
    kept = non_dominated(np.zeros(22, dtype=np.int64), np.concatenate([behind, front]))
    assert kept.tolist() == [False] * 11 + [True] * 11

"""Extension of labels along links in parts: the parts make no difference."""

from __future__ import annotations

from random import Random

import pytest
from cases import instance_of, random_case
from hypothesis import given
from hypothesis import strategies as st

from planner.fin.exact import transfers
from planner.fin.exact.method import Exact
from planner.fin.instance.decision import evaluate, objective_of
from planner.fin.method import Options


@given(st.randoms(use_true_random=False), st.integers(2, 9))
def test_labels_extended_in_parts_find_the_same_plan(random: Random, cells: int) -> None:
    instance = instance_of(*random_case(random, most_nodes=5, most_blocks=5))
    if instance is None:
        return
    whole = Exact().solve(instance, Options())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfers, "_CELLS_AT_ONCE", cells)
        parts = Exact().solve(instance, Options())
    assert parts.status == whole.status
    if whole.plan is not None and parts.plan is not None:
        values = [objective_of(instance, evaluate(instance, plan)) for plan in (whole.plan, parts.plan)]
        assert values[0] == pytest.approx(values[1], rel=1e-12, abs=1e-15)

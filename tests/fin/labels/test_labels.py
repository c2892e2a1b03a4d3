"""Rounding of what labels are compared by."""

from __future__ import annotations

import numpy as np
import pytest

from planner.fin.labels.sums import without_noise


@pytest.mark.parametrize("scale", [0.0, 5e-324, 1e-310, np.inf])
def test_values_stay_where_the_scale_leaves_nothing_to_round_to(scale: float) -> None:
    values = np.array([0.0, 1e-310, 2.0, np.inf])
    np.testing.assert_array_equal(without_noise(values, scale), values)


def test_values_that_differ_by_rounding_alone_become_equal() -> None:
    low, high = without_noise(np.array([0.3, 0.1 + 0.2]), 0.3)
    assert low == high == pytest.approx(0.3, rel=1e-11)

"""Apps with variants: the best of all of them, against enumeration of every variant and placement written anew."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import against_oracle
from undiagnosed import solve_undiagnosed
from variant_cases import raw_case, request_for
from variant_oracle import best, plans

from planner.pipeline.one_app import solve
from planner.schemas import InputError, Placement

EQUAL = 2e-8


def value_of(placement: Placement) -> float:
    """Return the objective as methods minimise it."""
    plan, certificate = placement.apps[0], placement.certificate
    assert certificate is not None
    if certificate.objective == "accuracy":
        return -(plan.accuracy or 0.0)
    if certificate.objective == "rate_per_s":
        return 0.0 if plan.rate_per_s is None else 1.0 / plan.rate_per_s
    return float(placement.objective_value or 0.0)


def bound_of(placement: Placement) -> float:
    """Return the bound as methods minimise it."""
    certificate = placement.certificate
    assert certificate is not None
    if not certificate.maximised:
        return certificate.lower_bound or 0.0
    if certificate.objective == "accuracy":
        return -(certificate.upper_bound or 0.0)
    return 0.0 if certificate.upper_bound is None else 1.0 / certificate.upper_bound


@pytest.mark.slow
@settings(max_examples=against_oracle(25))
@given(random=st.randoms(use_true_random=False))
def test_best_variant_equals_enumeration_of_all(random: Random) -> None:
    app, models, topology = raw_case(random, batches=0.6)
    found = list(plans(app, models, topology))
    expected = best(found, app["objective"])
    for method in ("exact", "brute", "ilp"):
        planned = solve if method == "exact" else solve_undiagnosed  # one that explains itself is enough
        try:
            placement = planned(request_for(app, models, topology, method))
        except InputError:
            continue
        assert placement.status == ("infeasible" if expected is None else "optimal"), method
        if expected is None:
            assert placement.diagnosis is not None
            continue
        assert value_of(placement) == pytest.approx(expected, rel=EQUAL, abs=1e-9), method
        assert bound_of(placement) <= expected + 1e-9 * abs(expected) + 1e-12, method
        assert placement.apps[0].model == (None if len(models) == 1 else placement.apps[0].model)
        chosen = 0 if len(models) == 1 else app["model"].index(placement.apps[0].model)
        batch = placement.apps[0].batch
        own = best([plan for plan in found if (plan.model, plan.batch) == (chosen, batch)], app["objective"])
        assert own == pytest.approx(expected, rel=EQUAL, abs=1e-9), method


@pytest.mark.slow
@settings(max_examples=against_oracle(25))
@given(random=st.randoms(use_true_random=False))
def test_no_method_is_better_than_the_best_variant(random: Random) -> None:
    app, models, topology = raw_case(random, batches=0.6)
    expected = best(list(plans(app, models, topology)), app["objective"])
    for method in ("gamma", "mcp", "neurosurgeon", "source-only", "cloud-only", "by-work"):
        try:
            placement = solve_undiagnosed(request_for(app, models, topology, method))
        except InputError:
            continue
        if expected is None:
            assert placement.status in ("infeasible", "unknown"), method
        elif placement.apps:
            assert value_of(placement) >= expected - 1e-8 * abs(expected), method
            assert bound_of(placement) <= expected + 1e-8 * abs(expected), method

"""Every false placement is rejected: true ones of random requests with one thing changed."""

from __future__ import annotations

import json
from random import Random

import pytest
from cases import random_case
from corruption import false_placements
from hypothesis import assume, given
from hypothesis import strategies as st
from undiagnosed import solve_undiagnosed

from planner.fin.method import Options
from planner.pipeline.request import Request
from planner.schemas import App, InputError, Model, Placement, Topology, check_document
from planner.verifier.verify import verify


def accepted(raw: dict[str, object], app: App, model: Model, topology: Topology) -> bool:
    """Tell whether a raw placement is read and stands."""
    try:
        return not verify(check_document(raw, Placement), topology, [(app, model)])
    except InputError:
        return False


def corrupted(random: Random, count: int) -> tuple[int, list[dict[str, object]]]:
    """Return how many false placements of a random request there were, and those that were accepted."""
    app, model, topology = random_case(random)
    method = random.choice(("exact", "neurosurgeon"))
    try:
        placement = solve_undiagnosed(Request(app, model, topology, method, Options()))
    except InputError:
        return 0, []
    if not placement.apps:
        return 0, []
    true = json.loads(placement.model_dump_json())
    assert accepted(true, app, model, topology)
    false = list(false_placements(true, random, count))
    return len(false), [raw for raw in false if accepted(raw, app, model, topology)]


@pytest.mark.slow
@given(st.randoms(use_true_random=False))
def test_every_false_placement_is_rejected(random: Random) -> None:
    tried, wrong = corrupted(random, 20)
    assume(tried > 0)
    assert wrong == []

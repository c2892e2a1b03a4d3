"""A time limit counts from the building of arrays to the verifier, not for the search alone."""

from __future__ import annotations

from itertools import chain, repeat
from types import SimpleNamespace

import pytest
from command_line import EXAMPLES

from planner.fin.exact.method import Exact
from planner.fin.instance.decision import Decision
from planner.fin.instance.instance import Instance
from planner.fin.method import Options
from planner.fin.outcome import Outcome
from planner.pipeline import one_app
from planner.pipeline.request import Request
from planner.schemas import App, Model, Topology


@pytest.mark.parametrize(
    ("limit_s", "build_s", "left_s"),
    [
        (None, 2.0, None),
        (8.0, 0.01, 8.0),  # building and verifying fit into half of the lateness that is granted
        (8.0, 2.0, 8.0 - (2.5 * 2.0 - 0.8)),
        (4.0, 10.0, 1.0),  # a quarter remains in any case
    ],
)
def test_a_search_gets_what_building_and_verifying_leave(
    monkeypatch: pytest.MonkeyPatch, limit_s: float | None, build_s: float, left_s: float | None
) -> None:
    seen: list[float | None] = []

    class Watched(Exact):
        def solve(self, instance: Instance, options: Options) -> Outcome[Decision]:
            seen.append(options.time_limit_s)
            return super().solve(instance, Options())

    clock = chain([0.0], repeat(build_s))  # what is read later is of no interest here
    monkeypatch.setattr(one_app, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    monkeypatch.setattr(one_app, "method", lambda *names: Watched())
    model = Model.model_validate_json((EXAMPLES / "small.json").read_bytes())
    topology = Topology.model_validate_json((EXAMPLES / "small-topology.json").read_bytes())
    app = App(name="app", model="small.json")
    one_app.solve(Request(app=app, model=model, topology=topology, options=Options(time_limit_s=limit_s)))
    assert seen == [None if left_s is None else pytest.approx(left_s)]

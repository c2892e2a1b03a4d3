"""The Ray engine: the same answer as the local one to the last digit, also when an actor dies half-way."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from planner.fleet.pricing import ray_engine, shard
from planner.pipeline.fleet import plan_fleet
from planner.schemas import InputError
from planner.schemas.fleets.placement import FleetPlacement

CITY = Path(__file__).parents[2] / "examples" / "city"
FILES = (CITY / "fleet.json", CITY / "topology.json")
pytestmark = pytest.mark.ray


def without_time(placement: FleetPlacement) -> str:
    return placement.model_copy(update={"timing": None}).model_dump_json()


@pytest.fixture(autouse=True)
def shards_of_one_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four classes in four shards, so that there is something to spread."""
    pytest.importorskip("ray")
    monkeypatch.setattr(shard, "CLASSES_PER_SHARD", 1)


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """One cluster for all tests, started as the engine starts its own; without it, every plan would start one."""
    ray = pytest.importorskip("ray")
    ray_engine.connect(ray, jobs=4, address=None)
    yield
    ray.shutdown()


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_that_does_not_answer_is_named() -> None:
    with pytest.raises(InputError, match="no Ray cluster answers"):
        plan_fleet(*FILES, engine="ray", address="127.0.0.1:1")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("cluster")
def test_any_number_of_actors_gives_the_answer_of_the_local_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    here = without_time(plan_fleet(*FILES))
    for actors in (1, 4):
        assert without_time(plan_fleet(*FILES, engine="ray", jobs=actors)) == here
    # two actors, of which one is killed half-way
    killed: list[int] = []
    ask = ray_engine.RayEngine._ask

    def killing(self: Any, number: int, step: str, *more: Any) -> Any:
        import ray

        if step == "smooth" and not killed:
            killed.append(ray.get(self.actors[number].process.remote()))
            os.kill(killed[0], signal.SIGKILL)
        return ask(self, number, step, *more)

    monkeypatch.setattr(ray_engine.RayEngine, "_ask", killing)
    assert without_time(plan_fleet(*FILES, engine="ray", jobs=2)) == here
    assert killed

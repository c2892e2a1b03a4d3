"""The engine `ray` on a real cluster of this machine: a head and a second machine, which is killed half-way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench_folder import quick_suite, rows
from command_line import refused

from planner.bench.case import CaseRow
from planner.bench.results.store import Store
from planner.bench.runner import run_suite

CASES = 200

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def cluster() -> Iterator[object]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        yield made
    finally:
        made.shutdown()


@pytest.mark.slow
def test_rows_are_those_of_the_local_engine_though_a_machine_dies(
    tmp_path: Path, cluster: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine dies as the run stores its middle row: between two cases of the run, on any machine."""
    suite = quick_suite(tmp_path, CASES)
    second = cluster.add_node(num_cpus=1)
    saved = 0
    save = Store.save

    def save_and_lose_a_machine(store: Store, row: CaseRow) -> None:
        nonlocal saved
        save(store, row)
        saved += 1
        if saved == CASES // 2:
            cluster.remove_node(second, allow_graceful=False)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "save", save_and_lose_a_machine)
        summary = run_suite(suite, tmp_path / "ray", engine_name="ray", address=cluster.address)
    assert summary.run == saved == CASES
    run_suite(suite, tmp_path / "local")
    assert rows(tmp_path / "ray") == rows(tmp_path / "local")


def test_a_cluster_that_does_not_answer_is_refused(tmp_path: Path) -> None:
    suite = quick_suite(tmp_path, 4)
    for address in ("127.0.0.1:9", "nonsense", "127.0.0.1:99999999"):
        message = refused("bench", suite, "-o", tmp_path / "r", "--engine", "ray", "--address", address)
        assert "no Ray cluster answers" in message
        assert address in message
    assert not (tmp_path / "r").exists()


@pytest.mark.slow
def test_a_missing_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("planner.bench.engines.on_ray.find_spec", lambda _: None)
    message = refused("bench", quick_suite(tmp_path, 4), "-o", tmp_path / "r", "--engine", "ray")
    assert "pip install '.[ray]'" in message
    assert not (tmp_path / "r").exists()

"""The engine `ray` on a real cluster of this machine: a head and two worker nodes, one of which is killed half-way."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench_folder import done_in, quick_suite, rows, wait_for
from command_line import refused

from planner.bench.runner import run_suite

CASES = 500

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def cluster() -> Iterator[object]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        yield made
    finally:
        made.shutdown()


def test_rows_are_those_of_the_local_engine_though_a_machine_dies(tmp_path: Path, cluster: object) -> None:
    suite = quick_suite(tmp_path, CASES)
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    counts: list[int] = []

    def lose_a_machine() -> None:
        wait_for(lambda: done_in(tmp_path / "ray") >= CASES // 2, "the suite does not get on")
        counts.append(done_in(tmp_path / "ray"))
        cluster.remove_node(nodes[1], allow_graceful=False)

    killer = threading.Thread(target=lose_a_machine)
    killer.start()
    summary = run_suite(suite, tmp_path / "ray", engine_name="ray", address=cluster.address)
    killer.join()
    assert summary.run == CASES
    assert CASES // 2 <= counts[0] < CASES
    run_suite(suite, tmp_path / "local")
    assert rows(tmp_path / "ray") == rows(tmp_path / "local")


def test_a_cluster_that_does_not_answer_is_refused(tmp_path: Path) -> None:
    suite = quick_suite(tmp_path, 4)
    for address in ("127.0.0.1:9", "nonsense", "127.0.0.1:99999999"):
        message = refused("bench", suite, "-o", tmp_path / "r", "--engine", "ray", "--address", address)
        assert "no Ray cluster answers" in message
        assert address in message
    assert not (tmp_path / "r").exists()


def test_a_missing_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("planner.bench.engines.on_ray.find_spec", lambda _: None)
    message = refused("bench", quick_suite(tmp_path, 4), "-o", tmp_path / "r", "--engine", "ray")
    assert "pip install '.[ray]'" in message
    assert not (tmp_path / "r").exists()

"""Parts of measuring: statistics of latencies, energy counters, sizes of networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from measured_networks import save
from onnx import numpy_helper

from planner.measure import measurement_process, networks
from planner.measure.designs import statistics_of
from planner.measure.energy import Counter, counters


def test_statistics_are_those_of_their_definitions() -> None:
    values = [float(value) for value in range(1, 101)]
    found = statistics_of(values)
    assert found["mean"] == 50.5
    assert found["std"] == pytest.approx(np.sqrt((100**2 - 1) / 12), rel=1e-5)
    assert found["p95"] == 95.0
    assert found["max"] == 100.0
    assert statistics_of([2.0]) == {"mean": 2.0, "std": 0.0, "p95": 2.0, "max": 2.0}


def counter_in(root: Path, name: str, energy_uj: int, wraps_at_uj: int = 1_000_000) -> Path:
    folder = root / name
    folder.mkdir()
    (folder / "energy_uj").write_text(f"{energy_uj}\n", encoding="ascii")
    (folder / "max_energy_range_uj").write_text(f"{wraps_at_uj}\n", encoding="ascii")
    return folder


def test_energy_counters_are_those_of_whole_packages(tmp_path: Path) -> None:
    counter_in(tmp_path, "intel-rapl:0", 5)
    counter_in(tmp_path, "intel-rapl:1", 900_000)
    counter_in(tmp_path, "intel-rapl:0:0", 7)
    (tmp_path / "intel-rapl:2").mkdir()
    found = counters(tmp_path)
    assert [counter.folder.name for counter in found] == ["intel-rapl:0", "intel-rapl:1"]
    assert found[1].read_j() == pytest.approx(0.9)
    assert counters(tmp_path / "none") == []


def test_a_counter_that_starts_again_is_read_right() -> None:
    counter = Counter(Path(), wraps_at_j=10.0)
    assert counter.used_j(2.0, 5.0) == 3.0
    assert counter.used_j(9.0, 1.0) == 2.0


def test_counted_energy_is_that_of_one_inference(net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = counter_in(tmp_path, "intel-rapl:0", 100)
    readings = iter([1_000, 9_000])

    def next_reading(self: Counter) -> float:
        return next(readings) * 1e-6

    monkeypatch.setattr(Counter, "read_j", next_reading)
    monkeypatch.setattr(measurement_process, "counters", lambda: [Counter(folder, 1.0)])
    asked = measurement_process.MeasurementJob(
        str(net), {"x": (1, 3)}, threads=1, warm_up=0, repeats=4, count_energy=True
    )
    measured = measurement_process.run(asked)
    assert measured.energy_j == pytest.approx(8_000e-6 / 4)
    assert len(measured.latencies_s) == 4
    assert measured.accuracy is None


def test_weights_beside_the_file_count_as_its_size(tmp_path: Path) -> None:
    path = save(tmp_path / "net.onnx", [1, 3])
    model = onnx.load(str(path))
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.ones((3, 1000), dtype=np.float32), "w"))
    onnx.save(model, tmp_path / "big.onnx", save_as_external_data=True, location="big.bin", size_threshold=0)
    beside = (tmp_path / "big.bin").stat().st_size
    assert beside >= 12_000
    assert networks.size_bytes(tmp_path / "big.onnx") == (tmp_path / "big.onnx").stat().st_size + beside

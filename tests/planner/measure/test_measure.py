"""`planner measure`: what it writes is what was measured."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from measured_networks import quick, run, save
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner

from planner.commands.root import app
from planner.measure.energy import counters

ROOT = Path(__file__).parents[3]


def test_designs_are_every_precision_with_every_number_of_threads(net: Path) -> None:
    document = quick(net, "--accuracy", "net=0.9", "--accuracy", "net-int8=80%", "--power-w", 4, "--name", "mine")
    assert document["name"] == "mine"
    assert document["engines"] == ["cpu"]
    (task,) = document["tasks"]
    assert task["name"] == "net"
    designs = task["designs"]
    assert [(row["name"], row["options"], row["accuracy"]) for row in designs] == [
        ("net-float32@cpu1", {"threads": 1, "precision": "float32"}, 0.9),
        ("net-float32@cpu2", {"threads": 2, "precision": "float32"}, 0.9),
        ("net-int8@cpu1", {"threads": 1, "precision": "int8"}, 0.8),
        ("net-int8@cpu2", {"threads": 2, "precision": "int8"}, 0.8),
    ]
    for row in designs:
        latency_s = row["latency_s"]
        assert set(latency_s) == {"mean", "std", "p95", "max"}
        assert 0 < latency_s["mean"] <= latency_s["max"] < 10
        assert latency_s["p95"] <= latency_s["max"]
        assert row["energy_j"] == pytest.approx(4 * latency_s["mean"], rel=1e-5)
        assert 1e5 < row["memory_bytes"] < 1e9
    assert designs[0]["size_bytes"] == net.stat().st_size
    assert "a stated power of 4 W" in document["citation"]
    assert "accuracy as stated" in document["citation"]


def test_accuracy_is_measured_on_labelled_samples(net: Path, data: Path) -> None:
    document = quick(net, "--data", data, "--precisions", "float32", "--threads", 1, "--power-w", 1)
    (row,) = document["tasks"][0]["designs"]
    assert row["accuracy"] == 0.7
    assert "accuracy on 10 labelled samples" in document["citation"]


def test_a_stated_accuracy_goes_before_samples(net: Path, data: Path, tmp_path: Path) -> None:
    stated = tmp_path / "stated.json"
    stated.write_text('{"net-int8": 0.25}', encoding="utf-8")
    document = quick(net, "--data", data, "--accuracy", stated, "--threads", 1, "--power-w", 1)
    assert [row["accuracy"] for row in document["tasks"][0]["designs"]] == [0.7, 0.25]


def test_a_batch_dimension_of_samples_may_be_in_the_file(tmp_path: Path, data: Path) -> None:
    net = save(tmp_path / "flat.onnx", ["batch", 3])
    document = quick(net, "--data", data, "--dim", "batch=1", "--precisions", "float32", "--threads", 1)
    assert document["tasks"][0]["designs"][0]["accuracy"] == 0.7


def test_int8_is_smaller_and_about_as_right(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("example", ROOT / "examples" / "measure.py")
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    inputs, labels = example.samples(1500, seed=2)
    onnx.save(example.network("small", example.weights((128,), inputs, labels)), tmp_path / "small.onnx")
    inputs, labels = example.samples(300, seed=3)
    np.savez(tmp_path / "glyphs.npz", inputs=inputs, labels=labels)
    document = quick(tmp_path / "small.onnx", "--data", tmp_path / "glyphs.npz", "--threads", 1)
    plain, int8 = document["tasks"][0]["designs"]
    assert int8["size_bytes"] < 0.35 * plain["size_bytes"]
    assert 0.5 < plain["accuracy"] < 1.0
    assert int8["accuracy"] == pytest.approx(plain["accuracy"], abs=0.05)


def test_peaks_of_memory_do_not_mix(tmp_path: Path) -> None:
    """A network with 64 MB of weights, and behind it a small one: only the first takes that much."""
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4000])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4000])],
        [numpy_helper.from_array(np.ones((4000, 4000), dtype=np.float32), "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "large.onnx")
    small = save(tmp_path / "small.onnx", [1, 3])
    stated = ["--accuracy", "large=1", "--accuracy", "small=1"]
    document = quick(tmp_path / "large.onnx", small, *stated, "--precisions", "float32", "--threads", 1, "--power-w", 1)
    first, second = (task["designs"][0]["memory_bytes"] for task in document["tasks"])
    assert first > 64e6
    assert second < 40e6


def test_the_table_and_the_file(net: Path, tmp_path: Path) -> None:
    target = tmp_path / "designs.json"
    code, out, err = run(
        "--task",
        f"t={net}",
        "--accuracy",
        "net=1",
        "--precisions",
        "float32",
        "--threads",
        1,
        "--repeats",
        3,
        "-o",
        target,
    )
    assert code == 0
    assert out.splitlines()[0].split()[:4] == ["task", "design", "mean", "std"]
    assert out.splitlines()[1].split()[:2] == ["t", "net-float32@cpu1"]
    assert json.loads(target.read_text(encoding="utf-8"))["tasks"][0]["name"] == "t"
    policy = CliRunner().invoke(app, ["adapt", str(target), "--json"])
    assert policy.exit_code == 0, policy.output
    assert json.loads(policy.stdout)["design_set"][0]["choice"] == {"t": "net-float32@cpu1"}
    if not counters():
        assert "energy was not measured" in err


def test_the_commands_of_the_documentation_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From two networks to the policy of what was measured, with few repeats."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for page in (ROOT / "README.md", ROOT / "docs" / "adapt.md"):
        text = page.read_text(encoding="utf-8")
        block = next(body for body in re.findall(r"```(?:\w+)?\n(.*?)```", text, re.S) if "examples/measure.py" in body)
        for line in block.splitlines():
            program, *arguments = shlex.split(line)
            if program == "python":
                if not Path("glyphs").exists():
                    subprocess.run([sys.executable, *arguments], check=True)
                continue
            few = ["--repeats", "3", "--warm-up", "1"] if arguments[0] == "measure" else []
            result = CliRunner().invoke(app, [*arguments, *few])
            assert result.exit_code == 0, result.stderr
            assert "glyphs" in result.stdout

"""`planner measure`: what it writes is what was measured, and what cannot be measured is said."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import command_line
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner

from planner.commands.root import app
from planner.measure import measurement_process, networks
from planner.measure.designs import statistics_of
from planner.measure.energy import Counter, counters
from planner.schemas import check_document
from planner.schemas.adaptation.designs import Designs

run, refused = partial(command_line.run, "measure"), partial(command_line.refused, "measure")

ROOT = Path(__file__).parents[2]
Json = dict[str, Any]
WEIGHTS = np.array([[1.0, -1.0], [0.5, 2.0], [-3.0, 0.25]], dtype=np.float32)


def quick(*arguments: object) -> Json:
    """Measure with few repeats, and return the designs."""
    code, out, err = run(*arguments, "--repeats", 5, "--warm-up", 1, "--json")
    assert code == 0, err
    document: Json = json.loads(out)
    assert check_document(document, Designs)
    return document


def save(path: Path, shape: list[Any], kind: int = TensorProto.FLOAT, op: str = "MatMul") -> Path:
    """Save a network that multiplies its input by WEIGHTS (or just cuts it off at 0)."""
    inputs = ["x", "w"] if op == "MatMul" else ["x"]
    weights = WEIGHTS.astype(helper.tensor_dtype_to_np_dtype(kind))
    graph = helper.make_graph(
        [helper.make_node(op, inputs, ["y"])],
        "g",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", kind, [None, None])],
        [numpy_helper.from_array(weights, "w")][: len(inputs) - 1],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture
def net(tmp_path: Path) -> Path:
    return save(tmp_path / "net.onnx", [1, 3])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Samples of which the network gets 7 of 10 right."""
    inputs = np.random.default_rng(5).standard_normal((10, 3)).astype(np.float32)
    labels = np.argmax(inputs @ WEIGHTS, axis=1)
    labels[:3] = 1 - labels[:3]
    np.savez(tmp_path / "data.npz", inputs=inputs, labels=labels)
    return tmp_path / "data.npz"


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


# What cannot be measured


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to measure"),
        (["--task", "x"], "not a task"),
        (["--task", "x=a.onnx,"], "not a task"),
        (["--task", "a=a.onnx", "--task", "a=b.onnx"], "two tasks are called 'a'"),
        (["a.onnx", "--accuracy", "0.9"], "neither an accuracy nor a file"),
        (["a.onnx", "--accuracy", "a=2"], "not in [0, 1]"),
        (["a.onnx", "--accuracy", "a=1", "--accuracy", "a=1"], "stated twice"),
        (["a.onnx", "--threads", "0"], "out of range"),
        (["a.onnx", "--name", ""], "--name: not a name"),
        (["--task", "x" * 151 + "=a.onnx"], "--task: not a name"),
        (["y" * 151 + ".onnx"], "--task: not a name"),
        (["a.onnx", "--threads", "two"], "not a whole number"),
        (["a.onnx", "--precisions", "int4"], "no such precision"),
        (["a.onnx", "--power-w", "0"], "not a power"),
        (["a.onnx", "--power-w", "nan"], "not a power"),
        (["a.onnx", "--dim", "x=0"], "out of range"),
        (["a.onnx", "--dim", "x"], "not the size of a dimension"),
        (["/nowhere/a.onnx"], "cannot read the file (No such file or directory)"),
        (["/"], "cannot read the file (Is a directory)"),
        ([ROOT / "README.md"], "not a valid ONNX file"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[object], message: str) -> None:
    assert message in refused(*arguments)


def test_accuracy_is_never_made_up(net: Path) -> None:
    assert "nothing says how accurate net-float32, net-int8 is" in refused(net)
    message = refused(net, "--accuracy", "net=0.9")
    assert "nothing says how accurate net-int8 is" in message, "the network's accuracy is not that of its int8 variant"
    assert "--accuracy net-int8=0.9" in message
    assert "nothing that is measured has this name" in refused(net, "--accuracy", "other=0.9")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"inputs": np.zeros((4, 3))}, "not an .npz with the arrays"),
        ({"inputs": np.zeros((4, 3)), "labels": np.zeros(3, dtype=int)}, "one label for each sample"),
        ({"inputs": np.zeros((0, 3)), "labels": np.zeros(0, dtype=int)}, "one label for each sample"),
        ({"inputs": np.zeros((4, 3)), "labels": np.zeros(4)}, "labels integers"),
        ({"inputs": np.zeros((4, 5)), "labels": np.zeros(4, dtype=int)}, "takes inputs of shape [[1, 3]]"),
        ({"inputs": np.full((4, 3), np.nan), "labels": np.zeros(4, dtype=int)}, "must be finite numbers"),
        ({"inputs": np.zeros((4, 3)), "labels": np.arange(-1, 3)}, "classes from 0 on (found -1)"),
        ({"inputs": np.array([{}] * 4), "labels": np.zeros(4, dtype=int)}, "not an .npz with the arrays"),
    ],
)
def test_samples_that_do_not_fit_are_refused(net: Path, tmp_path: Path, arrays: Json, message: str) -> None:
    path = tmp_path / "bad.npz"
    np.savez(path, **arrays)
    assert message in refused(net, "--data", path)


def test_samples_that_are_no_samples_are_refused(net: Path, tmp_path: Path) -> None:
    assert "cannot read the file" in refused(net, "--data", tmp_path / "none.npz")
    np.save(tmp_path / "one.npy", np.zeros(3))
    assert "not an .npz" in refused(net, "--data", tmp_path / "one.npy")
    assert "not an .npz" in refused(net, "--data", net)
    np.savez(tmp_path / "cut.npz", inputs=np.zeros((4, 3)), labels=np.zeros(4, dtype=int))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "cut.npz").read_bytes()[:-40])
    assert "not an .npz" in refused(net, "--data", tmp_path / "cut.npz")


@pytest.mark.parametrize("text", ["[1]", '{"net": "high"}', '{"net": 1.5}', '{"net": true}', "{"])
def test_stated_accuracies_that_are_none_are_refused(net: Path, tmp_path: Path, text: str) -> None:
    path = tmp_path / "stated.json"
    path.write_text(text, encoding="utf-8")
    assert str(path) in refused(net, "--accuracy", path)


def test_open_dimensions_must_be_given(tmp_path: Path) -> None:
    named, unnamed = save(tmp_path / "named.onnx", ["batch", 3]), save(tmp_path / "unnamed.onnx", [None, 3])
    message = refused(named, unnamed)
    assert "dimension of the input is open (found batch); give its size, such as --dim batch=1" in message
    assert "such as --dim x[0]=1" in message
    stated = ["--accuracy", "unnamed=1", "--precisions", "float32"]
    assert quick(unnamed, "--dim", "x[0]=2", *stated)["tasks"]
    assert "no network has this open dimension (found y)" in refused(unnamed, "--dim", "x[0]=2", "--dim", "y=1")


def test_inputs_that_are_not_float32_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "ints.onnx", [1, 3], TensorProto.INT32)
    assert "input x: this input is not float32 (found int32)" in refused(path)


def test_an_element_type_that_onnx_does_not_know_is_one_message(tmp_path: Path) -> None:
    path = save(tmp_path / "net.onnx", [1, 3])
    model = onnx.load(str(path))
    for number in (-1, 99, 2**20):
        model.graph.input[0].type.tensor_type.elem_type = number
        path.write_bytes(model.SerializeToString())
        message = refused(path, "--accuracy", "net=0.9", "--power-w", 1)
        assert message.count("error:") == 1
        assert str(path) in message
        assert "Traceback" not in message


@pytest.mark.parametrize("shape", [(10**9, 3), (3, 3), (10**30, 3)])
def test_samples_whose_header_lies_are_one_message(net: Path, tmp_path: Path, shape: tuple[int, ...]) -> None:
    """The header of an array promises another size than there is; nothing of that size is ever made."""
    path = tmp_path / "lie.npz"
    true = io.BytesIO()
    np.lib.format.write_array_header_1_0(true, {"descr": "<f4", "fortran_order": False, "shape": shape})
    labels = io.BytesIO()
    np.lib.format.write_array(labels, np.zeros(4, dtype=int))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("inputs.npy", true.getvalue() + bytes(48))
        archive.writestr("labels.npy", labels.getvalue())
    message = refused(net, "--data", path)
    assert message.count("error:") == 1
    assert f"{path}: not an .npz with the arrays inputs and labels" in message


def test_networks_of_one_name_are_refused(net: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = save(tmp_path / "other" / "net.onnx", [1, 3])
    assert "stands twice in one task" in refused("--task", f"t={net},{net}")
    assert "has the same name" in refused("--task", f"t={net},{other}")
    assert "has the same name" in refused("--task", f"t={net}", "--task", f"u={other}")


def test_what_cannot_be_quantised_is_not_called_int8(tmp_path: Path) -> None:
    net = save(tmp_path / "relu.onnx", [1, 3], op="Relu")
    stated = ["--accuracy", "relu=1", "--accuracy", "relu-int8=1"]
    assert "nothing in the network can be quantised" in refused(net, *stated)


def test_a_network_that_does_not_run_is_told_in_the_words_of_the_runtime(tmp_path: Path) -> None:
    net = save(tmp_path / "net.onnx", ["batch", "width"])
    message = refused(net, "--accuracy", "net=1", "--precisions", "float32", "--dim", "batch=1", "--dim", "width=7")
    assert "ONNX Runtime refuses it" in message


def test_missing_packages_are_named(net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name.startswith("onnx") else found(name))
    message = refused(net, "--accuracy", "net=1")
    assert "measuring needs onnx and onnxruntime" in message
    assert "pip install '.[measure]'" in message


def test_the_example_names_the_package_that_it_misses(tmp_path: Path) -> None:
    (tmp_path / "onnx.py").write_text("raise ModuleNotFoundError", encoding="utf-8")
    command = [sys.executable, str(ROOT / "examples" / "measure.py"), str(tmp_path)]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "this example needs onnx; install it from the checkout: pip install '.[measure]'\n"


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


# Parts


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

"""`planner measure`: what cannot be measured is refused in one message that says why."""

from __future__ import annotations

import importlib.util
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from measured_networks import Json, quick, refused, save
from onnx import TensorProto

ROOT = Path(__file__).parents[3]


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

"""Inputs fixed to values: the branch of an `If` that runs is left, and computes what the network did."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from command_line import run
from onnx import TensorProto, helper, numpy_helper

from planner.commands.import_network import parse_values
from planner.running.graph.importing import import_onnx
from planner.running.graph.options import ImportOptions
from planner.running.network.branches import fix_values
from planner.running.network.sessions import session
from planner.schemas import InputError


def _branch(name: str, factor: float, steps: int) -> Any:
    """Return a branch that reads x from outside; both branches use the same names inside."""
    nodes = [helper.make_node("Mul", ["x", "factor"], ["inner0"])]
    nodes += [helper.make_node("Tanh", [f"inner{i}"], [f"inner{i + 1}"]) for i in range(steps)]
    out = helper.make_tensor_value_info(f"inner{steps}", TensorProto.FLOAT, None)
    return helper.make_graph(nodes, name, [], [out], [numpy_helper.from_array(np.float32([factor]), "factor")])


def _net() -> Any:
    """Return a network of two `If` nodes that the input `rate` decides, the second inside of nothing."""
    nodes = [helper.make_node("Equal", ["rate", "sixteen"], ["fast"])]
    for index, before in enumerate(("x", "a0")):
        branches = {"then_branch": _branch("then", 2.0 + index, 2), "else_branch": _branch("else", 3.0, 1)}
        nodes.append(helper.make_node("If", ["fast"], [f"b{index}"], name=f"choose{index}", **branches))
        nodes.append(helper.make_node("Add", [before, f"b{index}"], [f"a{index}"]))
    nodes.append(helper.make_node("Relu", ["a1"], ["y"]))
    shape = [1, 4]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    inputs.append(helper.make_tensor_value_info("rate", TensorProto.INT64, []))
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)]
    held = [numpy_helper.from_array(np.array(16000, np.int64), "sixteen")]
    graph = helper.make_graph(nodes, "net", inputs, outputs, held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _saved(folder: Path, model: Any) -> Path:
    onnx.save(model, folder / "net.onnx")
    return folder / "net.onnx"


@pytest.mark.parametrize("rate", [16000, 8000])
def test_the_branch_that_is_left_computes_what_the_network_did(tmp_path: Path, rate: int) -> None:
    path = _saved(tmp_path, _net())
    bundle = import_onnx(path, ImportOptions(values={"rate": rate}))
    graph = onnx.load_model_from_string(bundle.graph)
    assert "If" not in {node.op_type for node in graph.graph.node}
    assert [value.name for value in graph.graph.input] == ["x"]
    x = np.random.default_rng(1).standard_normal((1, 4)).astype(np.float32)
    expected = session(str(path), "net").run(["y"], {"x": x, "rate": np.array(rate, np.int64)})[0]
    assert np.array_equal(session(bundle.graph, "left", "off").run(["y"], {"x": x})[0], expected)


def test_without_a_value_the_branches_stay_and_the_import_says_what_decides(tmp_path: Path) -> None:
    bundle = import_onnx(_saved(tmp_path, _net()), ImportOptions())
    (note,) = [note for note in bundle.notes if "choose0" in note]
    assert "--value rate=NUMBER" in note


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"speed": 1.0}, "the network has no such input"),
        ({"rate": 1.5}, "rate holds int64 values"),
        ({"rate": 1e30}, "rate holds int64 values"),
        ({"rate": float("nan")}, "rate holds int64 values"),
        ({"rate": 1, "x": 1}, "no input is left"),
    ],
)
def test_values_that_do_not_fit_are_refused(tmp_path: Path, values: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        import_onnx(_saved(tmp_path, _net()), ImportOptions(values=values))


def _scaled(folder: Path, dtype: int) -> Path:
    """Return a network of two inputs, x and k of a type, which it hands on."""
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])]
    inputs.append(helper.make_tensor_value_info("k", dtype, [2]))
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])]
    outputs.append(helper.make_tensor_value_info("z", dtype, [2]))
    nodes = [helper.make_node("Relu", ["x"], ["y"]), helper.make_node("Identity", ["k"], ["z"])]
    graph = helper.make_graph(nodes, "scaled", inputs, outputs)
    return _saved(folder, helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8))


def _fixed(path: Path, text: str) -> Any:
    """Return what `k` is fixed to."""
    model = onnx.load(path)
    fix_values(model, parse_values([f"k={text}"]), "net.onnx")
    (constant,) = [each for each in model.graph.initializer if each.name == "k"]
    return numpy_helper.to_array(constant).tolist()


@pytest.mark.parametrize(
    ("dtype", "text", "held"),
    [
        (TensorProto.INT64, "9007199254740993", 2**53 + 1),
        (TensorProto.INT64, "-9223372036854775808", -(2**63)),
        (TensorProto.UINT64, "18446744073709551615", 2**64 - 1),
        (TensorProto.INT64, "1e3", 1000),
        (TensorProto.INT32, "16000.0", 16000),
        (TensorProto.DOUBLE, "0.1", 0.1),
        (TensorProto.FLOAT, "0.1", float(np.float32(0.1))),
        (TensorProto.FLOAT16, "65504", 65504.0),
        (TensorProto.BFLOAT16, "2.5", 2.5),
        (TensorProto.BOOL, "1", True),
    ],
)
def test_an_input_is_fixed_to_what_is_stated(tmp_path: Path, dtype: int, text: str, held: float) -> None:
    assert _fixed(_scaled(tmp_path, dtype), text) == [held, held]


@pytest.mark.parametrize(
    ("dtype", "text", "said"),
    [
        (TensorProto.INT64, "9223372036854775808", "from -9223372036854775808 to 9223372036854775807"),
        (TensorProto.UINT8, "256", "from 0 to 255"),
        (TensorProto.UINT8, "-1", "from 0 to 255"),
        (TensorProto.UINT8, "1.5", "give a whole number"),
        (TensorProto.FLOAT16, "1e6", "k holds float16 values"),
        (TensorProto.FLOAT16, "1e-12", "a number that float16 can hold"),
        (TensorProto.BFLOAT16, "3.4e38", "k holds bfloat16 values"),
        (TensorProto.FLOAT, "1e39", "k holds float32 values"),
        (TensorProto.BOOL, "2", "give 0 or 1"),
        (TensorProto.STRING, "1", "k holds string values, which no number fixes"),
    ],
)
def test_what_a_type_cannot_hold_is_refused_in_one_message(tmp_path: Path, dtype: int, text: str, said: str) -> None:
    done = run("import", _scaled(tmp_path, dtype), "-o", tmp_path / "net", "--value", f"k={text}")
    assert done.code == 2
    assert said in done.err
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize(
    "text", ["rate", "rate=x", "=1", "rate=nan", "rate=inf", "rate=1e400", "rate=1,2", "rate=true"]
)
def test_values_are_numbers_by_name(tmp_path: Path, text: str) -> None:
    done = run("import", _saved(tmp_path, _net()), "-o", tmp_path / "net", "--value", text)
    assert done.code == 2
    assert "one finite number" in done.err
    assert "write it as sr=16000" in done.err


def _silero() -> Path | None:
    found = importlib.util.find_spec("silero_vad")
    return None if found is None or found.origin is None else Path(found.origin).parent / "data" / "silero_vad.onnx"


@pytest.mark.skipif(_silero() is None, reason="silero-vad is not installed")
@pytest.mark.parametrize(("rate", "samples"), [(16000, 576), (8000, 288)])
def test_silero_s_network_for_one_rate_is_cut(tmp_path: Path, rate: int, samples: int) -> None:
    path = _silero()
    assert path is not None
    dims = {"input[0]": 1, "input[1]": samples, "state[1]": 1}
    if rate == 16000:  # ONNX Runtime refuses the branch of the other rate, whose shapes do not fit this size
        with pytest.raises(InputError, match="--value sr=NUMBER"):
            import_onnx(path, ImportOptions(dims=dims))
    bundle = import_onnx(path, ImportOptions(dims=dims, values={"sr": rate}))
    assert len(bundle.cuts.blocks) > 1
    random = np.random.default_rng(0)
    feeds = {"input": random.standard_normal((1, samples)), "state": random.standard_normal((2, 1, 128))}
    feeds = {name: array.astype(np.float32) for name, array in feeds.items()}
    whole: Callable[..., Any] = session(str(path), "silero").run
    expected = whole(["output"], {**feeds, "sr": np.array(rate, np.int64)})[0]
    assert session(bundle.graph, "left").run(["output"], feeds)[0] == pytest.approx(expected, rel=1e-4)

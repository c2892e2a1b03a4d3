"""Operations and memory inside of `If`, `Loop` and `Scan`, against figures computed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_builder import Builder, save
from onnx_networks import branching

from planner.running.graph.bundle import Bundle
from planner.running.graph.importing import import_onnx
from planner.running.graph.options import ImportOptions
from planner.schemas import InputError

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
Row = tuple[str, Sequence[str], Sequence[str]]


def graph(rows: Sequence[Row], inputs: dict[str, int], outputs: dict[str, int], **constants: Any) -> Any:
    """Return a graph of nodes (operator, inputs, outputs) whose shapes nothing states but those of scalars."""
    held = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    nodes = [helper.make_node(kind, list(read), list(made), name=f"own_{made[0]}") for kind, read, made in rows]
    shapes: dict[int, list[int] | None] = {INT64: [], BOOL: []}  # numbers and conditions of loops are scalars
    ends = [
        [helper.make_tensor_value_info(name, kind, shapes.get(kind)) for name, kind in each.items()]
        for each in (inputs, outputs)
    ]
    return helper.make_graph(nodes, "inside", *ends, held)


def body(rows: Sequence[Row], *states: str, **constants: Any) -> Any:
    """Return the body of a loop: its last node's first result and the condition, which stays as it comes."""
    inputs = {"number": INT64, "go": BOOL} | dict.fromkeys(states, FLOAT)
    results = [rows[-1][2][0]]
    whole = [*rows, ("Identity", ["go"], ["on"])]
    return graph(whole, inputs, {"on": BOOL} | dict.fromkeys(results, FLOAT), **constants)


def imported(folder: Path, b: Builder, inputs: dict[str, Sequence[int]], output: str, kinds: Any = None) -> Bundle:
    return import_onnx(save(b.model(inputs, [output], kinds), folder / "net.onnx"), ImportOptions(blocks=1))


def ops(bundle: Bundle) -> float:
    return sum(block.ops for block in bundle.model.blocks)


def test_branches_and_passes_of_a_network_between_linear_layers(tmp_path: Path) -> None:
    bundle = import_onnx(save(branching(), tmp_path / "n.onnx"), ImportOptions())
    ends = 2 * 8 * 8 * 8 + 64 + 64 + 1  # Gemm, as ONNX Runtime makes of a linear layer; Relu, sum, comparison
    ends += (2 * 8 * 8 * 4 + 32) + 32  # linear, Tanh
    assert ops(bundle) == ends + 2 * 8 * 8 * 8 + 3 * 64, "the product of the If, and three sums"
    (note,) = [note for note in bundle.notes if "branch" in note]
    assert "of If if" in note
    assert "more operations is counted" in note


@pytest.mark.parametrize("passes", [0, 1, 7])
def test_a_loop_counts_as_often_as_it_goes_round(passes: int, tmp_path: Path) -> None:
    b = Builder()
    rows = [("MatMul", ["state", "w0"], ["product"]), ("Tanh", ["product"], ["next"])]
    b.weight(4, 4)
    loop = b.add("Loop", b.constant(np.int64(passes)), "", b.add("Relu", "x"), body=body(rows, "state"))
    bundle = imported(tmp_path, b, {"x": [2, 4]}, b.add("Neg", loop))
    assert ops(bundle) == 8 + passes * (2 * 2 * 4 * 4 + 8) + 8
    assert not any("passes" in note for note in bundle.notes)


def test_a_loop_whose_state_grows_counts_every_pass(tmp_path: Path) -> None:
    b = Builder()
    grow = helper.make_node("Concat", ["state", "x"], ["longer"], axis=0)
    inside = body([("Relu", ["longer"], ["next"])], "state")
    inside.node.insert(0, grow)
    loop = b.add("Loop", b.constant(np.int64(5)), "", "x", body=inside)
    bundle = imported(tmp_path, b, {"x": [1, 4]}, b.add("Neg", loop))
    assert ops(bundle) == 4 * (2 + 3 + 4 + 5 + 6) + 4 * 6


def test_a_loop_that_the_data_end_counts_one_pass_and_it_is_said(tmp_path: Path) -> None:
    for limit, most in (("", ""), ("w0", " (at most 50)")):
        b = Builder()
        b.constant(np.int64(50))
        b.constant(np.float32(100))
        rows = [
            ("Add", ["state", "state"], ["next"]),
            ("ReduceSum", ["next"], ["sum"]),
            ("Reshape", ["sum", "none"], ["flat"]),
            ("Less", ["flat", "w1"], ["on"]),
        ]
        inside = graph(rows, {"n": INT64, "go": BOOL, "state": FLOAT}, {"on": BOOL, "next": FLOAT}, none=np.int64([]))
        start = b.add("Abs", "x")
        loop = b.add("Loop", limit, b.constant(np.bool_(True)), start, body=inside)
        bundle = imported(tmp_path, b, {"x": [2, 3]}, b.add("Neg", loop))
        assert ops(bundle) == 6 + (6 + 6 + 1) + 6
        (note,) = [note for note in bundle.notes if "passes" in note]
        assert f"passes of Loop {loop}{most} depends on the data: operations of one pass are counted" in note
        assert "planner profile" in note


def test_a_scan_counts_every_slice(tmp_path: Path) -> None:
    b = Builder()
    weight = b.weight(4, 4)
    rows = [
        ("MatMul", ["row", weight], ["product"]),
        ("Mul", ["state", "product"], ["next"]),
        ("Tanh", ["next"], ["out"]),
    ]
    inside = graph(rows, {"state": FLOAT, "row": FLOAT}, {"next": FLOAT, "out": FLOAT})
    state, made = b.add("Scan", b.constant(np.zeros((3, 4), np.float32)), b.add("Relu", "x"), outputs=2,
                        body=inside, num_scan_inputs=1, scan_input_axes=[1])  # fmt: skip
    total = b.add("Add", state, b.add("ReduceSum", made, b.constant(np.int64([0])), keepdims=0))
    bundle = imported(tmp_path, b, {"x": [3, 5, 4]}, total)
    # five slices of 3 x 4: product, Mul and Tanh; then a sum over 5 x 3 x 4 and one of two matrices
    assert ops(bundle) == 60 + 5 * (2 * 3 * 4 * 4 + 12 + 12) + 60 + 12


def test_graphs_inside_of_graphs_multiply(tmp_path: Path) -> None:
    """A loop of three passes around an `If` of which one branch is a loop of four passes."""
    b = Builder()
    limit = b.constant(np.int64(4))
    rows = [("Add", ["state", "y"], ["product"]), ("Tanh", ["product"], ["next"])]
    inner = helper.make_node("Loop", [limit, "", "outer"], ["then"], body=body(rows, "state"), name="inner")
    branches = {
        "then_branch": helper.make_graph([inner], "t", [], [helper.make_tensor_value_info("then", FLOAT, None)]),
        "else_branch": graph([("Neg", ["outer"], ["else"])], {}, {"else": FLOAT}),
    }
    y = b.add("Relu", "x", name="y")
    test = b.add("Greater", b.add("ReduceMax", y, keepdims=0), b.constant(np.float32(1e9)))
    choose = helper.make_node("If", [test], ["next"], name="choose", **branches)
    outside = body([("Neg", ["next"], ["after"])], "outer")
    outside.node.insert(0, choose)
    bundle = imported(tmp_path, b, {"x": [2, 3]}, b.add("Loop", b.constant(np.int64(3)), "", y, body=outside))
    assert ops(bundle) == 6 + 6 + 1 + 3 * (4 * (6 + 6) + 6)
    assert any("If choose" in note for note in bundle.notes)


@pytest.mark.parametrize("stated", [True, False])
def test_a_branch_that_does_not_fit_the_input_counts_by_the_shapes_of_the_file(stated: bool, tmp_path: Path) -> None:
    b = Builder()
    x = b.add("Relu", "x")
    test = b.add("Equal", b.add("ReduceMin", "rate", keepdims=0), b.constant(np.int64(77)))
    shape = b.add("Add", "rate", b.constant(np.int64([50, 4])))  # 50 or 51 times 4 or 5, never the 12 of x
    rows = [("Reshape", [x, shape], ["r"]), ("Exp", ["r"], ["e"]), ("Neg", ["e"], ["then"])]
    wrong = graph(rows, {}, {"then": FLOAT})
    if stated:
        wrong.value_info.append(helper.make_tensor_value_info("e", FLOAT, [50, 4]))
    right = graph([("Neg", [x], ["else"])], {}, {"else": FLOAT})
    chosen = b.add("If", test, then_branch=wrong, else_branch=right)
    bundle = imported(tmp_path, b, {"x": [3, 4], "rate": [2]}, b.add("Abs", chosen), {"rate": INT64})
    rest = 12 + 12 + 2 + 2 + 1  # Relu and Abs, what makes the shape and the condition
    assert ops(bundle) == rest + (200 + 200 if stated else 12)
    told = any(f"not all operations inside of If {chosen} are counted" in note for note in bundle.notes)
    assert told is not stated


def test_memory_inside_is_held_while_the_node_runs(tmp_path: Path) -> None:
    b = Builder()
    x = b.add("Relu", "x")
    tall, total = b.constant(np.ones((100, 2), np.float32)), b.constant(np.ones((2, 100), np.float32))
    rows = [("MatMul", [tall, x], ["a"]), ("Exp", ["a"], ["b"]), ("MatMul", [total, "b"], ["then"])]
    branches = {
        "then_branch": graph(rows, {}, {"then": FLOAT}),
        "else_branch": graph([("Neg", [x], ["else"])], {}, {"else": FLOAT}),
    }
    test = b.add("Greater", b.add("ReduceMax", x, keepdims=0), b.constant(np.float32(0)))
    bundle = imported(tmp_path, b, {"x": [2, 3]}, b.add("Neg", b.add("If", test, **branches)))
    (block,) = bundle.model.blocks
    # x and its Relu are 2 x 3; the test is one byte; inside, two of 100 x 3 at once beside what the If makes
    assert block.working_bytes == 4 * 6 + 1 + 4 * 6 + 2 * 4 * 300


def test_a_loop_that_never_ends_on_random_input_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("planner.running.network.folding._MOST_S", 0.2)
    b = Builder()
    loop = b.add("Loop", "", b.constant(np.bool_(True)), "x", body=body([("Abs", ["state"], ["next"])], "state"))
    with pytest.raises(InputError, match=r"did not end within 200 ms on random input; give the Loop a number"):
        imported(tmp_path, b, {"x": [2, 3]}, b.add("Neg", loop))

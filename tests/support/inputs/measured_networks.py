"""Small ONNX networks to measure, and `planner measure` with few repeats."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import command_line
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from planner.schemas import check_document
from planner.schemas.adaptation.designs import Designs

run, refused = partial(command_line.run, "measure"), partial(command_line.refused, "measure")

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

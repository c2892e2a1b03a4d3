"""What models may say of inputs, of working memory and of shared parameters: one problem for each mistake."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from planner.schemas import InputError, Model, check_document

MODEL: dict[str, Any] = {
    "schema_version": "1",
    "name": "u",
    "input_bits": 8e5,
    "params": {"table": 10.0},
    "blocks": [
        {"name": "enc", "ops": 1e8, "output_bits": 4e5, "working_bytes": 5, "params": ["table"]},
        {"name": "mid", "ops": 5e8, "output_bits": 1e5, "state_bytes": 3},
        {
            "name": "dec",
            "ops": 1e8,
            "output_bits": 1e5,
            "params": ["table"],
            "inputs": [{"block": "mid"}, {"block": "enc"}, {"block": "enc", "tensor": "mask", "bits": 10}],
        },
    ],
}


def _inputs(block: int, rows: list[Any]) -> Callable[[Any], None]:
    return lambda data: data["blocks"][block].update(inputs=rows)


def _params(block: int, names: list[str]) -> Callable[[Any], None]:
    return lambda data: data["blocks"][block].update(params=names)


def test_the_fields_are_read():
    model = check_document(MODEL, Model)
    assert [(row.block, row.tensor, row.bits) for row in model.blocks[2].inputs or ()] == [
        ("mid", None, None),
        ("enc", None, None),
        ("enc", "mask", 10.0),
    ]
    assert (model.blocks[0].working_bytes, model.blocks[1].state_bytes, model.params) == (5.0, 3.0, {"table": 10.0})


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        (_inputs(2, []), "blocks[2].inputs", "reads nothing"),
        (_inputs(2, [{"block": "x"}]), "blocks[2].inputs[0].block", "no block of this name"),
        (_inputs(1, [{"block": "dec"}]), "blocks[1].inputs[0].block", "runs no earlier"),
        (_inputs(1, [{"block": "mid"}]), "blocks[1].inputs[0].block", "runs no earlier"),
        (_inputs(2, [{"block": "mid"}, {"block": "mid"}]), "blocks[2].inputs[1]", "named twice"),
        (_inputs(2, [{"block": "enc", "bits": 7}]), "blocks[2].inputs[0]", "400 kbit"),
        (_params(2, ["table", "zz"]), "blocks[2].params[1]", "no parameters of this name"),
        (_params(2, ["table", "table"]), "blocks[2].params[1]", "named twice"),
        (lambda data: data["params"].update(more=1.0), "params.more", "no block or exit uses"),
        (lambda data: data["blocks"][1].update(working_bytes=-1), "blocks[1].working_bytes", "0"),
    ],
)
def test_a_mistake_is_one_problem(change, path, words):
    data = copy.deepcopy(MODEL)
    change(data)
    with pytest.raises(InputError, match=words) as caught:
        check_document(data, Model)
    assert [problem.path for problem in caught.value.problems] == [path]


def test_a_block_may_be_called_input_only_where_no_block_names_its_inputs():
    data = copy.deepcopy(MODEL)
    data["blocks"][1]["name"] = "input"
    with pytest.raises(InputError, match="rename the block"):
        check_document(data, Model)
    del data["blocks"][2]["inputs"]
    assert check_document(data, Model).blocks[1].name == "input"

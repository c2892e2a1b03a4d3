"""Values are made from Python's lists and dicts, and every type reads what it writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from planner.schemas import Block, Designs, InputError, Model, States, Topology, Workload
from planner.schemas.reading.base import Document
from planner.schemas.reading.files import check_document

EXAMPLES = Path(__file__).parents[2] / "examples"
KINDS: dict[str, type[Document]] = {
    "operating": Model,
    "calibration": Model,
    "nodes": Topology,
    "apps": Workload,
    "tasks": Designs,
    "conditions": States,
}


def kind_of(raw: dict[str, Any]) -> type[Document]:
    return Model if "blocks" in raw else next(schema for field, schema in KINDS.items() if field in raw)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.name)
def test_every_example_is_read_and_comes_back(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    schema = kind_of(json.loads(text))
    read = schema.model_validate_json(text)
    assert read == check_document(json.loads(text), schema)
    assert schema.model_validate_json(read.model_dump_json()) == read
    assert schema.model_validate(read.model_dump()) == read
    assert schema(**json.loads(text)) == read


def test_lists_dicts_and_values_may_be_mixed() -> None:
    model = Model(
        name="net",
        input_bits=8,
        blocks=[{"name": "a", "ops": 1.0}, Block(name="b", ops=2.0)],
        exits=({"name": "out", "after": "b"},),
        operating_points=[{"name": "all", "exit_fractions": {"out": 1.0}, "accuracy": 0.5}],
    )
    assert [block.name for block in model.blocks] == ["a", "b"]
    assert isinstance(model.blocks, tuple)
    assert model.schema_version == "1"


def test_a_file_must_still_say_its_version() -> None:
    with pytest.raises(ValidationError, match="schema_version"):
        Workload.model_validate({"apps": [{"model": "m.json"}]})


def test_constructors_name_every_problem_and_its_remedy() -> None:
    with pytest.raises(InputError) as caught:
        Block(name=1, ops=-1.0, opps=3)
    assert [problem.path for problem in caught.value.problems] == ["name", "ops", "opps"]
    assert caught.value.problems[2].fix == "did you mean 'ops'?"


def test_items_of_lists_stay_strict() -> None:
    with pytest.raises(InputError) as caught:
        Workload(apps=[{"model": "m.json", "rate_per_s": "10"}])
    assert [problem.path for problem in caught.value.problems] == ["apps[0].rate_per_s"]

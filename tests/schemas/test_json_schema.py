"""JSON Schema files are current and complete, and agree with the contracts and the examples."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from pydantic import BaseModel
from schema_documents import ROOT, Json

import planner.schemas
from planner.schemas import Model, Placement, Topology, Workload, read_document
from planner.schemas.export import DOCUMENTS, json_schema


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_schema_files_are_current(kind: str) -> None:
    held = (ROOT / "schemas" / "json" / f"{kind}.schema.json").read_text(encoding="utf-8")
    assert held == json_schema(kind), "run python -m planner.schemas.export"


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_every_field_is_described(kind: str) -> None:
    schema = json.loads(json_schema(kind))
    jsonschema.Draft202012Validator.check_schema(schema)
    count = 0
    parts = {kind: schema, **schema.get("$defs", {})}
    if kind == "nodes":  # names are the user's own: there is no field
        assert parts.pop(kind)["description"]
        count = 11
    for name, part in parts.items():
        assert part.get("description"), name
        assert part.get("additionalProperties") is False, name
        for field, property_ in part["properties"].items():
            target = schema["$defs"].get(property_.get("$ref", "").rpartition("/")[2], {})
            assert property_.get("description") or target.get("description"), f"{name}.{field}"
            count += 1
    assert count > 5


def test_there_is_a_schema_file_for_each_format_and_no_other() -> None:
    held = {path.name for path in (ROOT / "schemas" / "json").glob("*.json")}
    assert held == {f"{kind}.schema.json" for kind in DOCUMENTS}


def kind_of(document: Json) -> str:
    marks = {"apps": "workload", "blocks": "model", "engines": "designs", "conditions": "states"}
    return next((kind for mark, kind in marks.items() if mark in document), "topology")


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.json")), ids=lambda path: path.name)
def test_examples_fit_schema_and_contract(path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    kind = kind_of(document)
    jsonschema.validate(document, json.loads(json_schema(kind)))
    schema: type[BaseModel] = DOCUMENTS[kind]
    assert read_document(path, schema)


def test_names_load_where_they_are_used() -> None:

    assert {Model, Placement, Topology, Workload} <= {
        getattr(planner.schemas, name) for name in planner.schemas.__all__
    }
    with pytest.raises(AttributeError, match="nothing"):
        planner.schemas.nothing  # noqa: B018 - the access is the test

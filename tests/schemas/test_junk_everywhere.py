"""Every value of every kind of document replaced by values of other types: all are refused by a message."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from mutation import places
from pydantic import BaseModel

from planner.schemas import InputError, check_document
from planner.schemas.export import DOCUMENTS

ROOT = Path(__file__).parents[2]
JUNK: tuple[Any, ...] = (None, [], {}, [[1]], {"a": [1]}, [{"name": []}], 10**400, "\ud800", 1e308)
EXAMPLES = {
    "model": ("small.json", "inception-3a.json", "small-int8.json"),
    "topology": ("small-topology.json", "aws-metered.json", "small-shared.json", "small-cell.json"),
    "workload": ("small-shared.workload.json",),
    "states": ("mcm.states.json",),
    "suite": ("small.suite.toml",),
    "fleet": ("city/fleet.json",),
    "sites": ("city/sites.json",),
}
MOST_PLACES = 250
"""Beyond it, places are taken at even distances."""


def _documents() -> list[tuple[type[BaseModel], Any, str]]:
    found = []
    for kind, names in EXAMPLES.items():
        for name in names:
            text = (ROOT / "examples" / name).read_text(encoding="utf-8")
            found.append((DOCUMENTS[kind], tomllib.loads(text) if name.endswith(".toml") else json.loads(text), name))
    for page in sorted((ROOT / "docs" / "formats").glob("*.md")):
        shown = re.search(r"```json title=.*?\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
        if shown is not None and page.stem in DOCUMENTS:
            found.append((DOCUMENTS[page.stem], json.loads(shown[1]), page.name))
    return found


@pytest.mark.parametrize(("schema", "document", "name"), _documents(), ids=[name for *_, name in _documents()])
def test_values_of_other_types_are_refused_by_a_message(schema: type[BaseModel], document: Any, name: str) -> None:
    check_document(document, schema, name)
    held = copy.deepcopy(document)
    found = places(held)
    refused = 0
    for container, key in found[:: 1 + len(found) // MOST_PLACES]:
        kept = container[key]
        for value in JUNK:
            container[key] = copy.deepcopy(value)
            try:
                check_document(held, schema, name)
            except InputError as error:
                refused += 1
                assert error.problems
        container[key] = kept
    assert held == document
    assert refused >= len(found[:: 1 + len(found) // MOST_PLACES])

"""Parsing of JSON files: what the standard library's parser gives, and no key stands twice unnoticed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.schemas.reading.files import read_json
from planner.schemas.reading.problems import InputError

NAMES = st.text(alphabet='ab: "\\\t:é', max_size=4)
SPACES = st.sampled_from(["", " ", "\n", "\t", " \r\n"])


@st.composite
def texts(draw: st.DrawFn) -> tuple[str, bool]:
    """Draw JSON text with white space anywhere, and whether some object names a key twice."""
    twice = False

    def write(depth: int) -> str:
        nonlocal twice
        kind = draw(st.sampled_from(["object", "list", "string", "number"] if depth else ["object"]))
        if kind == "string" or depth > 3:
            return json.dumps(draw(NAMES), ensure_ascii=draw(st.booleans()))
        if kind == "number":
            return json.dumps(draw(st.one_of(st.integers(), st.floats())))
        parts = [write(depth + 1) for _ in range(draw(st.integers(0, 3)))]
        if kind == "list":
            return "[" + ",".join(draw(SPACES) + part + draw(SPACES) for part in parts) + "]"
        keys = [draw(NAMES) for _ in parts]
        twice = twice or len(set(keys)) < len(keys)
        rows = [draw(SPACES) + json.dumps(key) + draw(SPACES) + ":" for key in keys]
        return "{" + ",".join(row + draw(SPACES) + part for row, part in zip(rows, parts, strict=True)) + "}"

    return write(0), twice


@given(texts())
def test_files_hold_what_the_standard_parser_reads_and_no_key_twice(
    tmp_path_factory: pytest.TempPathFactory, drawn: tuple[str, bool]
) -> None:
    text, twice = drawn
    path: Path = tmp_path_factory.getbasetemp() / "drawn.json"
    path.write_text(text, encoding="utf-8", newline="")
    if twice:
        with pytest.raises(InputError, match="stands twice"):
            read_json(path)
        return
    expected: Any = json.loads(text)
    assert repr(read_json(path)) == repr(expected)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_other_encodings_are_read_too(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "other.json"
    path.write_text('{"name": "é"}', encoding=encoding)
    assert read_json(path) == {"name": "é"}

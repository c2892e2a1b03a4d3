"""Files are read with their hash, or refused with one clear problem."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from schema_documents import model

from planner.schemas import InputError, Model, Problem, check_document, read_document
from planner.schemas.reading.files import MAX_FILE_BYTES


def refused(path: Path) -> Problem:
    with pytest.raises(InputError) as caught:
        read_document(path, Model)
    (problem,) = caught.value.problems
    assert problem.file == str(path)
    return problem


def test_a_file_is_read_with_its_hash(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_text(json.dumps(model()), encoding="utf-8")
    document, digest = read_document(path, Model)
    assert document == check_document(model(), Model)
    assert digest == "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON: Expecting value at line 1, column 1"),
        (b"{", "not JSON"),
        (b'{"name": "a",\n}', "at line 2, column 1"),
        (b"name: m\n", "not JSON"),
        (b'{"name": "\xff\xfe"}', "not UTF-8"),
        (b"\x80\x04\x95", "not UTF-8"),
        (b'{"name": "a", "name": "b"}', "the key 'name' stands twice"),
        (b'{"blocks": [{"ops": 1, "name": "b", "ops": 2}]}', "the key 'ops' stands twice"),
        (b"[" * 200_000, "recursion"),
        (b'{"a":' * 200_000, "recursion"),
        (b'{"input_bits": ' + b"9" * 5000 + b"}", "not usable JSON"),
    ],
)
def test_what_is_not_json_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "m.json"
    path.write_bytes(content)
    problem = refused(path)
    assert message in problem.message
    assert problem.fix


@pytest.mark.parametrize("depth", [200, 600, 800, 950])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_deeply_nested_json_is_refused(tmp_path: Path, depth: int, opening: str, closing: str) -> None:
    path = tmp_path / "m.json"
    inner = opening * depth + ("" if opening == "[" else "1") + closing * depth
    for text in (inner, f'{{"schema_version": "1", "blocks": {inner}}}'):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InputError) as caught:
            read_document(path, Model)
        assert caught.value.problems


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_not_finite_are_refused_in_files(tmp_path: Path, number: str) -> None:
    path = tmp_path / "m.json"
    text = json.dumps(model()).replace('"input_bits": 8.0', f'"input_bits": {number}')
    path.write_text(text, encoding="utf-8")
    problem = refused(path)
    assert problem.path == "input_bits"
    assert "finite" in problem.message


TOO_LARGE = f"more than {MAX_FILE_BYTES / 1e6:.0f} MB"


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 50_000_000)
    problem = refused(path)
    assert TOO_LARGE in problem.message
    assert problem.fix == "give a smaller file"


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs a device without an end")
def test_a_device_without_end_is_refused() -> None:
    assert TOO_LARGE in refused(Path("/dev/zero")).message


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "none.json").message
    assert "Is a directory" in refused(tmp_path).message
    assert "File name too long" in refused(tmp_path / ("n" * 300)).message

"""Text that is safe to show, and problems in few lines."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from planner.schemas import InputError, Model, Placement, Problem, check_document
from planner.schemas.reading.printable import printable, printable_document
from planner.schemas.reading.problems import problem_lines


@given(st.text(st.characters()))
def test_no_character_that_steers_a_terminal_is_left(text: str) -> None:
    shown = printable(text)
    assert not {unicodedata.category(each) for each in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert len(shown.splitlines()) <= 1
    assert shown == text or not text.isprintable()


@given(st.text(), st.integers(10, 50))
def test_long_texts_lose_their_middle(text: str, most: int) -> None:
    shown, whole = printable(text, most), printable(text)
    assert len(shown) == min(len(whole), most)
    assert shown == whole or (shown[:3] == whole[:3] and shown[-3:] == whole[-3:] and "..." in shown)


def test_plain_documents_stay_the_same_object() -> None:
    placement = Placement(status="unknown", message="out of time")
    assert printable_document(placement) is placement


@dataclass(frozen=True)
class _Holder:
    names: tuple[str, ...]
    by_name: dict[str, object]
    number: float = 1.0


def test_texts_are_cleaned_at_any_depth() -> None:
    held = _Holder(("a\x1b[2J", "b"), {"k\n": ["\r", {"deep": "\u202e"}]})
    cleaned = printable_document(held)
    assert cleaned == _Holder(("a\\x1b[2J", "b"), {"k\\n": ["\\r", {"deep": "\\u202e"}]})
    placement = Placement(status="unknown", message="a\nbound     1 nJ")
    assert printable_document(placement).message == "a\\nbound     1 nJ"


def test_ten_problems_of_a_kind_are_shown_and_the_rest_counted() -> None:
    problems = [Problem("f.json", f"blocks[{i}].ops", "-1", "must not be negative", "mend it") for i in range(100_000)]
    problems += [Problem("f.json", "name", "", f"the name 'n{i}' is taken", "rename it") for i in range(12)]
    lines = problem_lines(problems)
    assert lines[0] == "f.json: blocks[0].ops: must not be negative (found -1); mend it"
    assert lines[10] == "f.json: and 99,990 more problems of this kind"
    assert lines[21] == "f.json: and 2 more problems of this kind"
    assert len(lines) == 22
    assert str(InputError(problems)) == "\n".join(lines)


def test_kinds_are_few_as_well() -> None:
    words = [unicodedata.name(chr(ord("a") + i)).split()[-1] for i in range(26)]
    lines = problem_lines([Problem("", "", "", f"about {word}", "mend it") for word in words])
    assert len(lines) == 11
    assert lines[-1] == "input: and 16 more problems of other kinds"


def test_a_file_of_mistakes_is_a_short_message() -> None:
    block = {"name": "b", "ops": -1.0, "x" * 1_000: 1}
    raw = {"schema_version": "1", "name": "m", "input_bits": 1.0, "blocks": [block] * 4_000, "exits": []}
    try:
        check_document(raw, Model, "m.json")
    except InputError as error:
        assert len(str(error)) < 50_000
        assert len(error.problems) > 7_000

"""Pins of the command line: names with equals signs, patterns, ranges, and blocks that stay on the source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import MODEL, SMALL, TOPOLOGY, refused, run, write
from hypothesis import given
from hypothesis import strategies as st

import planner
from planner.library.pins import matching, read_pins
from planner.schemas import InputError

BLOCKS = ["stem", "enc1", "enc2", "a=b", "a=b=c", "x..y", "s*", "head"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("stem=n", {"stem": ["n"]}),
        ("stem=n,m[0,1],k", {"stem": ["n", "m[0,1]", "k"]}),
        ("a=b=n", {"a=b": ["n"]}),
        ("a=b=c=n", {"a=b=c": ["n"]}),
        ("a=b=c=n=1", {"a=b=c": ["n=1"]}),
        ("stem=n=1", {"stem": ["n=1"]}),
        ("enc*=n", {"enc1": ["n"], "enc2": ["n"]}),
        ("*2=n", {"enc2": ["n"]}),
        ("s*=n", {"s*": ["n"]}),
        ("x..y=n", {"x..y": ["n"]}),
        ("stem..enc2=n", {"stem": ["n"], "enc1": ["n"], "enc2": ["n"]}),
        ("unknown=n", {"unknown": ["n"]}),
    ],
)
def test_pins(text: str, expected: dict[str, list[str]]) -> None:
    assert read_pins([text], BLOCKS) == expected


@pytest.mark.parametrize(
    "texts", [["stem"], ["=n"], ["stem="], ["q*=n"], ["enc2..stem=n"], ["enc*=n", "enc1=m"], [["stem=n"]], [[]]]
)
def test_what_is_no_pin_is_refused(texts: Any) -> None:
    with pytest.raises(InputError):
        read_pins(texts, BLOCKS)


@given(st.sampled_from(BLOCKS), st.text("n=1", min_size=1).filter(lambda text: not text.startswith("=")))
def test_a_known_block_is_never_taken_for_another(block: str, node: str) -> None:
    pins = read_pins([f"{block}={node}"], [block])
    assert pins == {block: [node]}
    assert matching(block, BLOCKS) == [block]


def test_blocks_with_equals_signs_are_pinned(tmp_path: Path) -> None:
    model = json.loads(MODEL.read_text(encoding="utf-8"))
    model["blocks"][0]["name"] = "a=1"
    given = ("--model", write(tmp_path / "m.json", model), "--topology", TOPOLOGY)
    placed = json.loads(run("plan", *given, "--pin", "a=1=edge", "--json").out)
    assert placed["apps"][0]["assignments"][0] == {"block": "a=1", "node": "edge"}


def test_patterns_ranges_and_private_blocks() -> None:
    def nodes(*options: str) -> list[str]:
        placed = json.loads(run("plan", *SMALL, *options, "--json").out)
        return [row["node"] for row in placed["apps"][0]["assignments"]]

    assert nodes("--pin", "*=edge") == ["edge"] * 4
    assert nodes("--pin", "a..c=edge", "--pin", "d=cloud") == ["edge", "edge", "edge", "cloud"]
    assert nodes("--private-until", "c")[:3] == ["phone"] * 3
    assert nodes("--private-until", "b", "--source", "edge")[:2] == ["edge"] * 2
    assert nodes("--private-until", "a", "--pin", "a=phone,edge")[0] == "phone"
    assert "did you mean" in refused("plan", *SMALL, "--private-until", "aa")
    assert "pinned away" in refused("plan", *SMALL, "--private-until", "b", "--pin", "a=cloud")
    assert "no block of the model matches" in refused("plan", *SMALL, "--pin", "z*=cloud")


@pytest.mark.parametrize("count", [1, 2])
def test_workloads_refuse_pins_away_from_a_source_that_keeps_the_block(count: int, tmp_path: Path) -> None:
    app = {"model": str(MODEL), "rate_per_s": 1.0, "private_until": "b", "pin": {"a": ["cloud"]}}
    raw = {"schema_version": "1", "apps": [{"name": f"app{number}", **app} for number in range(count)]}
    workload = write(tmp_path / "workload.json", raw)
    said = refused("plan", "--workload", workload, "--topology", TOPOLOGY)
    assert "pinned away from the source 'phone'" in said
    assert "private_until" in said


def test_no_skip_carries_private_data_away() -> None:
    """Every route of every plan carries the private block's own output, or what was computed from it."""
    costs = {"ops": 1e8, "output_bits": 1e5}
    model = {
        "name": "skips", "input_bits": 2e6, "accuracy": 0.9,
        "blocks": [
            {"name": "a", **costs}, {"name": "b", **costs},
            {"name": "c", "ops": 5e10, "output_bits": 1e4, "inputs": [{"block": "b"}, {"block": "input"}]},
            {"name": "d", "ops": 5e10, "output_bits": 1e4, "inputs": [{"block": "c"}, {"block": "a"}]},
            {"name": "e", "ops": 5e10, "output_bits": 1e4, "inputs": [{"block": "d"}, {"block": "b"}]},
        ],
    }  # fmt: skip
    expected = {None: set(), "a": {"a", "c"}, "b": {"a", "b", "c", "d"}, "c": {"a", "b", "c", "d", "e"}}
    for last, stay in expected.items():
        placed = planner.plan(model, TOPOLOGY, private_until=last)
        assert {row.block for row in placed.apps[0].assignments if row.node == "phone"} >= stay
        sent = {route.after for route in placed.apps[0].routes}
        private = {None, *"abcde"[: "abcde".index(last)]} if last else set()
        assert not sent & private, (last, sent)
    with pytest.raises(InputError, match="reads data from before 'b'"):
        planner.plan(model, TOPOLOGY, private_until="b", pin={"d": "cloud"})

"""Limits on the command line: units, names and pins; what is wrong is said by the name of the option."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from command_line import EXAMPLES, MODEL, SMALL, TOPOLOGY, one_block_per_chiplet, refused, run, without_timing, write

from planner.schemas import Placement, check_document


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--max-latency", "fast"), ("--max-latency", "not a number with the unit s", '"fast"', "50ms")),
        (("--max-latency", "50mJ"), ("--max-latency", "not a number with the unit s")),
        (("--max-latency", "-1ms"), ("--max-latency", "out of range")),
        (("--max-latency", "1e999s"), ("--max-latency", "out of range")),
        (("--max-latency", "0"), ("--max-latency", "greater than 0")),
        (("--max-energy", "20ms"), ("--max-energy", "not a number with the unit J", "50mJ")),
        (("--max-energy", "-1J"), ("--max-energy", "out of range")),
        (("--min-accuracy", "80"), ("--min-accuracy", "not in [0, 1]", "80%")),
        (("--min-accuracy", "good"), ("--min-accuracy", "not a fraction")),
        (("--gap", "-1"), ("--gap", "not in [0, 1]")),
        (("--time-limit", "soon"), ("--time-limit", "not a number with the unit s")),
        (("--time-limit", "-1s"), ("--time-limit", "out of range")),
        (("--rate", "-1"), ("--rate", "greater than or equal to 0")),
        (("--rate", "nan"), ("--rate", "finite")),
        (("--rate", "inf"), ("--rate", "finite")),
        (("--latency", "median"), ("--latency", "percentile such as p95")),
        (("--latency", "p0"), ("--latency", "0th percentile")),
        (("--objective", "speed"), ("--objective", "use energy, latency, rate, accuracy or a metric")),
        (("--limit", "cost=1"), ("--limit cost", "defines no metric of this name")),
        (("--limit", "cost"), ("--limit", "write it as cost=0.001")),
        (("--limit", "cost=1USD"), ("--limit cost", "defines no metric of this name")),
        (("--limit", "cost=-1"), ("--limit", "out of range")),
        (("--limit", "cost=1", "--limit", "cost=2"), ("--limit", "two limits")),
        (("--thresholds", "each"), ("--thresholds", "common or per-exit")),
        (("--method", "magic"), ("method", "no such method", "exact, gamma")),
        (("--source", "laptop"), ("--source", "no node of this name", "laptop", "cloud, edge, phone")),
        (("--source", ""), ("--source", "at least 1 character")),
        (("--destination", "laptop"), ("--destination", "no node of this name", "laptop")),
        (("--pin", "a"), ("--pin", "BLOCK=NODE")),
        (("--pin", "a="), ("--pin", "BLOCK=NODE")),
        (("--pin", "=phone"), ("--pin", "not a pin", "BLOCK=NODE")),
        (("--pin", "z=phone"), ("--pin z", "no block of this name", "a, b, c, d")),
        (("--pin", "a=laptop"), ("--pin a", "no node of this name", "laptop")),
        (("--pin", "a=phone,,edge"), ("--pin a[1]", "at least 1 character")),
        (("--pin", "a=phone", "--pin", "a=edge"), ("--pin", "pinned twice")),
        (("--app", "cam"), ("--app", "a workload")),
        (("--model", str(MODEL)), ("--model", "this model stands twice")),
        (("--gamma", "5"), ("--gamma", "means nothing without --method gamma")),
    ],
)
def test_bad_limits_are_refused_by_name(options: tuple[str, ...], words: tuple[str, ...]) -> None:
    message = refused("plan", *SMALL, *options)
    assert message.startswith("error: ")
    for word in words:
        assert word in message


def test_thresholds_of_models_without_a_calibration_are_said_to_change_nothing() -> None:
    ran = run("plan", *SMALL, "--thresholds", "per-exit")
    assert ran.code == 0
    assert ran.err.startswith("note: --thresholds per-exit changes nothing")


def test_names_that_are_not_there_are_reported_together() -> None:
    lines = refused("plan", *SMALL, "--source", "x", "--destination", "y", "--pin", "z=w").splitlines()
    assert len(lines) == 4
    assert all(re.match("error: --(source|destination|pin z): ", line) for line in lines)


@pytest.mark.parametrize(
    ("written", "same"),
    [
        (("--max-latency", "25ms"), ("--max-latency", "0.025s")),
        (("--max-latency", "25000us"), ("--max-latency", "0.025s")),
        (("--max-energy", "120mJ"), ("--max-energy", "0.12J")),
        (("--min-accuracy", "90%"), ("--min-accuracy", "0.9")),
        (("--gap", "5%"), ("--gap", "0.05")),
    ],
)
def test_units_are_understood(written: tuple[str, str], same: tuple[str, str]) -> None:
    first, second = (run("plan", *SMALL, *options, "--json") for options in (written, same))
    assert first.code == 0
    assert without_timing(first.out) == without_timing(second.out)


def test_a_chiplet_can_be_pinned_by_its_name() -> None:
    mcm = ("--model", EXAMPLES / "small.json", "--topology", EXAMPLES / "mcm.json")
    ran = run("plan", *mcm, "--pin", "b=mcm0[5,1]", "--pin", "c=mcm0[5,1],mcm0[5,2]", "--json")
    (plan,) = check_document(json.loads(ran.out), Placement).apps
    nodes = {assignment.block: assignment.node for assignment in plan.assignments}
    assert nodes["b"] == "mcm0[5,1]"
    assert nodes["c"] in ("mcm0[5,1]", "mcm0[5,2]")
    assert "found m[0,1]" in refused("plan", *SMALL, "--pin", "a=phone,m[0,1]")


def test_limits_are_kept() -> None:
    ran = run("plan", *SMALL, "--max-latency", "25ms", "--pin", "a=phone,edge", "--pin", "d=edge", "--json")
    placement = check_document(json.loads(ran.out), Placement)
    (plan,) = placement.apps
    nodes = {row.block: row.node for row in plan.assignments}
    assert nodes["a"] in ("phone", "edge")
    assert nodes["d"] == "edge"
    assert plan.latency_s <= 0.025
    relaxed = check_document(json.loads(run("plan", *SMALL, "--min-accuracy", "78%", "--json").out), Placement)
    assert relaxed.apps[0].operating_point == "short"


def test_a_node_without_links_is_out_of_reach(tmp_path: Path) -> None:
    raw = json.loads(TOPOLOGY.read_text(encoding="utf-8"))
    raw["nodes"].append({"name": "island", "ops_per_s": 1e9, "j_per_op": 1e-10})
    island = write(tmp_path / "t.json", raw)
    for options in (("--pin", "a=island"), ("--destination", "island"), ("--source", "island", "--pin", "a=phone")):
        ran = run("plan", "--model", MODEL, "--topology", island, *options, "--json")
        assert ran.code == 3
        diagnosis = check_document(json.loads(ran.out), Placement).diagnosis
        assert diagnosis is not None
        assert [row.kind for row in diagnosis.limits] == ["reachability"]
        assert "no links lead there" in ran.err
        assert "island" in ran.err


def test_an_io_die_hosts_no_block(tmp_path: Path) -> None:
    message = refused("plan", *one_block_per_chiplet(tmp_path, 2), "--pin", "b0=p")
    assert "I/O die hosts no block" in message
    assert "p[0,0]" in message


PRICED = {
    "schema_version": "1",
    "name": "priced",
    "nodes": [
        {"name": "phone", "tier": "mobile", "ops_per_s": 5e10, "j_per_op": 2e-10},
        {"name": "cloud", "tier": "cloud", "ops_per_s": 1e12, "j_per_op": 1e-11},
    ],
    "links": [{"source": "phone", "target": "cloud", "bit_per_s": 5e7, "j_per_bit": 4e-8, "bidirectional": True}],
    "metrics": [
        {"name": "battery", "unit": "J", "nodes": {"phone": {"per_j": 1}}},
        {"name": "cost", "unit": "USD", "nodes": {"cloud": {"per_s": 3.4e-4}}},
    ],
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("battery=0.05", 0.05), ("battery=50mJ", 0.05), ("battery=50 mJ", 0.05), ("battery=0.05J", 0.05),
        ("battery=5e4uJ", 0.05), ("cost=2e-6", 2e-6), ("cost=2e-6USD", 2e-6), ("cost=2e-6 USD", 2e-6),
    ],
)  # fmt: skip
def test_limits_of_metrics_are_read_in_their_unit(tmp_path: Path, text: str, expected: float) -> None:
    topology = write(tmp_path / "t.json", PRICED)
    placed = json.loads(run("plan", "--model", MODEL, "--topology", topology, "--limit", text, "--json").out)
    assert placed["provenance"]["limits"]["limits"] == {text.partition("=")[0]: expected}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("battery=50mW", "not a number with the unit J"), ("cost=2mUSD", "not a number with the unit USD"),
        ("battery=-1J", "--limit: out of range"), ("batery=50mJ", "did you mean 'battery'"),
        ("energy=50mJ", "--max-energy"), ("battery", "write it as cost=0.001"), ("battery=J", "write it as cost=0.001"),
        ("battery=1e999J", "out of range"),
    ],
)  # fmt: skip
def test_limits_of_metrics_that_cannot_be_read(tmp_path: Path, text: str, said: str) -> None:
    topology = write(tmp_path / "t.json", PRICED)
    message = refused("plan", "--model", MODEL, "--topology", topology, "--limit", text)
    assert said in message
    assert message.startswith("error: --limit")


def test_problems_of_the_one_app_name_the_option(tmp_path: Path) -> None:
    assert refused("plan", *SMALL, "--objective", "fps").startswith("error: --objective: this is no objective")
    assert refused("plan", *SMALL, "--pin", "a=here").startswith("error: --pin a: the topology has no node")
    assert refused("plan", *SMALL, "--batch", "4").startswith("error: --batch: a batch fills at a rate")
    assert refused("plan", *SMALL, "--batch", "1,1", "--rate", "1").startswith("error: --batch: this batch size")
    assert refused("plan", *SMALL, "--rate", "-1").startswith("error: --rate: ")

"""Media with measured rates: the percentile, every bad trace, and one rate for planner and verifier."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from planner import plan
from planner.commands.root import app
from planner.files.reading import read_topology
from planner.schemas import InputError, Placement, Topology, check_document
from planner.schemas.planning.topology import Medium
from planner.schemas.planning.traces import RateTrace, read_trace, read_traces, with_planned_rates
from planner.schemas.reading.files import digest_of
from planner.verifier.verify import verify

Json = dict[str, Any]
MODEL = Path(__file__).parents[3] / "examples" / "small.json"
TRACE = "time_s,rate\n0,30\n1,10\n2,20\n3,40\n"


def medium(**changes: Any) -> Medium:
    return Medium(**{"name": "cell", "trace": "cell.csv", "column": "rate", **changes})


def topology() -> Json:
    return {
        "schema_version": "1", "name": "t",
        "nodes": [
            {"name": "phone", "tier": "mobile", "ops_per_s": 5e10, "j_per_op": 1e-10},
            {"name": "edge", "ops_per_s": 1e12, "j_per_op": 1e-11},
        ],
        "links": [{"source": "phone", "target": "edge", "j_per_bit": 1e-9, "medium": "cell"}],
        "media": [{"name": "cell", "trace": "cell.csv", "column": "rate", "unit": "Mbit/s", "percentile": 50}],
    }  # fmt: skip


def written(folder: Path, document: Json, trace: str = TRACE) -> Path:
    (folder / "cell.csv").write_text(trace, encoding="utf-8")
    (folder / "t.json").write_text(json.dumps(document), encoding="utf-8")
    return folder / "t.json"


@given(
    st.lists(st.floats(0, 1e12), min_size=1, max_size=40),
    st.integers(1, 1000).map(lambda tenths: tenths / 10),
)
def test_percentile_is_the_least_rate_with_enough_samples_at_or_below(rates: list[float], percentile: float) -> None:
    enough = Fraction(str(percentile)) / 100 * len(rates)
    expected = min(rate for rate in rates if sum(other <= rate for other in rates) >= enough)
    assert RateTrace((), tuple(rates)).at_percentile(percentile) == expected


def test_percentile_is_the_inverted_distribution_function() -> None:
    rates = np.random.default_rng(0).uniform(0.0, 1.0, 997)
    for percentile in (1, 10, 25, 50, 90, 100):
        expected = np.percentile(rates, percentile, method="inverted_cdf")
        assert RateTrace((), tuple(rates.tolist())).at_percentile(percentile) == expected


@pytest.mark.parametrize(("percentile", "rate"), [(0.1, 1), (10, 1), (10.1, 2), (50, 5), (90, 9), (99, 10), (100, 10)])
def test_percentile_of_one_to_ten(percentile: float, rate: float) -> None:
    assert RateTrace((), tuple(map(float, (3, 1, 2, 5, 4, 9, 8, 7, 6, 10)))).at_percentile(percentile) == rate


@pytest.mark.parametrize(("unit", "scale"), [("bit/s", 1), ("kbit/s", 1e3), ("Mbit/s", 1e6), ("Gbit/s", 1e9)])
def test_units_other_columns_and_line_ends(tmp_path: Path, unit: str, scale: float) -> None:
    text = "\ufeffsnr_db,time_s, rate\r\n,0,2\r\n\r\nlow,1.5,0\r\n7,3,4.5\r\n"
    (tmp_path / "cell.csv").write_bytes(text.encode())
    trace = read_trace(tmp_path / "cell.csv", medium(unit=unit, percentile=50))
    assert trace.time_s == (0.0, 1.5, 3.0)
    assert trace.bit_per_s == (2 * scale, 0.0, 4.5 * scale)
    assert trace.digest == digest_of(text.encode())


BAD = [
    ("", {}, ["line 1", "no column 'time_s'", "no column 'rate'"]),
    ("time_s,speed\n0,1\n", {}, ["no column 'rate'", "columns: time_s, speed"]),
    ("time_s,rates\n0,1\n", {}, ["did you mean 'rates'?"]),
    ("time_s,rate,rate\n0,1,2\n", {}, ["this column stands twice"]),
    ("time_s\n0\n", {"column": "time_s"}, ["the column of rates is that of the time"]),
    ("time_s,rate\n", {}, ["the trace has no rows"]),
    ("time_s,rate\n\n \n", {}, ["the trace has no rows"]),
    ("time_s,rate\n0,1\n1,nan\n", {}, ["line 3, rate: not a finite number"]),
    ("time_s,rate\n0,1\n1,inf\n", {}, ["line 3, rate: not a finite number"]),
    ("time_s,rate\n0,1\n1,1e308\n", {"unit": "Mbit/s"}, ["line 3, rate: not a finite number"]),
    ("time_s,rate\n0,1\n1,1e200\n", {}, ["line 3, rate: not a finite number", "1e+30 at most"]),
    ("time_s,rate\n0,1e-320\n1,1e-310\n", {}, ["nothing could be carried"]),
    ("time_s,rate\n0,1\n1,fast\n", {}, ['line 3, rate: not a finite number (found "fast")']),
    ("time_s,rate\n0,1_0\n", {}, ["line 2, rate: not a finite number"]),
    ("time_s,rate\nnoon,1\n", {}, ["line 2, time_s: not a finite number"]),
    ("time_s,rate\n0,1\n1,\n", {}, ["line 3, rate: the value is missing"]),
    ("time_s,rate\n0,1\n1,-2\n", {}, ["line 3, rate: a negative rate (found -2.0)"]),
    ("time_s,rate\n0,1\n0,1\n", {}, ["line 3, time_s: not later than the row before (0 s)"]),
    ("time_s,rate\n0,1\n2,1\n1,1\n", {}, ["line 4, time_s: not later than the row before (2 s)"]),
    ("time_s,rate\n0,1\n1\n", {}, ["line 3: 2 columns are named"]),
    ("time_s,rate\n0,1\n1,1\n2,1\n13,1\n", {}, ["line 5, time_s: a gap longer than 10 s", "max_gap_s 11"]),
    ("time_s,rate\n0,1\n1,1\n", {"max_gap_s": 0.5}, ["line 3, time_s: a gap longer than 500 ms (max_gap_s)"]),
    ("time_s,rate\n0,0\n1,0\n2,5\n", {}, ["rate at percentile 10 is 0", "percentile above 66.67"]),
    ("time_s,rate\n0,0\n1,0\n", {}, ["rate at percentile 10 is 0", "a trace in which the medium carries anything"]),
    ('time_s,rate\n0,1\n1,"2\n', {}, ["line 3: not CSV"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "changes", "expected"), BAD)
def test_bad_traces_say_where_and_what(tmp_path: Path, text: str, changes: Json, expected: list[str]) -> None:
    path = tmp_path / "cell.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_trace(path, medium(**changes))
    message = str(caught.value)
    assert all(line.startswith(str(path)) for line in message.splitlines())
    for part in expected:
        assert part in message


def test_a_gap_is_allowed_where_the_medium_says_so(tmp_path: Path) -> None:
    (tmp_path / "cell.csv").write_text("time_s,rate\n0,1\n1,1\n2,1\n13,1\n", encoding="utf-8")
    assert len(read_trace(tmp_path / "cell.csv", medium(max_gap_s=11.0)).time_s) == 4


def test_no_file_no_text_and_many_problems(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the file"):
        read_trace(tmp_path / "none.csv", medium())
    (tmp_path / "cell.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8 text"):
        read_trace(tmp_path / "cell.csv", medium())
    (tmp_path / "cell.csv").write_text("time_s,rate\n" + "x,1\n" * 30, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_trace(tmp_path / "cell.csv", medium())
    assert len(caught.value.problems) == 11
    assert "20 more problems" in str(caught.value)


def test_problems_of_all_traces_come_at_once(tmp_path: Path) -> None:
    raw = topology()
    raw["links"].append({"source": "edge", "target": "phone", "medium": "down"})
    raw["media"].append({"name": "down", "trace": "missing.csv"})
    path = written(tmp_path, raw, "time_s,rate\n0,-1\n1,x\n")
    ran = CliRunner().invoke(app, ["plan", "--model", str(MODEL), "--topology", str(path)])
    assert ran.exit_code == 2
    assert [line.split(": ")[1:3] for line in ran.stderr.splitlines()] == [
        [str(tmp_path / "cell.csv"), "line 2, rate"],
        [str(tmp_path / "cell.csv"), "line 3, rate"],
        [
            str(tmp_path / "missing.csv"),
            "cannot read the file (No such file or directory); check the path and its permissions",
        ],
    ]  # fmt: skip


BAD_MEDIA = [
    ({"media": [{"name": "cell", "trace": "a"}, {"name": "cell", "trace": "b"}]}, "media[1].name", "used twice"),
    ({"media": [{"name": "other", "trace": "a"}]}, "media[0].name", "no link uses this medium"),
    ({"media": [{"name": "other", "trace": "a"}]}, "links[0].bit_per_s", "nothing says how fast the link is"),
    ({"media": []}, "links[0].bit_per_s", "nothing says how fast the link is"),
    ({"media": [{"name": "cell"}]}, "media[0].trace", "required field is missing"),
    ({"media": [{"name": "cell", "trace": "a", "percentile": 0}]}, "media[0].percentile", "greater than 0"),
    ({"media": [{"name": "cell", "trace": "a", "percentile": 101}]}, "media[0].percentile", "less than or equal"),
    ({"media": [{"name": "cell", "trace": "a", "unit": "MB/s"}]}, "media[0].unit", "bit/s"),
    ({"media": [{"name": "cell", "trace": "a", "max_gap_s": 0}]}, "media[0].max_gap_s", "greater than 0"),
    ({"media": [{"name": "cell", "trace": "a", "speed": 1}]}, "media[0].speed", "unknown field"),
    ({"links": [{"source": "phone", "target": "edge", "medium": ["cell"]}]}, "links[0].medium", ""),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "path", "message"), BAD_MEDIA)
def test_bad_media_of_a_topology(changes: Json, path: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        check_document({**topology(), **changes}, Topology, "t.json")
    assert any(problem.path == path and message in problem.message for problem in caught.value.problems), str(
        caught.value
    )


def test_links_get_the_rate_of_their_medium(tmp_path: Path) -> None:
    raw = topology()
    raw["links"][0]["bit_per_s"] = 7.0
    raw["links"].append({"source": "edge", "target": "phone", "bit_per_s": 5.0})
    inputs: dict[str, str] = {}
    path = written(tmp_path, raw)
    read = read_topology(path, inputs)
    assert [link.bit_per_s for link in read.links] == [20e6, 5.0]
    assert read.media == ()
    assert inputs == {"t.json": digest_of(path.read_bytes()), "cell.csv": digest_of(TRACE.encode())}


def test_plans_are_those_of_the_rate_written_out(tmp_path: Path) -> None:
    measured = plan(MODEL, written(tmp_path, topology()), max_latency_s=0.2, rate_per_s=2.0)
    plain = topology()
    del plain["media"]
    plain["links"][0]["bit_per_s"] = 20e6
    written_out = plan(MODEL, check_document(plain, Topology), max_latency_s=0.2, rate_per_s=2.0)
    assert measured.apps == written_out.apps
    assert measured.apps[0].routes
    assert "cell.csv" in measured.provenance.inputs


def test_check_reads_the_trace_too(tmp_path: Path) -> None:
    path = written(tmp_path, topology())
    common = ["--model", str(MODEL), "--topology", str(path), "--max-latency", "0.2s", "--rate", "2"]
    assert CliRunner().invoke(app, ["plan", *common, "-o", str(tmp_path / "plan.json")]).exit_code == 0
    assert CliRunner().invoke(app, ["check", str(tmp_path / "plan.json"), *common]).exit_code == 0
    written(tmp_path, topology(), TRACE.replace("20", "15"))
    ran = CliRunner().invoke(app, ["check", str(tmp_path / "plan.json"), *common])
    assert ran.exit_code == 1
    assert "latency_s" in ran.stdout


def test_a_topology_whose_traces_were_not_read_is_refused() -> None:
    unread = check_document(topology(), Topology)
    with pytest.raises(InputError, match="traces that were not read"):
        plan(MODEL, unread)
    held = Placement(schema_version="1", status="feasible", apps=())
    with pytest.raises(InputError, match="traces that were not read"):
        verify(held, unread, [])


def test_rates_can_be_filled_in_by_hand(tmp_path: Path) -> None:
    unread = check_document(topology(), Topology)
    written(tmp_path, topology())
    read = with_planned_rates(unread, read_traces(unread, tmp_path))
    assert plan(MODEL, read, max_latency_s=0.2).status == "optimal"


def test_policies_are_those_of_the_rate_written_out(tmp_path: Path) -> None:
    plain = topology()
    del plain["media"]
    plain["links"][0]["bit_per_s"] = 20e6
    (tmp_path / "plain.json").write_text(json.dumps(plain), encoding="utf-8")
    weak = {"source": "phone", "target": "edge", "bandwidth_factor": 0.5}
    states = {"schema_version": "1", "name": "s", "conditions": [{"name": "weak", "links": [weak]}]}
    (tmp_path / "s.json").write_text(json.dumps(states), encoding="utf-8")
    common = ("adapt", "--model", str(MODEL), "--states", str(tmp_path / "s.json"), "--max-latency", "0.3s")
    texts = [
        CliRunner().invoke(app, [*common, "--topology", str(path)]).stdout
        for path in (written(tmp_path, topology()), tmp_path / "plain.json")
    ]
    assert "weak" in texts[0]
    assert texts[0] == texts[1]

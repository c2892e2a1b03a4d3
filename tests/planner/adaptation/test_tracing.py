"""`planner compare --trace`: steps, what is late, energies, the table, the CSV, and what is refused."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from planner.adaptation.measured_rates import (
    LEAST_BIT_PER_S,
    ONCE,
    ONCE_ALL_SHARES,
    REPLANNED,
    RateTraceComparison,
    steps_of,
)
from planner.commands.inputs import read_planned
from planner.commands.options import Limits, Sources
from planner.commands.root import app
from planner.files.reading import read_measured
from planner.fin.method import Options
from planner.pipeline.request import JointRequest
from planner.schemas import InputError
from planner.schemas.planning.traces import RateTrace

EXAMPLES = Path(__file__).parents[3] / "examples"
TOPOLOGY, WORKLOAD = EXAMPLES / "small-cell.json", EXAMPLES / "small-shared.workload.json"
Json = dict[str, Any]


def run(*arguments: object) -> tuple[int, str, str]:
    ran = CliRunner().invoke(app, ["compare", *map(str, arguments)])
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
    return ran.exit_code, ran.stdout, ran.stderr


def made(folder: Path, rates: str, **medium: Any) -> Path:
    """The example with another trace, in Mbit/s."""
    raw: Json = json.loads(TOPOLOGY.read_text(encoding="utf-8"))
    raw["media"][0] |= medium
    (folder / "cell.trace.csv").write_text("time_s,rate_mbit_per_s\n" + rates, encoding="utf-8")
    (folder / "t.json").write_text(json.dumps(raw), encoding="utf-8")
    return folder / "t.json"


def comparison(topology: Path, step_s: float, **options: Any) -> RateTraceComparison:
    asked = read_planned(Sources(topology, workload=WORKLOAD), Limits())
    request = JointRequest(asked.apps, asked.topology, options=Options(time_limit_s=60.0))
    return RateTraceComparison(request, read_measured(topology, {})[1], step_s, **options)


def test_steps_hold_the_last_sample_of_each_medium() -> None:
    up = RateTrace((0.0, 1.0, 4.0, 9.0), (5.0, 6.0, 0.0, 8.0))
    down = RateTrace((1.5, 3.5, 8.0), (50.0, 60.0, 70.0))
    steps = steps_of({"up": up, "down": down}, 2.0)
    assert [(step.time_s, step.duration_s) for step in steps] == [(1.5, 2.0), (3.5, 2.0), (5.5, 2.0), (7.5, 0.5)]
    assert [step.bit_per_s["up"] for step in steps] == [6.0, 6.0, LEAST_BIT_PER_S, LEAST_BIT_PER_S]
    assert [step.bit_per_s["down"] for step in steps] == [50.0, 60.0, 60.0, 60.0]


def test_one_sample_is_one_step() -> None:
    (step,) = steps_of({"up": RateTrace((3.0,), (5.0,))}, 10.0)
    assert (step.time_s, step.duration_s, step.bit_per_s) == (3.0, 10.0, {"up": 5.0})


def test_traces_that_cannot_be_stepped_through_are_refused() -> None:
    early, late = RateTrace((0.0, 1.0), (1.0, 1.0)), RateTrace((2.0, 3.0), (1.0, 1.0))
    for traces, step_s, message in (
        ({}, 1.0, "no medium of the topology has a trace"),
        ({"a": early}, 0.0, "longer than 0"),
        ({"a": early}, 1e-9, "more than 100,000 steps in the 1 s"),
        ({"a": early, "b": late}, 1.0, "no time in common"),
    ):
        with pytest.raises(InputError, match=message):
            steps_of(traces, step_s)


def test_energy_and_misses_add_up(tmp_path: Path) -> None:
    """At the planned rate all is well; below it the one plan is late, and plans made anew are not."""
    topology = made(tmp_path, "0,10\n10,60\n20,10\n30,7\n40,10\n", percentile=50)
    run_through = comparison(topology, 10.0, cold_steps=1)
    rows = list(run_through.rows())
    assert [row.step.bit_per_s["cell"] for row in rows] == [10e6, 60e6, 10e6, 7e6]
    once, spread, anew = (run_through.totals_of(rows, name) for name in (ONCE, ONCE_ALL_SHARES, REPLANNED))
    power_w = rows[0].served[ONCE].power_w
    assert once.energy_j == pytest.approx(40.0 * power_w)
    assert spread.energy_j == once.energy_j
    assert once.inferences == pytest.approx(40.0 * (5 + 2))
    assert [bool(row.served[ONCE].late.any()) for row in rows] == [False, False, False, True]
    assert once.missing_share == 0.25
    assert once.late == 10.0 * sum(rate for rate, late in zip((5, 2), rows[3].served[ONCE].late, strict=True) if late)
    assert all(row.found for row in rows)
    assert anew.late == 0.0
    (sampled,) = [row for row in rows if row.cold_power_w is not None]
    assert sampled.served[REPLANNED].power_w <= (sampled.cold_power_w or 0.0) * 1.01
    assert rows[1].served[REPLANNED].power_w < power_w


def test_where_no_plan_is_found_the_last_one_goes_on(tmp_path: Path) -> None:
    topology = made(tmp_path, "0,60\n1,60\n2,0\n3,60\n", percentile=50)
    rows = list(comparison(topology, 1.0).rows())
    assert [row.found for row in rows] == [True, True, False]
    assert rows[2].served[REPLANNED].power_w == rows[1].served[REPLANNED].power_w
    assert rows[2].served[REPLANNED].late.all()


def test_table_and_csv(tmp_path: Path) -> None:
    target = tmp_path / "steps.csv"
    code, out, err = run(
        "--trace", "--topology", TOPOLOGY, "--workload", WORKLOAD, "--step", "80s", "--cold-steps", "1", "-o", target
    )
    assert (code, err) == (0, "")
    for name in (ONCE, ONCE_ALL_SHARES, REPLANNED):
        assert re.search(rf"^{name} ", out, re.MULTILINE)
    assert "3 steps of 80 s, from 0 s to 239 s" in out
    assert "1 steps planned from scratch" in out
    rows = list(csv.DictReader(target.read_text(encoding="utf-8").splitlines()))
    assert [float(row["time_s"]) for row in rows] == [0.0, 80.0, 160.0]
    assert [float(row["duration_s"]) for row in rows] == [80.0, 80.0, 79.0]
    trace = dict(list(csv.reader((EXAMPLES / "cell.trace.csv").read_text(encoding="utf-8").splitlines()))[1:])
    expected = [1e6 * float(trace[at]) for at in ("0", "80", "160")]
    assert [float(row["cell_bit_per_s"]) for row in rows] == pytest.approx(expected)
    energy_j = sum(float(row["once_power_w"]) * float(row["duration_s"]) for row in rows)
    cells = re.split(r" {2,}", next(line for line in out.splitlines() if line.startswith(f"{ONCE}  ")).strip())
    assert cells[1] == f"{energy_j:.4g} J"
    for row in rows:
        late = float(row["replanned_late_inferences"])
        assert (late == 0.0) == (row["replanned_late_apps"] == "0")
        assert row["replan_found"] == "1" or late > 0.0
    assert [bool(row["cold_s"]) for row in rows] == [False, True, False]


REFUSED = [
    (("--trace", "--methods", "clear"), "means nothing with --trace"),
    (("--step", "10s"), "means nothing without --trace"),
    (("--cold-steps", "0"), "means nothing without --trace"),
    (("--trace", "--step", "0s"), "longer than 0"),
    (("--trace", "--step", "soon"), "not a number"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_options_that_mean_nothing_are_refused(options: tuple[str, ...], message: str) -> None:
    code, out, err = run("--topology", TOPOLOGY, "--workload", WORKLOAD, *options)
    assert (code, out) == (2, "")
    assert message in err


def test_a_topology_without_traces_is_refused() -> None:
    code, _, err = run("--trace", "--topology", EXAMPLES / "small-shared.json", "--workload", WORKLOAD)
    assert code == 2
    assert "no medium of the topology has a trace" in err


def test_no_plan_at_the_percentile_ends_with_the_reason_and_no_file(tmp_path: Path) -> None:
    topology = made(tmp_path, "0,0.001\n1,0.001\n")
    raw: Json = json.loads(WORKLOAD.read_text(encoding="utf-8"))
    for one in raw["apps"]:
        one |= {"model": str(EXAMPLES / "small.json"), "max_latency_s": 0.001}
    (tmp_path / "w.json").write_text(json.dumps(raw), encoding="utf-8")
    code, out, err = run("--trace", "--topology", topology, "--workload", tmp_path / "w.json", "-o", tmp_path / "s.csv")
    assert (code, out) == (3, "")
    assert "no plan to begin with" in err
    assert not (tmp_path / "s.csv").exists()

"""What pages say: figures against closed forms and brute force, layouts, refusals, and the same bytes every time."""

from __future__ import annotations

import csv
import json
import re
import shlex
import sys
from html.parser import HTMLParser
from itertools import combinations, pairwise
from pathlib import Path
from random import Random

import pytest
import report_cases
import two_apps
from cases import instance_of, random_case, random_topology
from hypothesis import given
from hypothesis import strategies as st
from report_cases import EXAMPLES, HOSTILE, PAGES, SMALL, records, results_folder, write
from test_cli import names_in, refused, run, run_apart

from planner.expansion import expand
from planner.inputs import Limits, read_asked
from planner.pipeline import Request, solve
from planner.report.account import COMPUTING, HEAD, Account, accounts_of
from planner.report.layout import MOST_CELLS, MOST_IDLE, layout_of
from planner.report.page import Figure, Table, drawing_library, page_html
from planner.report.quantities import axis_unit
from planner.report.results import Result, read_results
from planner.report.results_figures import over_best, quantile, seconds_of
from planner.report.tradeoff_figure import MOST_DOMINATED, Dot, levels_of, non_dominated, tradeoff_figure
from planner.verifier import verify
from schemas import InputError, Placement, Topology, check_document

SMALL_OPTIONS = ("--model", str(SMALL.model), "--topology", str(SMALL.topology))


# ---------------------------------------------------------------------------------------------------------------------
# The account of a plan


@given(st.randoms(use_true_random=False))
def test_the_parts_of_an_account_add_up_to_the_plan(random: Random) -> None:
    app, model, topology = random_case(random)
    if instance_of(app, model, topology) is None:
        return
    placement = solve(Request(app, model, topology))
    if not placement.apps:
        return
    (account,) = accounts_of(placement, [(app, model)], expand(topology))
    plan = placement.apps[0]
    assert sum(phase.expected_j for phase in account.phases) == pytest.approx(plan.energy_j, rel=1e-9, abs=1e-12)
    computing = sum(phase.expected_j for phase in account.phases if phase.kind in (COMPUTING, HEAD))
    assert computing == pytest.approx(plan.breakdown.compute_j, rel=1e-9, abs=1e-12)
    taken = [row for row in account.leavings if row.fraction > 0.0]
    latency_s = {
        "worst": max(row.latency_s for row in taken),
        "mean": sum(row.fraction * row.latency_s for row in taken),
    }.get(app.latency, plan.latency_s)
    assert latency_s == pytest.approx(plan.latency_s, rel=1e-9, abs=1e-12)
    assert any(row.latency_s == pytest.approx(plan.latency_s) for row in taken) or app.latency == "mean"
    assert [run.number for run in account.runs] == list(range(1, len(account.runs) + 1))
    assert [block for run in account.runs for block in run.blocks] == [row.block for row in plan.assignments]


def two_accounts(tmp_path: Path) -> list[Account]:
    plan, sources = report_cases.two_apps_sources(tmp_path)
    asked = read_asked(sources, Limits())
    placement = check_document(two_apps.PLACEMENT, Placement)
    assert not verify(placement, asked.topology, asked.apps)
    assert plan.is_file()
    return accounts_of(placement, asked.apps, expand(asked.topology))


def test_the_account_of_shared_nodes_is_that_worked_out_by_hand(tmp_path: Path) -> None:
    cam, mic = two_accounts(tmp_path)
    assert [(row.name, row.fraction) for row in cam.leavings] == [("e1", 0.25), ("e2", 0.75)]
    assert [row.latency_s for row in cam.leavings] == pytest.approx([1.0, 3.0 + 0.01 + 0.1 / 0.6])
    assert [row.latency_s for row in mic.leavings] == pytest.approx(
        [1.25, 3.75 + two_apps.UP_S + two_apps.BACK_S], rel=1e-12
    )
    places = [(phase.kind, phase.place) for phase in mic.phases]
    assert places[0] == ("computing", "p2")
    assert ("transfer", "p2 → edge") in places
    assert places[-1] == ("result", "edge → p2")
    assert sum(phase.expected_j for phase in mic.phases) == pytest.approx(4.48375)


def test_phases_follow_each_other_and_results_travel_meanwhile(tmp_path: Path) -> None:
    for account in two_accounts(tmp_path):
        inner = [phase for phase in account.phases if phase.kind != "result"]
        for before, after in pairwise(inner):
            assert after.start_s == pytest.approx(before.end_s)
        assert inner[0].start_s == 0.0


# ---------------------------------------------------------------------------------------------------------------------
# The layout of a topology


@given(st.randoms(use_true_random=False))
def test_nodes_do_not_overlap_and_all_that_is_used_is_shown(random: Random) -> None:
    raw = random_topology(random, most_nodes=12)
    topology = check_document(raw, Topology)
    nodes = list(expand(topology).nodes)
    used = set(random.sample(nodes, random.randint(0, len(nodes))))
    layout = layout_of(topology, used)
    assert used <= set(layout.boxes)
    for one, other in combinations(layout.boxes.values(), 2):
        apart = one.right <= other.left or other.right <= one.left
        assert apart or one.bottom <= other.top or other.bottom <= one.top, (one, other)
    for box in layout.boxes.values():
        assert 0 <= box.left < box.right <= 100
        assert 0 <= box.top < box.bottom <= layout.height
    for source, target in ((link.source, link.target) for link in topology.links):
        if source in layout.boxes and target in layout.boxes:
            way = layout.way(source, target)
            assert len(way) in (2, 4)
            assert all(0 <= x <= 100 and 0 <= y <= layout.height for x, y in way)


def large_topology() -> Topology:
    node = {"ops_per_s": 1.0, "j_per_op": 1.0}
    wire = {"bit_per_s": 1.0}
    package = {"rows": 200, "cols": 40, "chiplet": node, "interposer": wire, "gateway_link": wire, "gateways": [[0, 0]]}
    raw = {
        "schema_version": "1", "name": "large",
        "nodes": [{"name": f"n{index}", "tier": "edge", **node} for index in range(300)],
        "links": [{"source": "n0", "target": f"p{index}", "bit_per_s": 1.0} for index in range(9)],
        "packages": [{"name": f"p{index}", **package} for index in range(9)],
    }  # fmt: skip
    return check_document(raw, Topology)


def test_a_large_topology_shows_what_is_used_and_says_what_it_leaves_out() -> None:
    layout = layout_of(large_topology(), {"n299", "p7", "p7[100,20]", "p7[104,21]"})
    shown = [box for box in layout.boxes.values() if box.kind == "node"]
    assert len(shown) == MOST_IDLE + 1
    assert "n299" in layout.boxes
    notes = {box.label for box in layout.boxes.values() if box.kind == "note"}
    assert notes == {f"{300 - MOST_IDLE - 1} more, not used", "7 more packages, not used"}
    cells = [box for box in layout.boxes.values() if box.kind == "chiplet" and box.name.startswith("p7")]
    assert {"p7[100,20]", "p7[104,21]"} <= {box.name for box in cells}
    assert len(cells) <= MOST_CELLS**2
    assert any("200 × 40 chiplets, shown: rows 99–" in frame.label for frame in layout.frames)
    assert layout.height < 2500


def test_a_link_behind_a_node_goes_round_it() -> None:
    asked = read_asked(report_cases.VIT, Limits())
    layout = layout_of(asked.topology, set())
    assert len(layout.way("phone", "edge")) == 2
    assert len(layout.way("edge", "cloud")) == 4  # the package stands between
    assert len(layout.way("mcm0[0,0]", "mcm0[0,1]")) == 2


# ---------------------------------------------------------------------------------------------------------------------
# Trade-offs and results


@given(st.lists(st.tuples(*[st.integers(0, 4)] * 3), max_size=25))
def test_non_dominated_equals_the_definition(points: list[tuple[int, int, int]]) -> None:
    def beats(one: tuple[int, int, int], other: tuple[int, int, int]) -> bool:
        return one != other and one[0] <= other[0] and one[1] <= other[1] and one[2] >= other[2]

    dots = [Dot(float(energy), float(latency), float(accuracy), "") for energy, latency, accuracy in points]
    assert non_dominated(dots) == [not any(beats(other, point) for other in points) for point in points]


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=40))
def test_every_accuracy_is_in_one_level(accuracies: list[float]) -> None:
    levels = levels_of(accuracies)
    assert len(levels) == min(6, len(set(accuracies)))
    for accuracy in accuracies:
        assert sum(low <= accuracy <= high for low, high in levels) == 1


def test_few_of_many_beaten_plans_are_drawn_and_all_others() -> None:
    dots = [Dot(2.0 + index, 2.0, 0.5, "") for index in range(5 * MOST_DOMINATED)]
    drawn = tradeoff_figure([*dots, Dot(1.0, 1.0, 0.9, ""), Dot(0.5, 3.0, 0.9, "")], "").spec["data"]["values"]
    assert [row["best"] for row in drawn].count(True) == 2
    assert [row["best"] for row in drawn].count(False) == MOST_DOMINATED


def test_axis_units_fit_the_largest_value() -> None:
    assert axis_unit([0.0, 0.02], "s") == (1e-3, "ms")
    assert axis_unit([3.0, 0.02], "J") == (1.0, "J")
    assert axis_unit([0.0], "J") == (1.0, "J")


def test_a_folder_and_its_table_give_the_same_results(tmp_path: Path) -> None:
    folder = results_folder(tmp_path / "results", records(), 13)
    results = read_results(folder)
    assert (results.name, results.cases, len(results.rows)) == ("duel", 13, 12)
    assert results.inputs == {"net.json": "sha256:aa"}
    assert results.rows[0].group == "net.json, one.json"
    assert results.rows[0].asked == "max_latency_s 0.02"
    table = tmp_path / "table.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        names = list(dict.fromkeys(name for row in records() for name in row))
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(records())
    assert read_results(table).rows == results.rows


def test_figures_of_results_are_those_worked_out_by_hand(tmp_path: Path) -> None:
    rows = read_results(results_folder(tmp_path / "results", records(), 12)).rows
    assert over_best(rows, "exact") == [0.0] * 4
    assert over_best(rows, "rival") == pytest.approx([0.25, 0.25, 0.5, 0.5])
    assert seconds_of(rows, "rival") == [0.0005, 0.0005, 0.001, 0.001, 5.0, 5.0]
    assert [quantile([1.0, 2.0, 3.0, 4.0], part) for part in (0.0, 0.25, 0.5, 0.51, 1.0)] == [1.0, 1.0, 2.0, 3.0, 4.0]
    lost = Result("slow", (("model", "x"),), "optimal", "latency_s", energy_j=1.0, latency_s=3.0)
    won = Result("fast", (("model", "x"),), "optimal", "latency_s", energy_j=9.0, latency_s=2.0)
    assert over_best([lost, won], "slow") == pytest.approx([0.5])


def test_unusable_results_are_refused(tmp_path: Path) -> None:
    assert "holds no results" in refused("report", tmp_path, "-o", tmp_path / "page.html")
    empty = results_folder(tmp_path / "empty", [], 3)
    assert "there is no row yet" in refused("report", empty, "-o", tmp_path / "page.html")
    (tmp_path / "empty" / "rows.sqlite").write_bytes(b"no database at all, but long enough to look like one")
    assert "the rows cannot be read" in refused("report", empty, "-o", tmp_path / "page.html")
    table = tmp_path / "table.csv"
    table.write_text("method,energy_j\nexact,1\n", encoding="utf-8")
    assert "no column status" in refused("report", table, "-o", tmp_path / "page.html")
    table.write_text("method,status,energy_j\nexact,optimal,nan\nexact,great,2\n", encoding="utf-8")
    message = refused("report", table, "-o", tmp_path / "page.html")
    assert "row 1.energy_j: not a finite number" in message
    assert "row 2.status: no such status" in message
    table.write_text("method,status,objective,energy_j,accuracy\nexact,optimal,speed,-1,1.5\n", encoding="utf-8")
    message = refused("report", table, "-o", tmp_path / "page.html")
    assert "row 1.objective: no such objective (found speed); use one of energy_j, latency_s, power_w" in message
    assert "row 1.energy_j: below 0 (found -1)" in message
    assert "row 1.accuracy: not in [0, 1] (found 1.5)" in message
    table.write_text("method,status,inputs\nexact,optimal,{\n", encoding="utf-8")
    assert "a row holds no JSON where it should" in refused("report", table, "-o", tmp_path / "page.html")
    table.write_text("method,status,method\nexact,optimal,mcp\n", encoding="utf-8")
    assert 'this column stands twice (found "method")' in refused("report", table, "-o", tmp_path / "page.html")
    table.write_text("", encoding="utf-8")
    assert "no column status" in refused("report", table, "-o", tmp_path / "page.html")
    strange = results_folder(tmp_path / "strange", records(), 3)
    write(strange / "suite.json", ["small"])
    assert "not the identity of a results folder" in refused("report", strange, "-o", tmp_path / "page.html")
    table.write_text("method,status\nexact,optimal\n", encoding="utf-8")
    assert "their own inputs" in refused("report", table, *SMALL_OPTIONS, "-o", tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


# ---------------------------------------------------------------------------------------------------------------------
# Pages


class Parsed(HTMLParser):
    """Tags, their attributes, and the texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture
def without_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the drawing library out, which takes seconds to load and is the same in every page."""
    monkeypatch.setattr("planner.report.page.drawing_library", lambda: "/* library */")


@pytest.mark.usefixtures("without_library")
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_the_same_in_every_run_and_refers_to_nothing_outside(name: str, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    make = PAGES[name]
    page = make(tmp_path / "one")
    text = page_html(page)
    again = page_html(make(tmp_path / "two"))
    # how long planning took is the one thing that differs
    spent = re.compile(r"Building the graph took [\d.]+ [mµn]?s, the search [\d.]+ [mµn]?s\.")
    assert spent.sub("", text) == spent.sub("", again)
    assert page_html(page) == text
    parsed = Parsed(text)
    for tag, attributes in parsed.tags:
        assert tag not in ("img", "iframe", "object", "embed", "form")
        assert attributes.get("src") is None
        assert attributes.get("href") in (None, "data:,")
    assert "@import" not in text
    assert "url(" not in text


@pytest.mark.usefixtures("without_library")
@pytest.mark.parametrize("name", PAGES)
def test_every_figure_is_numbered_captioned_and_described(name: str, tmp_path: Path) -> None:
    page = PAGES[name](tmp_path)
    figures = [part for section in page.sections for part in section.parts if isinstance(part, Figure)]
    text = page_html(page)
    for number, figure in enumerate(figures, 1):
        assert f'aria-labelledby="figure-{number}-caption"' in text
        assert f">Figure {number}. " in text
        assert len(figure.caption) > 40
        assert len(figure.spec["description"]) > 30
    for table in (part for section in page.sections for part in section.parts if isinstance(part, Table)):
        assert all(len(row) == len(table.headings) for row in table.rows)
    assert (name == "infeasible") == (not figures)


@pytest.mark.usefixtures("without_library")
def test_names_stay_texts(tmp_path: Path) -> None:
    text = page_html(PAGES["hostile"](tmp_path))
    assert HOSTILE not in text
    parsed = Parsed(text)
    assert [attributes.get("type") for tag, attributes in parsed.tags if tag == "script"] == [
        *["application/json"] * 4, None, None,
    ]  # fmt: skip
    assert any(HOSTILE in part for part in parsed.texts)
    specs = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text)
    assert all(HOSTILE in json.dumps(json.loads(spec), ensure_ascii=False).replace('\\"', '"') for spec in specs)


@pytest.mark.usefixtures("without_library")
def test_the_page_of_a_plan_says_what_the_plan_says(tmp_path: Path) -> None:
    texts = " ".join(Parsed(page_html(PAGES["two-apps"](tmp_path))).texts)
    for said in (
        "5.689 W",
        "3.177 s",
        "≤ 3.2 s",
        "4.484 J",
        "≤ 4.5 J",
        "0.5 of nominal",
        "60 %",
    ):
        assert said in texts, said
    (tmp_path / "x").mkdir()
    texts = " ".join(Parsed(page_html(PAGES["infeasible"](tmp_path / "x"))).texts)
    assert "proved: no plan keeps every limit" in texts
    assert "the least worst latency is 0.018801 s, the limit 1e-06 s" in texts


def test_the_library_cannot_end_its_own_script() -> None:
    library = drawing_library()
    assert "</script" not in library.lower()
    assert "<!--" not in library
    assert 500_000 < len(library) < 2_000_000


# ---------------------------------------------------------------------------------------------------------------------
# The command


@pytest.mark.usefixtures("without_library")
def test_the_command_writes_the_page_whole(tmp_path: Path) -> None:
    run("plan", *SMALL_OPTIONS, "-o", tmp_path / "plan.json")
    ran = run("report", tmp_path / "plan.json", *SMALL_OPTIONS, "-o", tmp_path / "plan.html")
    assert (ran.code, ran.out) == (0, "")
    text = (tmp_path / "plan.html").read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert text.endswith("</html>\n")
    assert "this file" in text
    run("pareto", *SMALL_OPTIONS, "-o", tmp_path / "front.json")
    assert run("report", tmp_path / "front.json", "-o", tmp_path / "front.html").code == 0
    assert "not recomputed" in (tmp_path / "front.html").read_text(encoding="utf-8")
    assert run("report", tmp_path / "front.json", *SMALL_OPTIONS, "-o", tmp_path / "front.html").code == 0
    assert "Every plan was recomputed" in (tmp_path / "front.html").read_text(encoding="utf-8")
    results_folder(tmp_path / "results", records(), 13)
    assert run("report", tmp_path / "results", "-o", tmp_path / "results.html").code == 0
    assert "1 to do" in (tmp_path / "results.html").read_text(encoding="utf-8")


def test_a_plan_that_does_not_stand_is_refused(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    run("plan", *SMALL_OPTIONS, "-o", plan)
    raw = json.loads(plan.read_text(encoding="utf-8"))
    raw["apps"][0]["energy_j"] *= 0.9
    write(plan, raw)
    message = refused("report", plan, *SMALL_OPTIONS, "-o", tmp_path / "plan.html")
    assert "does not stand before the verifier" in message
    assert "energy_j" in message
    other = ("--model", SMALL_OPTIONS[1], "--topology", str(EXAMPLES / "device-edge-cloud.json"))
    assert "does not stand" in refused("report", plan, *other, "-o", tmp_path / "plan.html")
    assert names_in(tmp_path) == ["plan.json"]


def test_a_front_with_a_plan_that_does_not_stand_is_refused(tmp_path: Path) -> None:
    run("pareto", *SMALL_OPTIONS, "-o", tmp_path / "front.json")
    raw = json.loads((tmp_path / "front.json").read_text(encoding="utf-8"))
    raw["points"][1]["placement"]["apps"][0]["latency_s"] *= 0.5
    write(tmp_path / "front.json", raw)
    message = refused("report", tmp_path / "front.json", *SMALL_OPTIONS, "-o", tmp_path / "front.html")
    assert "points[1].app: latency_s" in message
    assert names_in(tmp_path) == ["front.json"]


def test_what_a_page_needs_is_asked_for(tmp_path: Path) -> None:
    plan, page = tmp_path / "plan.json", tmp_path / "page.html"
    run("plan", *SMALL_OPTIONS, "-o", plan)
    assert "give --topology and --model" in refused("report", plan, "-o", page)
    assert "--model, --rate needs --topology" in refused("report", plan, *SMALL_OPTIONS[:2], "--rate", "2", "-o", page)
    assert "cannot read" in refused("report", tmp_path / "none.json", *SMALL_OPTIONS, "-o", page)
    assert "cannot write" in refused("report", plan, *SMALL_OPTIONS, "-o", tmp_path)
    write(tmp_path / "odd.json", {"schema_version": "1", "status": "optimal", "colour": "red"})
    assert "unknown field" in refused("report", tmp_path / "odd.json", *SMALL_OPTIONS, "-o", page)
    assert not page.exists()


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    drawing_library.cache_clear()
    with pytest.raises(InputError, match=r"pip install '\.\[report\]'"):
        page_html(PAGES["results"](tmp_path))
    drawing_library.cache_clear()


@pytest.mark.parametrize("name", ["pareto", "report"])
def test_the_commands_of_the_docs_run(name: str, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(EXAMPLES)
    text = (EXAMPLES.parent / "docs" / f"{name}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```\n(.*?)```", text, re.S)
    commands = [line for block in blocks for line in block.splitlines() if line.startswith("planner ")]
    assert commands
    for command in commands:
        ran = run_apart(*shlex.split(command)[1:], cwd=tmp_path)
        assert ran.code == 0, ran.err
        follows = blocks[blocks.index(f"{command}\n") + 1] if f"{command}\n" in blocks else ran.out
        assert ran.out == follows


def test_a_suite_that_was_run_becomes_a_page(tmp_path: Path) -> None:
    pytest.importorskip("planner.bench", reason="this version has no planner bench")
    suite = EXAMPLES / "small.suite.toml"
    assert run("bench", suite, "--output", tmp_path / "results").code == 0
    results = read_results(tmp_path / "results")
    assert len(results.rows) == results.cases > 0
    assert {row.status for row in results.rows} <= {"optimal", "feasible", "infeasible", "unknown"}

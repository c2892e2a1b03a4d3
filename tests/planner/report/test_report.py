"""Pages: the same bytes every time, every figure described, names that stay texts; and the command that writes them."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import threading
from html.parser import HTMLParser
from pathlib import Path

import pytest
from command_line import names_in, refused, run
from report_cases import EXAMPLES, HOSTILE, PAGES, SMALL_OPTIONS, records, results_folder, two_axes, write

from planner.report.page import Figure, Page, Section, Table, drawing_library, page_html
from planner.report.results.reading import read_results
from planner.schemas import InputError

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
def test_half_of_a_surrogate_pair_becomes_a_question_mark() -> None:
    text = page_html(Page("a\ud800b", "held", "good", "\udfff", [], [Section("x", parts=[Table(("c\ud9ab",), [])])]))
    assert text.encode("utf-8")
    assert "<h1>a?b</h1>" in text


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
    assert "the least worst latency is 18.8 ms, the limit 1 µs" in texts


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


@pytest.mark.usefixtures("without_library")
def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    run("plan", *SMALL_OPTIONS, "-o", tmp_path / "plan.json")
    run("pareto", *SMALL_OPTIONS, "-o", tmp_path / "front.json")
    for name in ("plan", "front"):
        pipe = tmp_path / f"{name}.pipe"
        os.mkfifo(pipe)
        content = (tmp_path / f"{name}.json").read_bytes()
        writer = threading.Thread(target=pipe.write_bytes, args=(content,), daemon=True)
        writer.start()
        assert run("report", pipe, *SMALL_OPTIONS, "-o", tmp_path / f"{name}.html").code == 0
        writer.join()


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
    for name in ("small.json", "small-topology.json"):
        (tmp_path / name).write_bytes((EXAMPLES / name).read_bytes())
    given = ("--model", tmp_path / "small.json", "--topology", tmp_path / "small-topology.json")
    run("plan", *given, "-o", plan)
    for name in ("small.json", "small-topology.json"):
        (tmp_path / name).unlink()
    assert "give --topology and --model" in refused("report", plan, "-o", page)
    assert "give --topology" in refused("report", plan, *SMALL_OPTIONS[:2], "--rate", "2", "-o", page)
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
def test_the_commands_of_the_docs_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(EXAMPLES)
    text = (EXAMPLES.parent / "docs" / f"{name}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```[^\n]*\n(.*?)```", text, re.S)
    commands = [line for block in blocks for line in block.splitlines() if line.startswith("planner ")]
    assert commands
    for command in commands:
        ran = run(*shlex.split(command)[1:])
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


def test_a_front_of_two_figures_is_verified_and_drawn(tmp_path: Path) -> None:
    """Plans of such a front are optimal for its first axis (the second, if that is accuracy), not for energy."""
    for axes, points in ((("energy", "money.now"), 5), (("money.now", "accuracy"), 1), (("accuracy", "energy"), 2)):
        page = two_axes(tmp_path, axes)
        assert page.tiles[0].value == str(points)
        assert "Every plan was recomputed" in page_html(page)
        figures = [part for section in page.sections for part in section.parts if isinstance(part, Figure)]
        assert len(figures) == (points > 1)


def test_a_comparison_is_drawn_with_what_was_asked(tmp_path: Path) -> None:
    file, page = tmp_path / "compared.json", tmp_path / "compared.html"
    run("compare", *SMALL_OPTIONS, "--max-latency", "30ms", "--methods", "exact,mcp", "-o", file)
    assert run("report", file, "-o", page).code == 0
    text = page.read_text(encoding="utf-8")
    assert "max_latency_s" in text
    assert "no proof beyond the root bound" in text
    assert "carries its own inputs" in refused("report", file, *SMALL_OPTIONS, "-o", page)
    for raw in ([], [1], [{"method": "exact"}], [{"method": "exact", "seconds": 1.0, "placement": {}}]):
        write(file, raw)
        assert refused("report", file, "-o", page).startswith("error: ")

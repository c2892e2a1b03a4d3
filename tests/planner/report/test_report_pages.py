"""Pages in a browser: nothing fails, nothing is fetched, all is drawn, and it fits a phone, by day and by night."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from report_cases import PAGES

from planner.report.page import page_html

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
SCHEMES, WIDTHS = ("light", "dark"), (1100, 390)
LOOKS = tuple(zip(SCHEMES, WIDTHS, strict=True))
"""A desk by day and a phone by night: colours come from CSS alone, so that they and the width do not meet."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Start Chromium: the system's, or Playwright's own. Where there is none, CI fails and a desk skips."""
    held = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with playwright.sync_playwright() as started:
        try:
            # inside a container Chromium's sandbox has no rights to start
            chromium = started.chromium.launch(executable_path=held, args=["--no-sandbox"])
        except playwright.Error as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"no Chromium here to open pages with ({str(error).splitlines()[0]})")
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write every page."""
    written = {}
    for name, make in PAGES.items():
        folder = tmp_path_factory.mktemp(name)
        written[name] = folder / "page.html"
        written[name].write_text(page_html(make(folder)), encoding="utf-8")
    return written


@dataclass
class Opened:
    """A page, and what it said and fetched."""

    page: Any
    messages: list[str]
    requests: list[str]


@pytest.fixture
def opened(request: pytest.FixtureRequest, browser: Any, files: dict[str, Path]) -> Iterator[Opened]:
    """Open a page; the parameter is (name, scheme, width)."""
    name, scheme, width = request.param
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
    page = context.new_page()
    found = Opened(page, [], [])
    page.on("console", lambda message: found.messages.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: found.messages.append(f"error: {error}"))
    page.on("request", lambda each: found.requests.append(each.url))
    page.goto(files[name].as_uri())
    page.wait_for_function("[...document.querySelectorAll('.chart')].every(chart => chart.dataset.drawn === 'yes')")
    yield found
    context.close()


def every(names: Any, schemes: Any = SCHEMES, widths: Any = WIDTHS) -> Any:
    return looking([(name, scheme, width) for name in names for scheme in schemes for width in widths])


def looking(cases: Any) -> Any:
    return pytest.mark.parametrize("opened", cases, indirect=True, ids=lambda case: "-".join(map(str, case)))


@looking([(name, *look) for name in PAGES for look in LOOKS])
def test_a_page_opens_without_errors_or_requests_and_fits(opened: Opened) -> None:
    page = opened.page
    assert opened.messages == []
    assert opened.requests == [page.url]
    shown, has = page.evaluate("[document.documentElement.clientWidth, document.documentElement.scrollWidth]")
    assert has <= shown
    for chart in page.query_selector_all(".chart"):
        box = chart.query_selector("svg").bounding_box()
        assert box["width"] > 0.8 * chart.bounding_box()["width"]
        assert box["height"] > 40
        assert box["x"] + box["width"] <= shown + 1
        marks = chart.query_selector_all("svg .mark-rect path, svg .mark-symbol path, svg .mark-line path")
        assert len(marks) >= 2
        assert len(chart.get_attribute("aria-label")) > 30
        assert chart.get_attribute("role") == "graphics-document"


CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const linear = (part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  const luminance = (colour) => {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((part) => linear(part / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const name = (variable) => getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
  const ratio = (one, other) => {
    const [low, high] = [luminance(name(one)), luminance(name(other))].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const texts = [["--ink", "--surface"], ["--ink", "--page"], ["--muted", "--surface"], ["--muted", "--sunken"],
    ["--ink", "--sunken"], ["--accent", "--surface"], ["--good", "--page"], ["--bad", "--page"],
    ["--warning", "--page"], ["--on-fill", "--muted"]];
  for (let index = 1; index <= 8; index++) texts.push(["--on-fill", `--series-${index}`]);
  return texts.map(([one, other]) => [one, other, ratio(one, other)]);
}"""
"""Contrast of every pair of colours of text and ground, as WCAG 2.1 defines it (relative luminance, 1.4.3)."""


@every(["infeasible"], widths=(1100,))
def test_texts_can_be_read_by_day_and_by_night(opened: Opened) -> None:
    for one, other, ratio in opened.page.evaluate(CONTRAST):
        assert ratio >= 4.5, (one, other)


@every(["chiplets"], widths=(1100,))
def test_colours_follow_the_scheme_without_a_reload(opened: Opened) -> None:
    def colours() -> list[str]:
        found: list[str] = opened.page.evaluate(
            """() => [getComputedStyle(document.body).backgroundColor,
            ...[...document.querySelectorAll('#figure-1 svg .mark-rect path')].map(e => getComputedStyle(e).fill)]"""
        )
        return found

    before = colours()
    scheme = "light" if opened.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else "dark"
    opened.page.emulate_media(color_scheme=scheme)
    after = colours()
    assert before[0] != after[0]
    assert len(set(before[1:])) >= 3  # the package's ground, an idle chiplet, one that hosts blocks
    assert all(one != other for one, other in zip(before, after, strict=True))


@every(["chiplets"], schemes=("light",), widths=(390,))
def test_a_node_tells_what_runs_on_it(opened: Opened) -> None:
    opened.page.locator("#figure-1 svg text", has_text="1 patch_embed").first.hover(force=True)
    assert opened.page.locator("#vg-tooltip-element").inner_text().split() == ["node", "phone", "runs", "patch_embed"]


@every(["results"], schemes=("light",))
def test_the_reader_chooses_whose_plans_are_drawn(opened: Opened) -> None:
    def places() -> list[str]:
        found: list[str] = opened.page.evaluate(
            "[...document.querySelectorAll('#figure-6 svg .role-axis-label text')].map(e => e.textContent)"
        )
        return found

    one = places()
    assert any(text.endswith(" mJ") for text in one)
    opened.page.locator("#figure-6 select").select_option("net.json, two.json")
    opened.page.wait_for_function(
        "before => [...document.querySelectorAll('#figure-6 svg .role-axis-label text')].map(e => e.textContent)"
        ".join() !== before.join()",
        arg=one,
    )
    assert opened.messages == []


@every(["hostile"], schemes=("light",), widths=(390,))
def test_a_name_is_drawn_as_a_text(opened: Opened) -> None:
    texts = opened.page.evaluate("[...document.querySelectorAll('svg text')].map(e => e.textContent)")
    assert any(text.startswith("</script>") or text.startswith("1 </script>") for text in texts)
    assert opened.page.locator("svg b, svg script").count() == 0

"""Commands and snippets of the documentation run, from an empty folder, in the order in which a page shows them."""

from __future__ import annotations

import importlib.util
import io
import re
import shlex
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from command_line import run

import planner

ROOT = Path(__file__).parents[2]
NAMES = (
    "command-line.md",
    "index.md",
    "concepts.md",
    "faq.md",
    "glossary.md",
    "pareto.md",
    "reference.md",
    "report.md",
)
PAGES = sorted([*(ROOT / "docs" / "how-to").glob("*.md"), *(ROOT / "docs" / "formats").glob("*.md")]) + [
    ROOT / "docs" / name for name in NAMES
]
_BLOCK = re.compile(r"^```(\w+)?(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> Iterator[tuple[str, str, str]]:
    """Yield language, title and text of every fenced block."""
    yield from _BLOCK.findall(page.read_text(encoding="utf-8"))


def commands(text: str) -> list[list[str]]:
    """Return the arguments of every command of a block; a backslash continues a line."""
    lines = text.replace("\\\n", " ").splitlines()
    found = [shlex.split(line) for line in lines if line.strip()]
    assert all(words[0] == "planner" for words in found), found
    return [words[1:] for words in found]


def timeless(text: str) -> list[str]:
    """Return the lines of an output without what differs from run to run: times of searches, the last of a line."""
    lines = [line.rstrip() for line in text.strip().splitlines()]
    if lines and lines[0].startswith("method"):
        return [re.sub(r"\s+[\d.]+ [nµm]?s$", "", line) for line in lines]
    return lines


def run_page(page: Path) -> Iterator[tuple[str, str]]:
    """Run what a page shows, in the current folder; yield every output that it prints and the one that it got."""
    got: list[str] = []
    for language, title, text in blocks(page):
        if title == "output":
            yield text, "".join(got)
        elif title:
            Path(title).write_text(text, encoding="utf-8")
        elif language == "sh":
            got = []
            for arguments in commands(text):
                ran = run(*arguments)
                assert ran.code == 0, (arguments, ran.err)
                got.append(ran.out)
        elif language == "python":
            printed = io.StringIO()
            with redirect_stdout(printed):
                exec(compile(text, str(page), "exec"), {})
            got = [printed.getvalue()]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT / "docs").as_posix())
def test_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Examples are read from the checkout; the folder of the test holds only what the page makes."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    before = sorted((ROOT / "examples").rglob("*"))
    monkeypatch.chdir(tmp_path)
    for shown, got in run_page(page):
        assert timeless(shown) == timeless(got)
    assert sorted((ROOT / "examples").rglob("*")) == before


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        assert f" {page.relative_to(ROOT / 'docs').as_posix()}\n" in navigation, page


def test_every_public_name_is_in_the_reference() -> None:
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    for name in planner.__all__:
        assert name == "__version__" or re.search(rf"[.`]{name}\b", page), name


def test_pictures_are_those_that_the_script_draws() -> None:
    spec = importlib.util.spec_from_file_location("pictures", ROOT / "docs" / "pictures.py")
    assert spec is not None
    assert spec.loader is not None
    pictures = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pictures)
    for draw in (pictures.model, pictures.topology, pictures.planning):
        for scheme, colours in (("light", pictures.LIGHT), ("dark", pictures.DARK)):
            drawn = ROOT / "docs" / "img" / f"{draw.__name__}-{scheme}.svg"
            assert drawn.read_text(encoding="utf-8") == draw(colours).svg(), "run python docs/pictures.py"


TERMS = (
    "agent", "attach node", "axis", "baseline", "bottleneck", "bundle", "case", "confidence", "contention", "cut",
    "design", "dwell time", "engine", "fleet", "front", "gap", "gateway", "hardware", "interposer", "manifest",
    "metric", "objective", "oracle", "piece", "policy", "profile", "provenance", "regret", "skip", "SLO", "suite",
    "threshold", "tier", "workload",
)  # fmt: skip
"""Technical terms of the command line and the documentation beside those of the methods."""


@pytest.mark.parametrize("term", TERMS)
def test_every_term_is_in_the_glossary_once(term: str) -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    assert len(re.findall(rf"^\| {term} \|", text, re.MULTILINE)) == 1

"""Commands and snippets of the documentation run, from an empty folder, in the order in which a page shows them."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import run

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs" / "how-to").glob("*.md"), *(ROOT / "docs" / "formats").glob("*.md")]) + [
    ROOT / "docs" / name for name in ("index.md", "concepts.md", "faq.md", "reference.md")
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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT / "docs").as_posix())
def test_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    for language, title, text in blocks(page):
        if title:
            Path(title).write_text(text, encoding="utf-8")
        elif language == "sh":
            for arguments in commands(text):
                ran = run(*arguments)
                assert ran.code == 0, (arguments, ran.err)
        elif language == "python":
            exec(compile(text, str(page), "exec"), {})

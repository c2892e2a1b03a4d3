"""The tutorial runs from an empty folder, with its agents as processes; examples of formats are what schemas say."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from planner.schemas import check_document, read_document
from planner.schemas.bundles.run import Run
from planner.schemas.export import DOCUMENTS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```(\w+)?(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def background(started: list[subprocess.Popen[str]]) -> Iterator[None]:
    try:
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.communicate(timeout=20)


@pytest.mark.slow
def test_the_tutorial_runs_from_an_empty_folder(tmp_path: Path) -> None:
    text = PAGE
    for port in ("7101", "7102", "7103"):
        text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free_port()}")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    agents: list[subprocess.Popen[str]] = []
    with background(agents):
        for language, title, body in _BLOCK.findall(text):
            if title:
                (tmp_path / title).write_text(body, encoding="utf-8")
            for line in body.splitlines() if language == "sh" else ():
                command = [sys.executable, "-m", *shlex.split(line.removesuffix("&"))]
                if line.endswith("&"):
                    agents.append(subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True))
                    assert "listening" in (agents[-1].stdout or sys.stdin).readline()
                else:
                    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
                    assert done.returncode == 0, (line, done.stderr)
    run, _ = read_document(tmp_path / "run.json", Run)
    (plan,) = run.plans
    assert run.emulated_links
    assert run.slow_down["phone"] == 20.0
    for each in plan.exits:
        assert each.share == pytest.approx(each.predicted_share, abs=1e-9), "the data are those of the calibration"
    assert plan.accuracy is not None
    assert plan.accuracy > 0.97
    assert (tmp_path / "run.html").stat().st_size > 10_000


@pytest.mark.parametrize("name", ["cuts", "manifest", "nodes", "run"])
def test_commented_examples_fit_their_contracts(name: str) -> None:
    text = (ROOT / "docs" / "formats" / f"{name}.md").read_text(encoding="utf-8")
    (body,) = [body for _, title, body in _BLOCK.findall(text) if title]
    assert check_document(json.loads(body), DOCUMENTS[name])

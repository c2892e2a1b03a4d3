"""What the README shows is what a user gets."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import run

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCE = re.compile(r"```(python)?\n(.*?)```", re.S)
BLOCKS = FENCE.findall(README)


def run_apart(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def block_after(text: str) -> str:
    """Return the fenced block that follows the one holding some text."""
    index = next(number for number, (_, body) in enumerate(BLOCKS) if text in body)
    return BLOCKS[index + 1][1]


def test_the_first_command_prints_what_the_readme_shows() -> None:
    command = next(body for _, body in BLOCKS if "planner plan --model examples/vit.json" in body)
    arguments = shlex.split(command.rpartition(".venv/bin/planner ")[2])
    done = run_apart([sys.executable, "-m", "planner", *arguments])
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout == block_after(command)


def test_the_python_example_prints_what_the_readme_shows() -> None:
    code = next(body for language, body in BLOCKS if language == "python")
    done = run_apart([sys.executable, "-W", "error", "-c", code])
    assert done.returncode == 0, done.stderr
    assert done.stdout == block_after(code)


TASKS = [
    line
    for _, body in BLOCKS
    for line in body.splitlines()
    if line.startswith("planner ") and "examples/" in line and not line.startswith(("planner measure", "planner run"))
]


@pytest.mark.slow
def test_every_command_runs_in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    assert len(TASKS) >= 9
    made = {path for line in TASKS for path in re.findall(r" (?:-o|--output) (\S+)", line)}
    for line in TASKS:
        ran = run(*shlex.split(line)[1:])
        assert ran.code == 0, (line, ran.err)
    assert {path.name for path in tmp_path.iterdir()} <= made | {"examples", "policy.json"}


def test_ci_runs_the_readmes_test_command() -> None:
    command = next(body for _, body in BLOCKS if "pytest" in body).strip()
    assert command in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


EXAMPLES = re.findall(r"^planner (plan .*)$", (ROOT / "examples" / "README.md").read_text(encoding="utf-8"), re.M)


@pytest.mark.slow
@pytest.mark.parametrize("line", EXAMPLES)
def test_every_example_command_finds_a_plan(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One app is planned to the optimum; what is proved of several leaves a gap."""
    monkeypatch.chdir(ROOT)
    ran = run(*shlex.split(line))
    assert ran.code == 0, ran.err
    together = " apps, " in ran.out.partition("\n")[0]
    assert ran.out.startswith(("optimal: ", "feasible: ") if together else "optimal: ")


def test_links_lead_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "examples" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    for page in pages:
        for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"

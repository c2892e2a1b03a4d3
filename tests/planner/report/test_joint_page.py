"""What the page about several apps shows is what a user gets."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import run

from benchmarks.clear.table import example, held, table
from planner.pipeline.compare import compare

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "clear.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(python)?\n(.*?)```", PAGE, re.S)
COMMANDS = re.findall(r"^planner (.*)$", "\n".join(body for _, body in BLOCKS), re.M)


def block_after(text):
    index = next(number for number, (_, body) in enumerate(BLOCKS) if text in body)
    return BLOCKS[index + 1][1]


NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[-+]?\d+)?")


def assert_same_text(found, expected):
    """Words are the same; numbers differ by no more than least shares do, whose sum is flat around its least."""
    assert NUMBER.sub("#", found) == NUMBER.sub("#", expected)
    numbers = [[float(number) for number in NUMBER.findall(text)] for text in (found, expected)]
    assert numbers[0] == pytest.approx(numbers[1], rel=5e-3)


def test_the_first_command_prints_what_the_page_shows(monkeypatch):
    """All but the bound, which better prices may raise."""
    monkeypatch.chdir(ROOT)
    plan, _, bound = run(*shlex.split(COMMANDS[0])).out.partition("bound     ")
    assert_same_text(plan, block_after(COMMANDS[0]))
    assert bound.startswith("no plan within the limits is below ")


def test_every_command_runs(tmp_path, monkeypatch):
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    for line in COMMANDS:
        if "mobile" not in line:  # runs among the commands of the examples' page
            assert run(*shlex.split(line)).code == 0, line


@pytest.mark.parametrize("place", [place for place, (language, _) in enumerate(BLOCKS) if language == "python"])
def test_python_examples_print_what_the_page_shows(place):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", BLOCKS[place][1]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == BLOCKS[place + 1][1]


def test_the_table_sums_up_what_is_held():
    """Equal shares of the whole edge server, and of the only medium with a name."""
    request = example("small-shared.workload.json", "small-shared.json")
    rows = list(compare(request, ["alone", "full-dnn"]))
    whole = held(rows[1].placement, request.topology)
    assert (whole.compute_ops_per_s, whole.radio, whole.nodes) == (pytest.approx(1e12), pytest.approx(1.0), 1)
    lines = list(table(request, rows))
    assert len({line.count("|") for line in lines}) == 1
    powers = [row.placement.total.power_w for row in rows]
    assert f"| {100 * (1 - powers[0] / powers[1]):.0f} % |" in lines[3]

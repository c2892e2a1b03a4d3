"""``python -m benchmarks targets [--all] [--page FILE] [--json FILE] [ROW ...]``: measure rows, write the table."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.targets.figures import Figure
from benchmarks.targets.page import page_text
from benchmarks.targets.registry import LONG, ROWS
from benchmarks.targets.table import Measured, json_text, print_table

_ROW_LIMIT_S = 3600.0


def main(arguments: Sequence[str]) -> int:
    """Measure what the command line asks for, one process after the other.

    Args:
        arguments: What follows `targets` on the command line.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks targets", description="Measure every speed target.")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"any of {', '.join(ROWS)}")
    parser.add_argument("--all", action="store_true", help=f"also {' and '.join(LONG)}, which take minutes")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write the page of speed, as Markdown")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured, as JSON")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.rows) - set(ROWS):
        parser.error(f"no such row: {', '.join(sorted(unknown))}; use any of {', '.join(ROWS)}")
    names = asked.rows or [name for name in ROWS if asked.all or name not in LONG]
    found = []
    for name in names:
        sys.stderr.write(f"{name} ...\n")
        found.append(_measured(name))
        for file, text in ((asked.page, page_text), (asked.json, json_text)):
            if file is not None:  # after every row, so that an interrupted run keeps what it has
                file.write_text(text(found))
    print_table(found)
    return 0


def _measured(name: str) -> Measured:
    """Measure one row in a process of its own, so that memory and a failure are the row's alone."""
    command = [sys.executable, "-m", "benchmarks.targets.child", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_ROW_LIMIT_S)
    except subprocess.TimeoutExpired:
        return Measured(name, None, (Figure(name, None, "s", note=f"no answer in {_ROW_LIMIT_S:g} s"),))
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return Measured(name, None, (Figure(name, None, "s", note=f"failed: {last}"),))
    answer = json.loads(done.stdout.splitlines()[-1])
    return Measured(name, answer["sweep_s"], tuple(Figure(**each) for each in answer["figures"]))

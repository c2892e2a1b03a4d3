"""What tests of results folders share: quick suites, tables without what is measured, and runs as users start them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from test_bench_suite import suite_file
from test_cli import ROOT

from planner.bench.case import MEASURED
from planner.bench.export import table

Record = dict[str, Any]


def quick_suite(folder: Path, cases: int, **fields: Any) -> Path:
    """Write a suite of so many cases of some milliseconds each; deadlines from what is impossible to what is easy."""
    assert cases % 4 == 0
    latencies = [0.012 + 0.12 * index / cases for index in range(cases // 4)]
    axes = {"method": ["exact", "neurosurgeon"], "max_latency_s": latencies, "min_accuracy": [0.78, 0.9]}
    return suite_file(folder, axes=axes, **fields)


def bench(suite: Path, results: Path, *options: str, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """Start ``planner bench``; the caller waits for it or kills it."""
    command = [*prefix, sys.executable, "-m", "planner", "bench", str(suite), "-o", str(results), *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(process: subprocess.Popen[str], code: int = 0) -> str:
    """Wait for a run, and return what it said."""
    out, err = process.communicate(timeout=120)
    assert "Traceback" not in out + err, err
    assert process.returncode == code, err
    return out + err


def cases_run(said: str) -> int:
    match = re.search(r": (\d+) run in", said)
    assert match is not None, said
    return int(match.group(1))


def without_measured(records: list[Record]) -> list[Record]:
    return [{name: value for name, value in record.items() if name not in MEASURED} for record in records]


def rows(results: Path) -> list[Record]:
    """Return the table without what differs from run to run."""
    return without_measured(table(results))

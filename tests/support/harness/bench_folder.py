"""What tests of results folders share: quick suites, tables without what is measured, and runs as users start them."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from command_line import EXAMPLES, ROOT

from planner.bench.case import MEASURED
from planner.bench.results.export import table
from planner.bench.results.folder import DATABASE

Json = dict[str, Any]
Record = dict[str, Any]
PATIENCE_S = 600.0
"""How long to wait for what must happen; only a fault makes a test wait so long, however busy the machine is."""
FIXED = {"model": "small.json", "topology": "small-topology.json"}


def suite(**fields: Any) -> Json:
    return {"schema_version": "1", "name": "s", "fixed": FIXED, "axes": {"gap": [0.0, 0.1]}, **fields}


def toml(value: Any) -> str:
    """Write JSON-like data as TOML: tables inline, which TOML allows anywhere."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + "}"
    return "[" + ", ".join(map(toml, value)) + "]" if isinstance(value, list) else json.dumps(value)


def suite_file(folder: Path, **fields: Any) -> Path:
    """Write a suite beside the small example's files."""
    for name in ("small.json", "small-topology.json"):
        (folder / name).write_bytes((EXAMPLES / name).read_bytes())
    path = folder / "suite.toml"
    lines = [f"{json.dumps(key)} = {toml(value)}\n" for key, value in suite(**fields).items()]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def quick_suite(folder: Path, cases: int, **fields: Any) -> Path:
    """Write a suite of so many cases of some milliseconds each; deadlines from what is impossible to what is easy."""
    assert cases % 4 == 0
    latencies = [0.012 + 0.12 * index / cases for index in range(cases // 4)]
    axes = {"method": ["exact", "neurosurgeon"], "max_latency_s": latencies, "min_accuracy": [0.78, 0.9]}
    return suite_file(folder, axes=axes, **fields)


def endless(folder: Path, limit_s: float, **fields: Any) -> Path:
    """Write a suite of two cases between which one, by enumeration, takes longer than anyone has."""
    fixed = {"model": str(EXAMPLES / "vit.json"), "topology": str(EXAMPLES / "mcm.json")}
    axes = {"method": ["exact", "brute", "mcp"]}
    return suite_file(folder, **{"fixed": fixed, "axes": axes, "case_limit_s": limit_s} | fields)


def bench(suite: Path, results: Path, *options: str, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """Start ``planner bench``; the caller waits for it or kills it."""
    command = [*prefix, sys.executable, "-m", "planner", "bench", str(suite), "-o", str(results), *options]
    environment = dict(os.environ)
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(process: subprocess.Popen[str], code: int = 0) -> str:
    """Wait for a run, and return what it said."""
    out, err = process.communicate(timeout=PATIENCE_S)
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


def done_in(results: Path) -> int:
    """Count the rows that a run has stored so far."""
    if not (results / DATABASE).exists():
        return 0
    database = sqlite3.connect(f"file:{results / DATABASE}?mode=ro", uri=True, timeout=60)
    try:
        return int(database.execute("SELECT count(*) FROM rows").fetchone()[0])
    except sqlite3.OperationalError:  # the tables are not made yet
        return 0
    finally:
        database.close()


def wait_for(condition: Callable[[], object], what: str, process: subprocess.Popen[str] | None = None) -> None:
    """Wait until a condition holds; a process that it depends on must not end before."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert process is None or process.poll() is None or condition(), f"{what}: the run ended"
        assert time.monotonic() < end, what
        time.sleep(0.002)


def stopped_midway(process: subprocess.Popen[str], results: Path, least: int) -> int:
    """Stop a run (SIGSTOP) that has stored at least so many rows, outside of any transaction; return their number."""
    wait_for(lambda: done_in(results) >= least, f"{least} rows", process)
    while True:
        process.send_signal(signal.SIGSTOP)
        wait_for(lambda: state_of(process.pid) == "T", "a process that stops")
        with closing(sqlite3.connect(results / DATABASE, timeout=0, isolation_level=None)) as database:
            try:
                database.execute("BEGIN IMMEDIATE")
                database.execute("ROLLBACK")
                return done_in(results)
            except sqlite3.OperationalError:  # it holds the database; a moment later it does not
                process.send_signal(signal.SIGCONT)
                time.sleep(0.01)


def state_of(pid: int) -> str:
    """Return the letter of a process's state as proc(5) has it; X where there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"

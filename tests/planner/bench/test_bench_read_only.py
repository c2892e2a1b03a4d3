"""Results that cannot be written: they are exported and reported all the same, and refused as a place for rows."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bench_folder import bench, done_in, ended, quick_suite, stopped_midway
from command_line import ROOT

from planner.bench.results.export import table
from planner.bench.results.folder import DATABASE
from planner.bench.runner import run_suite


def lock(folder: Path) -> None:
    """Take the right to write from everyone."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)


def obey_permissions() -> None:
    """Give up what lets root write everywhere (CAP_DAC_OVERRIDE, by prctl PR_CAPBSET_DROP); others do not have it."""
    if os.geteuid() == 0:
        assert ctypes.CDLL(None).prctl(24, 1, 0, 0, 0) == 0


def planner(*arguments: object, code: int = 0) -> str:
    command = [sys.executable, "-m", "planner", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, preexec_fn=obey_permissions)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("killed", [False, True])
def test_rows_of_a_read_only_folder_are_exported_and_reported(tmp_path: Path, killed: bool) -> None:
    """A run that is killed leaves rows in the write-ahead log alone; they count too."""
    suite = quick_suite(tmp_path, 40)
    if killed:
        process = bench(suite, tmp_path / "r", "--jobs", "1")
        stopped_midway(process, tmp_path / "r", 8)
        process.kill()
        process.communicate()
        assert (tmp_path / "r" / f"{DATABASE}-wal").stat().st_size > 0
    else:
        run_suite(suite, tmp_path / "r", jobs=1)
    shared = tmp_path / "shared"
    shutil.copytree(tmp_path / "r", shared / "r")
    count = done_in(tmp_path / "r")
    for left in (shared / "r").glob("*-shm"):  # an archive may leave it out
        left.unlink()
    lock(shared / "r")
    before = {path.name for path in (shared / "r").iterdir()}
    assert f"{count} rows of 40 cases" in planner("export", shared / "r", "-o", shared / "t.csv")
    assert (shared / "t.csv").read_text(encoding="utf-8").count("\n") == count + 1 > 8
    planner("report", shared / "r", "-o", shared / "r.html")
    assert f"{count} of 40 cases" in (shared / "r.html").read_text(encoding="utf-8")
    assert {path.name for path in (shared / "r").iterdir()} == before
    assert "cannot write the results" in planner("bench", suite, "-o", shared / "r", code=2)


def test_what_a_killed_run_leaves_is_read_while_it_can_be_written(tmp_path: Path) -> None:
    suite = quick_suite(tmp_path, 40)
    process = bench(suite, tmp_path / "r", "--jobs", "1")
    held = stopped_midway(process, tmp_path / "r", 8)
    process.kill()
    process.communicate()
    assert len(table(tmp_path / "r")) == held
    ended(bench(suite, tmp_path / "r"))
    assert len(table(tmp_path / "r")) == 40

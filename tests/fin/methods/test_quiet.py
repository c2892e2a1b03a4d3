"""What compiled code writes to the standard output is hidden, and only while it is meant to be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from planner.fin.solvers.output import suppress_output

ROOT = Path(__file__).parents[3]


def write(text: str) -> None:
    """Write past Python's own buffers, as compiled code does."""
    os.write(1, text.encode())


def run_apart(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own, whose standard output is a pipe with Python's usual buffer."""
    code = f"import os\nfrom planner.fin.solvers.output import suppress_output\n{code}"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_what_is_written_inside_is_hidden_and_all_else_is_not(capfd: pytest.CaptureFixture[str]) -> None:
    write("before\n")
    with suppress_output():
        write("inside\n")
    write("after\n")
    assert capfd.readouterr().out == "before\nafter\n"


def test_output_is_back_after_an_exception(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), suppress_output():
        write("inside\n")
        raise ZeroDivisionError
    write("after\n")
    assert capfd.readouterr().out == "after\n"


def test_what_c_has_not_sent_yet_is_hidden_too() -> None:
    done = run_apart("import ctypes\nwith suppress_output():\n    ctypes.CDLL(None).puts(b'inside')\nprint('after')")
    assert done.stdout == "after\n"


def test_what_python_has_not_sent_yet_is_kept() -> None:
    done = run_apart("print('before')\nwith suppress_output():\n    print('inside', flush=True)\nprint('after')")
    assert done.stdout == "before\nafter\n"


def test_no_descriptor_is_left_open() -> None:
    before = os.open(os.devnull, os.O_RDONLY)
    os.close(before)
    for _ in range(3):
        with suppress_output():
            pass
    after = os.open(os.devnull, os.O_RDONLY)
    os.close(after)
    assert after == before


def test_there_need_be_no_standard_output() -> None:
    done = run_apart("os.close(1)\nwith suppress_output():\n    open(os.devnull).close()")
    assert done.returncode in (0, 120), done.stderr  # 120: the interpreter cannot flush at its end
    assert "Traceback" not in done.stderr

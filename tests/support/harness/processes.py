"""Processes that are stopped at chosen moments, and what they leave behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

PATCHED = """
import sys, time
import planner.cli, planner.commands.plan, planner.pipeline.dispatch as dispatch
{patch}
def answer(request):
    print("searching", flush=True)
    {body}
dispatch.answer = answer
sys.argv = ["planner", *{arguments!r}]
planner.cli.main()
"""
"""A program that runs a command whose search says that it begins, and does not end by itself."""

HASHING = "import hashlib; hashlib.pbkdf2_hmac('sha256', b'', b'', 2**30)"
"""Compiled code that runs for minutes and never returns to Python meanwhile, as solvers do."""


def start(command: Sequence[str], **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload]


def start_search(arguments: Sequence[object], body: str = "time.sleep(60)", patch: str = "") -> subprocess.Popen[str]:
    """Start a command, and return once it searches."""
    program = PATCHED.format(arguments=[str(each) for each in arguments], body=body, patch=patch)
    process = start([sys.executable, "-c", program])
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line == "searching\n", process.communicate()[1]
    return process


def wait_for_handlers(process: subprocess.Popen[str]) -> None:
    """Wait until a process handles SIGTERM, which Python alone does not."""
    bit = 1 << (signal.SIGTERM - 1)
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
        if int(status.partition("SigCgt:")[2].split()[0], 16) & bit:
            return
        time.sleep(0.001)


def ended(process: subprocess.Popen[str], number: int) -> tuple[int, str, str]:
    """Send a signal; return exit code, output and messages."""
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err

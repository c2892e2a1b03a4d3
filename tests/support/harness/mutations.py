"""Commands on mutated files, and the contract that every command keeps on whatever comes out."""

from __future__ import annotations

import io
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from command_line import ROOT
from mutation import Target

from planner.commands.root import run as run_command

CODES = {0, 2, 3, 4, 130}
"""Exit codes that mutated input may lead to; `check` also says 1 of a placement that does not stand, `run` of agents
that are not there."""
MOST_CPU_S = 20.0
MOST_BYTES = 1e9
Case = tuple[Target, tuple[str, ...], bytes]


@dataclass
class Ran:
    """What one case led to."""

    name: str
    words: tuple[str, ...]
    data: bytes
    code: int
    out: str
    err: str
    cpu_s: float


def written(folder: Path, target: Target, data: bytes) -> Case:
    """Write a file where its command will read it, and return the command."""
    path, new = folder / target.file, folder / "out"
    path.write_bytes(data)
    if target.makes_folder:
        shutil.rmtree(new, ignore_errors=True)
    names = {
        "FILE": str(path), "FOLDER": str(path.parent), "FOLDER/fleet.json": str(path.parent / "fleet.json"),
        "OUT": str(folder / "out.html"), "NEW": str(new),
    }  # fmt: skip
    return target, tuple(names.get(word, word) for word in target.words), data


def cases(folder: Path, targets: Sequence[Target], seed: int, count: int) -> Iterator[Case]:
    """Yield commands on mutated files."""
    source = random.Random(seed)
    for _ in range(count):
        target = source.choices(targets, [target.weight for target in targets])[0]
        yield written(folder, target, target.data(source))


def run_here(target: Target, words: Sequence[str], data: bytes) -> Ran:
    """Run a command in this process; whatever is raised gets out."""
    out, err = io.StringIO(), io.StringIO()
    began = time.process_time()
    with redirect_stdout(out), redirect_stderr(err):
        code = run_command(words)
    return Ran(target.name, tuple(words), data, code, out.getvalue(), err.getvalue(), time.process_time() - began)


def run_process(target: Target, words: Sequence[str], data: bytes) -> tuple[Ran, float]:
    """Run a command as a process; return also its peak memory in bytes (0 where this process held more)."""
    command = [sys.executable, "-m", "planner", *words]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    out, err = process.stdout.read(), process.stderr.read()
    process.stdout.close()
    process.stderr.close()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    ran = Ran(target.name, tuple(words), data, process.returncode, out, err, used.ru_utime + used.ru_stime)
    # a child begins as a copy of this process, whose memory counts as its own until it runs another program
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return ran, used.ru_maxrss * 1024.0 if used.ru_maxrss > own else 0.0


def broken_rules(ran: Ran) -> list[str]:
    """Return what a run broke of the contract."""
    rejected = ran.words[0] == "check" and ran.code == 1 and ran.out.startswith("broken: ")
    alone = ran.words[0] == "run" and ran.code == 1 and "cannot be reached" in ran.err
    told = ran.words[0] == "compare" and ran.code == 3  # its table says why no method has a plan
    shown = ran.out + ran.err
    rules = {
        f"exit code {ran.code}": ran.code in CODES or rejected or alone,
        "a traceback": "Traceback" not in shown,
        "a control character": all(each.isprintable() or each == "\n" for each in shown),
        "no message": ran.code in (0, 1) or bool(ran.err.strip()) or (told and bool(ran.out)),
        f"{ran.cpu_s:.1f} s": ran.cpu_s <= MOST_CPU_S,
        f"{len(ran.err)} characters of messages": len(ran.err) < 100_000,
    }
    return [rule for rule, kept in rules.items() if not kept]

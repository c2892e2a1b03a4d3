"""Structure-aware mutation of input files, and the contract that every command keeps on whatever comes out."""

from __future__ import annotations

import copy
import io
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from command_line import EXAMPLES, ROOT, run, write

from planner.commands.root import run as run_command

CODES = {0, 2, 3, 4, 130}
"""Exit codes that mutated input may lead to; `check` also says 1 of a placement that does not stand."""
MOST_CPU_S = 20.0
MOST_BYTES = 1e9
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -0.0, 1, -1, 2, 0.5, 1e-320, 1e-12, 1e12, 1e300, 1e308, -1e308, 10**400, float("nan"),
    float("inf"), "", "x", "x" * 2_000, "\x1b[2J", "a\nb", "\u202e", "\ud800", "块", "..", "/", "nan", "1", [],
    {}, [[]], [None], {"a": 1}, [1, 2, 3], "phone", "cloud", "energy", "latency", "p95", "worst", "mean",
)  # fmt: skip
Change = Callable[[random.Random, Any, Any], None]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) of a document."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        held = waiting.pop()
        keys = list(held) if isinstance(held, dict) else range(len(held)) if isinstance(held, list) else ()
        for key in keys:
            found.append((held, key))
            waiting.append(held[key])
    return found


def _replace(source: random.Random, held: Any, key: Any) -> None:
    held[key] = copy.deepcopy(source.choice(VALUES))


def _scale(source: random.Random, held: Any, key: Any) -> None:
    if isinstance(held[key], (int, float)) and not isinstance(held[key], bool):
        held[key] = float(held[key]) * 10.0 ** source.randint(-30, 30) * source.choice((1, 1, 1, -1))


def _delete(_: random.Random, held: Any, key: Any) -> None:
    del held[key]


def _repeat(source: random.Random, held: Any, key: Any) -> None:
    if isinstance(held, list):
        held.insert(source.randint(0, len(held)), copy.deepcopy(held[key]))
    else:
        held[f"{key}{source.choice(('', ' ', '2'))}"] = copy.deepcopy(held[key])


def _rename(source: random.Random, held: Any, key: Any) -> None:
    if isinstance(held, dict):
        held[str(source.choice(("x", "", "name", "\x1b", f"{key}s", "schema_version")))] = held.pop(key)


def _many(source: random.Random, held: Any, key: Any) -> None:
    if isinstance(held[key], list) and held[key]:
        held[key] = held[key] * source.choice((2, 30))


CHANGES: tuple[Change, ...] = (_replace, _replace, _replace, _scale, _scale, _delete, _repeat, _rename, _many)


def mutated(document: Any, source: random.Random) -> bytes:
    """Return a document after one to three changes of its structure, and now and then of its bytes."""
    document = copy.deepcopy(document)
    for _ in range(source.choice((1, 1, 1, 2, 3))):
        if found := places(document):
            kinds = found if source.random() < 0.5 else [place for place in found if _is_scalar(place)] or found
            source.choice(CHANGES)(source, *source.choice(kinds))
    data = json.dumps(document).encode("utf-8", "surrogatepass")
    return bent(data, source) if source.random() < 0.05 else data


def _is_scalar(place: tuple[Any, Any]) -> bool:
    return not isinstance(place[0][place[1]], (list, dict))


def bent(data: bytes, source: random.Random) -> bytes:
    """Return bytes with a piece cut off, changed or put in."""
    place = source.randrange(len(data) + 1)
    piece = source.choice((b"", b"\x00", b"\xff\xfe", b"{", b'"', b",", b"[" * 3000, b"9" * 5000, b"\n"))
    return data[:place] + piece + data[place + source.choice((0, 1, len(data))) :]


@dataclass(frozen=True)
class Target:
    """A kind of file, and a command that reads it."""

    name: str
    document: Any
    """JSON data, or text of another kind of file."""
    words: tuple[str, ...]
    """The command; FILE stands for the mutated file, OUT for a file to write."""
    weight: float = 1.0
    suffix: str = ".json"

    def data(self, source: random.Random) -> bytes:
        if isinstance(self.document, str):
            return bent(bent(self.document.encode(), source), source)
        return mutated(self.document, source)


def read(name: str) -> Any:
    return json.loads((EXAMPLES / name).read_text(encoding="utf-8"))


def targets(folder: Path) -> list[Target]:
    """Make results to mutate, and return every kind of file with the commands that read it."""
    small = ("--model", str(EXAMPLES / "small.json"), "--topology", str(EXAMPLES / "small-topology.json"))
    shared = ("--topology", str(EXAMPLES / "small-shared.json"))
    apps = read("small-shared.workload.json")
    for app in apps["apps"]:
        app["model"] = str(EXAMPLES / app["model"])
    workload = write(folder / "w.json", apps)
    states = {
        "schema_version": "1", "name": "s",
        "conditions": [
            {"name": "hot", "nodes": {"phone": {"slow_down": 2.0}}}, {"name": "gone", "nodes": {"cloud": None}},
        ],
    }  # fmt: skip
    made = {
        "plan": ("plan", *small), "joint": ("plan", "--workload", workload, *shared), "front": ("pareto", *small),
        "policy": ("adapt", EXAMPLES / "synthetic-phone.designs.json"),
    }  # fmt: skip
    for name, words in made.items():
        assert run(*words, "-o", folder / f"{name}.json").code == 0
    plan, joint, front, policy = (json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in made)
    trace = "\n".join((EXAMPLES / "synthetic-phone.trace.csv").read_text(encoding="utf-8").splitlines()[:30])
    model, topology = ("--model", "FILE", *small[2:]), (*small[:2], "--topology", "FILE")
    limited, two = ("--time-limit", "1s"), ("--methods", "exact,neurosurgeon")
    return [
        Target("model", read("small.json"), ("plan", *model, *limited), 4),
        Target("calibrated", read("b-alexnet-branchynet.json"), ("plan", *model, *limited), 1),
        Target(
            "model-limits", read("small.json"), ("plan", *model, *limited, "--max-latency", "25ms", "--rate", "3"), 2
        ),
        Target("topology", read("small-topology.json"), ("plan", *topology, *limited), 4),
        Target("package", read("mcm.json"), ("plan", *topology, *limited), 1),
        Target("compare", read("small-topology.json"), ("compare", *topology, *two), 1),
        Target("pareto", read("small.json"), ("pareto", *model, *limited), 1),
        Target("workload", apps, ("plan", "--workload", "FILE", *shared, "--method", "alone", *limited), 1),
        Target("plan", plan, ("check", "FILE", *small), 4),
        Target("joint", joint, ("check", "FILE", "--workload", str(workload), *shared), 2),
        Target("page", plan, ("report", "FILE", *small, "-o", "OUT"), 1),
        Target("front", front, ("report", "FILE", "-o", "OUT"), 0.5),
        Target("designs", read("synthetic-phone.designs.json"), ("adapt", "FILE"), 1),
        Target("policy", policy, ("replay", "FILE", str(EXAMPLES / "synthetic-phone.trace.csv")), 1),
        Target("trace", trace, ("replay", str(folder / "policy.json"), "FILE"), 1, ".csv"),
        Target("states", states, ("adapt", *small, "--states", "FILE", *limited), 0.5),
    ]


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


def cases(folder: Path, seed: int, count: int) -> Iterator[tuple[Target, tuple[str, ...], bytes]]:
    """Yield mutated files, each written where its command will read it."""
    source = random.Random(seed)
    kinds = targets(folder)
    for _ in range(count):
        target = source.choices(kinds, [kind.weight for kind in kinds])[0]
        path = folder / f"mutated{target.suffix}"
        data = target.data(source)
        path.write_bytes(data)
        names = {"FILE": str(path), "OUT": str(folder / "out.html")}
        yield target, tuple(names.get(word, word) for word in target.words), data


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
    shown = ran.out + ran.err
    rules = {
        f"exit code {ran.code}": ran.code in CODES or rejected,
        "a traceback": "Traceback" not in shown,
        "a control character": all(each.isprintable() or each == "\n" for each in shown),
        "no message": ran.code in (0, 1) or bool(ran.err.strip()),
        f"{ran.cpu_s:.1f} s": ran.cpu_s <= MOST_CPU_S,
        f"{len(ran.err)} characters of messages": len(ran.err) < 100_000,
    }
    return [rule for rule, kept in rules.items() if not kept]

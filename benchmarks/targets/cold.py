"""Row of a cold start: `planner plan` of a small model beside the imports that it cannot do without."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

from benchmarks.fin.designed import EXAMPLES
from benchmarks.targets.figures import Figure

_COMMANDS = {
    "imports": ("-c", "import numpy, pydantic, typer"),
    "plan": ("-m", "planner", "plan", "--model", "small.json", "--topology", "small-topology.json",
             "--min-accuracy", "0.9"),
}  # fmt: skip


def cold_start(rounds: int = 15) -> list[Figure]:
    """Fresh processes in turn, after one round that compiles and warms the disk cache; user and system time."""
    least = dict.fromkeys(_COMMANDS, float("inf"))
    for number in range(rounds + 1):
        for name, arguments in _COMMANDS.items():
            spent = _process(arguments)
            least[name] = min(least[name], spent) if number else least[name]
    return [
        Figure("cold planner plan of a small model, over imports", least["plan"] / least["imports"], "times", 2.0),
        Figure("cold planner plan of a small model", least["plan"], "s"),
    ]


def _process(arguments: tuple[str, ...]) -> float:
    """Return the CPU seconds of a process; it runs Python as users do, which keeps the code that it compiles."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], cwd=EXAMPLES, env=environment, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

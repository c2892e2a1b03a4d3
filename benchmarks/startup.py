"""Case `start-up`: the command line beside the imports that it cannot do without."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from statistics import median

from benchmarks.designed import EXAMPLES
from benchmarks.report import Report, seconds_text, timed

_SMALL = ("--model", "small.json", "--topology", "small-topology.json", "--min-accuracy", "0.9")
_COMMANDS = {
    "import numpy, pydantic, typer": ("-c", "import numpy, pydantic, typer"),
    "planner --help": ("-m", "planner", "--help"),
    "planner plan, examples/small.json": ("-m", "planner", "plan", *_SMALL),
}


@dataclass(frozen=True)
class StartUp:
    """Fresh processes, one after the other."""

    name: str = "start-up"
    repeats: int = 15

    def quick(self) -> StartUp:
        """Return a version that runs each command twice."""
        return replace(self, repeats=2)

    def run(self) -> Report:
        """Time every command in turn, several rounds, after one round that warms the disk cache."""
        seconds: dict[str, list[float]] = {title: [] for title in _COMMANDS}
        failed: list[str] = []
        for number in range(self.repeats + 1):
            for title, arguments in _COMMANDS.items():
                spent, done = timed(lambda arguments=arguments: _process(arguments))  # type: ignore[misc] # bound now
                if number:
                    seconds[title].append(spent)
                elif done.returncode:
                    failed.append(f"{title} ended with {done.returncode}: {done.stderr.strip()[-200:]}")
        least = median(next(iter(seconds.values())))
        rows = tuple(
            (title, seconds_text(median(some)), f"{median(some) / least:.2f}") for title, some in seconds.items()
        )
        columns = ("command", "time", "times the imports")
        return Report("start-up: fresh processes, median", columns, rows, tuple(failed))


def _process(arguments: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(EXAMPLES.parent), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, *arguments], cwd=EXAMPLES, env={**os.environ, "PYTHONPATH": paths},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

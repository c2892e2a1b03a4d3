"""Case `start-up`: the command line beside the imports that it cannot do without."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from statistics import median

from benchmarks.fin.designed import EXAMPLES
from benchmarks.report import Report, at_most, seconds_text, timed

_SMALL = ("--model", "small.json", "--topology", "small-topology.json", "--min-accuracy", "0.9")
_IMPORTS = "import numpy, pydantic, typer"
_MOST_IMPORTS = 2.0
_COMMANDS = {
    _IMPORTS: ("-c", _IMPORTS),
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
        """Time every command in turn, several rounds, after one round that compiles and warms the disk cache."""
        seconds: dict[str, list[float]] = {title: [] for title in _COMMANDS}
        failed: list[str] = []
        for number in range(self.repeats + 1):
            for title, arguments in _COMMANDS.items():
                spent, done = timed(lambda arguments=arguments: _process(arguments))  # type: ignore[misc] # bound now
                if number:
                    seconds[title].append(spent)
                elif done.returncode:
                    failed.append(f"{title} ended with {done.returncode}: {done.stderr.strip()[-200:]}")
        medians = {title: median(some) for title, some in seconds.items()}
        ratios = {title: spent / medians[_IMPORTS] for title, spent in medians.items()}
        rows = tuple((title, seconds_text(spent), f"{ratios[title]:.2f}") for title, spent in medians.items())
        targets = tuple(
            at_most(title, ratio, _MOST_IMPORTS, "times the imports")
            for title, ratio in ratios.items() if title != _IMPORTS
        )  # fmt: skip
        columns = ("command", "time", "times the imports")
        return Report("start-up: fresh processes, median", columns, rows, tuple(failed), targets)


def _process(arguments: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """Run Python as users do: it keeps the code that it compiles."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=EXAMPLES, env=environment, capture_output=True, text=True, check=False
    )

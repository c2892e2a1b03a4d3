"""Case `parallel`: a suite on one worker and on two, and the same requests in a plain loop."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from benchmarks.fin.designed import EXAMPLES
from benchmarks.report import Report, at_least, seconds_text, timed
from planner.bench.expansion import expand_suite
from planner.bench.runner import run_suite
from planner.bench.solving import run_case

_LEAST_SPEED_UP = 1.7
_SUITE = """
schema_version = "1"
name = "parallel"
fixed = {{ workload = "{examples}/fin-b-alexnet.workload.json", topology = "{examples}/device-edge-cloud.json" }}
axes = {{ min_accuracy = [{accuracies}], max_latency_s = [{latencies}], method = ["exact", "gamma", "neurosurgeon"] }}
"""


@dataclass(frozen=True)
class Parallel:
    """Requests of FIN's B-AlexNet grid, some milliseconds each."""

    name: str = "parallel"
    deadlines: int = 104
    repeats: int = 5

    def quick(self) -> Parallel:
        """Return a version of a few cases."""
        return replace(self, deadlines=2, repeats=1)

    def run(self) -> Report:
        """Time rounds that take every way in turn, start of processes included."""
        with tempfile.TemporaryDirectory() as folder:
            suite = Path(folder) / "suite.toml"
            suite.write_text(self._text(), encoding="utf-8")
            plan = expand_suite(suite)
            seconds: dict[str, list[float]] = {"loop, nothing stored": [], "1 worker": [], "2 workers": []}
            for number in range(self.repeats):
                loop_s, _ = timed(lambda: [run_case(case, plan.loaded) for case in plan.cases])
                seconds["loop, nothing stored"].append(loop_s)
                for jobs, title in ((1, "1 worker"), (2, "2 workers")):
                    results = Path(folder) / f"{number}-{jobs}"
                    spent_s, _ = timed(lambda jobs=jobs, results=results: run_suite(suite, results, jobs=jobs))  # type: ignore[misc] # bound now
                    seconds[title].append(spent_s)
        speed_up = median(one / two for one, two in zip(seconds["1 worker"], seconds["2 workers"], strict=True))
        loop_s = median(seconds["loop, nothing stored"])
        rows = tuple(
            (title, seconds_text(median(some)), f"{median(some) / loop_s:.2f}") for title, some in seconds.items()
        )
        return Report(
            f"parallel: {len(plan.cases)} cases, median of {self.repeats} rounds",
            ("way", "time", "times the loop"),
            rows,
            (f"2 workers are {speed_up:.2f} times as fast as 1 (median of the rounds' ratios)",),
            (at_least("speed-up of 2 workers", speed_up, _LEAST_SPEED_UP, "times"),),
        )

    def _text(self) -> str:
        latencies = ", ".join(f"{0.003 + 0.012 * index / self.deadlines:.6f}" for index in range(self.deadlines))
        accuracies = ", ".join(f"{percent / 100}" for percent in range(10, 90, 10))
        return _SUITE.format(examples=EXAMPLES, latencies=latencies, accuracies=accuracies)

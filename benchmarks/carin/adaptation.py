"""Case `adaptation`: a million joint designs scored, and what the runtime manager costs after that."""

from __future__ import annotations

import tempfile
import timeit
import tracemalloc
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.random import default_rng

from benchmarks.report import Report, at_least, at_most, median_seconds, seconds_text
from planner.carin.adapt import adapt
from planner.carin.manager import RuntimeManager
from planner.carin.replay import replay
from planner.carin.trace import LoadTrace, read_load_trace
from planner.schemas import Designs, Policy, check_document

_ENGINES = ("cpu", "gpu", "npu")
_MOST_S, _MOST_MB, _MOST_CALL_US, _LEAST_SAMPLES_PER_S = 2.0, 1000.0, 2.0, 200_000.0


@dataclass(frozen=True)
class Adaptation:
    """Three tasks of equally many invented designs, of which none is worse than another of its task in everything."""

    name: str = "adaptation"
    designs: int = 100
    samples: int = 1_000_000
    calls: int = 1_000_000
    repeats: int = 5
    seed: int = 1

    def quick(self) -> Adaptation:
        """Return a version of few designs and samples."""
        return replace(self, designs=8, samples=1000, calls=1000, repeats=1)

    def run(self) -> Report:
        """Time scoring with RASS, the manager's calls, and a replay; memory is traced in a run of its own."""
        document = check_document(invented(self.designs, self.seed), Designs)
        policy = adapt(document)
        adapt_s = median_seconds(lambda: adapt(document), self.repeats)
        peak_mb = _peak_bytes(document) / 1e6
        manager = RuntimeManager(policy.model_dump(mode="json"))
        call_us = {name: 1e6 * self._call_seconds(call, manager) for name, call in _CALLS.items()}
        trace = invented_trace(self.samples, len(_ENGINES), self.seed)
        replay_s = median_seconds(lambda: _replayed(policy, trace), self.repeats)
        read_s = self._reading_seconds(trace)
        alone, both = self.samples / replay_s, self.samples / (replay_s + read_s)
        what = f"{policy.joint_designs:,} joint designs, {len(policy.policy)} states"
        rows = (
            (f"policy of {what}, baselines included", seconds_text(adapt_s)),
            ("the same, per joint design", f"{adapt_s / policy.joint_designs * 1e9:.0f} ns"),
            ("the same, peak of memory in use", f"{peak_mb:.0f} MB"),
            *((name, f"{spent:.2f} µs") for name, spent in call_us.items()),
            (f"replay, {len(policy.design_set)} fixed designs and the oracle included", f"{alone:,.0f} samples/s"),
            ("the same, reading the CSV file included", f"{both:,.0f} samples/s"),
        )
        targets = (
            at_most("policy", adapt_s, _MOST_S, "s"),
            at_most("memory", peak_mb, _MOST_MB, "MB"),
            *(at_most(name, spent, _MOST_CALL_US, "µs") for name, spent in call_us.items()),
            at_least("replay with reading", both, _LEAST_SAMPLES_PER_S, "samples/s"),
        )
        return Report("adaptation: CARIn's policy and its use", ("what", "figure"), rows, targets=targets)

    def _call_seconds(self, call: str, manager: RuntimeManager) -> float:
        """Return the seconds of one call, the loop around it included."""
        timer = timeit.Timer(call, globals={"manager": manager, "loads": (0.5, 0.85, 0.1), "step": manager.step})
        return median(timer.repeat(self.repeats, self.calls)) / self.calls

    def _reading_seconds(self, trace: LoadTrace) -> float:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "trace.csv"
            with path.open("w", encoding="utf-8") as file:
                file.write(f"time_s,{','.join(_ENGINES)},memory_available_bytes\n")
                columns = (trace.time_s.tolist(), trace.load.tolist(), trace.memory_available_bytes.tolist())
                for time_s, load, memory_bytes in zip(*columns, strict=True):
                    file.write(f"{time_s:g},{','.join(f'{each:.3f}' for each in load)},{memory_bytes:.0f}\n")
            return median_seconds(lambda: read_load_trace(path, _ENGINES), self.repeats)


_CALLS = {
    "look-up of a state": "manager.look_up(5)",
    "a sample with hysteresis, then the look-up": "step(0.0, loads, 1e8)",
}


def invented(count: int, seed: int) -> dict[str, Any]:
    """Return the content of a designs file: three tasks whose designs are the faster, the less accurate."""
    random = default_rng(seed)

    def design(number: int) -> dict[str, Any]:
        size, engine = (number + random.random()) / count, _ENGINES[number % len(_ENGINES)]
        mean_s = (0.002 + 0.04 * size) * (1.0 + 0.2 * random.random())
        return {
            "name": f"m{number}@{engine}", "engine": engine, "accuracy": 0.6 + 0.3 * size,
            "size_bytes": 1e6 + 5e7 * size, "memory_bytes": 1e7 + 1e8 * size * (1.0 + random.random()),
            "energy_j": 0.001 + 0.05 * size * (1.0 + random.random()),
            "latency_s": {"mean": mean_s, "std": 0.1 * mean_s, "p95": 1.2 * mean_s, "max": 2.0 * mean_s},
        }  # fmt: skip

    return {
        "schema_version": "1", "name": "invented", "engines": list(_ENGINES), "memory_budget_bytes": 2e8,
        "tasks": [{"name": f"t{task}", "designs": [design(n) for n in range(count)]} for task in range(3)],
        "contention": {"cpu": [1.0, 1.8, 2.5]},
        "objectives": [
            {"metric": "latency_s"}, {"metric": "accuracy", "weight": 2.0}, {"metric": "energy_j"},
            {"metric": "latency_s", "statistic": "p95", "task": "t1"},
        ],
        "constraints": [{"metric": "latency_s", "statistic": "max", "max": 0.2}, {"metric": "accuracy", "min": 0.65}],
    }  # fmt: skip


def invented_trace(samples: int, engines: int, seed: int) -> LoadTrace:
    """Return loads that wander between 0 and 1 and memory that falls short at times, ten samples a second."""
    random = default_rng(seed)
    steps = np.cumsum(random.standard_normal((samples, engines + 1)) * 0.05, axis=0)
    wander = np.abs((steps + 1.0) % 2.0 - 1.0)  # folded into [0, 1]
    return LoadTrace(np.arange(samples) / 10.0, wander[:, :engines].round(3), (wander[:, engines] * 5e8).round())


def _replayed(policy: Policy, trace: LoadTrace) -> object:
    return replay(policy, trace, RuntimeManager(policy.model_dump(mode="json")))


def _peak_bytes(document: Designs) -> float:
    """Return the peak of what Python and NumPy hold while a policy is made."""
    tracemalloc.start()
    try:
        adapt(document)
        return float(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()

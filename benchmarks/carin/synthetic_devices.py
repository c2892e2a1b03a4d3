"""Invented devices for CARIn: ``python -m benchmarks.carin.synthetic_devices FOLDER`` writes two and a load trace.

Nothing here is measured. Latency is work over rate plus an overhead of the engine, energy is power times latency,
memory is parameters, activations and what the engine's runtime takes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.random import Generator, default_rng

Json = dict[str, Any]


@dataclass(frozen=True)
class Engine:
    """What an invented engine does."""

    float_ops_per_s: float
    """0: runs no floating-point models."""
    int8_ops_per_s: float
    overhead_s: float
    power_w: float
    runtime_bytes: float
    spread: float
    """Standard deviation of latency over its mean."""


@dataclass(frozen=True)
class Variant:
    """A model of a task."""

    name: str
    ops: float
    parameters: float
    activation_bytes: float
    accuracy: float


PHONE = {
    "cpu": Engine(3.0e10, 6.0e10, 0.0005, 2.2, 4e6, 0.10),
    "gpu": Engine(1.5e11, 1.6e11, 0.0040, 3.0, 4e7, 0.04),
    "npu": Engine(0.0, 6.0e11, 0.0020, 1.2, 2e7, 0.02),
}
TABLET = {
    "cpu": Engine(5.0e10, 1.1e11, 0.0005, 3.5, 4e6, 0.08),
    "gpu": Engine(4.0e11, 4.2e11, 0.0030, 5.0, 4e7, 0.03),
    "npu": Engine(0.0, 1.2e11, 0.0060, 1.0, 2e7, 0.05),
}
TASKS = {
    "scene": (
        Variant("scene-s", 6.0e8, 3.0e6, 6e6, 0.700),
        Variant("scene-m", 1.6e9, 6.0e6, 1.2e7, 0.752),
        Variant("scene-l", 5.0e9, 1.6e7, 2.4e7, 0.790),
    ),
    "faces": (
        Variant("faces-s", 3.0e8, 1.0e6, 4e6, 0.860),
        Variant("faces-m", 1.2e9, 4.0e6, 9e6, 0.910),
        Variant("faces-l", 3.0e9, 9.0e6, 1.6e7, 0.934),
    ),
    "words": (
        Variant("words-s", 2.0e8, 4.0e6, 2e6, 0.780),
        Variant("words-m", 1.0e9, 1.4e7, 5e6, 0.842),
        Variant("words-l", 4.0e9, 5.0e7, 1.2e7, 0.881),
    ),
}
CONTENTION = {"cpu": [1.0, 1.6, 2.3], "gpu": [1.0, 2.2, 3.5]}
THREADS = {1: 0.35, 2: 0.62, 4: 1.0}
"""Share of the CPU's rate (and of its power) that so many threads get."""


def device(name: str, engines: dict[str, Engine]) -> Json:
    """Return an invented device with its designs, as the content of a designs file."""
    return {
        "schema_version": "1",
        "name": name,
        "citation": "Invented, not measured: python -m benchmarks.carin.synthetic_devices makes this file.",
        "engines": list(engines),
        "memory_budget_bytes": 8e7,
        "tasks": [
            {"name": task, "designs": [each for variant in variants for each in _designs(variant, engines)]}
            for task, variants in TASKS.items()
        ],
        "contention": {engine: factors for engine, factors in CONTENTION.items() if engine in engines},
        "objectives": [
            {"metric": "latency_s", "statistic": "mean", "task": "scene", "weight": 1.0},
            {"metric": "latency_s", "statistic": "max", "weight": 1.0},
            {"metric": "accuracy", "weight": 2.0},
            {"metric": "energy_j", "weight": 1.0},
        ],
        "constraints": [
            {"metric": "latency_s", "statistic": "p95", "task": "scene", "max": 0.05},
            {"metric": "latency_s", "statistic": "p95", "max": 0.1},
            {"metric": "accuracy", "min": 0.8},
            {"metric": "accuracy", "task": "faces", "min": 0.88},
        ],
    }


def _designs(variant: Variant, engines: dict[str, Engine]) -> Iterator[Json]:
    for kind, bytes_each, loss in (("float", 4.0, 0.0), ("int8", 1.0, 0.006)):
        for name, engine in engines.items():
            rate = engine.int8_ops_per_s if kind == "int8" else engine.float_ops_per_s
            if rate == 0.0:
                continue
            for threads, share in THREADS.items() if name == "cpu" else ((0, 1.0),):
                mean_s = variant.ops / (rate * share) + engine.overhead_s
                yield {
                    "name": f"{variant.name}-{kind}@{name}{threads or ''}",
                    "engine": name,
                    "options": {"threads": threads} if threads else {},
                    "accuracy": round(variant.accuracy - loss, 4),
                    "size_bytes": variant.parameters * bytes_each,
                    "memory_bytes": variant.parameters * bytes_each + variant.activation_bytes + engine.runtime_bytes,
                    "energy_j": _short(engine.power_w * share * mean_s),
                    "latency_s": {
                        "mean": _short(mean_s),
                        "std": _short(mean_s * engine.spread),
                        "p95": _short(mean_s * (1.0 + 1.645 * engine.spread)),
                        "max": _short(mean_s * (1.0 + 4.0 * engine.spread)),
                    },
                }


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def trace(seed: int = 1, seconds: int = 600, per_second: int = 2) -> str:
    """Return an invented load trace of the phone as CSV: each engine is busy in bouts, memory runs short at times."""
    random = default_rng(seed)
    lines = ["time_s,cpu,gpu,npu,memory_available_bytes"]
    bouts = [_bouts(random, seconds * per_second, share) for share in (0.30, 0.20, 0.20, 0.15)]
    for number, (cpu, gpu, npu, memory) in enumerate(zip(*bouts, strict=True)):
        loads = [
            min(1.0, max(0.0, (0.9 if busy else 0.15) + 0.05 * float(random.standard_normal())))
            for busy in (cpu, gpu, npu)
        ]
        available = (1.0e8 if memory else 4.0e8) * (1.0 + 0.05 * float(random.random()))
        lines.append(f"{number / per_second:g},{','.join(f'{load:.3f}' for load in loads)},{available:.0f}")
    return "\n".join(lines) + "\n"


def _bouts(random: Generator, samples: int, share: float) -> list[bool]:
    """Return whether something goes on at every sample: bouts of 40 samples on average, for a share of the time."""
    busy, found = False, []
    for _ in range(samples):
        ends = 1 / 40 if busy else share / (1 - share) / 40
        busy ^= bool(random.random() < ends)
        found.append(busy)
    return found


def main() -> int:
    """Write the files into a folder."""
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python -m benchmarks.carin.synthetic_devices FOLDER\n")
        return 2
    folder = Path(sys.argv[1])
    for name, engines in (("phone", PHONE), ("tablet", TABLET)):
        text = json.dumps(device(f"synthetic-{name}", engines), indent=1) + "\n"
        (folder / f"synthetic-{name}.designs.json").write_text(text, encoding="utf-8")
    (folder / "synthetic-phone.trace.csv").write_text(trace(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

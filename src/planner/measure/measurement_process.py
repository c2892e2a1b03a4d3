"""Measurement of one design in a process of its own, so that peaks of memory do not mix.

JSON is read from standard input and written to standard output; only what runs the network is imported.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planner.measure.energy import counters

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SEED = 0


@dataclass(frozen=True)
class MeasurementJob:
    """A network file with the shapes of its inputs, and how it is measured."""

    path: str
    inputs: Mapping[str, tuple[int, ...]]
    """Shape of every input, by its name; all are float32."""
    threads: int
    warm_up: int
    repeats: int
    data: str | None = None
    """An .npz with `inputs` and `labels` to measure the accuracy on."""
    count_energy: bool = False
    """Read the processor's energy counters around the repeats."""


@dataclass(frozen=True)
class Measurement:
    """Figures of one design."""

    latencies_s: tuple[float, ...]
    """Seconds of every repeat."""
    memory_bytes: float
    """Peak of resident memory above what the process held before it loaded the network."""
    energy_j: float | None
    """Joules of one inference by the processor's counters: all that the processor did meanwhile."""
    accuracy: float | None
    """Fraction of labels met."""


def run(job: MeasurementJob) -> Measurement:
    """Load a network and time it; loading counts neither as latency nor into the memory held before.

    Args:
        job: The network and how it is measured.
    """
    import numpy as np
    import onnxruntime

    random = np.random.default_rng(_SEED)
    feeds = {name: random.standard_normal(shape, dtype=np.float32) for name, shape in job.inputs.items()}
    held_bytes = _resident_bytes()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = job.threads, 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(job.path, options, providers=["CPUExecutionProvider"])
    for _ in range(job.warm_up):
        session.run(None, feeds)
    packages = counters() if job.count_energy else []
    before_j = [package.read_j() for package in packages]
    latencies_s = []
    for _ in range(job.repeats):
        began = time.perf_counter_ns()
        session.run(None, feeds)
        latencies_s.append((time.perf_counter_ns() - began) * 1e-9)
    used_j = sum(package.used_j(before, package.read_j()) for package, before in zip(packages, before_j, strict=True))
    memory_bytes = max(0.0, _peak_bytes() - held_bytes)
    accuracy = None if job.data is None else _accuracy(session, job)
    return Measurement(tuple(latencies_s), memory_bytes, used_j / job.repeats if packages else None, accuracy)


def _accuracy(session: Any, job: MeasurementJob) -> float:  # noqa: ANN401 - onnxruntime ships no types
    """Return the fraction of samples whose largest output is at their label."""
    import numpy as np

    ((name, shape),) = job.inputs.items()
    with np.load(str(job.data)) as data:
        samples: NDArray[np.float32] = data["inputs"].astype(np.float32)
        labels = data["labels"]
    right = [
        int(np.argmax(session.run(None, {name: sample.reshape(shape)})[0])) == int(label)
        for sample, label in zip(samples, labels, strict=True)
    ]
    return sum(right) / len(right)


def _status_bytes(field: str) -> float | None:
    """Return a figure of this process as Linux gives it, None elsewhere."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((float(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:")), None)


def _resident_bytes() -> float:
    held = _status_bytes("VmRSS")
    return _peak_bytes() if held is None else held


def _peak_bytes() -> float:
    if (peak := _status_bytes("VmHWM")) is not None:
        return peak
    # on Linux getrusage would count what the parent held when it started this process
    import resource

    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))


def main() -> None:
    """Run the job that is read from standard input; an error is written as the answer."""
    raw = json.load(sys.stdin)
    raw["inputs"] = {name: tuple(shape) for name, shape in raw["inputs"].items()}
    try:
        answer = asdict(run(MeasurementJob(**raw)))
    except Exception as error:  # whatever the runtime refuses is told to the user
        answer = {"error": str(error).strip() or type(error).__name__}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()

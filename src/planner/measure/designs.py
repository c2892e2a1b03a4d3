"""Designs from ONNX files: every network, precision and number of threads, measured one after the other."""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from planner.measure.accuracy import check_data, stated_for
from planner.measure.energy import counters
from planner.measure.measurement_process import MeasurementJob
from planner.measure.networks import OnnxNetwork, quantised, read_network, size_bytes
from planner.schemas.reading.problems import InputError, Problem, input_error
from planner.schemas.reading.quantities import format_quantity
from planner.version import __version__


@dataclass(frozen=True)
class MeasurementSettings:
    """How networks are measured."""

    name: str = "measured"
    threads: tuple[int, ...] = (1, 2)
    precisions: tuple[str, ...] = ("float32", "int8")
    warm_up: int = 10
    repeats: int = 100
    power_w: float | None = None
    """Power while a network runs, as stated by the user; None: by the processor's counters, where they can be read."""
    stated: Mapping[str, float] = field(default_factory=dict)
    """Accuracies by variant (`net-int8`), or by network for its float32 variant."""
    data: Path | None = None
    """Labelled samples, for accuracies that are not stated."""


NetworksByTask = Mapping[str, Sequence[OnnxNetwork]]


def read_tasks(tasks: Mapping[str, Sequence[Path]], dims: Mapping[str, int]) -> NetworksByTask:
    """Read the networks of every task; raise InputError with all that is wrong with any."""
    from planner.measure.networks import open_dimensions

    problems = list(_same_names(tasks))
    networks: dict[str, list[OnnxNetwork]] = {}
    known: set[str] = set()
    for task, paths in tasks.items():
        networks[task] = []
        for path in paths:
            try:
                networks[task].append(read_network(path, dims))
                known |= open_dimensions(path)
            except InputError as error:
                problems += error.problems
    if not problems and (unknown := sorted(set(dims) - known)):
        fix = f"use one of {', '.join(sorted(known))}" if known else "leave it out: every input has a fixed shape"
        problems.append(Problem("", "--dim", ", ".join(unknown), "no network has this open dimension", fix))
    if problems:
        raise InputError(problems)
    return networks


def _same_names(tasks: Mapping[str, Sequence[Path]]) -> Iterator[Problem]:
    """Report names that would not tell networks apart: designs and accuracies go by the name of the file."""
    seen: dict[str, Path] = {}
    for task, paths in tasks.items():
        for index, path in enumerate(paths):
            if path in paths[:index]:
                yield Problem(str(path), "--task", task, "this network stands twice in one task", "name it once")
            elif seen.setdefault(path.stem, path) != path:
                message = f"{seen[path.stem]} has the same name"
                yield Problem(str(path), "", path.stem, message, "rename one of the two files")


def measure(tasks: NetworksByTask, settings: MeasurementSettings) -> dict[str, Any]:
    """Measure every design of every task, and return them as the data of a designs.json.

    Raises:
        InputError: An accuracy is neither stated nor measurable, or the runtime refuses a network.
    """
    samples = _check_accuracies(tasks, settings)
    rows = []
    with tempfile.TemporaryDirectory(prefix="planner-") as folder:
        for name, networks in tasks.items():
            designs = [row for network in networks for row in _designs(network, settings, Path(folder))]
            rows.append({"name": name, "designs": designs})
    document = {
        "schema_version": "1",
        "name": settings.name,
        "citation": _citation(settings, samples),
        "engines": ["cpu"],
        "tasks": rows,
        "objectives": [
            {"metric": "latency_s", "statistic": "mean", "weight": 1.0},
            {"metric": "accuracy", "weight": 1.0},
        ],
        "constraints": [],
    }
    return document


def _check_accuracies(tasks: NetworksByTask, settings: MeasurementSettings) -> int:
    """Check that an accuracy can be had for every variant, before anything runs; return the number of samples."""
    networks = [network for each in tasks.values() for network in each]
    lacking = [
        (network, precision)
        for network in networks
        for precision in settings.precisions
        if stated_for(settings.stated, network.name, precision) is None
    ]
    variants = {f"{network.name}-{precision}" for network in networks for precision in settings.precisions}
    known = variants | {network.name for network in networks}
    if unknown := sorted(set(settings.stated) - known):
        fix = f"use names such as {', '.join(sorted(variants))}"
        message = "nothing that is measured has this name"
        raise input_error(message, fix, path="--accuracy", value=", ".join(unknown))
    if lacking and settings.data is None:
        names = ", ".join(sorted({f"{network.name}-{precision}" for network, precision in lacking}))
        fix = f"state it, such as --accuracy {names.split(', ')[0]}=0.9, or give labelled samples with --data"
        raise input_error(f"nothing says how accurate {names} is", fix, path="--accuracy")
    if settings.data is None or not lacking:
        return 0
    return check_data(settings.data, [network for network, _ in lacking])


def _designs(network: OnnxNetwork, settings: MeasurementSettings, folder: Path) -> Iterator[dict[str, Any]]:
    for precision in settings.precisions:
        path = network.path if precision == "float32" else quantised(network, folder)
        accuracy = stated_for(settings.stated, network.name, precision)
        for threads in settings.threads:
            data = str(settings.data) if accuracy is None else None
            count_energy = settings.power_w is None
            job = MeasurementJob(
                str(path), network.inputs, threads, settings.warm_up, settings.repeats, data, count_energy
            )
            answer = _run_in_process(job, network)
            # threads do not change what a network answers, so samples are run once for each variant
            accuracy = answer["accuracy"] if accuracy is None else accuracy
            yield {
                "name": f"{network.name}-{precision}@cpu{threads}",
                "engine": "cpu",
                "options": {"threads": threads, "precision": precision},
                "accuracy": accuracy,
                "size_bytes": size_bytes(path),
                "memory_bytes": answer["memory_bytes"],
                **_energy(answer, settings.power_w),
                "latency_s": statistics_of(answer["latencies_s"]),
            }


def _energy(answer: Mapping[str, Any], power_w: float | None) -> dict[str, float]:
    """Return the energy of one inference, nothing where nobody can tell."""
    if power_w is not None:
        return {"energy_j": _rounded(power_w * math.fsum(answer["latencies_s"]) / len(answer["latencies_s"]))}
    return {} if answer["energy_j"] is None else {"energy_j": _rounded(answer["energy_j"])}


def statistics_of(latencies_s: Sequence[float]) -> dict[str, float]:
    """Return mean, standard deviation (of the population), 95th percentile and largest of latencies, in seconds."""
    import numpy as np

    values = np.array(latencies_s)
    # the smallest value that 95 % of the repeats do not exceed
    p95 = np.quantile(values, 0.95, method="inverted_cdf")
    statistics = {"mean": values.mean(), "std": values.std(), "p95": p95, "max": values.max()}
    return {name: _rounded(float(value)) for name, value in statistics.items()}


def _rounded(value: float) -> float:
    """Keep six digits: more say nothing in a measurement."""
    return float(f"{value:.6g}")


def _run_in_process(job: MeasurementJob, network: OnnxNetwork) -> dict[str, Any]:
    """Run a trial in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "planner.measure.measurement_process"],
        input=json.dumps(asdict(job)),
        capture_output=True,
        text=True,
        check=False,
    )
    fix = "check that ONNX Runtime runs this network with inputs of these shapes"
    if done.returncode != 0:
        message = f"the measuring process ended with code {done.returncode}"
        raise input_error(message, fix, file=str(network.path), value=done.stderr.strip().splitlines()[-1:] or None)
    answer: dict[str, Any] = json.loads(done.stdout)
    if "error" in answer:
        raise input_error(f"ONNX Runtime refuses it: {answer['error']}", fix, file=str(network.path))
    return answer


def _citation(settings: MeasurementSettings, samples: int) -> str:
    """Say how all of it was measured, without naming the machine."""
    from importlib.metadata import version

    if settings.power_w is not None:
        energy = (
            f"energy is the mean latency times a stated power of {format_quantity(settings.power_w, 'W')}, not measured"
        )
    elif counters():
        energy = (
            "energy is what the processor's counters (RAPL) say over the repeats, all that it did meanwhile included"
        )
    else:
        energy = "energy was not measured"
    accuracy = f"accuracy on {samples} labelled samples" if samples else "accuracy as stated"
    if samples and settings.stated:
        accuracy += " (or as stated)"
    return (
        f"Measured by planner {__version__} with ONNX Runtime {version('onnxruntime')} on {os.cpu_count()} processors "
        f"({platform.machine()}, {platform.system()}), each design in a process of its own: {settings.repeats} repeats "
        f"after {settings.warm_up} to warm up. memory_bytes is the peak of resident memory above what the process "
        f"held before it loaded the network; {energy}; {accuracy}. int8: dynamic quantisation of ONNX Runtime."
    )

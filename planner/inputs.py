"""What the command line gives, as a checked request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fin.method import Options
from planner.api import read_input, single_app
from planner.pipeline import Request
from planner.units import parse_fraction, parse_quantity
from schemas.model import Model
from schemas.problems import input_error
from schemas.topology import Topology
from schemas.workload import App, Workload


@dataclass(frozen=True)
class Limits:
    """Limits of one app as the user wrote them; None where nothing was given."""

    source: str | None = None
    destination: str | None = None
    rate: float | None = None
    max_latency: str | None = None
    latency: str | None = None
    min_accuracy: str | None = None
    max_energy: str | None = None
    objective: str | None = None
    pin: Sequence[str] = ()

    def given(self) -> list[str]:
        """Return the names of the options that were given."""
        return [f"--{name.replace('_', '-')}" for name, value in vars(self).items() if value not in (None, ())]


@dataclass(frozen=True)
class Sources:
    """The files to read."""

    topology: Path
    model: Path | None = None
    workload: Path | None = None
    app: str | None = None


def read_request(sources: Sources, limits: Limits, method: str, options: Options, per_exit_thresholds: bool) -> Request:
    """Read and check all inputs.

    Raises:
        InputError: With every problem of the first input that has any.
    """
    if (sources.model is None) == (sources.workload is None):
        raise input_error("give one of --model and --workload", "see planner plan --help")
    inputs: dict[str, str] = {}
    topology = read_input(sources.topology, Topology, inputs)
    if sources.workload is not None:
        app, model_path = _from_workload(sources.workload, sources.app, limits, inputs)
    elif sources.model is not None:
        if sources.app is not None:
            raise input_error("--app chooses from a workload, and none is given", "leave it out, or give --workload")
        app, model_path = _from_limits(sources.model, limits), sources.model
    model = read_input(model_path, Model, inputs)
    return Request(app, model, topology, method, options, per_exit_thresholds, inputs)


def _from_workload(path: Path, name: str | None, limits: Limits, inputs: dict[str, str]) -> tuple[App, Path]:
    if given := limits.given():
        fix = f"write them into the workload, or leave out {', '.join(given)}"
        raise input_error("limits stand in the workload file and on the command line", fix, file=str(path))
    workload = read_input(path, Workload, inputs)
    names = [app.name for app in workload.apps]
    if name is not None and name not in names:
        raise input_error(
            "the workload has no app of this name", f"use one of {', '.join(names)}", path="--app", value=name
        )
    if name is None and len(names) > 1:
        fix = f"choose one with --app ({', '.join(names)})"
        raise input_error(
            f"the workload has {len(names)} apps, and this version plans one at a time", fix, file=str(path)
        )
    app = workload.apps[names.index(name) if name is not None else 0]
    return app, path.parent / app.model


def _from_limits(model: Path, limits: Limits) -> App:
    least = limits.min_accuracy
    return single_app(
        {
            "model": str(model),
            "source": limits.source,
            "destination": limits.destination,
            "rate_per_s": limits.rate,
            "max_latency_s": _quantity(limits.max_latency, "s", "--max-latency"),
            "latency": limits.latency,
            "min_accuracy": None if least is None else parse_fraction(least, "--min-accuracy"),
            "max_energy_j": _quantity(limits.max_energy, "J", "--max-energy"),
            "objective": limits.objective,
            "pin": _pins(limits.pin),
        }
    )


def _quantity(text: str | None, unit: str, option: str) -> float | None:
    return None if text is None else parse_quantity(text, unit, option)


def _pins(texts: Sequence[str]) -> dict[str, list[str]]:
    pins: dict[str, list[str]] = {}
    for text in texts:
        block, separator, nodes = text.partition("=")
        fix = "write it as BLOCK=NODE or BLOCK=NODE,NODE"
        if not separator or not nodes:
            raise input_error("not a pin", fix, path="--pin", value=text)
        if block in pins:
            raise input_error("the block is pinned twice", fix, path="--pin", value=text)
        pins[block] = nodes.split(",")
    return pins

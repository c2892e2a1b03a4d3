"""What the command line gives: the apps that are asked for, and one of them as a checked request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from planner.commands.options import Constraints, Sources
from planner.commands.pins import private_pins, read_pins
from planner.files.reading import read_input, read_topology, single_app
from planner.fin.instance.instance import refuse_unknown_names
from planner.fin.instance.network import build_network
from planner.fin.instance.packages import expand
from planner.fin.method import ALL_METHODS, Options
from planner.pipeline.dispatch import check_names
from planner.pipeline.request import AUTO, AnyRequest, Request, methods_for, request_of
from planner.schemas.planning.model import Model
from planner.schemas.planning.topology import Topology
from planner.schemas.planning.workload import App, Workload
from planner.schemas.reading.problems import input_error


@dataclass(frozen=True)
class Asked:
    """Every app that is asked for with its model, and what they run on."""

    apps: tuple[tuple[App, Model], ...]
    topology: Topology
    inputs: Mapping[str, str]
    """Hash of every input file, by its name."""


def read_asked(sources: Sources, limits: Constraints) -> Asked:
    """Read and check all inputs: every app of a workload (or the one that is chosen), or one app by its limits.

    Raises:
        InputError: With every problem of the first input that has any.
    """
    inputs: dict[str, str] = {}
    _check_sources(sources)
    topology = read_topology(sources.topology, inputs)
    if sources.workload is not None:
        apps = _with_models(_from_workload(sources.workload, sources.app, limits, inputs), inputs)
    else:
        apps = (_from_limits(Path(str(sources.model)), limits, topology, inputs),)
    return Asked(apps, topology, inputs)


def read_checked(sources: Sources, limits: Constraints) -> Asked:
    """Read all inputs, and check that apps name nodes and blocks that are there.

    Raises:
        InputError: With every problem of the first input that has any, or with every name that is not there.
    """
    asked = read_asked(sources, limits)
    network = build_network(*expand(asked.topology))
    for app, model in asked.apps:
        refuse_unknown_names(app, model, network)
    return asked


def read_requested(
    sources: Sources, limits: Constraints, method: str, options: Options, per_exit_thresholds: bool
) -> AnyRequest:
    """Read and check all inputs of a request: one app, or all apps of a workload together.

    Raises:
        InputError: With every problem of the first input that has any, or there is no such method.
    """
    asked = read_asked(sources, limits)
    return request_of(asked.apps, asked.topology, method, options, per_exit_thresholds, asked.inputs)


def read_compared(
    sources: Sources, limits: Constraints, methods: Sequence[str] | None, options: Options, per_exit_thresholds: bool
) -> tuple[AnyRequest, Sequence[str]]:
    """Read and check all inputs, and the methods to compare on them (None: all there are).

    One app goes to methods for one app, or together to joint ones where a name is of those alone.

    Raises:
        InputError: With every problem of the first input that has any, or there is no such method.
    """
    first = next((name for name in methods or () if name not in ALL_METHODS), AUTO)
    request = read_requested(sources, limits, first, options, per_exit_thresholds)
    chosen = methods_for(request)
    for name in methods or ():
        if name not in chosen:
            fix = f"use one of {', '.join(chosen)}"
            raise input_error("there is no such method to compare with the others", fix, path="--methods", value=name)
    check_names(request)
    return request, methods or chosen


def read_request(
    sources: Sources, limits: Constraints, method: str, options: Options, per_exit_thresholds: bool
) -> Request:
    """Read and check all inputs of a request that must be one app.

    Raises:
        InputError: With every problem of the first input that has any, or there are several apps.
    """
    asked = read_asked(sources, limits)
    if len(asked.apps) > 1:
        names = ", ".join(app.name for app, _ in asked.apps)
        message = f"the workload has {len(asked.apps)} apps, and this is done for one at a time"
        raise input_error(message, f"choose one with --app ({names})", file=str(sources.workload))
    app, model = asked.apps[0]
    return Request(app, model, asked.topology, method, options, per_exit_thresholds, asked.inputs)


def _check_sources(sources: Sources) -> None:
    if (sources.model is None) == (sources.workload is None):
        raise input_error("give one of --model and --workload", "see planner plan --help")
    if sources.workload is None and sources.app is not None:
        raise input_error("--app chooses from a workload, and none is given", "leave it out, or give --workload")


def _with_models(apps: Sequence[tuple[App, Path]], inputs: dict[str, str]) -> tuple[tuple[App, Model], ...]:
    """Read the model of every app; a file that several apps name is read once."""
    models: dict[Path, Model] = {}
    for _, path in apps:
        if path not in models:
            models[path] = read_input(path, Model, inputs)
    return tuple((app, models[path]) for app, path in apps)


def _from_workload(path: Path, name: str | None, limits: Constraints, inputs: dict[str, str]) -> list[tuple[App, Path]]:
    if given := limits.given():
        fix = f"write them into the workload, or leave out {', '.join(given)}"
        raise input_error("limits stand in the workload file and on the command line", fix, file=str(path))
    workload = read_input(path, Workload, inputs)
    names = [app.name for app in workload.apps]
    if name is not None and name not in names:
        raise input_error(
            "the workload has no app of this name", f"use one of {', '.join(names)}", path="--app", value=name
        )
    return [(app, path.parent / app.model) for app in workload.apps if name in (None, app.name)]


def _from_limits(path: Path, limits: Constraints, topology: Topology, inputs: dict[str, str]) -> tuple[App, Model]:
    """Return the one app that options describe, and its model, by which names of blocks are resolved."""
    fields = limits.app_fields()
    model = read_input(path, Model, inputs)
    blocks = [block.name for block in model.blocks]
    pins = read_pins(limits.pin or (), blocks)
    if limits.private_until is not None:
        pins = private_pins(limits.private_until, limits.source, blocks, topology, pins)
    return single_app({"model": str(path), **fields, **({"pin": pins} if pins else {})}), model

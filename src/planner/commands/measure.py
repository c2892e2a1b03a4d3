"""`planner measure`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from planner.commands.command import command, refuse_inputs
from planner.commands.options import AsJson, Output
from planner.commands.output import note
from planner.process import orderly_end
from planner.schemas.reading.problems import input_error
from planner.units import parse_count

_MOST_THREADS = 1024
_MAX_NAME = 150
"""Characters of a name; designs add a precision and threads, and a design's name has at most 200."""


@command
def measure_command(
    files: Annotated[list[Path] | None, typer.Argument(help="ONNX files, each a task of its own.")] = None,
    task: Annotated[
        list[str] | None, typer.Option("--task", help="NAME=A.onnx,B.onnx: networks for one task. May be repeated.")
    ] = None,
    accuracy: Annotated[
        list[str] | None,
        typer.Option("--accuracy", help="NET-PRECISION=0.93, or a JSON file of such pairs. May be repeated."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Labelled samples: an .npz with inputs and labels.")
    ] = None,
    dim: Annotated[list[str] | None, typer.Option("--dim", help="NAME=SIZE of an open dimension of an input.")] = None,
    threads: Annotated[str, typer.Option("--threads", help="Numbers of threads, separated by commas.")] = "1,2",
    precisions: Annotated[str, typer.Option("--precisions", help="float32, int8 or both.")] = "float32,int8",
    repeats: Annotated[int, typer.Option("--repeats", min=1, max=1_000_000, help="Inferences timed.")] = 100,
    warm_up: Annotated[int, typer.Option("--warm-up", min=0, max=1_000_000, help="Inferences before those.")] = 10,
    power_w: Annotated[
        float | None, typer.Option("--power-w", help="Power while running, in watts (default: energy counters).")
    ] = None,
    name: Annotated[str, typer.Option("--name", help="Name of the use case.")] = "measured",
    output: Output = None,
    as_json: AsJson = False,
) -> int:
    """Measure ONNX networks on this machine: designs for planner adapt."""
    from planner.commands.results import written
    from planner.measure.accuracy import stated_accuracies
    from planner.measure.designs import MeasurementSettings, measure, read_tasks
    from planner.measure.networks import check_installed
    from planner.measure.report import designs_text
    from planner.progress import waiting
    from planner.schemas.reading.printable import printable_document

    _check_name(name, "--name")
    settings = MeasurementSettings(
        name, _threads(threads), _precisions(precisions), warm_up, repeats, _power(power_w),
        stated_accuracies(accuracy or ()), data,
    )  # fmt: skip
    paths, dims = _tasks(files or (), task or ()), _dims(dim or ())
    if output is not None:
        refuse_inputs(output, (path for listed in paths.values() for path in listed))
    check_installed()
    with ExitStack() as stack:
        stack.enter_context(orderly_end())  # networks are measured by other processes, in a folder of their own
        give = stack.enter_context(written(output, as_json))
        networks = read_tasks(paths, dims)
        with waiting("measuring"):
            document = measure(networks, settings)
        give(lambda: document, designs_text(printable_document(document)), True)
    if settings.power_w is None and not any("energy_j" in row for task in document["tasks"] for row in task["designs"]):
        note("energy was not measured: the processor's counters cannot be read; give --power-w")
    return 0


def _tasks(files: Sequence[Path], texts: Sequence[str]) -> dict[str, list[Path]]:
    """Return the files of every task, by its name."""
    tasks: dict[str, list[Path]] = {}
    named = [(path.stem, [path], str(path)) for path in files]
    for text in texts:
        name, separator, paths = text.partition("=")
        if not separator or not name or not all(paths.split(",")):
            raise input_error("not a task", "write it as NAME=A.onnx,B.onnx", path="--task", value=text)
        named.append((name, [Path(path) for path in paths.split(",")], text))
    for name, paths_of_task, text in named:
        if name in tasks:
            fix = "give each task a name of its own: --task NAME=FILE"
            raise input_error(f"two tasks are called {name!r}", fix, path="--task", value=text)
        tasks[name] = paths_of_task
    for name in filter(None, tasks):  # a folder such as / has no name, and is refused as a file
        _check_name(name, "--task")
    if not tasks:
        raise input_error("nothing to measure", "name ONNX files, or give --task NAME=A.onnx,B.onnx")
    return tasks


def _check_name(name: str, option: str) -> None:
    """Refuse names that a designs file does not take, before anything is measured."""
    if not 0 < len(name) <= _MAX_NAME:
        raise input_error("not a name", f"give 1 to {_MAX_NAME} characters", path=option, value=name)


def _dims(texts: Sequence[str]) -> dict[str, int]:
    dims: dict[str, int] = {}
    for text in texts:
        name, separator, size = text.rpartition("=")
        if not separator:
            raise input_error("not the size of a dimension", "write it as NAME=1", path="--dim", value=text)
        dims[name] = parse_count(size, "--dim", 2**31 - 1, "NAME=1")
    return dims


def _threads(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    return tuple(dict.fromkeys(parse_count(part, "--threads", _MOST_THREADS, "1,2") for part in parts))


def _precisions(text: str) -> tuple[str, ...]:
    from planner.measure.networks import PRECISIONS

    parts = [part.strip() for part in text.split(",")]
    if unknown := [part for part in parts if part not in PRECISIONS]:
        fix = f"use {' or '.join(PRECISIONS)}, or both with a comma"
        raise input_error("no such precision", fix, path="--precisions", value=", ".join(unknown))
    return tuple(dict.fromkeys(parts))


def _power(power_w: float | None) -> float | None:
    if power_w is not None and not 0.0 < power_w < float("inf"):
        raise input_error("not a power", "give watts above 0", path="--power-w", value=str(power_w))
    return power_w

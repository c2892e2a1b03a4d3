"""The command line: reads options, calls the library, and turns every outcome into an exit code."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import wraps
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, ParamSpec

import typer

from fin.method import METHODS, Options
from planner.errors import InternalError
from planner.units import parse_fraction, parse_quantity
from planner.version import __version__
from schemas.problems import InputError, input_error

if TYPE_CHECKING:
    from planner.pipeline import Request
    from schemas.placement import Placement

EXIT_OTHER, EXIT_INPUT, EXIT_INFEASIBLE, EXIT_UNKNOWN = 1, 2, 3, 4

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: loading rich would take longer than all the rest
    help="Decides where the pieces of a neural network run: exact, fast, with a proved bound.",
)

Parameters = ParamSpec("Parameters")

ModelPath = Annotated[Path | None, typer.Option("--model", help="The DNN: a model file.")]
TopologyPath = Annotated[Path, typer.Option("--topology", help="Nodes and links: a topology file.")]
WorkloadPath = Annotated[Path | None, typer.Option("--workload", help="An app with its limits: a workload file.")]
AppName = Annotated[str | None, typer.Option("--app", help="App of the workload to plan.")]
Source = Annotated[str | None, typer.Option(help="Node that holds the input (default: the first mobile node).")]
Destination = Annotated[str | None, typer.Option(help="Node that needs the results (default: none).")]
Rate = Annotated[float | None, typer.Option(help="Inferences per second (default: 0, a single one).")]
MaxLatency = Annotated[str | None, typer.Option(help="Latency limit, such as 50ms.")]
Statistic = Annotated[str | None, typer.Option("--latency", help="Which latency counts: worst, mean, p95, ...")]
MinAccuracy = Annotated[str | None, typer.Option(help="Least accuracy, such as 0.8 or 80% (default: the best).")]
MaxEnergy = Annotated[str | None, typer.Option(help="Energy limit of one inference, such as 20mJ.")]
Objective = Annotated[str | None, typer.Option(help="What is minimised: energy or latency.")]
Pin = Annotated[list[str] | None, typer.Option(help="BLOCK=NODE[,NODE]: where a block may run. May be repeated.")]
AUTO = "auto"
MethodName = Annotated[str, typer.Option("--method", help=f"auto, {', '.join(METHODS)}.")]
Gap = Annotated[str, typer.Option(help="Relative gap that counts as proved, such as 0.01 or 1%.")]
TimeLimit = Annotated[str | None, typer.Option(help="Time after which the best plan so far is given, such as 10s.")]
Gamma = Annotated[int, typer.Option(min=1, max=100_000, help="Latency levels of the method gamma.")]
Thresholds = Annotated[str, typer.Option(help="Designed operating points: common threshold, or one per-exit.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="File for the placement as JSON.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the placement as JSON.")]


def _exit_codes(command: Callable[Parameters, int]) -> Callable[Parameters, None]:
    """Turn a command's outcome into an exit code, and every expected error into one clear message."""

    @wraps(command)
    def run(*arguments: Parameters.args, **options: Parameters.kwargs) -> None:
        try:
            code = command(*arguments, **options)
        except InputError as error:
            for problem in error.problems:
                typer.echo(f"error: {problem}", err=True)
            code = EXIT_INPUT
        except InternalError as error:
            typer.echo("internal error: the plan does not stand before the verifier; please report this:", err=True)
            for violation in error.violations:
                typer.echo(f"  {violation.what}: {violation.message}", err=True)
            code = EXIT_OTHER
        except MemoryError:
            typer.echo("error: not enough memory for this problem; use fewer nodes or exits", err=True)
            code = EXIT_OTHER
        raise typer.Exit(code)

    return run


def _options(gap: str, time_limit: str | None, gamma: int) -> Options:
    seconds = None if time_limit is None else parse_quantity(time_limit, "s", "--time-limit")
    return Options(gap=parse_fraction(gap, "--gap"), time_limit_s=seconds, gamma=gamma)


def _per_exit(thresholds: str) -> bool:
    if thresholds not in ("common", "per-exit"):
        raise input_error("no such choice", "use common or per-exit", path="--thresholds", value=thresholds)
    return thresholds == "per-exit"


@app.command("plan")
@_exit_codes
def plan_command(
    topology: TopologyPath,
    model: ModelPath = None,
    workload: WorkloadPath = None,
    app_name: AppName = None,
    source: Source = None,
    destination: Destination = None,
    rate: Rate = None,
    max_latency: MaxLatency = None,
    latency: Statistic = None,
    min_accuracy: MinAccuracy = None,
    max_energy: MaxEnergy = None,
    objective: Objective = None,
    pin: Pin = None,
    method: MethodName = AUTO,
    gap: Gap = "0",
    time_limit: TimeLimit = None,
    gamma: Gamma = Options.gamma,
    thresholds: Thresholds = "common",
    output: Output = None,
    as_json: AsJson = False,
) -> int:
    """Place a DNN on a topology: least energy within the limits, with proof."""
    from planner.inputs import Limits, Sources, read_request
    from planner.pipeline import solve
    from planner.progress import waiting

    limits = Limits(
        source, destination, rate, max_latency, latency, min_accuracy, max_energy, objective, tuple(pin or ())
    )
    sources = Sources(topology, model, workload, app_name)
    with ExitStack() as stack:
        file = stack.enter_context(_opened(output)) if output is not None else None
        request = read_request(sources, limits, method, _options(gap, time_limit, gamma), _per_exit(thresholds))
        with waiting("planning"):
            placement = solve(request)
        if file is not None:
            _write(placement, file)
    _report(placement, as_json)
    return {"infeasible": EXIT_INFEASIBLE, "unknown": EXIT_UNKNOWN}.get(placement.status, 0)


def _opened(output: Path) -> AbstractContextManager[IO[str]]:
    from planner.output import whole_file

    return whole_file(output)


def _write(placement: Placement, file: IO[str]) -> None:
    from planner.output import placement_json

    json.dump(placement_json(placement), file, indent=2)
    file.write("\n")


def _report(placement: Placement, as_json: bool) -> None:
    """Print the result; without a plan the reasons go to the error stream."""
    if as_json:
        from planner.output import placement_json

        typer.echo(json.dumps(placement_json(placement), indent=2))
    if not as_json or not placement.apps:
        from planner.render import placement_text

        typer.echo(placement_text(placement), err=not placement.apps)


@app.command("compare")
@_exit_codes
def compare_command(
    topology: TopologyPath,
    model: ModelPath = None,
    workload: WorkloadPath = None,
    app_name: AppName = None,
    source: Source = None,
    destination: Destination = None,
    rate: Rate = None,
    max_latency: MaxLatency = None,
    latency: Statistic = None,
    min_accuracy: MinAccuracy = None,
    max_energy: MaxEnergy = None,
    objective: Objective = None,
    pin: Pin = None,
    methods: Annotated[str, typer.Option(help="Methods to compare, separated by commas.")] = ",".join(METHODS),
    gap: Gap = "0",
    time_limit: TimeLimit = "10s",
    gamma: Gamma = Options.gamma,
    thresholds: Thresholds = "common",
) -> int:
    """Run every method on the same inputs, in one table."""
    from planner.inputs import Limits, Sources, read_request

    limits = Limits(
        source, destination, rate, max_latency, latency, min_accuracy, max_energy, objective, tuple(pin or ())
    )
    sources = Sources(topology, model, workload, app_name)
    request = read_request(sources, limits, AUTO, _options(gap, time_limit, gamma), _per_exit(thresholds))
    return _compare(request, [name.strip() for name in methods.split(",")])


def _compare(request: Request, methods: list[str]) -> int:
    from rich.console import Console
    from rich.progress import track
    from rich.table import Table

    from fin.method import method
    from planner.compare import HEADINGS, cells, compare
    from planner.pipeline import instance_of

    instance_of(request)  # input errors show before anything runs
    for name in methods:
        method(name)
    errors = Console(stderr=True)
    steps = track(
        compare(request, methods),
        "comparing",
        len(methods),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    )
    rows = list(steps)
    values = [row.value for row in rows if row.value is not None]
    best = min(values, default=None)
    table = Table(*HEADINGS)
    for row in rows:
        table.add_row(*cells(row, best))
    console = Console()
    Console(width=console.width if console.is_terminal else 160).print(table)
    for row in rows:
        if row.placement.message:
            typer.echo(f"{row.method}: {row.placement.message}")
    if values:
        return 0
    return EXIT_INFEASIBLE if any(row.placement.status == "infeasible" for row in rows) else EXIT_UNKNOWN


@app.command("check")
@_exit_codes
def check_command(
    placement: Annotated[Path, typer.Argument(help="The placement file to check.")],
    topology: TopologyPath,
    model: ModelPath = None,
    workload: WorkloadPath = None,
    app_name: AppName = None,
    source: Source = None,
    destination: Destination = None,
    rate: Rate = None,
    max_latency: MaxLatency = None,
    latency: Statistic = None,
    min_accuracy: MinAccuracy = None,
    max_energy: MaxEnergy = None,
    objective: Objective = None,
    pin: Pin = None,
    gap: Gap = "1e-6",
) -> int:
    """Check a placement against its inputs, with code that shares nothing with the solvers."""
    from planner.inputs import Limits, Sources, read_request
    from planner.verify import verify
    from schemas.files import read_document
    from schemas.placement import Placement

    limits = Limits(
        source, destination, rate, max_latency, latency, min_accuracy, max_energy, objective, tuple(pin or ())
    )
    request = read_request(Sources(topology, model, workload, app_name), limits, AUTO, Options(), False)
    held, _ = read_document(placement, Placement)
    violations = verify(held, request.topology, [(request.app, request.model)], parse_fraction(gap, "--gap"))
    for violation in violations:
        where = ": ".join(part for part in (violation.app, violation.what) if part)
        typer.echo(f"broken: {where}: {violation.message}")
    if not violations and held.apps:
        typer.echo(f"{placement}: stands ({held.status}); energy, latency, accuracy and every limit recomputed")
    elif not violations:
        typer.echo(f"{placement}: holds no plan to check ({held.status})")
    return EXIT_OTHER if violations else 0


@app.command("schema")
@_exit_codes
def schema_command(
    name: Annotated[str, typer.Argument(help="model, topology, workload or placement.")] = "",
) -> int:
    """Print the JSON Schema of a file format (all formats without a name)."""
    from schemas.export import DOCUMENTS, json_schema

    if name and name not in DOCUMENTS:
        raise input_error("there is no such format", f"use one of {', '.join(DOCUMENTS)}", value=name)
    if name:
        typer.echo(json_schema(name), nl=False)
    else:
        typer.echo(json.dumps({each: json.loads(json_schema(each)) for each in DOCUMENTS}, indent=2))
    return 0


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"planner {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Decides where the pieces of a neural network run: exact, fast, with a proved bound."""


def main() -> Any:  # noqa: ANN401 - typer returns what the command returns
    """Run the command line."""
    # looking for plugins of pydantic reads the metadata of every installed package, a tenth of a short run
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        return app()
    except OSError as error:  # such as a full disk behind standard output
        # the interpreter flushes standard output once more at its end, which must not fail again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.stderr.write(f"error: {error.strerror or error}\n")
        sys.exit(EXIT_OTHER)


if __name__ == "__main__":
    main()

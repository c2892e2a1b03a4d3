"""The command line: what there is, and what happens around every command."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from planner.commands.adapt import adapt_command
from planner.commands.bench import bench_command
from planner.commands.check import check_command
from planner.commands.compare import compare_command
from planner.commands.exits import EXIT_OTHER
from planner.commands.export import export_command
from planner.commands.measure import measure_command
from planner.commands.pareto import pareto_command
from planner.commands.plan import plan_command
from planner.commands.replay import replay_command
from planner.commands.report import report_command
from planner.commands.schema import schema_command
from planner.version import __version__

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: loading rich would take longer than all the rest
    help="Decides where the pieces of a neural network run: exact, fast, with a proved bound.",
)
app.command("plan")(plan_command)
app.command("compare")(compare_command)
app.command("pareto")(pareto_command)
app.command("report")(report_command)
app.command("check")(check_command)
app.command("measure")(measure_command)
app.command("adapt")(adapt_command)
app.command("replay")(replay_command)
app.command("bench")(bench_command)
app.command("export")(export_command)
app.command("schema")(schema_command)


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

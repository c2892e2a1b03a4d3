"""Exit codes: every outcome and every expected error has one."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import typer

from planner.errors import InternalError
from planner.schemas.reading.problems import InputError

EXIT_OTHER, EXIT_INPUT, EXIT_INFEASIBLE, EXIT_UNKNOWN = 1, 2, 3, 4

Parameters = ParamSpec("Parameters")


def exit_codes(command: Callable[Parameters, int]) -> Callable[Parameters, None]:
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

"""Exit codes: every outcome and every expected error has one."""

from __future__ import annotations

from collections.abc import Callable

import typer

from planner.errors import InternalError
from planner.process import Ended
from planner.schemas.reading.problems import InputError

EXIT_OTHER, EXIT_INPUT, EXIT_INFEASIBLE, EXIT_UNKNOWN = 1, 2, 3, 4
EXIT_INTERRUPTED = 130


def exit_code_of(run: Callable[[], int]) -> int:
    """Run a command and return its exit code; every expected error becomes one clear message."""
    try:
        return run()
    except InputError as error:
        for problem in error.problems:
            typer.echo(f"error: {problem}", err=True)
        return EXIT_INPUT
    except InternalError as error:
        typer.echo("internal error: the plan does not stand before the verifier; please report this:", err=True)
        for violation in error.violations:
            typer.echo(f"  {violation.what}: {violation.message}", err=True)
    except Ended as ended:
        return ended.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except MemoryError:
        typer.echo("error: not enough memory for this problem; use fewer nodes or exits", err=True)
    return EXIT_OTHER

"""Exit codes: every outcome and every expected error has one."""

from __future__ import annotations

from collections.abc import Callable

from planner.commands.output import say
from planner.errors import InternalError
from planner.process import Ended
from planner.schemas.reading.printable import printable
from planner.schemas.reading.problems import InputError, problem_lines

EXIT_OTHER, EXIT_INPUT, EXIT_INFEASIBLE, EXIT_UNKNOWN = 1, 2, 3, 4
EXIT_INTERRUPTED = 130


def status_code(status: str) -> int:
    """Return the exit code of a status of planning."""
    return {"infeasible": EXIT_INFEASIBLE, "unknown": EXIT_UNKNOWN}.get(status, 0)


def exit_code_of(run: Callable[[], int]) -> int:
    """Run a command and return its exit code; every expected error becomes one clear message."""
    try:
        return run()
    except InputError as error:
        for line in problem_lines(error.problems):
            say(f"error: {line}", err=True)
        return EXIT_INPUT
    except InternalError as error:
        say("internal error: the plan does not stand before the verifier; please report this:", err=True)
        for violation in error.violations[:10]:
            say(f"  {printable(violation.what)}: {printable(violation.message)}", err=True)
    except Ended as ended:
        return ended.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except MemoryError:
        say("error: not enough memory for this problem; use fewer nodes or exits", err=True)
    return EXIT_OTHER

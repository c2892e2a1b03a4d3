"""The decorator of every command: groups of options spread out, outcomes and expected errors as exit codes."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import typer

from planner.commands.exits import exit_code_of
from planner.commands.option_groups import spread


def command(function: Callable[..., int]) -> Callable[..., None]:
    """Turn a function that returns an exit code into a command that typer can run.

    Args:
        function: Takes options as annotated parameters or as groups (`planner.commands.option_groups`), and returns
            the exit code.
    """
    spread_out = spread(function)

    @wraps(spread_out)
    def run(**options: object) -> None:
        raise typer.Exit(exit_code_of(lambda: spread_out(**options)))

    return run

"""The decorator of every command: groups of options spread out, outcomes and expected errors as exit codes."""

from __future__ import annotations

import inspect
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import wraps
from pathlib import Path

import typer

from planner.commands.exit_codes import exit_code_of
from planner.commands.option_groups import spread
from planner.commands.output import Written
from planner.schemas.reading.files import record_inputs
from planner.schemas.reading.problems import InputError, Problem, input_error

_OF_THE_APP = re.compile(r"(?:app app: |limits: apps\[0\]\.)(\w+)(?:\.(.*)|\[\d+\])?|(limits)\.(.*)")
"""Where problems of the one app that options describe stand: a file of them is named nowhere."""


def command(function: Callable[..., int]) -> Callable[..., None]:
    """Turn a function that returns an exit code into a command that typer can run.

    Before the function is called, an option `output` that names the same file as another option is refused, whatever
    links lead there.

    Args:
        function: Takes options as annotated parameters or as groups (`planner.commands.option_groups`), and returns
            the exit code.
    """
    spread_out = spread(function)

    def checked(options: dict[str, object]) -> int:
        record_inputs()
        output = options.get("output")
        if isinstance(output, Path):
            for each in _written(spread_out):
                each.refuse_suffix(output)
            refuse_inputs(output, _paths({name: value for name, value in options.items() if name != "output"}))
        return spread_out(**options)

    @wraps(spread_out)
    def run(**options: object) -> None:
        raise typer.Exit(exit_code_of(lambda: _named_as_options(checked, options)))

    return run


def _written(function: Callable[..., int]) -> list[Written]:
    """Return what the option ``--output`` of a command says that it writes."""
    hint = inspect.signature(function).parameters["output"].annotation
    return [each for each in getattr(hint, "__metadata__", ()) if isinstance(each, Written)]


def _named_as_options(run: Callable[[dict[str, object]], int], options: dict[str, object]) -> int:
    """Run a command; problems that name an argument of the library name the option that gives it."""
    try:
        return run(options)
    except InputError as error:
        raise InputError([_named_as_option(each, options) for each in error.problems]) from None


def _named_as_option(problem: Problem, options: Mapping[str, object]) -> Problem:
    for name in (problem.path, f"{problem.path}s"):  # compare has --methods
        if not problem.file and name == "objective" and options.get(name) is None and options.get("workload"):
            return replace(problem, file=str(options["workload"]))
        if not problem.file and name in options:
            return replace(problem, path=f"--{name.replace('_', '-')}")
    of_app = _OF_THE_APP.fullmatch(": ".join(filter(None, (problem.file, problem.path))))
    if of_app and "model" in options and options.get("workload") is None:
        from planner.commands.options import option_of  # names all methods, which only mistakes need here

        of_field = of_app[1] or of_app[3]
        if option := "--model" if of_field == "model" else option_of(of_field):
            return replace(problem, file="", path=f"{option} {of_app[2] or of_app[4] or ''}".rstrip())
    return problem


def _paths(options: dict[str, object]) -> Iterator[Path]:
    for value in options.values():
        for each in value if isinstance(value, list) else (value,):
            if isinstance(each, Path):
                yield each


def refuse_inputs(output: Path, inputs: Iterator[Path]) -> None:
    """Raise InputError if the output is one of the inputs, under the same name or through links."""
    held = _file(output)
    for path in inputs:
        if held is not None and _file(path) == held:
            also = "" if path == output else f" ({path})"
            message = f"the output would replace an input of the same command{also}"
            raise input_error(message, "give another path", file=str(output))


def _file(path: Path) -> tuple[int, int] | None:
    """Return device and inode of a regular file or folder, None of anything else."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    regular = stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)
    return (status.st_dev, status.st_ino) if regular else None

"""The root of the command line: a group whose commands are imported when they are called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping, Sequence
from functools import cache
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from planner.commands.metavars import name_values
from planner.commands.registry import COMMANDS, Registered
from planner.version import __version__

_SETTINGS = {"help_option_names": ["-h", "--help"]}


class _Lazy(MutableMapping[str, Any]):
    """Commands by name; each is imported and built when it is looked up."""

    def __init__(self, registered: tuple[Registered, ...]) -> None:
        self._registered = {row.name: row for row in registered}
        self._further: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - a command of click, whose types typer hides
        return self._further[name] if name in self._further else _build(self._registered[name])

    def __setitem__(self, name: str, command: Any) -> None:  # noqa: ANN401 - as above
        self._further[name] = command

    def __delitem__(self, name: str) -> None:
        self._registered.pop(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._registered)

    def __len__(self) -> int:
        return len(self._registered)


@cache
def _build(row: Registered) -> Any:  # noqa: ANN401 - a command of click, whose types typer hides
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    function = row.load()
    single.command(row.name)(function)
    built: Any = get_command(single)
    name_values(built, function)
    for parameter in built.params:
        parameter.process_value = _without_conversion_of_defaults(parameter)
    return built


def _without_conversion_of_defaults(parameter: Any) -> Callable[[Any, Any], Any]:  # noqa: ANN401 - as above
    """Return how a parameter checks its value, without typer's validator where the value is the default.

    Typer builds a validator for every option of a command, given or not, which takes a tenth of a short run.
    """
    convert: Callable[[Any, Any], Any] = parameter.process_value
    if parameter.required or parameter.callback is not None:
        return convert

    def process_value(context: Any, value: Any) -> Any:  # noqa: ANN401 - as above
        if value is None:
            return () if parameter.multiple else None
        if value is parameter.default and isinstance(value, (str, int, float)):
            return value
        return convert(context, value)

    return process_value


class _LazyGroup(TyperGroup):
    """A group that lists the table of commands without importing any of them."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - passed on
        super().__init__(**settings)
        self.commands = _Lazy(COMMANDS)

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override] # typer's own class of contexts
        """Return names in the order of the table."""
        return list(self.commands)

    def format_commands(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override] # noqa: ANN401
        """Write every summary whole."""
        with formatter.section("Commands"):
            formatter.write_dl([(row.name, row.summary) for row in COMMANDS])


app = typer.Typer(
    cls=_LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: loading rich would take longer than all the rest
    context_settings=_SETTINGS,
)


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


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code.

    Args:
        arguments: Words after the name of the program.

    Raises:
        OSError: Standard output cannot be written.
        Ended: A signal asked a command to end in order.
    """
    command = get_command(app)
    try:
        code = command.main(list(arguments), prog_name="planner", standalone_mode=False)
    except SystemExit as ended:  # typer's answer to a pipe that ended
        code = ended.code
    except Exception as error:  # wrong usage has classes of its own, which typer hides
        code = getattr(error, "exit_code", None)
        if not isinstance(code, int) or not hasattr(error, "show"):
            raise
        error.show()
    return code if isinstance(code, int) else 0

"""Options that several commands share, as dataclasses: one parameter of a command stands for a group of options.

A group is a frozen dataclass whose fields are annotated as parameters of typer. A command that names the group as the
type of one parameter gets all options of the group, and is called with one instance of it. The default of that
parameter is an instance, whose values are the defaults of the options.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import Any, TypeVar, get_type_hints

CodeT = TypeVar("CodeT")


class OptionGroup:
    """Base of all groups of options."""

    def given(self) -> list[str]:
        """Return the names of the options whose value is not the default."""
        return [f"--{_flag(each.name)}" for each in fields(self) if getattr(self, each.name) != each.default]  # type: ignore[arg-type] # groups are dataclasses


def _flag(name: str) -> str:
    return name.replace("_", "-")


def spread(command: Callable[..., CodeT]) -> Callable[..., CodeT]:
    """Return the command with the options of its groups as parameters of its own, which typer reads."""
    hints = get_type_hints(command, include_extras=True)
    parameters: list[inspect.Parameter] = []
    groups: dict[str, tuple[type[OptionGroup], list[str]]] = {}
    for parameter in inspect.signature(command).parameters.values():
        hint = hints[parameter.name]
        if isinstance(hint, type) and issubclass(hint, OptionGroup):
            members = _members(hint, parameter.default)
            groups[parameter.name] = (hint, [member.name for member in members])
            parameters += members
        else:
            parameters.append(parameter.replace(annotation=hint, kind=inspect.Parameter.KEYWORD_ONLY))

    @wraps(command)
    def run(**options: Any) -> CodeT:  # noqa: ANN401 - whatever the options hold
        for name, (group, members) in groups.items():
            options[name] = group(**{member: options.pop(member) for member in members})
        return command(**options)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # what inspect looks for
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _members(group: type[OptionGroup], default: object) -> list[inspect.Parameter]:
    """Return the fields of a group as parameters; values of `default` are their defaults."""
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=getattr(default, each.name) if isinstance(default, group) else _default(each.default),
            annotation=hints[each.name],
        )
        for each in fields(group)  # type: ignore[arg-type] # groups are dataclasses
    ]


def _default(value: object) -> object:
    from dataclasses import MISSING

    return inspect.Parameter.empty if value is MISSING else value

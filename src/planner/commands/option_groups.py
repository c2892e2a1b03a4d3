"""Options that several commands share, as dataclasses: one parameter of a command stands for a group of options.

A group is a frozen dataclass whose fields are annotated as parameters of typer. A command that names the group as the
type of one parameter gets all options of the group, and is called with one instance of it. The default of that
parameter is an instance, whose values are the defaults of the options. A field of a group that is annotated with
`SeveralOptions` holds the values of several optional texts by their names; all of them default to None.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import wraps
from typing import Annotated, Any, TypeVar, get_type_hints

CodeT = TypeVar("CodeT")


@dataclass(frozen=True)
class SeveralOptions:
    """Marks a field that holds the texts of several options by name; what typer reads of each, by name."""

    by_name: Mapping[str, object]


class OptionGroup:
    """Base of all groups of options."""

    def given(self) -> list[str]:
        """Return the names of the options whose value is not the default."""
        values = _values(self)
        return [f"--{_flag(each.name)}" for each in _members(type(self), None) if values[each.name] != each.default]


_ANNOTATIONS: dict[type, Mapping[str, Any]] = {}


def annotations_of(group: type) -> Mapping[str, Any]:
    """Return the annotation of every field of a group by its name, evaluated once.

    Args:
        group: The class of the group.

    Returns:
        The annotations, with what typer reads of each.
    """
    if group not in _ANNOTATIONS:
        _ANNOTATIONS[group] = get_type_hints(group, include_extras=True)
    return _ANNOTATIONS[group]


def _options_of(group: type[OptionGroup]) -> Mapping[str, SeveralOptions]:
    """Return the fields of a group that hold several options."""
    return {
        name: note
        for name, hint in annotations_of(group).items()
        for note in getattr(hint, "__metadata__", ())
        if isinstance(note, SeveralOptions)
    }


def _values(group: OptionGroup) -> dict[str, object]:
    """Return the value of every option of a group."""
    several = _options_of(type(group))
    found: dict[str, object] = {}
    for each in fields(group):  # type: ignore[arg-type] # groups are dataclasses
        value = getattr(group, each.name)
        if each.name in several:
            found |= {name: value.get(name) for name in several[each.name].by_name}
        else:
            found[each.name] = value
    return found


def _instance(group: type[OptionGroup], values: Mapping[str, object]) -> OptionGroup:
    """Return a group with the values of its options."""
    several = _options_of(group)
    held = {name for note in several.values() for name in note.by_name}
    gathered = {
        name: {option: values[option] for option in note.by_name if values[option] is not None}
        for name, note in several.items()
    }
    return group(**{name: value for name, value in values.items() if name not in held}, **gathered)


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
            options[name] = _instance(group, {member: options.pop(member) for member in members})
        return command(**options)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # what inspect looks for
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _members(group: type[OptionGroup], default: object) -> list[inspect.Parameter]:
    """Return the options of a group as parameters; values of `default` are their defaults."""
    hints, several = annotations_of(group), _options_of(group)
    held = _values(default) if isinstance(default, group) else {}
    found = []
    for each in fields(group):  # type: ignore[arg-type] # groups are dataclasses
        if each.name in several:
            listed = several[each.name].by_name.items()
            options: list[tuple[str, object, Any]] = [
                (name, None, Annotated[str | None, note]) for name, note in listed
            ]
        else:
            options = [(each.name, _default(each.default), hints[each.name])]
        for name, usual, hint in options:
            kind, value = inspect.Parameter.KEYWORD_ONLY, held.get(name, usual)
            found.append(inspect.Parameter(name, kind, default=value, annotation=hint))
    return found


def _default(value: object) -> object:
    return inspect.Parameter.empty if value is MISSING else value

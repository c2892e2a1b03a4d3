"""From pydantic's errors to problems in the user's words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from planner.schemas.reading.base import LEAST, MOST, Strict, field_names, nested_schema
from planner.schemas.reading.forms import FORMS
from planner.schemas.reading.one_or_many import without_forms
from planner.schemas.reading.problems import Problem, nearest_name, path_text, shown

_PLAIN = "give a plain number in the unit that the field's name ends with"
_ADVICE = {
    "missing": "add the field",
    "json_invalid": "mend the JSON",
    "finite_number": "give a finite number",
    "float_type": _PLAIN,
    "float_parsing": _PLAIN,
    "string_type": "give a text in quotes",
    "int_type": "give a whole number",
    "bool_type": "give true or false",
    "dict_type": "give an object {...}",
    "tuple_type": "give a list [...]",
    "model_type": "give an object {...}",
    "model_attributes_type": "give an object {...}",
    "too_short": "give at least one entry",
    "string_too_short": "give a name",
    "string_too_long": "shorten it",
}

_KEY = "[key]"
"""Ends the locations of errors that are about a key of an object, not about its value."""
_OBJECTS = ("model_type", "model_attributes_type")
"""Kinds of errors where an object with known fields belongs."""
_MESSAGES = {
    "missing": "required field is missing",
    "extra_forbidden": "unknown field",
    "float_type": "not a number",
    "float_parsing": "not a number",
    "dict_type": "not an object",
    "model_type": "not an object",
    "model_attributes_type": "not an object",
    "tuple_type": "not a list",
    "string_type": "not a text",
    "too_short": "too few entries",
}
"""Where pydantic says it less plainly, or speaks of Python's types, which the user's file does not have."""


def problems_of(error: ValidationError, schema: type[BaseModel], file: str) -> list[Problem]:
    """Translate a validation error into problems that name the field's path and what to do.

    Args:
        error: What pydantic found.
        schema: What the document should fit.
        file: Name of the file.

    Returns:
        One problem for each mistake, in the order of fields.
    """
    problems = []
    for detail in error.errors(include_url=False):
        kind, context = detail["type"], detail.get("ctx", {})
        if kind == "too_short" and len(detail["input"]) >= int(context.get("min_length", 1)):
            continue  # pydantic adds this where entries are wrong, not missing
        location = without_forms(detail["loc"])
        location = location[:-1] if location[-1:] == (_KEY,) else location
        value = "" if kind in ("missing", "extra_forbidden") else _found(detail["input"])
        message, fix = _words(kind, context, schema, location)
        problems.append(
            Problem(file, path_text(location), value, message or str(context.get("message", detail["msg"])), fix)
        )
    return problems


def _words(
    kind: str, context: Mapping[str, Any], schema: type[BaseModel], location: Sequence[str | int]
) -> tuple[str, str]:
    """Return what is wrong (empty: as pydantic says it) and what to do."""
    message, fix = _MESSAGES.get(kind, ""), str(context.get("fix") or _ADVICE.get(kind, "change the value"))
    if kind == "missing" and location[-1:] == ("schema_version",):
        fix = 'add schema_version with the value "1"'
    elif kind == "extra_forbidden":
        parent = _schema_at(schema, location[:-1])
        known = parent.fields_elsewhere if parent is not None and issubclass(parent, Strict) else {}
        elsewhere = known.get(str(location[-1]))
        message, fix = (elsewhere, "remove it") if elsewhere else (message, _nearest_field(parent, str(location[-1])))
    elif kind in _OBJECTS and location and (needed := _required(_schema_at(schema, location))):
        fix = f"give an object with its fields: {{{', '.join(f'{json.dumps(name)}: ...' for name in needed)}}}"
    elif kind == "too_short" and int(context.get("min_length", 1)) > 1:
        fix = f"give at least {context['min_length']} entries"
    elif kind == "greater_than_equal" and context.get("ge") == LEAST:
        message = f"not greater than 0 (at least {LEAST:g})"
    elif kind == "less_than_equal" and context.get("le") == MOST:
        message = f"too large (at most {MOST:g})"
    elif kind == "string_pattern_mismatch":
        form = FORMS[str(context["pattern"])]
        message, fix = form.message, form.fix
    return message, fix


def _nearest_field(parent: type[BaseModel] | None, name: str) -> str:
    """Return the advice for an unknown field of a schema: the known field whose name is nearest, else all of them."""
    known = field_names(parent) if parent is not None else []
    near = nearest_name(name, tuple(known))
    return f"did you mean {near!r}?" if near else f"remove it (known here: {', '.join(known)})"


def _schema_at(schema: type[BaseModel], location: Sequence[str | int]) -> type[BaseModel] | None:
    """Return the schema of what stands at a location, None where it has none."""
    current: type[BaseModel] | None = schema
    for part in location:
        if current is not None and isinstance(part, str) and part in current.model_fields:
            current = nested_schema(current.model_fields[part].annotation)
    return current


def _required(schema: type[BaseModel] | None) -> list[str]:
    """Return the fields that an object of a schema must have."""
    return [] if schema is None else [name for name, field in schema.model_fields.items() if field.is_required()]


def _found(value: object) -> str:
    """Write the value found; a whole document says nothing that its path does not."""
    return "" if isinstance(value, BaseModel) else shown(value)

"""Text that is safe to show: characters that steer a terminal, or end a line, are written as escapes.

Names in files may hold any character. Shown as they are, they could clear a screen, reorder a line or look like a line
of the result. `printable` is for one name or message, `printable_document` for a whole result before it is formatted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from pydantic import BaseModel

ValueT = TypeVar("ValueT")


def printable(text: str, most: int | None = None) -> str:
    """Return a text as one line that steers no terminal.

    Args:
        text: Any characters; those that `str.isprintable` does not count as printable are escaped.
        most: Largest number of characters to return; longer texts lose their middle.
    """
    if not text.isprintable():
        text = "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)
    if most is not None and len(text) > most:
        kept = (most - 3) // 2
        text = f"{text[: most - 3 - kept]}...{text[len(text) - kept :]}"
    return text


def printable_document(value: ValueT) -> ValueT:
    """Return a result with every text in it printable: models, dataclasses, mappings and sequences of any depth."""
    cleaned: Any = _cleaned(value)
    return cleaned  # type: ignore[no-any-return] # of the type that was given


def _cleaned(value: Any) -> Any:  # noqa: ANN401 - any part of a result
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, BaseModel):
        held = {name: getattr(value, name) for name in type(value).model_fields}
        changed = {name: new for name, old in held.items() if (new := _cleaned(old)) is not old}
        return value.model_copy(update=changed) if changed else value
    if is_dataclass(value) and not isinstance(value, type):
        held = {each.name: getattr(value, each.name) for each in fields(value) if each.init}
        changed = {name: new for name, old in held.items() if (new := _cleaned(old)) is not old}
        return replace(value, **changed) if changed else value
    if isinstance(value, Mapping):
        rows = {_cleaned(key): _cleaned(item) for key, item in value.items()}
        same = all(a is b for a, b in zip(value, rows, strict=False)) and all(
            a is b for a, b in zip(value.values(), rows.values(), strict=False)
        )
        return value if same and len(rows) == len(value) else rows
    if isinstance(value, (list, tuple)):
        items = [_cleaned(item) for item in value]
        return value if all(a is b for a, b in zip(value, items, strict=True)) else type(value)(items)
    return value

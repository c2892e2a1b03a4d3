"""Fields that hold one value or several: a union told apart by its form, so that messages speak of one form alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import Discriminator, Tag

MARK = "\0"
"""Begins the names of forms, which locations of problems leave out; no name in a file begins with it."""
ONE = Tag(f"{MARK}one")
MANY = Tag(f"{MARK}many")


def _form(value: object) -> str:
    """Return the tag of a raw value: a list, tuple or object holds several values."""
    several = isinstance(value, (Mapping, Sequence)) and not isinstance(value, (str, bytes))
    return MANY.tag if several else ONE.tag


BY_FORM = Discriminator(_form)
"""Tells forms apart that are tagged with `ONE` and `MANY`."""


def without_forms(location: Sequence[str | int]) -> tuple[str | int, ...]:
    """Return a location without the names of forms.

    Example:
        >>> without_forms(("apps", 0, "model", ONE.tag))
        ('apps', 0, 'model')
    """
    return tuple(part for part in location if not (isinstance(part, str) and part.startswith(MARK)))

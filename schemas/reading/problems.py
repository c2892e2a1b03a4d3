"""Problems of input files, in words: the file, the field's path, the value, and what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from planner.schemas.reading.printable import printable

_MOST = 400
"""Characters of one part of a message; longer ones lose their middle."""
_MOST_COMPARED = 60
"""Characters of an unknown name that are compared with known ones."""
_ALIKE = 0.75
"""Least ratio of common characters of names that begin differently, for one to be meant by the other (no unit)."""
_PARTICULAR = re.compile(r"'[^']*'|\"[^\"]*\"|[-+]?\d[\w.+-]*")
"""Names and numbers in a message, which do not make it another kind."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an input."""

    file: str
    path: str
    value: str
    message: str
    fix: str

    def __str__(self) -> str:
        value = f" (found {printable(self.value, _MOST)})" if self.value else ""
        message = f"{printable(self.message, _MOST)}{value}; {printable(self.fix, _MOST)}"
        return ": ".join(part for part in (printable(self.file, _MOST), printable(self.path, _MOST), message) if part)

    def kind(self) -> tuple[str, str]:
        """Return what problems that differ in their place and value alone have in common."""
        return self.file, _PARTICULAR.sub("", self.message)


def problem_lines(problems: Sequence[Problem], most: int = 10) -> list[str]:
    """Write problems a line each: at most `most` of one kind, then how many more of the kind there are.

    Args:
        problems: What is wrong, in the order of the file.
        most: Largest number of one kind, and of kinds that differ (count).
    """
    kinds: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        kinds.setdefault(problem.kind(), []).append(problem)
    lines = []
    for alike in list(kinds.values())[:most]:
        lines += [str(problem) for problem in alike[:most]]
        if (more := len(alike) - most) > 0:
            lines.append(f"{printable(alike[0].file, _MOST) or 'input'}: and {more:,} more problems of this kind")
    if left := [problem for alike in list(kinds.values())[most:] for problem in alike]:
        lines.append(f"{printable(left[0].file, _MOST) or 'input'}: and {len(left):,} more problems of other kinds")
    return lines


class InputError(ValueError):
    """The user's input cannot be used. Holds every problem found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problem_lines(self.problems)))

    def in_file(self, file: str) -> InputError:
        """Return the same problems, as those of a file."""
        return InputError([replace(problem, file=file) for problem in self.problems])


def input_error(message: str, fix: str, *, file: str = "", path: str = "", value: object = None) -> InputError:
    """Make an error of a single problem.

    Args:
        message: What is wrong.
        fix: What to do.
        file: File that it is about; empty for none.
        path: Field, option or argument that it is about.
        value: The value found there; None to show none.

    Returns:
        The error, for the caller to raise.
    """
    return InputError([Problem(file, path, shown(value), message, fix)])


@lru_cache(maxsize=1000)
def nearest_name(name: str, known: tuple[str, ...]) -> str | None:
    """Return the known name that an unknown one is most likely meant to be, None where none is near.

    Names that begin alike need less in common otherwise; the same mistake is often made in every entry.

    Args:
        name: The unknown name.
        known: The known names.

    Example:
        >>> nearest_name("opps", ("ops", "name")), nearest_name("batch", ("attach", "name"))
        ('ops', None)
    """
    from difflib import SequenceMatcher, get_close_matches  # only mistakes need it

    name = name[:_MOST_COMPARED]
    for near in get_close_matches(name, known, n=3):
        if near[:1] == name[:1] or SequenceMatcher(None, near, name).ratio() >= _ALIKE:
            return near
    return None


def advice_for(name: str, known: Iterable[str], most: int = 8) -> str:
    """Advise on an unknown name: take the known one that is most similar, else one of all.

    Args:
        name: The unknown name.
        known: All names that are known, in the order to list them.
        most: Largest number to list.

    Returns:
        The advice as text, such as ``did you mean 'fin'?``; of all names it lists at most `most`, and counts the rest.
    """
    names = list(dict.fromkeys(known))
    if (near := nearest_name(name, tuple(names))) is not None:
        return f"did you mean {near!r}?"
    if not names:
        return "there is none to choose from"
    return f"use one of {', '.join(names[:most])}" + (f" and {len(names) - most} more" if len(names) > most else "")


def path_text(location: Sequence[str | int]) -> str:
    """Write a location as ``blocks[2].ops``."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def shown(value: Any, most: int = 60) -> str:  # noqa: ANN401 - any raw value
    """Write a value for a message, shortened."""
    if value is None:
        return ""
    try:
        text = json.dumps(value, default=str)
    except (ValueError, RecursionError):
        text = str(value)
    return text if len(text) <= most else text[: most - 3] + "..."

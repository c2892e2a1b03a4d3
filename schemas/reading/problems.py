"""Problems of input files, in words: the file, the field's path, the value, and what to do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an input."""

    file: str
    path: str
    value: str
    message: str
    fix: str

    def __str__(self) -> str:
        value = f" (found {self.value})" if self.value else ""
        return ": ".join(part for part in (self.file, self.path, f"{self.message}{value}; {self.fix}") if part)


class InputError(ValueError):
    """The user's input cannot be used. Holds every problem found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def in_file(self, file: str) -> InputError:
        """Return the same problems, as those of a file."""
        return InputError([replace(problem, file=file) for problem in self.problems])


def input_error(message: str, fix: str, *, file: str = "", path: str = "", value: object = None) -> InputError:
    """Return an error with a single problem."""
    return InputError([Problem(file, path, shown(value), message, fix)])


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

"""Where results go: standard output, the error stream for messages, and files whose suffix names the format."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planner.schemas.reading.printable import printable
from planner.schemas.reading.problems import input_error

_FORMATS = frozenset(
    (".json", ".csv", ".html", ".htm", ".parquet", ".toml", ".yaml", ".yml", ".md", ".txt", ".pdf", ".png", ".svg")
) | {".onnx", ".npz", ".zip", ".xlsx"}
"""Suffixes that promise a format; any other is part of a name."""


@dataclass(frozen=True)
class Written:
    """What an option ``--output`` writes: a note in its annotation, which `refuse_suffix` reads."""

    what: str
    suffixes: tuple[str, ...]
    """Suffixes that fit, the usual one first; none for a folder."""
    hint: str = ""
    """What else writes other formats."""

    def refuse_suffix(self, path: Path) -> None:
        """Raise InputError where the suffix of a path promises a format that is not written."""
        suffix = path.suffix.lower()
        if suffix not in _FORMATS or suffix in self.suffixes:
            return
        if not self.suffixes:
            raise input_error(f"{self.what} is a folder, not a file", f"give -o {path.stem}", file=str(path))
        kinds = " or ".join(self.suffixes)
        fix = f"give a name that ends in {kinds}" + (f"; {self.hint}" if self.hint else "")
        raise input_error(f"{self.what} is not written as {suffix}", fix, file=str(path))


DOCUMENT = Written("the result", (".json",), "planner report draws a page of it")
TABLE = Written(
    "the result", (".json", ".csv"), "planner report draws a page of a plan, a front or a folder of results"
)
PAGE = Written("a page", (".html", ".htm"))
FOLDER = Written("the result", ())
EXPORT = Written("the table", (".csv", ".parquet"))
GROUPS = Written("a fleet placement", (".json", ".parquet"))


def say(text: str, *, err: bool = False) -> None:
    """Write lines to standard output, or to the error stream; what would steer a terminal is written as an escape.

    Args:
        text: One or more lines.
        err: Write to the error stream. Messages that cannot be written there are lost, and change no exit code.

    Raises:
        OSError: Standard output cannot be written.
    """
    lines = "".join(f"{printable(line)}\n" for line in text.split("\n"))
    if err:
        with suppress(OSError):
            sys.stderr.write(lines)
            sys.stderr.flush()
        return
    sys.stdout.write(lines)
    sys.stdout.flush()


def note(text: str) -> None:
    """Write what the user should know to the error stream."""
    say(f"note: {text}", err=True)


def say_json(data: Any) -> None:  # noqa: ANN401 - JSON data
    """Write JSON to standard output; its texts have no control character, not even the one that ASCII allows."""
    say(json_text(data))


def json_text(data: Any) -> str:  # noqa: ANN401 - JSON data
    """Return JSON of two spaces an indent, in printable ASCII."""
    return json.dumps(data, indent=2).replace("\x7f", "\\u007f")

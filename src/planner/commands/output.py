"""Writing to the two standard streams: results to one, messages to the other; no text steers a terminal."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import Any

from planner.schemas.reading.printable import printable


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


def say_json(data: Any) -> None:  # noqa: ANN401 - JSON data
    """Write JSON to standard output; its texts have no control character, not even the one that ASCII allows."""
    say(json_text(data))


def json_text(data: Any) -> str:  # noqa: ANN401 - JSON data
    """Return JSON of two spaces an indent, in printable ASCII."""
    return json.dumps(data, indent=2).replace("\x7f", "\\u007f")

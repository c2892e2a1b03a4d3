"""Results as text and as JSON: printed, and written whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from planner.commands.output import json_text, say

Give = Callable[[dict[str, Any], str, bool], None]
"""Takes a result as JSON data and as text, and whether there is an answer."""


@contextmanager
def written(output: Path | None, as_json: bool) -> Iterator[Give]:
    """Hand out what takes the result: a file that cannot be written shows before any work, printing comes last.

    Raises:
        InputError: The file cannot be written.
    """
    from planner.files.writing import whole_file

    results: list[tuple[str, str, bool]] = []
    with nullcontext() if output is None else whole_file(output) as file:

        def give(data: dict[str, Any], text: str, found: bool) -> None:
            results.append((json_text(data), text, found))
            if file is not None:
                file.write(results[-1][0] + "\n")

        yield give
    for data, text, found in results:
        if as_json:
            say(data)
        if not as_json or not found:
            say(text, err=not found)

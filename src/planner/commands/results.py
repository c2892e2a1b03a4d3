"""Results as text and as JSON: printed, and written whole to the file that ``--output`` names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

from planner.commands.output import json_text, say


class Give(Protocol):
    """Takes a result."""

    def __call__(self, data: Callable[[], Any], text: str, found: bool, table: Callable[[], str] | None = None) -> None:
        """Take a result.

        Args:
            data: Returns the result as JSON data, where that is wanted.
            text: The result for people.
            found: Whether there is an answer; where there is none, the text goes to the error stream.
            table: Returns the result as CSV, where it can be a table.
        """


@contextmanager
def written(output: Path | None, as_json: bool) -> Iterator[Give]:
    """Hand out what takes the result: a file that cannot be written shows before any work, printing comes last.

    A suffix ``.csv`` asks for the table, any other for JSON.

    Raises:
        InputError: The file cannot be written.
    """
    from planner.files.writing import whole_file

    results: list[tuple[str, str, bool]] = []
    with nullcontext() if output is None else whole_file(output) as file:

        def give(data: Callable[[], Any], text: str, found: bool, table: Callable[[], str] | None = None) -> None:
            as_csv = table is not None and output is not None and output.suffix.lower() == ".csv"
            json = json_text(data()) if as_json or (file is not None and not as_csv) else ""
            results.append((json, text, found))
            if file is not None:
                file.write(table() if as_csv and table is not None else json + "\n")

        yield give
    for data, text, found in results:
        if as_json:
            say(data)
        if not as_json or not found:
            say(text, err=not found)

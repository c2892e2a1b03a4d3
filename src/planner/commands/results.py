"""Results as text and as JSON: printed, and written whole to the file that ``--output`` names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

from planner.commands.output import json_text, say


class Give(Protocol):
    """Takes a result."""

    def __call__(self, data: Any, text: str, found: bool, table: Callable[[], str] | None = None) -> None:  # noqa: ANN401 - JSON data
        """Take a result.

        Args:
            data: The result as JSON data.
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

        def give(data: Any, text: str, found: bool, table: Callable[[], str] | None = None) -> None:  # noqa: ANN401 - JSON data
            results.append((json_text(data), text, found))
            if file is not None and output is not None:
                as_csv = table is not None and output.suffix.lower() == ".csv"
                file.write(table() if as_csv and table is not None else results[-1][0] + "\n")

        yield give
    for data, text, found in results:
        if as_json:
            say(data)
        if not as_json or not found:
            say(text, err=not found)

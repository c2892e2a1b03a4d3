"""Reading the rows of a results folder without writing to it, read-only and archived folders included."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from planner.bench.case import ROW_COLUMNS
from planner.bench.results.folder import DATABASE
from planner.bench.results.store import explained, unreadable
from planner.schemas.reading.files import is_file

Record = dict[str, Any]
_CASE_COLUMNS = ("number", "in_suite", "settings", "inputs")


def read_records(folder: Path) -> list[Record]:
    """Return every row of a results folder.

    Args:
        folder: The folder; it may be read-only, and other processes may write to it meanwhile.

    Returns:
        One record per row: number, in_suite (False: the suite no longer has the case), settings and inputs as
        dictionaries, then the columns of `CaseRow`. Cases of the suite come first, in its order. Empty where no row
        was stored yet.

    Raises:
        InputError: The database is damaged, or of something else.
        OSError: The disk fails.
    """
    if not is_file(folder / DATABASE):
        return []
    columns = (*_CASE_COLUMNS, *ROW_COLUMNS)
    query = f"SELECT {', '.join(columns)} FROM cases JOIN rows USING (digest) ORDER BY in_suite DESC, number, digest"
    with explained(folder), _opened(folder) as database:
        records = [dict(zip(columns, values, strict=True)) for values in database.execute(query)]
    for record in records:
        record["in_suite"] = bool(record["in_suite"])
        for name in ("settings", "inputs"):
            try:
                record[name] = json.loads(record[name])
            except ValueError:
                raise unreadable(folder, f"case {record['number']} has no JSON in {name}") from None
    return records


@contextmanager
def _opened(folder: Path) -> Iterator[sqlite3.Connection]:
    """Open the database for reading; where its folder cannot be written, as an immutable file or from a copy."""
    database = _connect(folder / DATABASE, "mode=ro")
    try:
        database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError as error:
        database.close()
        # the write-ahead log needs an index file beside it, which cannot be made here
        if error.sqlite_errorname.partition("_")[2].split("_")[0] not in ("CANTOPEN", "READONLY"):
            raise
        with TemporaryDirectory(prefix="planner-") as copies:
            yield from _opened_elsewhere(folder, Path(copies))
        return
    with closing(database):
        yield database


def _opened_elsewhere(folder: Path, copies: Path) -> Iterator[sqlite3.Connection]:
    log = folder / f"{DATABASE}-wal"
    if not is_file(log) or not log.stat().st_size:
        with closing(_connect(folder / DATABASE, "immutable=1")) as database:
            yield database
        return
    # a killed run leaves rows in the log, which an immutable database would not show
    for path in (folder / DATABASE, log):
        shutil.copyfile(path, copies / path.name)
    with closing(_connect(copies / DATABASE, "mode=rw")) as database:
        yield database


def _connect(path: Path, how: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?{how}", uri=True, isolation_level=None)

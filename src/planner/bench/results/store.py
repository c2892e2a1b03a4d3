"""Rows in SQLite. Any number of processes on one machine may use it at once, and any may be killed at any moment."""

from __future__ import annotations

import errno
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from planner.bench.case import COLUMN_TYPES, ROW_COLUMNS, Case, CaseRow, as_record
from planner.bench.results.folder import DATABASE, PROCESSES
from planner.bench.results.locks import dead_processes
from planner.schemas.reading.problems import InputError, input_error

_WAIT_S = 60.0
"""How long to wait for another process to end its transaction, which takes milliseconds."""
_OUTSIDE = tuple(f"SQLITE_{kind}" for kind in ("FULL", "IOERR", "READONLY", "CANTOPEN", "BUSY", "PROTOCOL"))
"""Errors that come from the disk or from other processes, by their beginnings."""
_SQL_TYPES = {str: "TEXT", int: "INTEGER", float: "REAL"}
_CREATE = f"""
CREATE TABLE IF NOT EXISTS cases (
  number INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, settings TEXT NOT NULL, inputs TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'claimed', 'done')), owner TEXT);
CREATE INDEX IF NOT EXISTS cases_by_state ON cases (state, number);
CREATE TABLE IF NOT EXISTS rows (
  {", ".join(f"{name} {_SQL_TYPES[kind]}" for name, kind in COLUMN_TYPES.items())},
  PRIMARY KEY (digest), FOREIGN KEY (digest) REFERENCES cases (digest));
"""


class Store:
    """The database of a results folder. Every change is one transaction."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with self._explained():
            self._database = sqlite3.connect(folder / DATABASE, timeout=_WAIT_S, isolation_level=None)
            # no kill loses a commit; a loss of power may undo the last ones, which a disk that is waited for each
            # time would prevent at many times the cost of a short case
            self._database.execute("PRAGMA synchronous=NORMAL")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._explained():
            self._database.close()

    def create(self, cases: Sequence[Case]) -> None:
        """Make the tables and list the cases, unless that is done; the caller holds the folder alone."""
        with self._explained():
            self._database.execute("PRAGMA journal_mode=WAL")
        with self._transaction() as database:
            for statement in filter(str.strip, _CREATE.split(";")):
                database.execute(statement)
            if database.execute("SELECT count(*) FROM cases").fetchone() == (len(cases),):
                return
            insert = "INSERT OR IGNORE INTO cases (number, digest, settings, inputs) VALUES (?, ?, ?, ?)"
            database.executemany(
                insert,
                ((case.number, case.digest, json.dumps(case.labels), json.dumps(case.inputs)) for case in cases),
            )

    def claim(self, process_lock: str, count: int) -> list[int]:
        """Take up to `count` open cases, the first of the suite first; return their numbers."""
        query = """UPDATE cases SET state = 'claimed', owner = ? WHERE number IN
                   (SELECT number FROM cases WHERE state = 'open' ORDER BY number LIMIT ?) RETURNING number"""
        with self._transaction() as database:
            return sorted(number for (number,) in database.execute(query, (process_lock, count)).fetchall())

    def save(self, row: CaseRow) -> None:
        """Store a row; its case is done."""
        places = ", ".join("?" for _ in ROW_COLUMNS)
        with self._transaction() as database:
            database.execute(
                f"INSERT INTO rows ({', '.join(ROW_COLUMNS)}) VALUES ({places})", tuple(as_record(row).values())
            )
            database.execute("UPDATE cases SET state = 'done', owner = NULL WHERE digest = ?", (row.digest,))

    def release(self, process_lock: str) -> None:
        """Open again what a process has claimed and not done."""
        with self._transaction() as database:
            database.execute(
                "UPDATE cases SET state = 'open', owner = NULL WHERE state = 'claimed' AND owner = ?", (process_lock,)
            )

    def release_dead(self) -> None:
        """Open again what processes have claimed that are gone."""
        with self._explained():
            owners = self._database.execute("SELECT DISTINCT owner FROM cases WHERE state = 'claimed'").fetchall()
        for name in dead_processes(self._folder / PROCESSES, [name for (name,) in owners]):
            self.release(name)

    def done(self) -> int:
        """Count the cases that have a row."""
        with self._explained():
            ((count,),) = self._database.execute("SELECT count(*) FROM cases WHERE state = 'done'").fetchall()
        return int(count)

    def statuses(self) -> dict[str, int]:
        """Count rows by status."""
        with self._explained():
            return dict(self._database.execute("SELECT status, count(*) FROM rows GROUP BY status ORDER BY status"))

    def records(self) -> list[dict[str, Any]]:
        """Return every row in the order of the suite: number, settings, inputs, then the columns of `CaseRow`."""
        columns = ("number", "settings", "inputs", *ROW_COLUMNS)
        query = f"SELECT {', '.join(columns)} FROM cases JOIN rows USING (digest) ORDER BY number"
        with self._explained():
            records = [dict(zip(columns, values, strict=True)) for values in self._database.execute(query)]
        for record in records:
            for name in ("settings", "inputs"):
                try:
                    record[name] = json.loads(record[name])
                except ValueError:
                    raise self._unreadable(f"case {record['number']} has no JSON in {name}") from None
        return records

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._explained():
            self._database.execute("BEGIN IMMEDIATE")  # never an upgrade from reading, which could not wait
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say what is wrong with the disk or the file in the user's words.

        Raises:
            OSError: The disk is full or fails.
            InputError: The file is no database, a damaged one, or one of something else.
        """
        try:
            yield
        except sqlite3.OperationalError as error:
            kind = error.sqlite_errorname
            if str(error).startswith("no such"):  # table or column
                raise self._unreadable(error) from None
            if not kind.startswith(_OUTSIDE):
                raise
            advice = "rows that are done are kept: free some space and run the same command again"
            number = errno.ENOSPC if kind == "SQLITE_FULL" else errno.EIO
            raise OSError(number, f"cannot store rows in {self._folder} ({error}); {advice}") from None
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorname not in ("SQLITE_NOTADB", "SQLITE_CORRUPT"):
                raise
            raise self._unreadable(error) from None

    def _unreadable(self, why: object) -> InputError:
        path = self._folder / DATABASE
        return input_error(f"the rows cannot be read ({why})", "give another folder", file=str(path))

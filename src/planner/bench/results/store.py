"""Storage of suite rows in SQLite: several processes of one machine may use it at once, and any may be killed."""

from __future__ import annotations

import errno
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

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
  digest TEXT PRIMARY KEY, number INTEGER NOT NULL, in_suite INTEGER NOT NULL, settings TEXT NOT NULL,
  inputs TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'claimed', 'done')), owner TEXT);
CREATE INDEX IF NOT EXISTS cases_by_state ON cases (in_suite, state, number);
CREATE TABLE IF NOT EXISTS rows (
  {", ".join(f"{name} {_SQL_TYPES[kind]}" for name, kind in COLUMN_TYPES.items())},
  PRIMARY KEY (digest), FOREIGN KEY (digest) REFERENCES cases (digest));
"""


class Store:
    """The database of a results folder, open for writing. Every change is one transaction."""

    def __init__(self, folder: Path) -> None:
        """Open the database, which is made where it is missing.

        Args:
            folder: The results folder.

        Raises:
            OSError: The disk fails.
            InputError: The file is no database.
        """
        self._folder = folder
        with explained(folder):
            self._database = sqlite3.connect(folder / DATABASE, timeout=_WAIT_S, isolation_level=None)
            # no kill loses a commit; a loss of power may undo the last ones, which a disk that is waited for each
            # time would prevent at many times the cost of a short case
            self._database.execute("PRAGMA synchronous=NORMAL")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with explained(self._folder):
            self._database.close()

    def set_cases(self, cases: Sequence[Case]) -> None:
        """List the cases of the suite as it is now; the caller holds the folder alone.

        Cases that are known keep their rows and take their new number; new ones are open; those that the suite no
        longer has stay, marked as outside of it.

        Args:
            cases: All cases of the suite, in its order.
        """
        with explained(self._folder):
            self._database.execute("PRAGMA journal_mode=WAL")
        with self._transaction() as database:
            for statement in filter(str.strip, _CREATE.split(";")):
                database.execute(statement)
            held = database.execute("SELECT number, digest FROM cases WHERE in_suite ORDER BY number").fetchall()
            if held == [(case.number, case.digest) for case in cases]:
                return
            database.execute("UPDATE cases SET in_suite = 0")
            upsert = """INSERT INTO cases (digest, number, in_suite, settings, inputs) VALUES (?, ?, 1, ?, ?)
                        ON CONFLICT (digest) DO UPDATE SET
                        number = excluded.number, in_suite = 1, settings = excluded.settings"""
            database.executemany(
                upsert,
                ((case.digest, case.number, json.dumps(case.labels), json.dumps(case.inputs)) for case in cases),
            )
            # a case without a row that the suite no longer has holds nothing that could be lost
            database.execute("DELETE FROM cases WHERE NOT in_suite AND state != 'done'")

    def claim(self, process: str, count: int) -> list[int]:
        """Claim open cases for a process, the first of the suite first.

        Args:
            process: Name of the process.
            count: Most cases to claim.

        Returns:
            The numbers of the claimed cases, ascending.
        """
        query = """UPDATE cases SET state = 'claimed', owner = ? WHERE digest IN
                   (SELECT digest FROM cases WHERE in_suite AND state = 'open' ORDER BY number LIMIT ?)
                   RETURNING number"""
        with self._transaction() as database:
            return sorted(number for (number,) in database.execute(query, (process, count)).fetchall())

    def save(self, row: CaseRow) -> None:
        """Store a row; its case is done."""
        places = ", ".join("?" for _ in ROW_COLUMNS)
        with self._transaction() as database:
            database.execute(
                f"INSERT INTO rows ({', '.join(ROW_COLUMNS)}) VALUES ({places})", tuple(as_record(row).values())
            )
            database.execute("UPDATE cases SET state = 'done', owner = NULL WHERE digest = ?", (row.digest,))

    def release(self, process: str) -> None:
        """Open again what a process has claimed and not done."""
        with self._transaction() as database:
            database.execute(
                "UPDATE cases SET state = 'open', owner = NULL WHERE state = 'claimed' AND owner = ?", (process,)
            )

    def release_dead(self) -> None:
        """Open again what processes have claimed that have ended since."""
        with explained(self._folder):
            owners = self._database.execute("SELECT DISTINCT owner FROM cases WHERE state = 'claimed'").fetchall()
        for name in dead_processes(self._folder / PROCESSES, [name for (name,) in owners]):
            self.release(name)

    def done(self) -> int:
        """Return the number of the suite's cases that have a row."""
        return self._count("SELECT count(*) FROM cases WHERE in_suite AND state = 'done'")

    def outside(self) -> int:
        """Return the number of rows whose case the suite no longer has."""
        return self._count("SELECT count(*) FROM cases WHERE NOT in_suite")

    def statuses(self) -> dict[str, int]:
        """Return the number of rows of the suite's cases, by status."""
        query = """SELECT status, count(*) FROM rows JOIN cases USING (digest) WHERE in_suite
                   GROUP BY status ORDER BY status"""
        with explained(self._folder):
            return dict(self._database.execute(query))

    def _count(self, query: str) -> int:
        with explained(self._folder):
            ((count,),) = self._database.execute(query).fetchall()
        return int(count)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with explained(self._folder):
            self._roll_back()  # a signal may have come after the last transaction began and before its first statement
            try:
                self._database.execute("BEGIN IMMEDIATE")  # never an upgrade from reading, which could not wait
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    def _roll_back(self) -> None:
        if self._database.in_transaction:
            self._database.execute("ROLLBACK")


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn errors of SQLite into errors that name the folder and what to do.

    Args:
        folder: The results folder.

    Raises:
        OSError: The disk is full or fails.
        InputError: The file is no database, a damaged one, or one of something else.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        kind = error.sqlite_errorname
        if str(error).startswith("no such"):  # table or column
            raise unreadable(folder, error) from None
        if not kind.startswith(_OUTSIDE):
            raise
        advice = "rows that are done are kept: free some space and run the same command again"
        number = errno.ENOSPC if kind == "SQLITE_FULL" else errno.EIO
        raise OSError(number, f"cannot store rows in {folder} ({error}); {advice}") from None
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorname not in ("SQLITE_NOTADB", "SQLITE_CORRUPT"):
            raise
        raise unreadable(folder, error) from None


def unreadable(folder: Path, why: object) -> InputError:
    """Return the error of a database that cannot be read, with the reason."""
    path = folder / DATABASE
    return input_error(f"the rows cannot be read ({why})", "give another folder", file=str(path))

"""The store of rows under signals: whichever statement one follows, the next transaction begins, and rows are kept."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from bench_folder import quick_suite

from planner.bench.expansion import expand_suite
from planner.bench.results.store import Store
from planner.bench.runner import run_suite
from planner.bench.solving import run_case


class Interrupted(sqlite3.Connection):
    """A connection whose n-th statement is followed by a signal; the statement itself is carried out."""

    left = 0

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        cursor = super().execute(*arguments)
        Interrupted.left -= 1
        if Interrupted.left == 0:
            raise KeyboardInterrupt
        return cursor


@pytest.fixture
def signals(monkeypatch: pytest.MonkeyPatch) -> type[Interrupted]:
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *rest, **options: connect(*rest, factory=Interrupted, **options))
    return Interrupted


@pytest.mark.parametrize("statement", range(1, 8))
def test_a_signal_after_any_statement_leaves_no_transaction_open(
    statement: int, tmp_path: Path, signals: type[Interrupted]
) -> None:
    """Claiming takes three statements and saving a row four."""
    suite = quick_suite(tmp_path, 4)
    expanded = expand_suite(suite)
    run_suite(suite, tmp_path / "r", jobs=1)
    row = run_case(expanded.cases[0], expanded.loaded)
    with Store(tmp_path / "r") as store:
        for change in ("DELETE FROM rows", "UPDATE cases SET state = 'open'"):
            store._database.execute(change)
        signals.left = statement
        with pytest.raises(KeyboardInterrupt):
            store.claim("me", 1)
            store.save(row)
        store.release("me")
        assert not store._database.in_transaction
        assert store.done() == len(store._database.execute("SELECT * FROM rows").fetchall()) == (statement == 7)
        assert store.claim("another", 4) == list(range(store.done(), 4))


def test_a_signal_between_two_statements_leaves_no_transaction_open(tmp_path: Path) -> None:
    """What a signal interrupts just after a transaction began does not see its end: nothing has rolled it back."""
    suite = quick_suite(tmp_path, 4)
    run_suite(suite, tmp_path / "r", jobs=1)
    with Store(tmp_path / "r") as store:
        store._database.execute("BEGIN IMMEDIATE")
        store.release("me")
        assert not store._database.in_transaction

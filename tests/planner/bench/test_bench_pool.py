"""The pool: time limits, workers that die, and workers that never start, with an engine whose workers do as told."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import pytest

from planner.bench.case import Case, Row
from planner.bench.engines.engine import ENGINES, Died, Event, Ready, Worker
from planner.bench.engines.pool import ATTEMPTS, Pool

CASES = [Case(number, {("seed",): number}, {}) for number in range(4)]
Answer = Callable[[Case], Event | None]


class Told:
    """A worker that answers at once, or never where it is told None."""

    def __init__(self, answer: Answer, first: Event) -> None:
        self.answer, self.events, self.killed = answer, [first], False

    def send(self, case: Case) -> None:
        if (event := self.answer(case)) is not None:
            self.events.append(event)

    def kill(self) -> None:
        self.killed = True


class Engine:
    """An engine of such workers."""

    name = "told"

    def __init__(self, answer: Answer, slots: int = 1, first: Event | None = None) -> None:
        self.answer, self.first, self.count = answer, first or Ready(), slots
        self.started: list[Told] = []

    def slots(self) -> int:
        return self.count

    def start(self) -> Told:
        self.started.append(Told(self.answer, self.first))
        return self.started[-1]

    def wait(self, workers: Sequence[Worker], timeout_s: float) -> list[tuple[Worker, Event]]:
        found = [(each, each.events.pop(0)) for each in workers if isinstance(each, Told) and each.events]
        if not found:
            time.sleep(timeout_s)
        return found

    def close(self) -> None:
        pass


def answered(case: Case) -> Row:
    return Row(case.digest, "optimal")


def run_all(pool: Pool, cases: Sequence[Case] = CASES) -> list[Row]:
    waiting, rows = list(cases), []
    for _ in range(1000):
        while waiting and pool.free:
            pool.submit(waiting.pop(0))
        rows += pool.finished(0.01)
        if not waiting and not pool.busy:
            break
    pool.close()
    return rows


@pytest.mark.parametrize("slots", [1, 3])
def test_every_case_has_one_row(slots: int) -> None:
    engine = Engine(answered, slots)
    rows = run_all(Pool(engine, 10.0, 100))
    assert sorted(row.digest for row in rows) == sorted(case.digest for case in CASES)
    assert len(engine.started) == slots
    assert all(worker.killed for worker in engine.started)


def test_no_more_workers_than_cases() -> None:
    engine = Engine(answered, 8)
    Pool(engine, 10.0, 2)
    assert len(engine.started) == 2


def test_an_overdue_case_is_unknown_and_its_worker_replaced() -> None:
    engine = Engine(lambda case: None if case.number == 1 else answered(case))
    rows = run_all(Pool(engine, 0.05, 100))
    assert [row.status for row in rows] == ["optimal", "unknown", "optimal", "optimal"]
    assert "limit of 0.05 s" in rows[1].message
    assert [worker.killed for worker in engine.started] == [True, True]


def test_a_case_whose_worker_dies_is_run_again() -> None:
    deaths: list[int] = []

    def answer(case: Case) -> Event:
        if case.number == 2 and len(deaths) < ATTEMPTS - 1:
            deaths.append(case.number)
            return Died("ended by signal SIGKILL")
        return answered(case)

    rows = run_all(Pool(Engine(answer, 2), 10.0, 100))
    assert [row.status for row in rows] == ["optimal"] * 4
    assert len(deaths) == ATTEMPTS - 1


def test_a_case_that_kills_every_worker_is_an_error() -> None:
    def answer(case: Case) -> Event:
        return Died("ended by signal SIGSEGV") if case.number == 0 else answered(case)

    rows = {row.digest: row for row in run_all(Pool(Engine(answer, 2), 10.0, 100))}
    crashed = rows.pop(CASES[0].digest)
    assert (crashed.status, crashed.message) == ("error", f"the worker died {ATTEMPTS} times: ended by signal SIGSEGV")
    assert {row.status for row in rows.values()} == {"optimal"}


def test_workers_that_never_start_are_an_error_of_the_run() -> None:
    pool = Pool(Engine(answered, 1, Died("ended with exit code 1")), 10.0, 100)
    with pytest.raises(OSError, match="no worker of the engine told can start: ended with exit code 1"):
        run_all(pool)


def test_engines_are_found_by_name() -> None:
    assert ENGINES == ("local", "ray")

"""The pool: time limits, workers that die, and workers that never start, with an engine whose workers do as told."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import pytest

from planner.bench.case import Case, CaseRow
from planner.bench.engines.engine import ENGINES, Worker, WorkerDied, WorkerEvent, WorkerReady
from planner.bench.engines.pool import ATTEMPTS, WorkerPool

CASES = [Case(number, {("seed",): number}, {}) for number in range(4)]
Answer = Callable[[Case], WorkerEvent | None]


class Told:
    """A worker that answers at once, or never where it is told None."""

    def __init__(self, answer: Answer, first: WorkerEvent) -> None:
        self.answer, self.events, self.timed_out_row = answer, [first], False

    def send(self, case: Case) -> None:
        if (event := self.answer(case)) is not None:
            self.events.append(event)

    def kill(self) -> None:
        self.timed_out_row = True


class Engine:
    """An engine of such workers."""

    name = "told"

    def __init__(self, answer: Answer, slots: int = 1, first: WorkerEvent | None = None) -> None:
        self.answer, self.first, self.count = answer, first or WorkerReady(), slots
        self.started: list[Told] = []

    def slots(self) -> int:
        return self.count

    def start(self) -> Told:
        self.started.append(Told(self.answer, self.first))
        return self.started[-1]

    def wait(self, workers: Sequence[Worker], timeout_s: float) -> list[tuple[Worker, WorkerEvent]]:
        found = [(each, each.events.pop(0)) for each in workers if isinstance(each, Told) and each.events]
        if not found:
            time.sleep(timeout_s)
        return found

    def close(self) -> None:
        pass


def answered(case: Case) -> CaseRow:
    return CaseRow(case.digest, "optimal")


def run_all(pool: WorkerPool, cases: Sequence[Case] = CASES) -> list[CaseRow]:
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
    rows = run_all(WorkerPool(engine, 10.0, 100))
    assert sorted(row.digest for row in rows) == sorted(case.digest for case in CASES)
    assert len(engine.started) == slots
    assert all(worker.timed_out_row for worker in engine.started)


def test_no_more_workers_than_cases() -> None:
    engine = Engine(answered, 8)
    WorkerPool(engine, 10.0, 2)
    assert len(engine.started) == 2


def test_an_overdue_case_is_unknown_and_its_worker_replaced() -> None:
    engine = Engine(lambda case: None if case.number == 1 else answered(case))
    rows = run_all(WorkerPool(engine, 0.05, 100))
    assert [row.status for row in rows] == ["optimal", "unknown", "optimal", "optimal"]
    assert "limit of 50 ms" in rows[1].message
    assert [worker.timed_out_row for worker in engine.started] == [True, True]


def test_a_case_whose_worker_dies_is_run_again() -> None:
    deaths: list[int] = []

    def answer(case: Case) -> WorkerEvent:
        if case.number == 2 and len(deaths) < ATTEMPTS - 1:
            deaths.append(case.number)
            return WorkerDied("ended by signal SIGKILL")
        return answered(case)

    rows = run_all(WorkerPool(Engine(answer, 2), 10.0, 100))
    assert [row.status for row in rows] == ["optimal"] * 4
    assert len(deaths) == ATTEMPTS - 1


def test_a_case_that_kills_every_worker_is_an_error() -> None:
    def answer(case: Case) -> WorkerEvent:
        return WorkerDied("ended by signal SIGSEGV") if case.number == 0 else answered(case)

    rows = {row.digest: row for row in run_all(WorkerPool(Engine(answer, 2), 10.0, 100))}
    failed_row = rows.pop(CASES[0].digest)
    assert (failed_row.status, failed_row.message) == (
        "error",
        f"the worker died {ATTEMPTS} times: ended by signal SIGSEGV",
    )
    assert {row.status for row in rows.values()} == {"optimal"}


def test_workers_that_never_start_are_an_error_of_the_run() -> None:
    pool = WorkerPool(Engine(answered, 1, WorkerDied("ended with exit code 1")), 10.0, 100)
    with pytest.raises(OSError, match="no worker of the engine told can start: ended with exit code 1"):
        run_all(pool)


def test_engines_are_found_by_name() -> None:
    assert ENGINES == ("local", "ray")

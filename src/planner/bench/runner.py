"""Running a suite into a results folder."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from planner.bench.case import CaseRow
from planner.bench.engines.engine import Engine, EngineConfig, engine
from planner.bench.engines.pool import WorkerPool
from planner.bench.expansion import ExpandedSuite, expand_suite
from planner.bench.request_building import solver_of
from planner.bench.results.folder import PROCESSES, check_folder, identity_of, locked_folder
from planner.bench.results.locks import process_lock
from planner.bench.results.store import Store
from planner.progress import counting

_POLL_S = 0.2
"""How often to look whether other processes on the same folder have left something to do."""


@dataclass(frozen=True)
class SuiteSummary:
    """What a run came to."""

    suite: str
    cases: int
    before: int
    """Cases that had a row already."""
    run: int
    """Cases that this process ran; another process may have run some of the rest."""
    statuses: dict[str, int]
    """Rows by status."""
    seconds: float


def run_suite(
    suite: Path, folder: Path, *, jobs: int | None = None, engine_name: str = "local", address: str | None = None
) -> SuiteSummary:
    """Run every case of a suite that has no row yet; return when all have one.

    Args:
        suite: The suite file.
        folder: Where the rows are kept; made where it is missing.
        jobs: Workers at once (default: as many as there are processors).
        engine_name: Where cases run (`planner.bench.engines.engine.ENGINES`).
        address: Address of the cluster, for engines that have one.

    Raises:
        InputError: The suite or a file that it names cannot be used, or the folder belongs to something else.
        OSError: Rows cannot be stored, or no worker can start.
    """
    began = time.perf_counter()
    expanded = expand_suite(suite)
    identity = identity_of(expanded.suite.name, expanded.cases, expanded.suite.case_limit_s)
    check_folder(folder, identity)
    methods = tuple(sorted({solver_of(case, expanded.loaded) for case in expanded.cases}))
    setting = EngineConfig(methods, expanded.loaded, jobs, address)
    with closing(engine(engine_name, setting)) as workers:
        with locked_folder(folder, identity), Store(folder) as store:
            store.create(expanded.cases)
        with process_lock(folder / PROCESSES) as me, Store(folder) as store:
            store.release_dead()
            before = store.done()
            run = _run(expanded, store, workers, me, before) if before < len(expanded.cases) else 0
            return SuiteSummary(
                identity.suite, identity.cases, before, run, store.statuses(), time.perf_counter() - began
            )


def _run(expanded: ExpandedSuite, store: Store, workers: Engine, me: str, before: int) -> int:
    """Run what is open, with workers that end in any case; return the number of cases run."""
    with closing(WorkerPool(workers, expanded.suite.case_limit_s, len(expanded.cases) - before)) as pool:
        try:
            return _until_all_are_done(expanded, store, pool, me, before)
        finally:
            store.release(me)


def _until_all_are_done(expanded: ExpandedSuite, store: Store, pool: WorkerPool, me: str, done: int) -> int:
    """Run cases until each has a row, also those that other processes have begun and do not end."""
    run, looked = 0, time.monotonic()
    rows: list[CaseRow] = []
    with counting(expanded.suite.name, len(expanded.cases), done) as show:
        while True:
            for number in store.claim(me, pool.free) if pool.free else ():
                pool.submit(expanded.cases[number])
            for row in rows:  # only now: the workers are at their next cases meanwhile
                store.save(row)
            run += len(rows)
            done += len(rows)
            if time.monotonic() - looked >= _POLL_S:
                store.release_dead()
                done, looked = store.done(), time.monotonic()
            show(done)
            if done >= len(expanded.cases):
                return run
            rows = pool.finished(_POLL_S)

"""Run of a suite into a results folder: every case without a row is planned once, by a pool of workers."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
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
    """Counts of a run."""

    suite: str
    cases: int
    before: int
    """Cases that had a row already."""
    run: int
    """Cases that this process ran; another process may have run some of the rest."""
    outside: int
    """Rows of earlier states of the suite, whose cases it no longer has."""
    statuses: dict[str, int]
    """Rows of the suite's cases by status."""
    seconds: float

    @property
    def errors(self) -> int:
        """Number of cases that the planner failed on."""
        return self.statuses.get("error", 0)


def run_suite(
    suite: Path, folder: Path, *, jobs: int | None = None, engine_name: str = "local", address: str | None = None
) -> SuiteSummary:
    """Run every case of a suite that has no row yet; return when all have one.

    The suite may have changed since the folder was made: new cases are run, and rows of cases that it no longer has
    are kept and marked.

    Args:
        suite: The suite file.
        folder: The results folder; made where it is missing.
        jobs: Workers at once (default: as many as there are processors).
        engine_name: Where cases run (`planner.bench.engines.engine.ENGINES`).
        address: Address of the cluster, for engines that have one.

    Returns:
        Counts of rows by status, and where they are stored.

    Raises:
        InputError: The suite or a file that it names cannot be used, or the folder belongs to something else.
        OSError: Rows cannot be stored, or no worker can start.
    """
    began = time.perf_counter()
    expanded = expand_suite(suite)
    identity = identity_of(expanded.suite.name, expanded.cases, expanded.suite.case_limit_s)
    check_folder(folder, identity)
    methods = tuple(sorted({solver_of(case, expanded.loaded) for case in expanded.cases}))
    config = EngineConfig(methods, expanded.loaded, jobs, address)
    with closing(engine(engine_name, config)) as workers, ExitStack() as stack:
        with locked_folder(folder, identity):
            # taken under the folder's lock: whoever changes the list of cases sees that this process is at work
            me = stack.enter_context(process_lock(folder / PROCESSES))
            with Store(folder) as store:
                store.set_cases(expanded.cases)
        store = stack.enter_context(Store(folder))
        store.release_dead()
        before = store.done()
        run = _run(expanded, store, workers, me, before) if before < len(expanded.cases) else 0
        return SuiteSummary(
            suite=identity.suite,
            cases=identity.cases,
            before=before,
            run=run,
            outside=store.outside(),
            statuses=store.statuses(),
            seconds=time.perf_counter() - began,
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

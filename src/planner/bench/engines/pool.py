"""Worker pool: cases that exceed their limit are killed, dead workers are replaced, and their cases run again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from planner.bench.case import Case, CaseRow, failed_row, timed_out_row
from planner.bench.engines.engine import Engine, Worker, WorkerDied, WorkerEvent, WorkerReady

ATTEMPTS = 3
"""Workers that may end while they run a case before it is given up; one may be lost to a cause of its own, such as a
machine that goes down."""
_IDLE_DEATHS = 10
"""Workers in a row that may die before they are ready; then something is wrong with all of them."""


@dataclass
class _Slot:
    """A worker and what it does."""

    worker: Worker
    ready: bool = False
    case: Case | None = None
    deadline: float = 0.0
    """On the clock `time.monotonic`, in seconds."""


class WorkerPool:
    """The workers of an engine, and the cases that they run."""

    def __init__(self, engine: Engine, limit_s: float, most: int) -> None:
        """Start the workers, `most` at most; a case may take `limit_s` seconds."""
        self._engine, self._limit_s = engine, limit_s
        self._slots = [_Slot(engine.start()) for _ in range(max(1, min(engine.slots(), most)))]
        self._waiting: list[Case] = []
        """Cases whose worker died, to be run again."""
        self._attempts: dict[str, int] = {}
        self._deaths = 0

    @property
    def free(self) -> int:
        """Cases that can begin at once."""
        return max(0, sum(slot.ready and slot.case is None for slot in self._slots) - len(self._waiting))

    @property
    def busy(self) -> bool:
        """Whether a case is under way."""
        return bool(self._waiting) or any(slot.case is not None for slot in self._slots)

    def submit(self, case: Case) -> None:
        """Begin a case on a free worker."""
        slot = next(slot for slot in self._slots if slot.ready and slot.case is None)
        slot.case, slot.deadline = case, time.monotonic() + self._limit_s
        slot.worker.send(case)

    def finished(self, timeout_s: float) -> list[CaseRow]:
        """Return the rows of cases that have ended, after waiting at most `timeout_s` seconds for the first."""
        now = time.monotonic()
        deadlines = [slot.deadline - now for slot in self._slots if slot.case is not None]
        patience_s = max(0.0, min([timeout_s, *deadlines]))
        events = self._engine.wait([slot.worker for slot in self._slots], patience_s)
        slots = {id(slot.worker): slot for slot in self._slots}
        rows = [row for worker, event in events for row in self._heard(slots[id(worker)], event)]
        rows += self._overdue()
        while self._waiting and any(slot.ready and slot.case is None for slot in self._slots):
            self.submit(self._waiting.pop(0))
        return rows

    def close(self) -> None:
        """Kill every worker."""
        for slot in self._slots:
            slot.worker.kill()

    def _heard(self, slot: _Slot, event: WorkerEvent) -> Iterator[CaseRow]:
        if isinstance(event, CaseRow):
            slot.case = None
            yield event
        elif isinstance(event, WorkerReady):
            slot.ready, self._deaths = True, 0
        else:
            yield from self._died(slot, event)

    def _died(self, slot: _Slot, event: WorkerDied) -> Iterator[CaseRow]:
        case = slot.case
        if case is None and not slot.ready:
            self._deaths += 1
            if self._deaths >= _IDLE_DEATHS:
                message = f"no worker of the engine {self._engine.name} can start: {event.reason}"
                raise OSError(message)
        self._replace(slot)
        if case is None:
            return
        self._attempts[case.digest] = self._attempts.get(case.digest, 0) + 1
        if self._attempts[case.digest] < ATTEMPTS:
            self._waiting.append(case)
        else:
            yield failed_row(case, f"the worker died {ATTEMPTS} times: {event.reason}")

    def _overdue(self) -> Iterator[CaseRow]:
        now = time.monotonic()
        for slot in self._slots:
            if slot.case is not None and now >= slot.deadline:
                yield timed_out_row(slot.case, self._limit_s)
                self._replace(slot)

    def _replace(self, slot: _Slot) -> None:
        slot.worker.kill()
        slot.worker, slot.ready, slot.case = self._engine.start(), False, None

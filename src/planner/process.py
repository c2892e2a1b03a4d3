"""The process of a command: standard streams that cannot fail silently, and signals that end it without remains.

An interrupt (SIGINT), a termination (SIGTERM) or a hang-up (SIGHUP) ends the process at once with exit code 128 plus
the number of the signal: 130, 143, 129. Partly written files are removed before. The handler runs between two
instructions of Python, whatever is being imported or computed; a thread stands by for solvers that do not return to
Python. Commands that own other processes end in order instead, within `orderly_end`.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

ENDING = ("SIGINT", "SIGTERM", "SIGHUP")
_PATIENCE_S = 1.0
"""Seconds that Python has to run a handler before the thread ends the process in its place."""
_SHOW_CURSOR = b"\x1b[?25h"
"""What a terminal is sent, since a progress bar may have hidden its cursor."""
_partly_written: set[str] = set()


class Ended(KeyboardInterrupt):
    """A signal asks a command to end in order.

    Attributes:
        exit_code: 128 plus the number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


@contextmanager
def partly_written(path: str) -> Iterator[None]:
    """Have a temporary file removed if a signal ends the process meanwhile."""
    _partly_written.add(path)
    try:
        yield
    finally:
        _partly_written.discard(path)


@contextmanager
def orderly_end() -> Iterator[None]:
    """Let the first signal raise `Ended` in the main thread instead of ending the process; the second one ends it."""

    def end(number: int, _: object) -> None:
        for name in ENDING:
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), _end_now)
        raise Ended(number)

    before = _handled_by(end)
    _orderly.set()
    try:
        yield
    finally:
        _orderly.clear()
        for number, handler in before.items():
            signal.signal(number, handler)  # type: ignore[arg-type] # what `signal` itself returned


_orderly = threading.Event()


def handle_signals() -> None:
    """Let signals end this process at once; to be called from the main thread before anything slow is imported."""
    _handled_by(_end_now)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_stand_by, args=(reader,), daemon=True).start()


def _handled_by(handler: object) -> dict[int, object]:
    """Install a handler; signals that are ignored (as in `nohup`, or in the background) stay so."""
    before: dict[int, object] = {}
    for name in ENDING:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, handler)  # type: ignore[arg-type] # handlers of both kinds
    return before


def _end_now(number: int, _: object = None) -> None:
    for path in list(_partly_written):
        with suppress(OSError):
            os.unlink(path)  # noqa: PTH108 - nothing is to be imported or built in a signal handler
    if number == getattr(signal, "SIGINT", None):
        with suppress(OSError):
            os.write(2, (_SHOW_CURSOR if os.isatty(2) else b"") + b"interrupted\n")
    os._exit(128 + number)


def _stand_by(reader: int) -> None:
    """End the process where the main thread is held up in compiled code when a signal arrives."""
    while numbers := os.read(reader, 1):
        if not _orderly.is_set() and numbers[0] in _ending_numbers():
            time.sleep(_PATIENCE_S)
            _end_now(numbers[0])


def _ending_numbers() -> set[int]:
    numbers = {int(getattr(signal, name)) for name in ENDING if hasattr(signal, name)}
    return {number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN}


class _Closed(io.RawIOBase):
    """A stream that nobody holds open: writing fails, as it does on a full disk."""

    def writable(self) -> bool:
        """Return True: only writing itself fails."""
        return True

    def write(self, _: object) -> int:
        """Refuse."""
        raise OSError(errno.EBADF, "standard output is closed")


def prepare_streams() -> None:
    """Make the standard streams safe to use.

    A closed descriptor is opened on the null device, so that no file takes its number and gets what compiled code
    prints. Writing to a standard output that was closed fails; messages to a closed error stream are lost. Characters
    that the encoding of a stream lacks are written as escapes.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one
    if sys.stdout is None:
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(_Closed()), encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def abandon_output() -> None:
    """Point standard output at the null device, so that the flush at the interpreter's end does not fail again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    with suppress(OSError, ValueError):
        os.dup2(nowhere, 1)
    sys.stdout = os.fdopen(nowhere, "w", encoding="utf-8")

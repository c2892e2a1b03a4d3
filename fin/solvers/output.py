"""Keeping solvers from writing into what users read."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def suppress_output() -> Iterator[None]:
    """Throw away what compiled code writes to the standard output meanwhile.

    HiGHS writes some lines of its own while it solves integer programs, whatever its options say; in the middle of a
    result on the standard output they would break it.
    """
    sys.stdout.flush()
    try:
        kept = os.dup(1)
    except OSError:  # there is no standard output to keep clean
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        if os.name == "posix":
            ctypes.CDLL(None).fflush(None)  # what compiled code has written but not sent yet
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)

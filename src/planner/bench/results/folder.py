"""Results folder of a suite: its identity, and exclusive access while its list of cases changes."""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from planner.bench.case import Case
from planner.bench.results.locks import live_processes
from planner.files.writing import whole_file
from planner.schemas.reading.files import is_file, is_folder, read_json
from planner.schemas.reading.problems import input_error
from planner.schemas.reading.quantities import told_apart
from planner.version import __version__

FORMAT = "4"
"""Version of the folder's layout and of the columns of rows."""
IDENTITY, DATABASE, PROCESSES, LOCK = "suite.json", "rows.sqlite", "owners", "lock"
_LEFT_BY_A_KILL = (LOCK, ".planner-")
"""Beginnings of the names of files that a run leaves which is killed before it writes the folder's identity."""


@dataclass(frozen=True)
class FolderIdentity:
    """The suite that a results folder belongs to, in its present state."""

    format: str
    planner: str
    """Version of the planner."""
    suite: str
    """Name of the suite."""
    case_limit_s: float
    """Seconds after which a case is killed."""
    cases: int
    digest: str
    """Hash of all cases, in order."""


def identity_of(name: str, cases: Sequence[Case], limit_s: float) -> FolderIdentity:
    """Describe the suite that results belong to.

    Args:
        name: Name of the suite.
        cases: All its cases, in order.
        limit_s: Seconds after which a case is killed.

    Returns:
        Its identity: versions of the planner and of the layout, and a hash of all cases.
    """
    digest = hashlib.sha256(json.dumps([case.digest for case in cases]).encode()).hexdigest()
    return FolderIdentity(FORMAT, __version__, name, limit_s, len(cases), f"sha256:{digest}")


def held_identity(folder: Path) -> FolderIdentity:
    """Return the identity of the results in a folder; nothing is written.

    Raises:
        InputError: The folder holds no results, or results of another version.
    """
    path = folder / IDENTITY
    if not is_file(path):
        raise input_error("the folder holds no results", "make them with planner bench", file=str(folder))
    raw = read_json(path)
    if isinstance(raw, dict) and {"format", "planner"} <= raw.keys():
        made = (raw["planner"], raw["format"])
        if made != (__version__, FORMAT):
            whose = f"planner {made[0]} (format {made[1]})"
            message = f"the results were made by {whose}, and this is planner {__version__} (format {FORMAT})"
            raise input_error(message, "give another folder, or use that version", file=str(folder))
    try:
        return FolderIdentity(**raw)
    except TypeError:
        raise input_error("not the identity of a results folder", "give another folder", file=str(path)) from None


def check_folder(folder: Path, identity: FolderIdentity) -> None:
    """Check that results of a suite can go into a folder; nothing is changed.

    Args:
        folder: The results folder, which need not exist.
        identity: The suite as it is now.

    Raises:
        InputError: The folder is another suite's, of something else, or held by a process that runs an earlier state.
    """
    with _refusing(folder):
        if folder.exists():
            _check_held(folder, identity)


def _check_held(folder: Path, identity: FolderIdentity) -> None:
    if not is_folder(folder):
        raise input_error("the place for results is no folder", "give another path", file=str(folder))
    if not is_file(folder / IDENTITY):
        others = sorted(path.name for path in folder.iterdir() if not path.name.startswith(_LEFT_BY_A_KILL))
        if others:
            message = f"the folder holds no results but other files ({', '.join(others[:5])})"
            raise input_error(message, "give a new or an empty folder", file=str(folder))
        return
    held = held_identity(folder)
    if held.suite != identity.suite:
        message = f"the results belong to another suite, {held.suite}"
        raise input_error(message, "give another folder", file=str(folder))
    if held.case_limit_s != identity.case_limit_s:
        message = "cases of these results were killed after {}, not {}".format(
            *told_apart(held.case_limit_s, identity.case_limit_s, "s")
        )
        raise input_error(
            message, f"set case_limit_s = {held.case_limit_s:g}, or give another folder", file=str(folder)
        )
    if held.digest != identity.digest and live_processes(folder / PROCESSES):
        message = "another process runs an earlier state of this suite in the folder"
        raise input_error(message, "wait until it has ended, or stop it", file=str(folder))


@contextmanager
def locked_folder(folder: Path, identity: FolderIdentity) -> Iterator[None]:
    """Make the folder where it is missing, and hold it alone while its list of cases is set.

    Args:
        folder: The results folder.
        identity: The suite as it is now; it replaces the identity of an earlier state of the same suite.

    Raises:
        InputError: The folder is another suite's, cannot be written, or another process runs an earlier state of the
            suite in it; nothing is changed then.
    """
    check_folder(folder, identity)
    with _refusing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / LOCK).open("w", encoding="ascii")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        check_folder(folder, identity)  # another process may have been faster
        with _refusing(folder):
            if not is_file(folder / IDENTITY) or held_identity(folder) != identity:
                with whole_file(folder / IDENTITY, may_replace_input=True) as file:
                    json.dump(asdict(identity), file, indent=2)
            (folder / PROCESSES).mkdir(exist_ok=True)
        yield


@contextmanager
def _refusing(folder: Path) -> Iterator[None]:
    """Turn OSError of a folder that cannot be used into InputError."""
    try:
        yield
    except OSError as error:
        message = f"cannot write the results ({error.strerror or error})"
        raise input_error(message, "give another path, or mend its permissions", file=str(folder)) from None

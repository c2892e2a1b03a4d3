"""The results folder: which suite it belongs to, and who may write in it."""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from planner.bench.case import Case
from planner.files.writing import whole_file
from planner.schemas.reading.files import read_json
from planner.schemas.reading.problems import input_error
from planner.version import __version__

FORMAT = "2"
"""Changes with the columns of rows."""
IDENTITY, DATABASE, PROCESSES, LOCK = "suite.json", "rows.sqlite", "owners", "lock"
_LEFT_BY_A_KILL = (LOCK, ".planner-")
"""Files that a run may leave that was killed before it wrote the folder's identity."""


@dataclass(frozen=True)
class FolderIdentity:
    """What a results folder belongs to."""

    format: str
    planner: str
    """Version of the planner."""
    suite: str
    """Name of the suite."""
    cases: int
    digest: str
    """Hash of all cases, in order, and of the limit that they are killed at."""


def identity_of(name: str, cases: Sequence[Case], limit_s: float) -> FolderIdentity:
    """Return the identity of a suite's results."""
    text = json.dumps([FORMAT, limit_s, [case.digest for case in cases]])
    return FolderIdentity(FORMAT, __version__, name, len(cases), "sha256:" + hashlib.sha256(text.encode()).hexdigest())


def held_identity(folder: Path) -> FolderIdentity:
    """Return the identity of the results in a folder; nothing is written.

    Raises:
        InputError: The folder holds no results, or results of another version.
    """
    path = folder / IDENTITY
    if not path.is_file():
        raise input_error("the folder holds no results", "make them with planner bench", file=str(folder))
    raw = read_json(path)
    try:
        identity = FolderIdentity(**raw)
    except TypeError:
        raise input_error("not the identity of a results folder", "give another folder", file=str(path)) from None
    if identity.format != FORMAT or identity.planner != __version__:
        made = f"planner {identity.planner} (format {identity.format})"
        message = f"the results were made by {made}, and this is planner {__version__} (format {FORMAT})"
        raise input_error(message, "give another folder, or use that version", file=str(folder))
    return identity


def check_folder(folder: Path, identity: FolderIdentity) -> None:
    """Raise InputError, and touch nothing, where results of a suite cannot go into a folder."""
    with _refusing(folder):
        if folder.exists():
            _check_held(folder, identity)


def _check_held(folder: Path, identity: FolderIdentity) -> None:
    if not folder.is_dir():
        raise input_error("the place for results is no folder", "give another path", file=str(folder))
    if not (folder / IDENTITY).exists():
        others = sorted(path.name for path in folder.iterdir() if not path.name.startswith(_LEFT_BY_A_KILL))
        if others:
            message = f"the folder holds no results but other files ({', '.join(others[:5])})"
            raise input_error(message, "give a new or an empty folder", file=str(folder))
        return
    if (held := held_identity(folder)) != identity:
        same = held.suite == identity.suite
        whose = f"an earlier state of suite {held.suite}" if same else f"another suite, {held.suite}"
        message = f"the results belong to {whose}: cases, input files or the limit of a case differ"
        raise input_error(message, "give another folder", file=str(folder))


@contextmanager
def locked_folder(folder: Path, identity: FolderIdentity) -> Iterator[None]:
    """Make the folder and hold it alone for as long as it takes to set up what is in it.

    Raises:
        InputError: The folder is another suite's or cannot be written; nothing is touched then.
    """
    check_folder(folder, identity)
    with _refusing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / LOCK).open("w", encoding="ascii")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        check_folder(folder, identity)  # another process may have been faster
        with _refusing(folder):
            if not (folder / IDENTITY).exists():
                with whole_file(folder / IDENTITY) as file:
                    json.dump(asdict(identity), file, indent=2)
            (folder / PROCESSES).mkdir(exist_ok=True)
        yield


@contextmanager
def _refusing(folder: Path) -> Iterator[None]:
    """Turn what the system says of a folder that cannot be used into the user's words."""
    try:
        yield
    except OSError as error:
        message = f"cannot write the results ({error.strerror or error})"
        raise input_error(message, "give another path, or mend its permissions", file=str(folder)) from None

"""Writing results: a file is either the new one whole or the old one whole."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from planner.process import partly_written
from planner.schemas.reading.files import was_read
from planner.schemas.reading.problems import InputError, input_error

if TYPE_CHECKING:
    from planner.schemas.adaptation.placement_policy import PlacementPolicy
    from planner.schemas.planning.front import Front
    from planner.schemas.planning.placement import Placement

_PREFIX = ".planner-"

_OPTIONAL: dict[str, object] = {
    "model": None, "batch": 1, "filling_s": 0.0, "message": "", "termination": None, "limit": None, "detail": "",
    "thresholds": None, "to": None, "tensor": None, "result_of": None, "diagnosis": None,
    "limits": {}, "node_share_sum": None, "media_share_sum": None, "rate_per_s": None,
    "metrics": {}, "metric_units": {}, "axes": ["energy", "latency", "accuracy"],
    "busy_s": None, "bottleneck": None, "lower_bound": None, "upper_bound": None,
    "latency_over_limit": None, "mean_accuracy": None,
}  # fmt: skip


def placement_json(placement: Placement | PlacementPolicy | Front) -> dict[str, Any]:
    """Return a placement (or a policy or a front) as JSON data, without the optional fields that say nothing."""

    def tidy(value: Any) -> Any:  # noqa: ANN401 - JSON data
        if isinstance(value, dict):
            said = {"rate_per_s", "bottleneck"} if value.get("busy_s") is not None else set()  # null: nothing is busy
            kept = {k: v for k, v in value.items() if k in said or not (k in _OPTIONAL and v == _OPTIONAL[k])}
            # the keys of thresholds are names of exits, which may be called anything
            return {k: v if k == "thresholds" else tidy(v) for k, v in kept.items()}
        return [tidy(item) for item in value] if isinstance(value, list) else value

    tidied: dict[str, Any] = tidy(placement.model_dump(mode="json"))
    return tidied


@contextmanager
def whole_file(path: Path, *, may_replace_input: bool = False) -> Iterator[IO[str]]:
    """Open a file for writing; it takes its place only when all is written.

    The temporary file is made at once, so a place that cannot be written shows before any work is done. Where the file
    system can (on Linux), it has no name until it is whole, so nothing is left of it however the process ends.

    Args:
        path: The file.
        may_replace_input: Whether the file may be one that was read: a file that the planner itself keeps up to date.

    Raises:
        InputError: The file cannot be written there, or it is one of the files that were read.
    """
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            with path.open("w", encoding="utf-8") as device:  # such as /dev/stdout, which must not be replaced
                yield device
        else:
            with _replacement(path, may_replace_input) as file:
                yield file
    except OSError as error:
        raise _refused(path, error.strerror or str(error)) from None


@contextmanager
def _replacement(path: Path, may_replace_input: bool) -> Iterator[IO[str]]:
    """Open a temporary file that takes the place of `path` at the end, unless something goes wrong before."""
    if path.is_dir():
        raise _refused(path, "it is a folder")
    if path.exists() and not os.access(path, os.W_OK):
        raise _refused(path, "the file is write-protected")
    try:
        target = path.resolve()
    except RuntimeError:  # before Python 3.13, links in a circle are no OSError
        raise _refused(path, "it is a link in a circle") from None
    if not may_replace_input:
        _refuse_input(path, target)
    with _temporary(target.parent) as (handle, place), os.fdopen(handle, "w", encoding="utf-8") as file:
        yield file
        file.flush()
        os.fsync(handle)
        if not may_replace_input:
            _refuse_input(path, target)
        place(target)


Place = Callable[[Path], None]
"""Puts a temporary file where it belongs."""


@contextmanager
def _temporary(folder: Path) -> Iterator[tuple[int, Place]]:
    """Open a temporary file in a folder: one without a name where the system has such, else one that is removed."""
    if (nameless := _nameless(folder)) is not None:
        yield nameless, partial(_link, nameless)
        return
    import tempfile  # loads what makes names random; most folders need no names

    handle, name = tempfile.mkstemp(prefix=_PREFIX, dir=folder)
    with partly_written(name):
        try:
            yield handle, lambda target: _rename(name, handle, target)
        finally:
            Path(name).unlink(missing_ok=True)


def _nameless(folder: Path) -> int | None:
    if not hasattr(os, "O_TMPFILE") or not Path("/proc/self/fd").is_dir():
        return None
    try:
        return os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o666)
    except OSError:  # not every file system has them; what else is wrong shows with a named file too
        return None


def _link(handle: int, target: Path) -> None:
    """Give a nameless file its name; where that is taken, a temporary one first, since no link replaces a file."""
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        source = f"/proc/self/fd/{handle}"
        if not target.exists():
            # with folders given, links of /proc are followed to the file itself
            os.link(source, target.name, src_dir_fd=folder, dst_dir_fd=folder)
            return
        name = f"{_PREFIX}{os.urandom(8).hex()}"
        whole = target.parent / name
        with partly_written(str(whole)):
            try:
                os.link(source, name, src_dir_fd=folder, dst_dir_fd=folder)
                _rename(str(whole), handle, target)
            finally:
                whole.unlink(missing_ok=True)
    finally:
        os.close(folder)


def _rename(name: str, handle: int, target: Path) -> None:
    """Put a whole file in the place of another, with its permissions; a new one gets the usual ones."""
    mask = os.umask(0)
    os.umask(mask)
    os.fchmod(handle, stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~mask)
    Path(name).replace(target)


def _refuse_input(path: Path, target: Path) -> None:
    """Raise InputError if the output would take the place of a file that was read."""
    if was_read(target):
        fix = "give another path"
        raise input_error("the output would replace a file that is read", fix, file=str(path))


def _refused(path: Path, why: str) -> InputError:
    return input_error(f"cannot write the output ({why})", "give another path, or mend its permissions", file=str(path))


def made_folder(folder: Path) -> Path:
    """Make a folder where there is none, and return it.

    Args:
        folder: The folder.

    Raises:
        InputError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"cannot make the folder ({error.strerror or error})"
        raise input_error(message, "give another folder", file=str(folder)) from None
    return folder

"""Writing results: a file is either the new one whole or the old one whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from planner.schemas.adaptation.placement_policy import PlacementPolicy
from planner.schemas.planning.front import Front
from planner.schemas.planning.placement import Placement
from planner.schemas.reading.problems import InputError, input_error

_OPTIONAL = {
    "message": "", "termination": None, "limit": None, "detail": "",
    "thresholds": None, "result_of": None, "diagnosis": None,
    "node_share_sum": None, "media_share_sum": None, "rate_per_s": None,
}  # fmt: skip


def placement_json(placement: Placement | PlacementPolicy | Front) -> dict[str, Any]:
    """Return a placement (or a policy or a front) as JSON data, without the optional fields that say nothing."""

    def tidy(value: Any) -> Any:  # noqa: ANN401 - JSON data
        if isinstance(value, dict):
            kept = {k: v for k, v in value.items() if not (k in _OPTIONAL and v == _OPTIONAL[k])}
            # the keys of thresholds are names of exits, which may be called anything
            return {k: v if k == "thresholds" else tidy(v) for k, v in kept.items()}
        return [tidy(item) for item in value] if isinstance(value, list) else value

    tidied: dict[str, Any] = tidy(placement.model_dump(mode="json"))
    return tidied


@contextmanager
def whole_file(path: Path) -> Iterator[IO[str]]:
    """Open a file for writing; it takes its place only when all is written.

    The temporary file is made at once, so a place that cannot be written shows before any work is done.

    Raises:
        InputError: The file cannot be written there.
    """
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            with path.open("w", encoding="utf-8") as device:  # such as /dev/stdout, which must not be replaced
                yield device
        else:
            with _replacement(path) as file:
                yield file
    except OSError as error:
        raise _refused(path, error.strerror or str(error)) from None


@contextmanager
def _replacement(path: Path) -> Iterator[IO[str]]:
    """Open a temporary file that takes the place of `path` at the end, unless something goes wrong before."""
    if path.is_dir():
        raise _refused(path, "it is a folder")
    if path.exists() and not os.access(path, os.W_OK):
        raise _refused(path, "the file is write-protected")
    try:
        target = path.resolve()
    except RuntimeError:  # before Python 3.13, links in a circle are no OSError
        raise _refused(path, "it is a link in a circle") from None
    handle, name = tempfile.mkstemp(prefix=".planner-", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            yield file
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(target.stat().st_mode if target.exists() else 0o666 & ~mask)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _refused(path: Path, why: str) -> InputError:
    return input_error(f"cannot write the output ({why})", "give another path, or mend its permissions", file=str(path))

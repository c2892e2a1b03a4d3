"""Reading input files: JSON on disk to checked schemas, with every problem reported at once."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from itertools import chain
from pathlib import Path
from typing import IO, Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from planner.schemas.reading.problems import InputError, Problem, input_error
from planner.schemas.reading.quantities import format_quantity

MAX_FILE_BYTES = 150_000_000

_read: set[tuple[int, int]] | None = None
"""Device and inode of every regular file that the running command has read as an input; None outside commands."""

SchemaT = TypeVar("SchemaT", bound=BaseModel)


class _DuplicateKeyError(ValueError):
    """A JSON object names one key twice."""


def read_document(path: Path, schema: type[SchemaT]) -> tuple[SchemaT, str]:
    """Read and check one file.

    Returns:
        The checked document, and ``sha256:...`` of the bytes read.

    Raises:
        InputError: The file cannot be read, is too large, is not JSON, or does not fit the schema.
    """
    data = read_bytes(path)
    return document_of(data, schema, path), digest_of(data)


def document_of(data: bytes, schema: type[SchemaT], path: Path) -> SchemaT:
    """Check what a file holds; raise InputError where it is not JSON, or does not fit the schema.

    Args:
        data: Its bytes.
        schema: What it must fit.
        path: Its path, for messages.

    Returns:
        The checked document.
    """
    return check_document(_parse(data, path), schema, str(path))


def read_toml(path: Path, schema: type[SchemaT]) -> SchemaT:
    """Read and check one TOML file.

    Raises:
        InputError: The file cannot be read, is too large, is not TOML, or does not fit the schema.
    """
    import tomllib  # most runs read no TOML

    data = read_bytes(path)
    try:
        raw = tomllib.loads(data.decode("utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        raise input_error(f"not TOML: {error}", "mend the TOML", file=str(path)) from None
    except UnicodeDecodeError:
        raise input_error("not TOML: the file is not UTF-8 text", "give a TOML file", file=str(path)) from None
    except (RecursionError, ValueError) as error:
        raise input_error(f"not usable TOML: {error}", "mend the TOML", file=str(path)) from None
    return check_document(raw, schema, str(path))


def read_json(path: Path) -> Any:  # noqa: ANN401 - raw JSON
    """Read a JSON file that no schema describes; raise InputError where it cannot be read or is not JSON."""
    return _parse(read_bytes(path), path)


def check_document(raw: object, schema: type[SchemaT], file: str = "") -> SchemaT:
    """Check raw JSON data against a schema; raise InputError with every problem.

    Args:
        raw: Data as `json.loads` returns it.
        schema: What it must fit.
        file: Name for messages.

    Returns:
        The checked, frozen document.
    """
    too_deep = input_error(
        "lists and objects are nested too deeply", "no field needs more than a few levels", file=file
    )
    try:
        # a root that is no object: JSON has lists where schemas hold tuples, so its rules of strictness apply
        return schema.model_validate(raw) if isinstance(raw, dict) else schema.model_validate_json(json.dumps(raw))
    except ValidationError as error:
        from planner.schemas.reading.kinds import named, other_kind  # only mistakes need them
        from planner.schemas.reading.translate import problems_of

        if (kind := other_kind(raw, schema.__name__)) is not None:
            message = f"the file is {kind.words}, not {named(schema.__name__)}"
            raise input_error(message, "give another file, or name it with another option", file=file) from None
        raise InputError(problems_of(error, schema, file)) from None
    except RecursionError:
        raise too_deep from None


def digest_of(data: bytes) -> str:
    """Return the hash of a file as results name it, ``sha256:...``."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def read_bytes(path: Path) -> bytes:
    """Return what a file holds; raise InputError where it cannot be read or is too large."""
    try:
        with path.open("rb") as file:  # pipes and devices do not tell their size, so read no more than is allowed
            data = file.read(MAX_FILE_BYTES + 1)
            note_read(file)
    except (OSError, ValueError) as error:  # no path has a character of code 0
        message = f"cannot read the file ({getattr(error, 'strerror', None) or error})"
        raise input_error(message, "check the path and its permissions", file=str(path)) from None
    if len(data) > MAX_FILE_BYTES:
        message = f"the file has more than {format_quantity(MAX_FILE_BYTES, 'B')}"
        raise input_error(message, "give a smaller file", file=str(path))
    return data


def is_file(path: Path) -> bool:
    """Tell whether a path leads to a file; a name that no file can have, such as one too long, leads nowhere."""
    return os.path.isfile(path)  # noqa: PTH113 - `Path.is_file` raises where a name is too long


def is_folder(path: Path) -> bool:
    """Tell whether a path leads to a folder; a name that no folder can have leads nowhere."""
    return os.path.isdir(path)  # noqa: PTH112 - `Path.is_dir` raises where a name is too long


def record_inputs() -> None:
    """Begin a new record of files that are read; every command does, so that its output replaces none of them."""
    global _read  # noqa: PLW0603 - a command has one record, and reading is spread over all packages
    _read = set()


def note_read(file: IO[Any]) -> None:
    """Note that an open file is an input of the running command, which no output may replace."""
    status = os.fstat(file.fileno())
    if _read is not None and stat.S_ISREG(status.st_mode):
        _read.add((status.st_dev, status.st_ino))


def was_read(path: Path) -> bool:
    """Tell whether the running command has read the file as an input, under this name or another (a link)."""
    if _read is None:
        return False
    try:
        status = path.stat()
    except OSError:
        return False
    return (status.st_dev, status.st_ino) in _read


def _parse(data: bytes, path: Path) -> Any:  # noqa: ANN401 - raw JSON
    """Return what JSON text holds: by pydantic's parser where it is certain that no key stands twice in an object."""
    try:
        raw = from_json(data)
        keys = _keys_of([raw])
        if data.count(b":") == keys or _keys_at_most(data) == keys:  # the first is far cheaper
            return raw
    except ValueError:  # the parser below says what is wrong, or takes what pydantic's does not (UTF-16)
        pass
    try:
        return json.loads(data, object_pairs_hook=_object)
    except _DuplicateKeyError as error:
        message, fix = f"the key {error} stands twice in one object", "keep one of the two"
    except json.JSONDecodeError as error:
        message, fix = f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}", "mend the JSON"
    except UnicodeDecodeError:
        message, fix = "not JSON: the file is not UTF-8 text", "give a JSON file"
    except (RecursionError, ValueError) as error:
        message, fix = f"not usable JSON: {error}", "mend the JSON"
    raise InputError([Problem(str(path), "", "", message, fix)])


def _keys_at_most(data: bytes) -> int:
    """Return an upper bound on the keys in JSON text: a colon follows each, behind its quote or behind white space."""
    return sum(map(data.count, (b'":', b" :", b"\t:", b"\n:", b"\r:")))


def _keys_of(items: list[Any]) -> int:
    """Return the number of keys in all objects inside some values, at any depth."""
    count = 0
    while items:
        objects = [item for item in items if type(item) is dict]
        count += sum(map(len, objects))
        inside = list(chain.from_iterable(map(dict.values, objects)))
        inside += chain.from_iterable(item for item in items if type(item) is list)
        items = [] if {dict, list}.isdisjoint(map(type, inside)) else [x for x in inside if type(x) in (dict, list)]
    return count


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object; two equal keys would lose one of them without a word."""
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        raise _DuplicateKeyError(repr(next(key for key, _ in pairs if key in seen or seen.add(key))))  # type: ignore[func-returns-value] # add() marks the key as seen
    return result

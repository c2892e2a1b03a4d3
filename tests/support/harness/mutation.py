"""Structure-aware mutation of input files: kinds of files, and changes of their structure and bytes."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

VALUES: tuple[Any, ...] = (
    None, True, False, 0, -0.0, 1, -1, 2, 0.5, 1e-320, 1e-12, 1e12, 1e300, 1e308, -1e308, 10**400, float("nan"),
    float("inf"), "", "x", "x" * 2_000, "\x1b[2J", "a\nb", "\u202e", "\ud800", "块", "..", "/", "nan", "1", [],
    {}, [[]], [None], {"a": 1}, [1, 2, 3], "phone", "cloud", "energy", "latency", "p95", "worst", "mean",
)  # fmt: skip
Change = Callable[[random.Random, Any, Any], None]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) of a document."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        held = waiting.pop()
        keys = list(held) if isinstance(held, dict) else range(len(held)) if isinstance(held, list) else ()
        for key in keys:
            found.append((held, key))
            waiting.append(held[key])
    return found


def _replace(source: random.Random, held: Any, key: Any) -> None:
    held[key] = copy.deepcopy(source.choice(VALUES))


def _scale(source: random.Random, held: Any, key: Any) -> None:
    if isinstance(held[key], (int, float)) and not isinstance(held[key], bool):
        most = int(1e300)  # a mutated integer may be larger than any float
        held[key] = (
            float(max(-most, min(most, held[key]))) * 10.0 ** source.randint(-30, 30) * source.choice((1, 1, 1, -1))
        )


def _delete(_: random.Random, held: Any, key: Any) -> None:
    del held[key]


def _repeat(source: random.Random, held: Any, key: Any) -> None:
    if isinstance(held, list):
        held.insert(source.randint(0, len(held)), copy.deepcopy(held[key]))
    else:
        held[f"{key}{source.choice(('', ' ', '2'))}"] = copy.deepcopy(held[key])


def _rename(source: random.Random, held: Any, key: Any) -> None:
    if isinstance(held, dict):
        held[str(source.choice(("x", "", "name", "\x1b", f"{key}s", "schema_version")))] = held.pop(key)


def _many(source: random.Random, held: Any, key: Any) -> None:
    if isinstance(held[key], list) and held[key]:
        held[key] = held[key] * source.choice((2, 30))


CHANGES: tuple[Change, ...] = (_replace, _replace, _replace, _scale, _scale, _delete, _repeat, _rename, _many)


def mutated(document: Any, source: random.Random) -> bytes:
    """Return a document after one to three changes of its structure, and now and then of its bytes."""
    document = copy.deepcopy(document)
    for _ in range(source.choice((1, 1, 1, 2, 3))):
        if found := places(document):
            kinds = found if source.random() < 0.5 else [place for place in found if _is_scalar(place)] or found
            source.choice(CHANGES)(source, *source.choice(kinds))
    data = json.dumps(document).encode("utf-8", "surrogatepass")
    return bent(data, source) if source.random() < 0.05 else data


def _is_scalar(place: tuple[Any, Any]) -> bool:
    return not isinstance(place[0][place[1]], (list, dict))


def bent(data: bytes, source: random.Random) -> bytes:
    """Return bytes with a piece cut off, changed or put in."""
    place = source.randrange(len(data) + 1)
    piece = source.choice((b"", b"\x00", b"\xff\xfe", b"{", b'"', b",", b"[" * 3000, b"9" * 5000, b"\n"))
    return data[:place] + piece + data[place + source.choice((0, 1, len(data))) :]


def edited(text: str, source: random.Random) -> str:
    """Return a table or another text after a change of one of its values or lines."""
    lines = text.splitlines(keepends=True)
    at = source.randrange(len(lines))
    kind = source.randrange(4)
    if kind == 0:
        return "".join(lines[:at] + lines[at + 1 :])
    if kind == 1:
        return "".join(lines[: at + 1] + lines[at:])
    words = [*re.finditer(r"[^\s,=\"\[\]]+", lines[at])]
    if not words:
        return text
    word = source.choice(words)
    value = str(source.choice(VALUES)) if kind == 2 else f"{word[0]}{source.choice(('0', 'e3', '.', ',', ' ', '-'))}"
    lines[at] = lines[at][: word.start()] + value + lines[at][word.end() :]
    return "".join(lines)


@dataclass(frozen=True)
class Target:
    """A kind of file, and a command that reads it."""

    name: str
    document: Any
    """JSON data, or text or bytes of another kind of file."""
    words: tuple[str, ...]
    """The command; FILE is the mutated file, FOLDER its folder, OUT a file to write, NEW a folder to make."""
    weight: float = 1.0
    file: str = "mutated.json"
    """Where the mutated file stands."""

    @property
    def makes_folder(self) -> bool:
        """Whether the command makes a folder, which must not be there yet."""
        return "NEW" in self.words

    def plain(self) -> bytes:
        """Return the file as it is."""
        if isinstance(self.document, bytes):
            return self.document
        text = self.document if isinstance(self.document, str) else json.dumps(self.document)
        return text.encode()

    def data(self, source: random.Random) -> bytes:
        """Return the file after a mutation."""
        if isinstance(self.document, str):
            data = edited(self.document, source).encode("utf-8", "surrogatepass")
            return bent(data, source) if source.random() < 0.1 else data
        if isinstance(self.document, bytes):
            return bent(self.document, source)
        return mutated(self.document, source)

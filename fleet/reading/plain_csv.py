"""Large CSV files without quotes as columns of codes: cells found, hashed and compared as arrays of bytes.

What lies between commas and ends of lines is a cell. Cells of a column are loaded as words of eight bytes, hashed, and
numbered by their hash; each is compared with the first one of its number, so that equal numbers mean equal texts.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planner.fin.instance.network import Ints

LARGE_BYTES = 1_000_000
"""Files from this size on are read here."""
_CHUNK_BYTES = 1 << 24
_WORD = 8
_MOST_WIDTH = 256
"""Bytes of the widest cell; wider ones are left to the other reader."""
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)
_MASKS = np.array([256**count - 1 for count in range(_WORD + 1)], dtype=np.uint64)
"""The first bytes of a word, by their number."""
Words = NDArray[np.uint64]
Columns = dict[str, Sequence[Any]]


@dataclass(frozen=True)
class EncodedCells(Sequence[str]):
    """Cells of a column as numbers of their distinct texts."""

    codes: Ints
    texts: list[str]

    def __len__(self) -> int:
        """Number of cells."""
        return len(self.codes)

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 - as sequences have it
        """Return the text of a cell."""
        return self.texts[self.codes[index]]


def plain_bytes(path: Path) -> bytes | None:
    """Return a large file whose cells are what lies between commas; None where it is small, or not so plain.

    Quotes, empty lines and lone carriage returns are left to the reader of the standard library, which says what is
    wrong.

    Args:
        path: The file.

    Raises:
        OSError: It cannot be read.
    """
    if path.stat().st_size < LARGE_BYTES:
        return None
    data = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    return None if any(mark in data for mark in (b'"', b"\r", b"\n\n", b"\0")) else data


def cells_of(data: bytes, header: Sequence[str]) -> Iterator[tuple[Columns, int]] | None:
    """Return the columns of a table chunk by chunk, each with its number of rows.

    Args:
        data: The file, without quotes.
        header: Names of its columns, which stand in the first line.

    Returns:
        The chunks; None where a row has more or fewer cells than the header, or a cell is very wide.

    Raises:
        UnicodeDecodeError: A cell is not UTF-8.
    """
    start = data.find(b"\n") + 1
    if start == 0:
        return iter(())
    if not data.endswith(b"\n"):
        data += b"\n"
    chunks = []
    while start < len(data):
        stop = len(data) if start + _CHUNK_BYTES >= len(data) else data.rfind(b"\n", start, start + _CHUNK_BYTES) + 1
        ends = _ends(data, start, stop, len(header)) if stop > start else None
        if ends is None:
            return None
        chunks.append((start, stop, ends))
        start = stop
    return (_columns(data[start:stop], ends, header) for start, stop, ends in chunks)


def _ends(data: bytes, start: int, stop: int, width: int) -> Ints | None:
    """(rows, width) place behind each cell; None where rows differ in length, or a cell is too wide."""
    every = np.frombuffer(data, dtype=np.uint8, count=stop - start, offset=start)
    ends = np.flatnonzero((every == ord(",")) | (every == ord("\n")))
    lines = int(np.count_nonzero(every == ord("\n")))
    if len(ends) != lines * width or np.diff(ends, prepend=-1).max() > _MOST_WIDTH:
        return None
    by_row = ends.reshape(lines, width)
    return by_row if (every[by_row[:, -1]] == ord("\n")).all() else None


def _columns(data: bytes, ends: Ints, header: Sequence[str]) -> tuple[Columns, int]:
    begins = np.concatenate([[0], ends.reshape(-1)[:-1] + 1]).reshape(ends.shape)
    padded = np.frombuffer(data + bytes(_WORD), dtype=np.uint8)
    # a word at every byte: loads need not be aligned
    words: Words = np.ndarray(len(data) + 1, dtype="<u8", buffer=padded, strides=(1,))
    columns: Columns = {}
    for index, name in enumerate(header):
        columns[name] = _encoded(data, words, begins[:, index], ends[:, index])
    return columns, len(ends)


def _encoded(data: bytes, words: Words, begin: Ints, end: Ints) -> EncodedCells:
    """Number the cells of one column by their texts."""
    length = end - begin
    parts = [_word(words, begin, length, place) for place in range(0, max(1, int(length.max())), _WORD)]
    hashed = np.zeros(len(begin), dtype=np.uint64)
    for part in parts:
        hashed = (hashed ^ (hashed >> _SHIFT) ^ part) * _FACTOR
    _, first, codes = np.unique(hashed, return_index=True, return_inverse=True)
    codes = codes.reshape(-1)
    if any((part != part[first][codes]).any() for part in parts):  # two texts of one hash
        _, first, codes = np.unique(np.stack(parts), axis=1, return_index=True, return_inverse=True)
        codes = codes.reshape(-1)
    order = np.argsort(first, kind="stable")  # texts in the order in which they appear
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    first = first[order]
    texts = [data[a:b].decode() for a, b in zip(begin[first].tolist(), end[first].tolist(), strict=True)]
    return EncodedCells(place[codes], texts)


def _word(words: Words, begin: Ints, length: Ints, place: int) -> Words:
    """(n,) eight bytes of each cell from one place on, with zeros behind its end."""
    left = np.clip(length - place, 0, _WORD)
    found = words[np.minimum(begin + place, len(words) - 1)]
    return np.asarray(found & _MASKS[left], dtype=np.uint64)

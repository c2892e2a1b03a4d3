"""Messages between agents: a JSON header and one raw buffer for each tensor, checked before anything is used.

Frames of a message: the header, ``{"planner": 3, "kind": ..., "fields": {...}, "tensors": ["float32[1,256] x"]}``, then
the bytes of every tensor in C order. Nothing is pickled; what does not fit is refused as a whole. A description of a
tensor is one text so that it is checked once and looked up afterwards: the same tensors come again and again.
"""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

from planner.schemas.bundles.tensors import Dtype

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PROTOCOL = 3
"""Version of the messages; agents and coordinators of different versions do not talk."""
MOST_HEADER_BYTES = 4_000_000
MOST_TENSORS = 256
_MOST_DIMENSIONS, _MOST_DIGITS, _MOST_NAME = 16, 12, 200
_FROM_COORDINATOR = (
    *("hello", "setup", "load", "work", "carry", "release", "forget", "change", "probe", "time", "echo", "stop"),
)
_FROM_AGENT = ("welcome", "ready", "refused", "result", "probed", "timed", "echoed", "failed")
KINDS = frozenset((*_FROM_COORDINATOR, *_FROM_AGENT))
DTYPES = frozenset(get_args(Dtype))
_MOST_COUNT = 2**62
_DECODER = json.JSONDecoder()
_ENCODER = json.JSONEncoder(separators=(",", ":"))
_KNOWN_DESCRIPTIONS = 4096
_DESCRIPTION = re.compile(rf"(\w+)\[([0-9,]*)\] (.{{1,{_MOST_NAME}}})", re.DOTALL | re.ASCII)
_MOST_DESCRIPTION = _MOST_NAME + 14 * _MOST_DIMENSIONS + 20


class MessageError(ValueError):
    """Frames that are no message."""


@dataclass(frozen=True)
class Message:
    """One message."""

    kind: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    """JSON data."""
    tensors: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Return a field that must be a text; raise MessageError otherwise."""
        value = self.fields.get(name)
        if not isinstance(value, str):
            raise MessageError(f"{name} is not a text")
        return value

    def number(self, name: str, most: float = 2.0**62) -> float:
        """Return a field that must be a number in [0, most]; raise MessageError otherwise."""
        value = self.fields.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= most:
            raise MessageError(f"{name} is not a number in range")
        return value

    def count(self, name: str) -> int:
        """Return a field that must be a whole number; raise MessageError otherwise."""
        value = self.fields.get(name)
        if type(value) is not int or not 0 <= value <= _MOST_COUNT:  # booleans are none
            raise MessageError(f"{name} is not a whole number in range")
        return value


def encode(message: Message) -> list[Any]:
    """Return the frames of a message; buffers of tensors are not copied."""
    import numpy as np

    described, buffers = [], []
    for name, array in message.tensors.items():
        described.append(_description(name, array.dtype, array.shape))
        buffers.append(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data if array.size else b"")
    header = {"planner": PROTOCOL, "kind": message.kind, "fields": message.fields, "tensors": described}
    return [_ENCODER.encode(header).encode(), *buffers]


@functools.lru_cache(_KNOWN_DESCRIPTIONS)
def _description(name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> str:
    """Return how the header describes a tensor."""
    return f"{dtype}[{','.join(map(str, shape))}] {name}"


def decode(frames: Sequence[Any]) -> Message:
    """Return the message of some frames.

    Args:
        frames: Buffers; those of tensors are viewed, not copied.

    Raises:
        MessageError: They are no message of this version.
    """
    if not 1 <= len(frames) <= MOST_TENSORS + 1:
        raise MessageError(f"{len(frames)} frames")
    header = _header(frames[0])
    described = header["tensors"]
    if len(described) != len(frames) - 1:
        raise MessageError("not one buffer for each tensor")
    tensors: dict[str, NDArray[Any]] = {}
    for entry, buffer in zip(described, frames[1:], strict=True):
        if not isinstance(entry, str) or len(entry) > _MOST_DESCRIPTION:
            raise MessageError("a tensor is not described")
        name, kind, shape, size = _described(entry)
        if size != len(buffer):
            raise MessageError("a buffer has another size than its tensor")
        if name in tensors:
            raise MessageError("a tensor stands twice")
        tensors[name] = _array(kind, shape, buffer)
    return Message(header["kind"], header["fields"], tensors)


def _header(frame: Any) -> dict[str, Any]:  # noqa: ANN401 - any buffer
    if len(frame) > MOST_HEADER_BYTES:
        raise MessageError("the header is too long")
    try:
        text = str(frame, "utf-8")
        header, end = _DECODER.raw_decode(text)
        if end != len(text):
            raise ValueError("more than one document")
    except (ValueError, RecursionError):
        raise MessageError("the header is not JSON") from None
    if type(header) is not dict or type(version := header.get("planner")) is not int or version != PROTOCOL:
        raise MessageError("not a message of this version")
    kind, fields, tensors = header.get("kind"), header.get("fields"), header.get("tensors")
    if type(kind) is not str or kind not in KINDS or type(fields) is not dict or type(tensors) is not list:
        raise MessageError("the header lacks something")
    return header


@functools.lru_cache(_KNOWN_DESCRIPTIONS)
def _described(entry: str) -> tuple[str, np.dtype[Any], tuple[int, ...], int]:
    """Return name, type, shape and number of bytes of a described tensor; raise MessageError for anything else."""
    import numpy as np

    found = _DESCRIPTION.fullmatch(entry)
    if found is None or found[1] not in DTYPES:
        raise MessageError("a tensor has no name, type or shape")
    sizes = found[2].split(",") if found[2] else []
    if len(sizes) > _MOST_DIMENSIONS or not all(0 < len(size) <= _MOST_DIGITS for size in sizes):
        raise MessageError("a tensor's shape is none")
    kind, shape = np.dtype(found[1]), tuple(map(int, sizes))
    return found[3], kind, shape, math.prod(shape) * kind.itemsize


def _array(kind: np.dtype[Any], shape: tuple[int, ...], buffer: Any) -> NDArray[Any]:  # noqa: ANN401 - any buffer
    """Return a tensor as a view of its buffer, which has its size."""
    import numpy as np

    try:
        return np.frombuffer(buffer, kind).reshape(shape) if len(buffer) else np.zeros(shape, kind)
    except ValueError:  # more elements than NumPy can address, in one of several empty dimensions
        raise MessageError("a tensor's shape is none") from None

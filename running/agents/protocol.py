"""Messages between agents: a JSON header and one raw buffer for each tensor, checked before anything is used.

Frames of a message: the header, ``{"planner": 2, "kind": ..., "fields": {...}, "tensors": [[name, dtype, shape]]}``,
then the bytes of every tensor in C order. Nothing is pickled; what does not fit is refused as a whole.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

from planner.schemas.bundles.tensors import Dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

PROTOCOL = 2
"""Version of the messages; agents and coordinators of different versions do not talk."""
MOST_HEADER_BYTES = 4_000_000
MOST_TENSORS = 256
_MOST_DIMENSIONS, _MOST_NAME = 16, 200
_FROM_COORDINATOR = (
    *("hello", "setup", "load", "work", "carry", "release", "forget", "change", "probe", "time", "echo", "stop"),
)
_FROM_AGENT = ("welcome", "ready", "refused", "result", "probed", "timed", "echoed", "failed")
KINDS = frozenset((*_FROM_COORDINATOR, *_FROM_AGENT))
DTYPES = frozenset(get_args(Dtype))
_ENCODER = json.JSONEncoder(separators=(",", ":"))


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
        value = self.number(name)
        if not isinstance(value, int):
            raise MessageError(f"{name} is not a whole number")
        return value


def encode(message: Message) -> list[Any]:
    """Return the frames of a message; buffers of tensors are not copied."""
    import numpy as np

    arrays = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in message.tensors.items()}
    header = {
        "planner": PROTOCOL,
        "kind": message.kind,
        "fields": message.fields,
        "tensors": [[name, str(array.dtype), list(array.shape)] for name, array in arrays.items()],
    }
    buffers = [array.reshape(-1).view(np.uint8).data if array.size else b"" for array in arrays.values()]
    return [_ENCODER.encode(header).encode(), *buffers]


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
        name, array = _tensor(entry, buffer)
        if name in tensors:
            raise MessageError("a tensor stands twice")
        tensors[name] = array
    return Message(header["kind"], header["fields"], tensors)


def _header(frame: Any) -> dict[str, Any]:  # noqa: ANN401 - any buffer
    if len(frame) > MOST_HEADER_BYTES:
        raise MessageError("the header is too long")
    try:
        header = json.loads(bytes(frame))
    except (ValueError, RecursionError):
        raise MessageError("the header is not JSON") from None
    if not isinstance(header, dict) or header.get("planner") != PROTOCOL or isinstance(header.get("planner"), bool):
        raise MessageError("not a message of this version")
    kind, fields, tensors = header.get("kind"), header.get("fields"), header.get("tensors")
    if not isinstance(kind, str) or kind not in KINDS or not isinstance(fields, dict) or not isinstance(tensors, list):
        raise MessageError("the header lacks something")
    return header


def _tensor(entry: Any, buffer: Any) -> tuple[str, NDArray[Any]]:  # noqa: ANN401 - raw JSON, any buffer
    """Return a tensor as a view of its buffer; its description must fit the buffer's size exactly."""
    import numpy as np

    if not isinstance(entry, list) or len(entry) != 3:
        raise MessageError("a tensor is not described")
    name, dtype, shape = entry
    if not isinstance(name, str) or not 0 < len(name) <= _MOST_NAME or not isinstance(dtype, str):
        raise MessageError("a tensor has no name or type")
    if dtype not in DTYPES or not isinstance(shape, list) or len(shape) > _MOST_DIMENSIONS:
        raise MessageError("a tensor's type or shape is none")
    if any(isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < 2**40 for size in shape):
        raise MessageError("a tensor's shape is none")
    kind = np.dtype(dtype)
    if math.prod(shape) * kind.itemsize != len(buffer):
        raise MessageError("a buffer has another size than its tensor")
    try:
        return name, np.frombuffer(buffer, dtype=kind).reshape(shape) if len(buffer) else np.zeros(shape, kind)
    except ValueError:  # more elements than NumPy can address, in one of several empty dimensions
        raise MessageError("a tensor's shape is none") from None

"""Tensors that an agent holds for samples: until all inputs of a piece are there, and for later pieces of its node."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from planner.running.agents.protocol import Message, MessageError
from planner.schemas.reading.quantities import format_quantity

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_WAITING_BYTES = 2_000_000_000
_SAMPLE_BYTES = 2_000
"""What a sample costs beside its tensors."""
_MOST_FORGOTTEN = 10_000


@dataclass
class HeldSample:
    """What is held for one sample."""

    tensors: dict[str, NDArray[Any]] = field(default_factory=dict)
    moved: list[list[int]] = field(default_factory=list)
    """Transfers that have arrived and no trace names yet: number, sent, arrived (ns)."""
    work: Message | None = None
    """Tells that the piece before is done; the piece waits for its tensors."""


class HeldSamples:
    """Samples of one run by their turn, within a bound on memory."""

    def __init__(self, most_bytes: int = MOST_WAITING_BYTES) -> None:
        self._most_bytes = most_bytes
        self._samples: dict[int, HeldSample] = {}
        self._forgotten: OrderedDict[int, None] = OrderedDict()
        self.held_bytes = 0

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._samples)

    def put(self, turn: int, tensors: Mapping[str, NDArray[Any]]) -> HeldSample | None:
        """Hold tensors of a sample; return all that is held for it, None where it was dropped before.

        Args:
            turn: Number of the sample's start.
            tensors: Tensors by name.

        Raises:
            MessageError: The bound on memory is reached.
        """
        if turn in self._forgotten:
            return None
        sample = self._samples.get(turn)
        if sample is None:
            sample = self._samples[turn] = HeldSample()
            self.held_bytes += _SAMPLE_BYTES
        for name, array in tensors.items():
            known = sample.tensors.get(name)
            self.held_bytes += array.nbytes - (0 if known is None else known.nbytes)
            sample.tensors[name] = array
        if self.held_bytes > self._most_bytes:
            bound = format_quantity(self._most_bytes, "B")
            raise MessageError(f"tensors of samples under way have more than {bound}: lower --in-flight or --rate")
        return sample

    def get(self, turn: int) -> HeldSample | None:
        """Return what is held for a sample, None where nothing is.

        Args:
            turn: Number of the sample's start.
        """
        return self._samples.get(turn)

    def keep(self, turn: int, names: Collection[str]) -> None:
        """Let go of all tensors of a sample but some.

        Args:
            turn: Number of the sample's start.
            names: Tensors that are still needed.
        """
        sample = self._samples.get(turn)
        if sample is None:
            return
        for name in [each for each in sample.tensors if each not in names]:
            self.held_bytes -= sample.tensors.pop(name).nbytes
        if not names:
            self.drop(turn)

    def drop(self, turn: int) -> None:
        """Let go of a sample.

        Args:
            turn: Number of the sample's start.
        """
        sample = self._samples.pop(turn, None)
        if sample is not None:
            self.held_bytes -= _SAMPLE_BYTES + sum(array.nbytes for array in sample.tensors.values())

    def forget(self, turn: int) -> None:
        """Let go of a sample, and take no more tensors of it.

        Args:
            turn: Number of the sample's start.
        """
        self.drop(turn)
        self._forgotten[turn] = None
        while len(self._forgotten) > _MOST_FORGOTTEN:
            self._forgotten.popitem(last=False)

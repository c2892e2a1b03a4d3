"""What blocks read from which blocks, as arrays: networks that are no chains."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from planner.fin.instance.network import Floats, Ints
from planner.schemas.planning.dataflow_checks import INPUT
from planner.schemas.planning.model import Model


class TensorInput(NamedTuple):
    """A tensor that a block reads."""

    reader: int
    """Block that reads."""
    producer: int
    """Block whose output it is, -1 for the model's input."""
    tensor: int
    """Number of the tensor; the same one may have several readers."""
    bits: float
    name: str | None
    """Which of the producer's tensors it is; None for its one output."""


@dataclass(frozen=True, eq=False)
class Dataflow:
    """R inputs of L blocks, in order of their readers, and the T tensors that they are."""

    reader: Ints
    """(R,) block that reads."""
    tensor: Ints
    """(R,) tensor that it reads."""
    producer: Ints
    """(T,) block whose output a tensor is, -1 for the model's input."""
    bits: Floats
    """(T,) size of a tensor."""
    names: tuple[str | None, ...]
    """(T,) name of a tensor among those of its producer; None for its one output."""

    def inputs(self, depth: int) -> list[TensorInput]:
        """Return the inputs of the first `depth` blocks, in order of their readers."""
        rows = zip(self.reader.tolist(), self.tensor.tolist(), strict=True)
        return [
            TensorInput(reader, int(self.producer[tensor]), tensor, float(self.bits[tensor]), self.names[tensor])
            for reader, tensor in rows
            if reader < depth
        ]

    @property
    def is_chain(self) -> bool:
        """Whether every block reads one tensor, the one output of the block before."""
        blocks = np.arange(len(self.producer))
        return all(name is None for name in self.names) and bool(
            np.array_equal(self.reader, blocks)
            and np.array_equal(self.tensor, blocks)
            and np.array_equal(self.producer, blocks - 1)
        )


def dataflow_of(model: Model) -> Dataflow:
    """Return what every block of a model reads; a block that does not say it reads the output of the block before.

    Args:
        model: The model.
    """
    position = {block.name: index for index, block in enumerate(model.blocks)} | {INPUT: -1}
    sizes = [model.input_bits, *(block.output_bits for block in model.blocks)]
    tensors: dict[tuple[int, str | None], int] = {}
    bits: list[float] = []
    rows: list[tuple[int, int]] = []
    for index, block in enumerate(model.blocks):
        inputs: Iterable[tuple[int, str | None, float | None]] = [(index - 1, None, None)]
        if block.inputs is not None:
            inputs = [(position[row.block], row.tensor, row.bits) for row in block.inputs]
        for producer, name, size in inputs:
            number = tensors.setdefault((producer, name), len(tensors))
            if number == len(bits):
                bits.append(sizes[producer + 1] if size is None else size)
            rows.append((index, number))
    readers, numbers = zip(*rows, strict=True)
    return Dataflow(
        reader=np.array(readers, dtype=np.int64),
        tensor=np.array(numbers, dtype=np.int64),
        producer=np.array([producer for producer, _ in tensors], dtype=np.int64),
        bits=np.array(bits, dtype=np.float64),
        names=tuple(name for _, name in tensors),
    )


def output_bits(model: Model, dataflow: Dataflow) -> Floats:
    """Return (L,) the size of each block's output; in a chain, of the tensor that the next block reads.

    Args:
        model: The model.
        dataflow: What its blocks read.
    """
    bits = np.array([block.output_bits for block in model.blocks], dtype=np.float64)
    if dataflow.is_chain:
        bits[:-1] = dataflow.bits[1:]
    return bits

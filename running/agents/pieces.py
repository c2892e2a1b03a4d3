"""Pieces that an agent holds: checked against their manifest, loaded, and run with processor times."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from planner.running.agents.holding import pause
from planner.running.agents.protocol import MessageError
from planner.running.confidence import confidence
from planner.running.network.reading import parse_onnx, refuse_external
from planner.running.network.sessions import element_types, execute, random_inputs, session
from planner.schemas.bundles.cuts import Confidence
from planner.schemas.bundles.manifest import Piece
from planner.schemas.bundles.tensors import Tensor
from planner.schemas.reading.files import digest_of
from planner.schemas.reading.problems import input_error

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_WARM_UPS = 3


@dataclass(frozen=True)
class LoadedPiece:
    """A piece with its session, and what is looked up for every sample."""

    piece: Piece
    runtime: Any
    """ONNX Runtime session; None where the piece computes nothing."""
    receives: tuple[tuple[str, np.dtype[Any], tuple[int, ...]], ...]
    """Name, type and shape of the tensors that must be there."""
    inputs: tuple[str, ...]
    outputs: list[str]


@dataclass(frozen=True)
class Times:
    """When a piece ran, by the monotonic clock, and its processor time, all in nanoseconds."""

    start: int
    end: int
    cpu: int


def load_piece(piece: Piece, data: bytes, threads: int, level: str = "all") -> LoadedPiece:
    """Load a piece into ONNX Runtime, and warm it up on random input.

    Args:
        piece: Piece as the manifest describes it.
        data: Bytes of its ONNX file.
        threads: Threads inside an operator.
        level: Graph optimisation: `off`, `basic` or `all`.

    Returns:
        The piece with a warmed-up session.

    Raises:
        InputError: It is not the file of the manifest, has custom operators or external data, or other inputs or
            outputs than the manifest says.
    """
    fix = "split the plan again"
    if digest_of(data) != piece.sha256:
        raise input_error("not the file of the manifest (its hash differs)", fix, file=piece.file)
    if not piece.outputs:
        return _loaded(piece, None)
    model = parse_onnx(data, piece.file)
    refuse_external(model, piece.file)
    for tensors, values in ((piece.inputs, model.graph.input), (piece.outputs, model.graph.output)):
        if {_signature(tensor) for tensor in tensors} != {_described(value) for value in values}:
            raise input_error("the piece does not fit its manifest: other tensors go in or out", fix, file=piece.file)
    runtime = session(data, piece.file, level, threads)
    for seed in range(_WARM_UPS):
        execute(runtime, None, random_inputs(piece.inputs, seed), piece.file)
    return _loaded(piece, runtime)


def _loaded(piece: Piece, runtime: Any) -> LoadedPiece:  # noqa: ANN401 - onnxruntime ships no types
    import numpy as np

    receives = tuple((tensor.name, np.dtype(tensor.dtype), tensor.shape) for tensor in piece.receives)
    inputs = tuple(tensor.name for tensor in piece.inputs)
    return LoadedPiece(piece, runtime, receives, inputs, [tensor.name for tensor in piece.outputs])


def _signature(tensor: Tensor) -> tuple[str, str, tuple[int, ...]]:
    return tensor.name, tensor.dtype, tensor.shape


def _described(value: Any) -> tuple[str, str, tuple[int, ...]]:  # noqa: ANN401 - protobuf
    kind = value.type.tensor_type
    shape = tuple(int(dim.dim_value) if dim.HasField("dim_value") else -1 for dim in kind.shape.dim)
    return value.name, element_types().get(kind.elem_type, ""), shape


def is_ready(loaded: LoadedPiece, tensors: Mapping[str, NDArray[Any]]) -> bool:
    """Tell whether all tensors that a piece receives are there.

    Args:
        loaded: Piece that is to run.
        tensors: Tensors that are there, by name.

    Raises:
        MessageError: One is there with another type or shape.
    """
    ready = True
    for name, kind, shape in loaded.receives:
        found = tensors.get(name)
        if found is None:
            ready = False
        elif found.dtype != kind or found.shape != shape:
            wrong = f"{name} is {found.dtype} {list(found.shape)}, not {kind} {list(shape)}"
            raise MessageError(f"the tensors for {loaded.piece.name} do not fit: {wrong}")
    return ready


def run_piece(
    loaded: LoadedPiece, tensors: Mapping[str, NDArray[Any]], slow_down: float
) -> tuple[dict[str, NDArray[Any]], Times]:
    """Run a piece on the tensors that are there; return what it makes, and its times.

    An emulated slow-down by `f` waits `f - 1` times the processor time that the piece took.

    Args:
        loaded: Piece to run.
        tensors: Tensors that are there, by name.
        slow_down: Emulated factor on the processor time, at least 1.

    Returns:
        Tensors that it makes, by name; start and end by the monotonic clock and the processor time, in ns.
    """
    names = loaded.outputs
    feeds = {name: tensors[name] for name in loaded.inputs}
    start, cpu = time.monotonic_ns(), time.thread_time_ns()
    made = execute(loaded.runtime, names, feeds, loaded.piece.file) if names else []
    used = time.thread_time_ns() - cpu
    if slow_down > 1:
        pause((slow_down - 1) * used * 1e-9)
    return dict(zip(names, made, strict=True)), Times(start, time.monotonic_ns(), used)


def leaves(piece: Piece, known: Mapping[str, NDArray[Any]], measure: Confidence) -> bool:
    """Tell whether a sample leaves at the exit of a piece.

    Args:
        piece: Piece whose exit is looked at.
        known: Tensors known behind the piece, by name.
        measure: Measure of confidence that the threshold refers to.

    Returns:
        True where the confidence reaches the threshold of the exit, or the exit has none; False without an exit.
    """
    if piece.exit is None:
        return False
    if piece.exit.threshold is None:
        return True
    return confidence(known[piece.exit.outputs[0]], piece.exit.activation, measure) >= piece.exit.threshold

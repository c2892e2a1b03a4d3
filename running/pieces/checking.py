"""Check that parts compose to the whole network: bit by bit without graph optimisation, closely with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from planner.running.network.sessions import execute, random_inputs, session
from planner.running.pieces.parts import Part, part_bytes, run_parts
from planner.schemas.bundles.cuts import Cuts
from planner.schemas.bundles.manifest import SplitCheck
from planner.schemas.reading.problems import input_error

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAMPLES = 2


def check_parts(cuts: Cuts, graph: Any, whole: bytes, parts: Sequence[Part], samples: int = SAMPLES) -> SplitCheck:  # noqa: ANN401 - protobuf
    """Run parts and the whole network on random inputs, and compare every output of the exits that are on.

    Args:
        cuts: Cuts of the network.
        graph: ONNX model that was cut.
        whole: The same as bytes.
        parts: Parts in execution order.
        samples: Random inputs to compare.

    Returns:
        Number of samples, whether outputs are bit-equal with optimisation off, and the largest relative error with it
        on.

    Raises:
        InputError: A part needs a tensor that none before it makes, or an exit's output is not made.
    """
    _refuse_missing(cuts, parts)
    outputs = [tensor.name for part in parts if part.exit for tensor in part.exit.outputs]
    figures = []
    for level in ("off", "all"):
        runtime = session(whole, cuts.name, level)
        pieces = [_runner(part, graph, level) for part in parts]
        worst = 0.0
        for seed in range(samples):
            feeds = random_inputs(cuts.inputs, seed)
            expected = dict(zip(outputs, execute(runtime, outputs, feeds, cuts.name), strict=True))
            worst = max(worst, relative_error(run_parts(parts, pieces, feeds, outputs), expected))
        figures.append(worst)
    return SplitCheck(samples=samples, bit_equal=figures[0] == 0.0, relative_error=figures[1])


def _refuse_missing(cuts: Cuts, parts: Sequence[Part]) -> None:
    """Raise InputError where cuts name other graph nodes than those that make a tensor."""
    known = {tensor.name for tensor in cuts.inputs}
    for part in parts:
        needed = [tensor.name for tensor in part.receives]
        made = {tensor.name for tensor in part.outputs}
        missing = [name for name in needed if name not in known]
        missing += [
            tensor.name for tensor in (part.exit.outputs if part.exit else ()) if tensor.name not in known | made
        ]
        if missing:
            where = "+".join(part.blocks)
            message = f"the nodes that cuts.json names up to {where} do not make {missing[0]}"
            raise input_error(message, "import the network again", file=cuts.name)
        known |= made


def _runner(part: Part, graph: Any, level: str) -> Any:  # noqa: ANN401 - protobuf
    if not part.outputs:
        return lambda names, feeds: []
    runtime = session(part_bytes(graph, part), "+".join(part.blocks), level)
    return lambda names, feeds: execute(runtime, names, feeds, "+".join(part.blocks))


def relative_error(found: Mapping[str, NDArray[Any]], expected: Mapping[str, NDArray[Any]]) -> float:
    """Return the largest error over the largest magnitude, over all outputs; 0 only where all are equal bit by bit."""
    import numpy as np

    worst = 0.0
    for name, right in expected.items():
        if np.array_equal(found[name], right, equal_nan=right.dtype.kind == "f"):
            continue
        one, two = found[name].astype(np.float64), right.astype(np.float64)
        error = float(np.nanmax(np.abs(one - two), initial=0.0))
        scale = float(np.nanmax(np.abs(two), initial=0.0))
        worst = max(worst, error / scale if scale > 0 else float(error > 0) or 1.0)
    return worst

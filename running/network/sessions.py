"""Sessions of ONNX Runtime on the processor, and random inputs for networks."""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from planner.schemas.bundles.tensors import Tensor
from planner.schemas.reading.problems import input_error
from planner.schemas.reading.quantities import format_quantity

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Arrays = Mapping[str, "NDArray[Any]"]

LEVELS = {"off": "ORT_DISABLE_ALL", "basic": "ORT_ENABLE_BASIC", "all": "ORT_ENABLE_ALL"}


def session(
    data: bytes | str,
    file: str,
    level: str = "all",
    threads: int = 1,
    save_to: str | None = None,
) -> Any:  # noqa: ANN401 - onnxruntime ships no types
    """Load a network into ONNX Runtime.

    Args:
        data: ONNX bytes, or the path of a file.
        file: What to call it in messages.
        level: Graph optimisation: `off`, `basic` or `all`.
        threads: Threads inside an operator.
        save_to: Path to save the optimised network to.

    Returns:
        An `onnxruntime.InferenceSession` on the CPU.

    Raises:
        InputError: ONNX Runtime refuses the network.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 4
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, LEVELS[level])
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if save_to is not None:
        options.optimized_model_filepath = save_to
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # whatever the runtime refuses is told to the user
        raise refused(error, file) from None


def execute(
    runtime: Any,  # noqa: ANN401 - onnxruntime ships no types
    outputs: list[str] | None,
    feeds: Arrays,
    file: str,
    most_s: float | None = None,
) -> list[NDArray[Any]]:
    """Run a session.

    Args:
        runtime: Session to run.
        outputs: Names of the outputs to compute; None for all.
        feeds: Inputs by name.
        file: What to call the network in messages.
        most_s: Time after which the run is ended, in seconds; None: never. A loop may go on for ever.

    Returns:
        The outputs, in the order of `outputs`.

    Raises:
        InputError: ONNX Runtime refuses, or the run takes too long.
    """
    try:
        if most_s is None:
            results: list[NDArray[Any]] = runtime.run(outputs, feeds)
            return results
        with _ended_after(most_s) as options:
            results = runtime.run(outputs, feeds, options)
    except Exception as error:  # whatever the runtime refuses is told to the user
        if most_s is not None and "terminate flag" in str(error):
            message = f"it did not end within {format_quantity(most_s, 's')} on random input"
            fix = "give the Loop a number of passes, or a condition that becomes false on any input"
            raise input_error(message, fix, file=file) from None
        raise refused(error, file) from None
    return results


@contextmanager
def _ended_after(most_s: float) -> Iterator[Any]:
    """Yield options of a run that is ended after a time."""
    import onnxruntime

    options = onnxruntime.RunOptions()
    options.log_severity_level = 4
    timer = threading.Timer(most_s, lambda: setattr(options, "terminate", True))
    timer.daemon = True
    timer.start()
    try:
        yield options
    finally:
        timer.cancel()


_SOURCE = re.compile(r"\S+\.(?:h|cc):\d+ (?:\S*::\S*\(.*?\) )?")
"""Place in the source of ONNX Runtime, as its messages name it: no user needs it."""


def refused(error: Exception, file: str) -> Exception:
    """Return ONNX Runtime's refusal as an InputError.

    Args:
        error: What it raised.
        file: What to call the network in messages.
    """
    text = str(error)
    if found := re.search(r"Opset (\d+) is under development.*?till opset (\d+)", text, re.DOTALL):
        fix = f"export it with opset {found[2]} or lower, or install a newer onnxruntime"
        message = f"it has opset {found[1]}, and this ONNX Runtime knows opsets up to {found[2]}"
        return input_error(message, fix, file=file)
    lines = (
        re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : |Load model from \S+ failed:\s*", "", text).strip().splitlines()
    )
    said = _SOURCE.sub("", lines[0]) if lines else type(error).__name__
    fix = "check that ONNX Runtime runs this network (its operators, opset and input shapes)"
    return input_error(f"ONNX Runtime refuses it: {said[:300]}", fix, file=file)


@functools.cache
def element_types() -> Mapping[int, str]:
    """Return NumPy's names of the element types that are carried, by ONNX's code."""
    from typing import get_args

    from onnx import TensorProto

    from planner.schemas.bundles.tensors import Dtype

    codes = {"float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE}
    return {codes.get(name, getattr(TensorProto, name.upper(), 0)): name for name in get_args(Dtype)}


def random_inputs(inputs: Iterable[Tensor], seed: int) -> dict[str, NDArray[Any]]:
    """Return one random input: normal floats, zeros and ones of other types."""
    import numpy as np

    random = np.random.default_rng(seed)
    feeds: dict[str, NDArray[Any]] = {}
    for tensor in inputs:
        kind: np.dtype[Any] = np.dtype(tensor.dtype)
        if kind.kind == "f":
            feeds[tensor.name] = random.standard_normal(tensor.shape).astype(kind)
        else:
            # token numbers, lengths and flags: both 0 and 1 are allowed nearly everywhere
            feeds[tensor.name] = random.integers(0, 2, tensor.shape).astype(kind)
    return feeds

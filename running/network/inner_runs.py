"""One run of a graph inside of a node: a network of its own, with the tensors around it as inputs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from planner.running.network.reading import captured, made_tensors
from planner.running.network.sessions import execute, session

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_S = 10.0
"""Time that a graph may run: a loop in a branch that does not run by itself may never end."""


@dataclass(frozen=True)
class Scope:
    """What a graph can see around it."""

    model: Any
    """Network that says opsets and functions."""
    constants: Mapping[str, Any]
    """Initialisers by name."""
    values: Mapping[str, NDArray[Any]]
    """Tensors of one execution, by name; those that are not known are missing."""

    @property
    def opset(self) -> int:
        """Version of ONNX's own operators."""
        versions = [each.version for each in self.model.opset_import if each.domain in ("", "ai.onnx")]
        return max(versions, default=0)

    def value(self, name: str) -> NDArray[Any] | None:
        """Return the tensor of a name; None where it is not known."""
        import onnx

        if name in self.values:
            return self.values[name]
        if name not in self.constants:
            return None
        array: NDArray[Any] = onnx.numpy_helper.to_array(self.constants[name])
        return array

    def inside(self, graph: Any, made: Mapping[str, NDArray[Any]]) -> Scope:  # noqa: ANN401 - protobuf
        """Return what graphs inside of a graph can see.

        Args:
            graph: The graph.
            made: Its tensors of one execution, as far as they are known.
        """
        own = {value.name for value in graph.input} | {name for node in graph.node for name in node.output}
        held = {constant.name: constant for constant in graph.initializer}
        hidden = own | held.keys()
        constants = {name: constant for name, constant in self.constants.items() if name not in hidden}
        values = {name: value for name, value in self.values.items() if name not in hidden}
        return replace(self, constants=constants | held, values=values | dict(made))


def run_graph(
    graph: Any,  # noqa: ANN401 - protobuf
    feeds: Mapping[str, NDArray[Any] | None],
    scope: Scope,
) -> dict[str, NDArray[Any]] | None:
    """Run a graph once.

    Args:
        graph: Graph inside of a node.
        feeds: Its inputs.
        scope: What it can see around it.

    Returns:
        Every tensor of it that is an array, its inputs among them; None where it does not run.
    """
    names = sorted(captured(graph))
    constants = [scope.constants[name] for name in names if name in scope.constants]
    known = dict(feeds) | {name: scope.values.get(name) for name in names if name not in scope.constants}
    inputs = {name: value for name, value in known.items() if value is not None}
    if len(inputs) < len(known) or any(value.name not in inputs for value in graph.input):
        return None
    made = made_tensors(graph)
    if not made:
        return inputs
    try:
        runtime = session(_network(graph, inputs, made, constants, scope).SerializeToString(), "graph", level="off")
        fed = {each.name: inputs[each.name] for each in runtime.get_inputs()}
        results = execute(runtime, made, fed, "graph", _MOST_S)
    except Exception:  # a branch that does not fit this input, a type that is not carried: not run
        return None
    found = {name: value for name, value in zip(made, results, strict=True) if hasattr(value, "dtype")}
    return inputs | found


def _network(
    graph: Any,  # noqa: ANN401 - protobuf
    inputs: Mapping[str, NDArray[Any]],
    outputs: Sequence[str],
    constants: Sequence[Any],
    scope: Scope,
) -> Any:  # noqa: ANN401 - protobuf
    """Make a network of a graph, whose shapes stay open: the graph may run again on others."""
    import onnx

    network = onnx.ModelProto(ir_version=scope.model.ir_version)
    network.opset_import.extend(scope.model.opset_import)
    network.functions.extend(scope.model.functions)
    network.graph.name = "inside"
    network.graph.node.extend(graph.node)
    network.graph.initializer.extend([*graph.initializer, *constants])
    for name, value in inputs.items():
        kind = onnx.helper.np_dtype_to_tensor_dtype(value.dtype)
        network.graph.input.append(onnx.helper.make_tensor_value_info(name, kind, None))
    network.graph.output.extend(onnx.ValueInfoProto(name=name) for name in outputs)
    return network


def with_inferred_shapes(model: Any) -> Any:  # noqa: ANN401 - protobuf
    """Return a network with the shapes that ONNX infers, graphs inside of nodes included."""
    import onnx

    try:
        return onnx.shape_inference.infer_shapes(model, data_prop=True)
    except Exception:  # contradictions in a branch that never runs, or more than 2 GB: what is stated is left
        return model


@dataclass(frozen=True)
class Described:
    """Shape and size of a tensor."""

    shape: tuple[int, ...]
    bytes: float


def described(
    graph: Any,  # noqa: ANN401 - protobuf
    made: Mapping[str, NDArray[Any]] | None,
) -> dict[str, Described]:
    """Return the tensors that a graph makes or is given: as they were in a run, or as the file states them.

    Args:
        graph: Graph inside of a node.
        made: Its tensors of one run; None where it did not run.

    Returns:
        Shape and size in bytes by name; tensors of unknown shape are missing.
    """
    own = {value.name for value in graph.input} | {name for node in graph.node for name in node.output}
    if made is not None:
        return {name: Described(value.shape, float(value.nbytes)) for name, value in made.items() if name in own}
    import onnx

    found = {}
    for value in (*graph.value_info, *graph.output, *graph.input):
        kind = value.type.tensor_type
        if value.name in own and kind.HasField("shape") and all(dim.HasField("dim_value") for dim in kind.shape.dim):
            shape = tuple(int(dim.dim_value) for dim in kind.shape.dim)
            width = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type).itemsize
            found[value.name] = Described(shape, float(math.prod(shape) * width))
    return found

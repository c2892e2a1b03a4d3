"""Operations and memory inside of `If`, `Loop` and `Scan`, each of whose graphs runs once on what it captures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from planner.running.network.activations import first_output, peak_bytes
from planner.running.network.constants import constant_true, constant_value
from planner.running.network.inner_runs import Scope, described, run_graph, with_inferred_shapes
from planner.running.network.operations import FREE, operations
from planner.running.network.reading import subgraphs

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_RUNS = 1000
"""Passes of a loop that are run one by one while shapes grow; later ones count as the last of them."""


@dataclass(frozen=True)
class Remark:
    """What a reader must know of how a node was counted."""

    kind: Literal["branch", "pass", "part"]
    """Its larger branch counts; one pass counts; some shapes are unknown."""
    node: str
    """Operator and name."""
    most: int | None = None
    """Most passes of a loop, where a constant bounds them."""


@dataclass(frozen=True)
class Inside:
    """What the graphs inside of a node take, each time the node runs."""

    ops: float
    working_bytes: float
    """Most activations inside at once, without those that the network itself holds meanwhile."""
    remarks: tuple[Remark, ...] = ()


def insides(model: Any, values: Mapping[str, NDArray[Any]]) -> dict[str, Inside]:  # noqa: ANN401 - protobuf
    """Count what graphs inside of a network's nodes take, by running each of them.

    Of an `If` the branch that takes more counts; of a `Loop` as many passes as constants say, or else one; of a `Scan`
    one pass for each slice. Shapes of a graph that does not run are those that the file states.

    Args:
        model: Folded network.
        values: Tensors of one execution, by name.

    Returns:
        Figures by the first output of the node.
    """
    if all(next(subgraphs(node), None) is None for node in model.graph.node):
        return {}
    network = with_inferred_shapes(model)
    scope = Scope(network, {constant.name: constant for constant in network.graph.initializer}, values)
    found = {}
    for node in network.graph.node:
        if next(subgraphs(node), None) is not None:
            counted = _inside(node, scope)
            found[first_output(node)] = replace(counted, remarks=tuple(dict.fromkeys(counted.remarks)))
    return found


def _inside(node: Any, scope: Scope) -> Inside:  # noqa: ANN401 - protobuf
    count = {"If": _branches, "Loop": _loop, "Scan": _scan}.get(node.op_type, _unknown)
    return count(node, scope)


def _label(node: Any) -> str:  # noqa: ANN401 - protobuf
    return f"{node.op_type} {node.name or first_output(node)}"


def _branches(node: Any, scope: Scope) -> Inside:  # noqa: ANN401 - protobuf
    passes = [_one_pass(node, graph, {}, scope) for graph in subgraphs(node)]
    remarks = [remark for each in passes for remark in each.inside.remarks]
    if len({each.inside.ops for each in passes}) > 1:
        remarks.insert(0, Remark("branch", _label(node)))
    ops, most = (max(getattr(each.inside, name) for each in passes) for name in ("ops", "working_bytes"))
    return Inside(ops, most, tuple(remarks))


def _loop(node: Any, scope: Scope) -> Inside:  # noqa: ANN401 - protobuf
    (body,) = subgraphs(node)
    passes, most = _passes(node, body, scope)
    remarks = [Remark("pass", _label(node), most)] if passes is None else []
    carried = [scope.value(name) for name in node.input[2:]]
    total, working, done, now = 0.0, 0.0, 0, Inside(0.0, 0.0)
    for done in range(1, min(1 if passes is None else passes, _MOST_RUNS) + 1):
        counted = _one_pass(node, body, _loop_feeds(body, done - 1, carried), scope)
        now = counted.inside
        total, working = total + now.ops, max(working, now.working_bytes)
        after = counted.results[1 : 1 + len(carried)]
        if [getattr(value, "shape", None) for value in after] == [getattr(value, "shape", None) for value in carried]:
            break  # every later pass has the shapes of this one
        carried = list(after)
    rest = 0 if passes is None else passes - done
    return Inside(total + rest * now.ops, working, (*remarks, *now.remarks))


def _loop_feeds(body: Any, number: int, carried: Sequence[NDArray[Any] | None]) -> dict[str, NDArray[Any] | None]:  # noqa: ANN401 - protobuf
    """Return what a pass of a loop reads: its number, that it goes on, and what the pass before handed on."""
    import numpy as np

    first: list[NDArray[Any] | None] = [
        np.full([1] * len(value.type.tensor_type.shape.dim), content, kind)
        for value, content, kind in zip(body.input, (number, True), (np.int64, np.bool_), strict=False)
    ]
    return dict(zip((value.name for value in body.input), [*first, *carried], strict=False))


def _passes(node: Any, body: Any, scope: Scope) -> tuple[int | None, int | None]:  # noqa: ANN401 - protobuf
    """Return how often a loop goes round where constants say so, and the most that a constant allows."""
    limit = constant_value(node.input[0], scope.constants) if node.input and node.input[0] else None
    most = None if limit is None else max(int(limit), 0)
    begins = node.input[1] if len(node.input) > 1 else ""
    condition = constant_value(begins, scope.constants) if begins else True
    if most == 0 or (condition is not None and not condition):
        return 0, 0
    goes_on = condition is not None and constant_true(body, scope.constants)
    return (most if goes_on else None), most


def _scan(node: Any, scope: Scope) -> Inside:  # noqa: ANN401 - protobuf
    import onnx

    (body,) = subgraphs(node)
    attributes = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute if each.name != "body"}
    count = attributes["num_scan_inputs"]
    names, states = [value.name for value in body.input], len(body.input) - count
    rows = [row for name in node.input if (row := scope.value(name)) is not None]
    axes = attributes.get("scan_input_axes") or [0] * count
    if scope.opset < 9 or len(rows) != len(names):
        # before opset 9, a Scan had batches and lengths of sequences: one pass counts
        counted = _one_pass(node, body, {}, scope).inside
        return replace(counted, remarks=(Remark("pass", _label(node)), *counted.remarks))
    slices = [_first_slice(row, axis) for row, axis in zip(rows[states:], axes, strict=True)]
    counted = _one_pass(node, body, dict(zip(names, [*rows[:states], *slices], strict=True)), scope).inside
    return replace(counted, ops=counted.ops * rows[states].shape[axes[0]])


def _first_slice(row: NDArray[Any], axis: int) -> NDArray[Any]:
    import numpy as np

    shape = [size for place, size in enumerate(row.shape) if place != axis % row.ndim]
    taken: NDArray[Any] = row.take(0, axis) if row.shape[axis] else np.zeros(shape, row.dtype)
    return taken


def _unknown(node: Any, scope: Scope) -> Inside:  # noqa: ANN401 - protobuf
    passes = [_one_pass(node, graph, {}, scope).inside for graph in subgraphs(node)]
    return Inside(max(each.ops for each in passes), 0.0, (Remark("part", _label(node)),))


@dataclass(frozen=True)
class _Pass:
    """One pass of a graph, and what it hands on (None: not known)."""

    inside: Inside
    results: Sequence[NDArray[Any] | None]


def _one_pass(
    node: Any,  # noqa: ANN401 - protobuf
    graph: Any,  # noqa: ANN401 - protobuf
    feeds: Mapping[str, NDArray[Any] | None],
    scope: Scope,
) -> _Pass:
    """Count one pass of a graph by the shapes of its tensors, as it runs on some feeds."""
    made = run_graph(graph, feeds, scope)
    inner = scope.inside(graph, made or {})
    tensors = described(graph, made)
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    shapes |= {name: tuple(constant.dims) for name, constant in inner.constants.items()}
    shapes |= {name: value.shape for name, value in inner.values.items() if name not in shapes}
    nested = {
        first_output(each): _inside(each, inner) for each in graph.node if next(subgraphs(each), None) is not None
    }
    ops, remarks = 0.0, [remark for each in nested.values() for remark in each.remarks]
    for each in graph.node:
        counted = nested.get(first_output(each))
        ops += operations(each, shapes) if counted is None else counted.ops
        lacking = counted is None and each.op_type not in FREE and first_output(each) not in shapes
        if lacking and not any(remark.kind == "part" for remark in remarks):
            remarks.append(Remark("part", _label(node)))
    results = {value.name for value in graph.output}
    own = {name for name in tensors if name not in results} if node.op_type == "If" else set(tensors)
    sizes = {name: tensors[name].bytes for name in own}  # what an `If` hands on is its own output
    peak = peak_bytes(graph.node, sizes, results, inside={key: each.working_bytes for key, each in nested.items()})
    return _Pass(Inside(ops, peak, tuple(remarks)), [inner.value(value.name) for value in graph.output])

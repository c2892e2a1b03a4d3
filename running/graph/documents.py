"""The files model.json and cuts.json of an imported network, as JSON data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planner.running.graph.blocks import Constants, parameters, working_bytes
from planner.running.graph.calibration import MeasuredPoint
from planner.running.graph.carried import Carried, inputs_of_blocks, output_bits
from planner.running.graph.flow import Flow
from planner.running.graph.options import ImportOptions
from planner.schemas.bundles.cuts import Cuts
from planner.schemas.bundles.tensors import Tensor
from planner.schemas.reading.problems import input_error

OUTPUT, FULL = "output", "full"
"""Names of the exit and the operating point of a network without early exits."""


@dataclass(frozen=True)
class Measured:
    """What calibration found."""

    calibration: dict[str, Any]
    points: list[MeasuredPoint]
    final_accuracy: float


@dataclass(frozen=True)
class Source:
    """A network divided into blocks, and where it comes from."""

    path: Path
    options: ImportOptions
    flow: Flow
    names: Sequence[str]
    """Names of the blocks."""
    ends: Sequence[int]
    """Backbone nodes up to the end of every block."""
    measured: Measured | None

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.options.name or self.path.stem

    def block_nodes(self) -> list[range]:
        """Return the nodes of every block."""
        return [range(start, stop) for start, stop in zip([0, *self.ends[:-1]], self.ends, strict=True)]


def exit_names(flow: Flow) -> list[str]:
    """Return names of exits by depth; the final one is `output` where there is no other."""
    return [*(head.name for head in flow.heads), flow.final[0] if flow.heads else OUTPUT]


def cuts_json(source: Source, graph: str, file: str) -> dict[str, Any]:
    """Write cuts.json: the nodes of blocks and heads, and the tensors at boundaries and exits.

    Args:
        source: The network.
        graph: Hash of graph.onnx.
        file: Hash of the imported file.

    Returns:
        The document as JSON data, with sizes of tensors in bits.

    Raises:
        InputError: An output or exit has no fixed shape.
    """
    flow, names, ends, path = source.flow, source.names, source.ends, str(source.path)
    exits: list[dict[str, Any]] = [
        {
            "name": head.name,
            "after": names[ends.index(head.position)],
            "outputs": _tensors(flow, [head.name], path),
            "nodes": list(head.nodes),
            "activation": head.activation,
        }
        for head in flow.heads
    ]
    outputs = _tensors(flow, flow.final, path, flow.folded.varying)
    exits.append({"name": exit_names(flow)[-1], "after": names[-1], "outputs": outputs, "activation": flow.activation})
    points = [] if source.measured is None or not flow.heads else source.measured.points
    return {
        "schema_version": "1",
        "name": source.name,
        "graph": graph,
        "source": file,
        "inputs": [tensor.model_dump(mode="json") for tensor in flow.folded.inputs],
        "blocks": [
            {"name": name, "start": nodes.start, "stop": nodes.stop}
            for name, nodes in zip(names, source.block_nodes(), strict=True)
        ],
        "boundaries": [
            {"after": name, "tensors": _tensors(flow, flow.crossing(end), path)}
            for name, end in zip(names[:-1], ends[:-1], strict=True)
        ],
        "exits": exits,
        "confidence": source.options.confidence,
        "operating_points": [{"name": point.name, "thresholds": point.thresholds} for point in points],
    }


def _tensors(
    flow: Flow, names: Sequence[str], file: str, varying: Mapping[str, Tensor] | None = None
) -> list[dict[str, Any]]:
    known = {**flow.folded.tensors, **(varying or {})}
    lacking = [name for name in names if name not in known]
    if lacking:
        fix = "give a network whose outputs and exits have a fixed shape"
        message = "this tensor has no fixed shape or is of a type that is not carried"
        raise input_error(message, fix, file=file, value=lacking[0])
    return [known[name].model_dump(mode="json") for name in names]


def model_json(
    source: Source,
    cuts: Cuts,
    carried: Sequence[Carried] | None,
    ops: Sequence[float],
    constants: Constants,
) -> dict[str, Any]:
    """Write model.json: operations, parameters, working memory and outputs of every block and head.

    Args:
        source: The network.
        cuts: Its cuts.
        carried: What goes between blocks; None for a chain, whose blocks hand on all that crosses behind them.
        ops: Operations of every node.
        constants: Initialisers.

    Returns:
        The document as JSON data; parameters and working memory in bytes, inputs, outputs and results in bits.

    Raises:
        InputError: Nothing says when samples leave at the exits.
    """
    flow = source.flow
    input_bits = sum(tensor.bits for tensor in cuts.inputs)
    blocks: list[dict[str, Any]] = [{"name": name} for name in source.names]
    exits: list[dict[str, Any]] = [{"name": each.name, "after": each.after} for each in cuts.exits]
    nodes: list[Sequence[int]] = [*source.block_nodes(), *(head.nodes for head in flow.heads)]
    sizes = parameters(flow, nodes, constants)
    working = _working(source, cuts, carried is None)
    for index, (row, part) in enumerate(zip([*blocks, *exits[:-1]], nodes, strict=True)):
        row.update(ops=sum(ops[node] for node in part), param_bytes=float(sizes.own[index]))
        if working[index]:
            row["working_bytes"] = working[index]
        if sizes.uses[index]:
            row["params"] = list(sizes.uses[index])
    crossing = [sum(tensor.bits for tensor in boundary.tensors) for boundary in cuts.boundaries]
    sent = [*crossing, 0.0] if carried is None else output_bits(carried, len(blocks))
    read = [None] * len(blocks) if carried is None else inputs_of_blocks(carried, source.names, input_bits)
    for row, bits, inputs in zip(blocks, sent, read, strict=True):
        row["output_bits"] = bits
        if inputs is not None:
            row["inputs"] = inputs
    for row, head in zip(exits[:-1], flow.heads, strict=True):
        row["result_bits"] = flow.folded.tensors[head.name].bits
    exits[-1]["result_bits"] = sum(tensor.bits for tensor in cuts.exits[-1].outputs)
    model: dict[str, Any] = {
        "schema_version": "1",
        "name": source.name,
        "citation": _citation(source),
        "input_bits": input_bits,
        "blocks": blocks,
        "exits": exits,
    }
    if sizes.shared:
        model["params"] = {name: float(size) for name, size in sizes.shared.items()}
    return model | _points_json(source)


def _working(source: Source, cuts: Cuts, chain: bool) -> list[float]:
    """Return the working memory of every block and head, in bytes.

    In a chain, tensors that pass through a block are held by its node meanwhile.
    """
    flow = source.flow
    crossing = [set[str](), *({tensor.name for tensor in each.tensors} for each in cuts.boundaries), set[str]()]
    outputs = {head.after: {tensor.name for tensor in head.outputs} for head in cuts.exits}
    heads = {head.position: head.reads for head in flow.heads}
    found = []
    for index, nodes in enumerate(source.block_nodes()):
        kept = crossing[index + 1] | outputs.get(source.names[index], set()) | heads.get(nodes.stop, set())
        passing = crossing[index] & crossing[index + 1] if chain else set[str]()
        found.append(working_bytes(flow, nodes, kept, passing))
    return [*found, *(working_bytes(flow, head.nodes, {head.name}) for head in flow.heads)]


def _points_json(source: Source) -> dict[str, Any]:
    heads, measured = source.flow.heads, source.measured
    if heads and measured is not None:
        points = [
            {"name": point.name, "exit_fractions": point.fractions, "accuracy": point.accuracy}
            for point in measured.points
        ]
        return {"operating_points": points, "calibration": measured.calibration}
    accuracy = source.options.accuracy if measured is None else measured.final_accuracy
    if heads and accuracy is None:
        fix = "give labelled samples with --data, or the accuracy of the final output with --accuracy"
        raise input_error("nothing says when samples leave at the exits", fix, file=str(source.path), path="--exits")
    last = exit_names(source.flow)[-1]
    return {"operating_points": [{"name": FULL, "exit_fractions": {last: 1.0}, "accuracy": accuracy}]}


def _citation(source: Source) -> str:
    options = source.options
    accuracy = "accuracy unknown" if options.accuracy is None else "accuracy as stated"
    if source.measured is not None:
        accuracy = f"exits measured on {options.data and options.data.name}"
    return (
        f"imported from {source.path.name}; operations counted by operator, two for a multiply-accumulate; {accuracy}"
    )

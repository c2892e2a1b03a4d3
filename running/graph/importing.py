"""Import of ONNX files: folded, divided into blocks, with operations, memory, crossing tensors and exits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from planner.running.graph.blocks import constants_of, node_operations
from planner.running.graph.bundle import Bundle
from planner.running.graph.calibration import answers_of, calibration_of, measured_points
from planner.running.graph.carried import carried_tensors, makes_chain
from planner.running.graph.cuts import boundary_bits, choose_boundaries
from planner.running.graph.documents import Measured, Source, cuts_json, exit_names, model_json
from planner.running.graph.flow import Flow, trace_flow
from planner.running.graph.notes import fixing_command, import_notes
from planner.running.graph.options import ImportOptions
from planner.running.graph.samples import read_samples
from planner.running.network.branches import deciding_inputs, fix_values, inline_branches
from planner.running.network.folding import Folded, fold
from planner.running.network.reading import fix_dimensions, read_onnx
from planner.schemas.bundles.cuts import Cuts
from planner.schemas.planning.model import Model
from planner.schemas.reading.files import check_document, digest_of
from planner.schemas.reading.problems import InputError


def import_onnx(path: Path, options: ImportOptions) -> Bundle:
    """Make a bundle of an ONNX file: fold it, find exits, choose blocks, count operations and memory, calibrate.

    Blocks are a chain where no tensor crosses more than one boundary; otherwise they name their `inputs`.

    Raises:
        InputError: The file cannot be used, dimensions stay open, exits are unknown, or data do not fit.
    """
    file = str(path)
    model = read_onnx(path)
    fix_dimensions(model, options.dims, file)
    fix_values(model, options.values, file)
    inline_branches(model)
    flow = trace_flow(_folded(model, file), options.exits, options.final, file)
    bits = boundary_bits(flow)
    constants = constants_of(flow)
    ops = node_operations(flow, constants)
    ends = choose_boundaries(flow, ops[: flow.backbone], bits, options.blocks, options.cuts)
    names = [f"block{index + 1}" for index in range(len(ends))]
    measured = _measured(flow, options) if options.data is not None else None
    source = Source(path, options, flow, names, ends, measured)
    graph = _live_graph(flow)
    data: bytes = graph.SerializeToString(deterministic=True)
    cuts = check_document(cuts_json(source, digest_of(data), digest_of(path.read_bytes())), Cuts, file)
    carried = carried_tensors(cuts, graph)
    chain = options.chain or makes_chain(carried, len(names))
    raw = model_json(source, cuts, None if chain else carried, ops, constants)
    if options.chain:
        _count_memory_as_sum(raw)
    text = (json.dumps(raw, indent=1) + "\n").encode()
    return Bundle(check_document(json.loads(text), Model, file), text, cuts, data, import_notes(flow, bits, ops))


def _folded(model: Any, file: str) -> Folded:  # noqa: ANN401 - protobuf
    """Fold a network; where ONNX Runtime refuses one with branches, say what decides between them."""
    try:
        return fold(model, file)
    except InputError as error:
        deciding = deciding_inputs(model)
        if not deciding:
            raise
        fix = f"fix what decides between the branches of an If, so that one is left: {fixing_command(deciding)}"
        raise InputError([replace(problem, fix=fix) for problem in error.problems]) from None


def _count_memory_as_sum(model: dict[str, Any]) -> None:
    """Count shared parameters in each block and head that uses them, and leave out working memory, in place."""
    shared = model.pop("params", {})
    for row in (*model["blocks"], *model["exits"]):
        row.pop("working_bytes", None)
        for name in row.pop("params", ()):
            row["param_bytes"] += shared[name]


def _measured(flow: Flow, options: ImportOptions) -> Measured:
    assert options.data is not None
    samples = read_samples(options.data, flow.folded.inputs, with_labels=True)
    answers = answers_of(flow, samples, exit_names(flow), options.confidence, str(options.data))
    return Measured(calibration_of(answers), measured_points(answers), float(answers.right[-1].mean()))


def _live_graph(flow: Flow) -> Any:  # noqa: ANN401 - protobuf
    """Return the network with live nodes alone, in execution order, and all shapes stated."""
    import onnx

    graph = onnx.ModelProto()
    graph.CopyFrom(flow.folded.model)
    del graph.graph.node[:]
    graph.graph.node.extend(flow.nodes)
    made = {name for node in flow.nodes for name in node.output} | {value.name for value in graph.graph.input}
    _keep_outputs(graph, [*flow.final, *(head.name for head in flow.heads)], made)
    _describe(graph, flow)
    return graph


def _keep_outputs(graph: Any, names: Sequence[str], made: set[str]) -> None:  # noqa: ANN401 - protobuf
    """Keep the outputs that are used and the initialisers that live nodes read."""
    from planner.running.network.reading import reads

    kept = {value.name: value for value in graph.graph.output}
    outputs = [kept[name] for name in names]
    del graph.graph.output[:]
    graph.graph.output.extend(outputs)
    read = {name for node in graph.graph.node for name in reads(node)} | (set(names) - made)
    constants = [constant for constant in graph.graph.initializer if constant.name in read]
    del graph.graph.initializer[:]
    graph.graph.initializer.extend(constants)
    del graph.graph.value_info[:]


def _describe(graph: Any, flow: Flow) -> None:  # noqa: ANN401 - protobuf
    """State the static shape of every tensor, so that other tools can cut the network too."""
    import onnx

    from planner.running.network.sessions import element_types

    codes = {name: code for code, name in element_types().items()}
    inputs = {value.name for value in graph.graph.input}
    described = {
        name: onnx.helper.make_tensor_value_info(name, codes[tensor.dtype], list(tensor.shape))
        for name, tensor in flow.folded.tensors.items()
    }
    outputs = [described.get(value.name, value) for value in graph.graph.output]
    del graph.graph.output[:]
    graph.graph.output.extend(outputs)
    ends = inputs | {value.name for value in outputs}
    made = {name for node in graph.graph.node for name in node.output}
    graph.graph.value_info.extend(described[name] for name in sorted((made & described.keys()) - ends))

"""Bundles: a network as model.json, graph.onnx and cuts.json, made from an ONNX file and read back with checks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from planner.running.graph.blocks import Constants, constants_of, node_operations, parameters
from planner.running.graph.calibration import MeasuredPoint, answers_of, calibration_of, measured_points
from planner.running.graph.cuts import boundary_bits, choose_boundaries
from planner.running.graph.flow import Flow, trace_flow
from planner.running.graph.folding import fold
from planner.running.graph.reading import fix_dimensions, read_onnx
from planner.running.graph.samples import read_samples
from planner.schemas.bundles.cuts import Confidence, Cuts
from planner.schemas.bundles.tensors import Tensor
from planner.schemas.planning.model import Model
from planner.schemas.reading.files import check_document, digest_of, read_bytes, read_document
from planner.schemas.reading.problems import input_error
from planner.schemas.reading.quantities import format_quantity

MODEL, GRAPH, CUTS = "model.json", "graph.onnx", "cuts.json"
OUTPUT, FULL = "output", "full"
"""Names of the exit and the operating point of a network without early exits."""


_LITTLE_BYTES = 4096


@dataclass(frozen=True)
class ImportOptions:
    """What the user says of a network."""

    dims: Mapping[str, int] = field(default_factory=dict)
    """Sizes of open dimensions."""
    exits: tuple[str, ...] = ()
    """Outputs that are early exits."""
    final: tuple[str, ...] = ()
    """Final outputs; none: those that are no exits."""
    blocks: int = 12
    """Most blocks."""
    data: Path | None = None
    """Labelled samples to calibrate on."""
    accuracy: float | None = None
    """Accuracy of the final output, as stated."""
    confidence: Confidence = "softmax"
    name: str | None = None
    """Name of the model; none: that of the file."""


@dataclass(frozen=True)
class Bundle:
    """A network that can be planned, cut and run."""

    model: Model
    model_json: bytes
    cuts: Cuts
    graph: bytes
    """ONNX."""
    notes: tuple[str, ...] = ()
    """What a reader of the figures must know."""


def import_onnx(path: Path, options: ImportOptions) -> Bundle:
    """Make a bundle of an ONNX file: fold it, find exits, choose blocks, count operations, calibrate.

    Raises:
        InputError: The file cannot be used, dimensions stay open, exits are unknown, or data do not fit.
    """
    import onnx

    file = str(path)
    model = read_onnx(path)
    fix_dimensions(model, options.dims, file)
    folded = fold(model, file)
    flow = trace_flow(folded, options.exits, options.final, file)
    bits = boundary_bits(flow)
    constants = constants_of(flow)
    ops = node_operations(flow, constants)
    ends = choose_boundaries(flow, ops[: flow.backbone], bits, options.blocks)
    names = [f"block{index + 1}" for index in range(len(ends))]
    graph = onnx.ModelProto()
    graph.CopyFrom(folded.model)
    del graph.graph.node[:]
    graph.graph.node.extend(flow.nodes)
    used = {name for node in flow.nodes for name in node.output} | {value.name for value in graph.graph.input}
    _keep_outputs(graph, [*flow.final, *(head.name for head in flow.heads)], used)
    _describe(graph, flow)
    data = graph.SerializeToString(deterministic=True)
    digest = digest_of(path.read_bytes())
    measured = _measured(flow, options) if options.data is not None else None
    notes: list[str] = []
    raw_cuts = _cuts_json(flow, names, ends, digest_of(data), digest, options, measured, file)
    raw_model = _model_json(flow, names, ends, ops, constants, options, measured, path, notes)
    if not _saves_bits(bits, ops[: flow.backbone]):
        notes.append("no boundary carries fewer bits than the input before nearly all is computed: no split saves bits")
    text = (json.dumps(raw_model, indent=1) + "\n").encode()
    checked = check_document(json.loads(text), Model, file)
    return Bundle(checked, text, check_document(raw_cuts, Cuts, file), data, tuple(notes))


def _saves_bits(bits: Sequence[float | None], ops: Sequence[float]) -> bool:
    """Tell whether some boundary before the last 5 % of the operations carries fewer bits than the input."""
    done, total = 0.0, sum(ops)
    for here, each in zip(bits[1:-1], ops, strict=False):
        done += each
        if here is not None and here < (bits[0] or 0.0) and done < 0.95 * total:
            return True
    return False


def write_bundle(bundle: Bundle, folder: Path) -> None:
    """Write a bundle's three files; raise InputError where the folder cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in (
            (GRAPH, bundle.graph),
            (CUTS, bundle.cuts.model_dump_json(indent=1).encode() + b"\n"),
            (MODEL, bundle.model_json),
        ):
            temporary = folder / f".{name}.part"
            temporary.write_bytes(data)
            temporary.replace(folder / name)
    except OSError as error:
        message = f"cannot write the bundle ({error.strerror or error})"
        raise input_error(message, "give another folder, or mend its permissions", file=str(folder)) from None


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle, and check that its files belong together.

    Raises:
        InputError: A file is missing or does not fit, or graph.onnx is not the one that was cut.
    """
    cuts, _ = read_document(folder / CUTS, Cuts)
    model, _ = read_document(folder / MODEL, Model)
    graph = _graph_bytes(folder / GRAPH)
    if digest_of(graph) != cuts.graph:
        raise input_error(
            "not the network that was cut (its hash differs)", "import it again", file=str(folder / GRAPH)
        )
    if [block.name for block in model.blocks] != [block.name for block in cuts.blocks]:
        fix = "keep both files of one import"
        raise input_error("its blocks are not those of model.json", fix, file=str(folder / CUTS))
    return Bundle(model, read_bytes(folder / MODEL), cuts, graph)


def _graph_bytes(path: Path) -> bytes:
    from planner.running.graph.reading import MOST_BYTES

    try:
        if path.stat().st_size > MOST_BYTES:
            raise input_error("the network has more than 2 GB", "import it again", file=str(path))
        return path.read_bytes()
    except OSError as error:
        message = f"cannot read the file ({error.strerror or error})"
        raise input_error(message, "a bundle has model.json, graph.onnx and cuts.json", file=str(path)) from None


def _keep_outputs(graph: Any, names: Sequence[str], made: set[str]) -> None:  # noqa: ANN401 - protobuf
    """Keep the outputs that are used and the initialisers that live nodes read."""
    from planner.running.graph.reading import reads

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

    from planner.running.graph.sessions import element_types

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


@dataclass(frozen=True)
class _Measured:
    """What calibration found."""

    calibration: dict[str, Any]
    points: list[MeasuredPoint]
    final_accuracy: float


def _exit_names(flow: Flow) -> list[str]:
    """Return names of exits by depth; the final one is `output` where there is no other."""
    return [*(head.name for head in flow.heads), flow.final[0] if flow.heads else OUTPUT]


def _measured(flow: Flow, options: ImportOptions) -> _Measured:
    assert options.data is not None
    samples = read_samples(options.data, flow.folded.inputs, with_labels=True)
    answers = answers_of(flow, samples, _exit_names(flow), options.confidence, str(options.data))
    return _Measured(calibration_of(answers), measured_points(answers), float(answers.right[-1].mean()))


def _tensors(flow: Flow, names: Sequence[str], file: str) -> list[dict[str, Any]]:
    lacking = [name for name in names if name not in flow.folded.tensors]
    if lacking:
        fix = "give a network whose outputs and exits have a fixed shape"
        message = "this tensor has no fixed shape or is of a type that is not carried"
        raise input_error(message, fix, file=file, value=lacking[0])
    return [flow.folded.tensors[name].model_dump(mode="json") for name in names]


def _cuts_json(
    flow: Flow,
    names: Sequence[str],
    ends: Sequence[int],
    graph: str,
    source: str,
    options: ImportOptions,
    measured: _Measured | None,
    file: str,
) -> dict[str, Any]:
    starts = [0, *ends[:-1]]
    exits: list[dict[str, Any]] = [
        {
            "name": head.name,
            "after": names[ends.index(head.position)],
            "outputs": _tensors(flow, [head.name], file),
            "nodes": list(head.nodes),
            "activation": head.activation,
        }
        for head in flow.heads
    ]
    last = _exit_names(flow)[-1]
    outputs = _tensors(flow, flow.final, file)
    exits.append({"name": last, "after": names[-1], "outputs": outputs, "activation": flow.activation})
    points = [] if measured is None or not flow.heads else measured.points
    return {
        "schema_version": "1",
        "name": options.name or Path(file).stem,
        "graph": graph,
        "source": source,
        "inputs": [tensor.model_dump(mode="json") for tensor in flow.folded.inputs],
        "blocks": [
            {"name": name, "start": start, "stop": stop} for name, start, stop in zip(names, starts, ends, strict=True)
        ],
        "boundaries": [
            {"after": name, "tensors": _tensors(flow, flow.crossing(end), file)}
            for name, end in zip(names[:-1], ends[:-1], strict=True)
        ],
        "exits": exits,
        "confidence": options.confidence,
        "operating_points": [{"name": point.name, "thresholds": point.thresholds} for point in points],
    }


def _model_json(
    flow: Flow,
    names: Sequence[str],
    ends: Sequence[int],
    ops: Sequence[float],
    constants: Constants,
    options: ImportOptions,
    measured: _Measured | None,
    path: Path,
    notes: list[str],
) -> dict[str, Any]:
    counted: set[str] = set()
    tied: set[str] = set()
    blocks, start = [], 0
    for name, end in zip(names, ends, strict=True):
        size, shared = parameters(flow, range(start, end), constants, counted)
        tied |= shared
        last = end == flow.backbone
        bits = 0.0 if last else sum(flow.folded.tensors[each].bits for each in flow.crossing(end))
        blocks.append({"name": name, "ops": sum(ops[start:end]), "param_bytes": float(size), "output_bits": bits})
        start = end
    exits = []
    for head in flow.heads:
        size, shared = parameters(flow, head.nodes, constants, counted)
        tied |= shared
        exits.append(
            {
                "name": head.name,
                "after": names[ends.index(head.position)],
                "ops": sum(ops[index] for index in head.nodes),
                "param_bytes": float(size),
                "result_bits": flow.folded.tensors[head.name].bits,
            }
        )
    result = sum(_bits(flow.folded.tensors.get(name)) for name in flow.final)
    exits.append({"name": _exit_names(flow)[-1], "after": names[-1], "result_bits": result})
    size = sum(constants.size[name] for name in tied)
    if size >= _LITTLE_BYTES:  # shapes and scalars are shared by many nodes
        notes.append(f"tied parameters ({format_quantity(size, 'B')}) are counted in the first block that uses them")
    model: dict[str, Any] = {
        "schema_version": "1",
        "name": options.name or path.stem,
        "citation": _citation(path, options, measured),
        "input_bits": sum(tensor.bits for tensor in flow.folded.inputs),
        "blocks": blocks,
        "exits": exits,
    }
    return model | _points_json(flow, options, measured, path)


def _bits(tensor: Tensor | None) -> float:
    return 0.0 if tensor is None else tensor.bits


def _points_json(flow: Flow, options: ImportOptions, measured: _Measured | None, path: Path) -> dict[str, Any]:
    if flow.heads and measured is not None:
        points = [
            {"name": point.name, "exit_fractions": point.fractions, "accuracy": point.accuracy}
            for point in measured.points
        ]
        return {"operating_points": points, "calibration": measured.calibration}
    accuracy = options.accuracy if measured is None else measured.final_accuracy
    if flow.heads and accuracy is None:
        fix = "give labelled samples with --data, or the accuracy of the final output with --accuracy"
        raise input_error("nothing says when samples leave at the exits", fix, file=str(path), path="--exits")
    last = _exit_names(flow)[-1]
    return {"operating_points": [{"name": FULL, "exit_fractions": {last: 1.0}, "accuracy": accuracy}]}


def _citation(path: Path, options: ImportOptions, measured: _Measured | None) -> str:
    accuracy = "accuracy unknown" if options.accuracy is None else "accuracy as stated"
    if measured is not None:
        accuracy = f"exits measured on {options.data and options.data.name}"
    return f"imported from {path.name}; operations counted by operator, two for a multiply-accumulate; {accuracy}"

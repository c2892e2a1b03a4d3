"""Splitting of plans: one ONNX file for each run of blocks on a node, up to the next exit that is on."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planner.running.graph.bundle import Bundle
from planner.running.graph.carried import carried_tensors
from planner.running.pieces.checking import check_parts
from planner.running.pieces.parts import Part, part_bytes, part_of, part_with_skips
from planner.running.pieces.transfers import check_inputs, source_of, transfers_of
from planner.schemas.bundles.cuts import Cuts, ExitNodes
from planner.schemas.bundles.manifest import Manifest, Piece, PieceExit, PlanPieces, SplitCheck
from planner.schemas.planning.placement import AppPlacement
from planner.schemas.planning.refusals import is_chain
from planner.schemas.reading.files import digest_of
from planner.schemas.reading.problems import input_error

MANIFEST = "manifest.json"
MOST_ERROR = 1e-3
"""A relative error above this is no rounding: the pieces are refused."""


@dataclass(frozen=True)
class PlanToSplit:
    """One plan of one app, with its network."""

    name: str
    bundle: Bundle
    plan: AppPlacement


def split_plans(plans: Sequence[PlanToSplit], plan_sha256: str) -> tuple[Manifest, dict[str, bytes]]:
    """Split plans into pieces; equal pieces of several plans are one file.

    Args:
        plans: The plans.
        plan_sha256: Hash of the file that holds them.

    Returns:
        The manifest, and every file of the folder by its name, the manifest too.

    Raises:
        InputError: A plan does not fit its network, or its pieces do not compose to it.
    """
    files: dict[str, bytes] = {}
    done = [_split(each, files) for each in plans]
    manifest = Manifest(schema_version="1", plans=tuple(done), plan_sha256=plan_sha256)
    files["cuts.csv"] = _cuts_csv(manifest).encode()
    files["extract.json"] = (json.dumps(_extract_arguments(manifest), indent=1) + "\n").encode()
    files[MANIFEST] = manifest.model_dump_json(indent=1, exclude_none=False).encode() + b"\n"
    return manifest, files


def write_pieces(files: Mapping[str, bytes], folder: Path) -> None:
    """Write the files of a split; the manifest comes last, so that a folder with one is whole."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            temporary = folder / f".{name}.part"
            temporary.write_bytes(data)
            temporary.replace(folder / name)
    except OSError as error:
        message = f"cannot write the pieces ({error.strerror or error})"
        raise input_error(message, "give another folder, or mend its permissions", file=str(folder)) from None


def _split(each: PlanToSplit, files: dict[str, bytes]) -> PlanPieces:
    import onnx

    cuts, plan, model = each.bundle.cuts, each.plan, each.bundle.model
    graph = onnx.load_model_from_string(each.bundle.graph)
    groups = _groups(cuts, plan)
    thresholds = _thresholds(cuts, plan)
    carried = () if is_chain(model) else carried_tensors(cuts, graph)
    if carried:
        check_inputs(model, carried)
    parts = []
    for index, (first, last, head, _) in enumerate(groups):
        if carried:
            parts.append(part_with_skips(cuts, graph, carried, (first, last), head, groups[-1][1]))
        else:
            parts.append(part_of(cuts, graph, first, last, head, index == len(groups) - 1))
    check = check_parts(cuts, graph, each.bundle.graph, parts)
    _refuse_broken(check, each)
    pieces = [
        _piece(cuts, graph, part, node, thresholds, files) for part, (_, _, _, node) in zip(parts, groups, strict=True)
    ]
    source = source_of(plan, carried)
    routes = {route.after or "input": route.path for route in plan.routes if route.result_of is None}
    return PlanPieces(
        name=each.name,
        app=plan.name,
        model=_store(files, each.bundle.model_json, "model", ".json"),
        model_sha256=digest_of(each.bundle.model_json),
        operating_point=plan.operating_point,
        energy_j=plan.energy_j,
        source=source,
        routes={} if carried else routes,
        transfers=transfers_of(model, plan, carried, pieces, source) if carried else None,
        confidence=cuts.confidence,
        inputs=cuts.inputs,
        pieces=tuple(pieces),
        check=check,
    )


def _groups(cuts: Cuts, plan: AppPlacement) -> list[tuple[int, int, ExitNodes | None, str]]:
    """Return runs of blocks on one node that end at exits that are on: first, last, exit, node."""
    names = [block.name for block in cuts.blocks]
    if [assignment.block for assignment in plan.assignments] != names[: len(plan.assignments)]:
        fix = "plan with the model.json of this bundle"
        raise input_error("the plan's blocks are not those of the network", fix, value=plan.name)
    on = {head.after: head for head in cuts.exits if head.name in plan.exit_fractions}
    if len(on) != len(plan.exit_fractions) or names[len(plan.assignments) - 1] not in on:
        fix = "plan with the model.json of this bundle"
        raise input_error("the plan's exits are not those of the network", fix, value=list(plan.exit_fractions))
    groups: list[tuple[int, int, ExitNodes | None, str]] = []
    first = 0
    for index, assignment in enumerate(plan.assignments):
        ends = index + 1 == len(plan.assignments)
        head = on.get(assignment.block)
        if ends or head is not None or plan.assignments[index + 1].node != assignment.node:
            groups.append((first, index, head, assignment.node))
            first = index + 1
    return groups


def _thresholds(cuts: Cuts, plan: AppPlacement) -> Mapping[str, float | None]:
    """Return the confidence to leave at, by exit: of a designed point, or of a jointly measured one."""
    if len(plan.exit_fractions) == 1:
        return dict.fromkeys(plan.exit_fractions)
    measured = {point.name: point.thresholds for point in cuts.operating_points}
    found = plan.thresholds or measured.get(plan.operating_point)
    if found is None or set(found) != set(plan.exit_fractions):
        fix = "import the network with --data, and plan again"
        message = "nothing says at which confidence samples leave at this operating point"
        raise input_error(message, fix, value=plan.operating_point)
    return found


def _refuse_broken(check: SplitCheck, each: PlanToSplit) -> None:
    if not check.bit_equal or check.relative_error > MOST_ERROR:
        message = f"the pieces do not compute what the network does (relative error {check.relative_error:.2g})"
        fix = "leave random operators out of the network; otherwise report this"
        raise input_error(message, fix, value=each.name)


def _piece(
    cuts: Cuts,
    graph: Any,  # noqa: ANN401 - protobuf
    part: Part,
    node: str,
    thresholds: Mapping[str, float | None],
    files: dict[str, bytes],
) -> Piece:
    data = part_bytes(graph, part)
    span = part.blocks[0] if len(part.blocks) == 1 else f"{part.blocks[0]}-{part.blocks[-1]}"
    early = part.exit is not None and part.exit.name != cuts.exits[-1].name
    name = f"{span}+exit" if early else span
    found = None
    if part.exit is not None:
        found = PieceExit(
            name=part.exit.name,
            outputs=tuple(tensor.name for tensor in part.exit.outputs),
            activation=part.exit.activation,
            threshold=thresholds[part.exit.name],
        )
    return Piece(
        name=name,
        file=_store(files, data, f"{_plain(cuts.name)}.{_plain(name)}", ".onnx"),
        sha256=digest_of(data),
        node=node,
        blocks=part.blocks,
        inputs=part.inputs,
        outputs=part.outputs,
        receives=part.receives,
        sends=part.sends,
        exit=found,
    )


def _plain(text: str) -> str:
    """Return a text as a part of a file's name."""
    kept = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_+") else "_" for letter in text)
    return (kept[:80].lstrip("-+") or "net").strip()


def _store(files: dict[str, bytes], data: bytes, stem: str, ending: str) -> str:
    """Keep a file under a free name, and return the name; the same bytes are kept once."""
    number = 1
    while (name := f"{stem}{'' if number == 1 else f'.{number}'}{ending}") in files and files[name] != data:
        number += 1
    files[name] = data
    return name


def _cuts_csv(manifest: Manifest) -> str:
    """Return the tensors of every piece as a table, for other runtimes."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["plan", "piece", "node", "direction", "tensor", "dtype", "shape", "bits"])
    for plan in manifest.plans:
        for piece in plan.pieces:
            for direction, tensors in (("in", piece.inputs), ("out", piece.outputs)):
                for each in tensors:
                    shape = "x".join(map(str, each.shape))
                    row = [plan.name, piece.name, piece.node, direction, each.name, each.dtype, shape, f"{each.bits:g}"]
                    writer.writerow(row)
    return out.getvalue()


def _extract_arguments(manifest: Manifest) -> dict[str, dict[str, dict[str, list[str]]]]:
    """Return, by plan and piece, the arguments of `onnx.utils.extract_model` on graph.onnx."""
    return {
        plan.name: {
            piece.name: {
                "input_names": [tensor.name for tensor in piece.inputs],
                "output_names": [tensor.name for tensor in piece.outputs],
            }
            for piece in plan.pieces
        }
        for plan in manifest.plans
    }

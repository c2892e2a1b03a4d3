"""Corrected profiles and links from a run: every measured piece and transfer replaces what was predicted of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from planner.running.pieces.links import link_table
from planner.running.results.verdicts import NOT_EMULATED
from planner.schemas.bundles.run import Run
from planner.schemas.planning.model import Model
from planner.schemas.planning.topology import Topology
from planner.schemas.reading.files import check_document, is_folder, read_document, read_json
from planner.schemas.reading.problems import input_error


def calibrate(run: Path, model: Path, topology: Path) -> dict[str, dict[str, Any]]:
    """Put the times that a run measured into its model, and the rates of links into its topology.

    Args:
        run: Record of the run.
        model: The model that ran: a model file or a bundle.
        topology: The topology that was planned.

    Returns:
        JSON data of `model.json` and `topology.json`, by these names.

    Raises:
        InputError: A file cannot be used, or the run is not of this model and topology.
    """
    held, _ = read_document(run, Run)
    path = model / "model.json" if is_folder(model) else model
    raw_model, raw_topology = read_json(path), read_json(topology)
    network, nodes = check_document(raw_model, Model, str(path)), check_document(raw_topology, Topology, str(topology))
    found = {
        "model.json": calibrated_model(held, network, raw_model, nodes),
        "topology.json": calibrated_topology(held, nodes, raw_topology),
    }
    check_document(found["model.json"], Model, "model.json")
    check_document(found["topology.json"], Topology, "topology.json")
    return found


def calibrated_model(run: Run, model: Model, raw: Mapping[str, Any], topology: Topology) -> dict[str, Any]:
    """Put the times of a run into the profiles of model.json.

    A piece's measured time is divided over its blocks and its head in proportion to what was predicted of each. Powers
    stay: an energy changes with its time.

    Args:
        run: The run.
        model: The model that ran.
        raw: The same as JSON data.
        topology: Nodes, for their hardware and speeds.

    Returns:
        The JSON data of the model, with measured `time_s` in seconds by hardware and by block or head.

    Raises:
        InputError: The run's blocks or nodes are not those of the model or the topology.
    """
    nodes = {node.name: node for node in topology.nodes}
    ops = {block.name: block.ops for block in model.blocks} | {head.name: head.ops for head in model.exits}
    profiles: dict[str, dict[str, dict[str, Any]]] = {
        name: {block: dict(row) for block, row in rows.items()} for name, rows in raw.get("profiles", {}).items()
    }
    for plan in run.plans:
        if plan.model not in (None, model.name):
            fix = "give the model and the topology of the run"
            raise input_error(f"the run is of {plan.model}, not of this model", fix, value=model.name)
        for piece in plan.pieces:
            names = [*piece.blocks, *([piece.exit] if piece.exit else [])]
            if piece.node not in nodes or not set(names) <= ops.keys():
                fix = "give the model and the topology of the run"
                raise input_error("the run is not of this model and topology", fix, value=piece.name)
            if piece.cpu_median_s is None:
                continue
            node = nodes[piece.node]
            rows = profiles.setdefault(hardware_of(node.hardware, node.name), {})
            before = [_predicted(name, rows, ops, node.ops_per_s) for name in names]
            total = sum(before)
            for name, part in zip(names, before, strict=True):
                share = part / total if total > 0 else 1.0 / len(names)
                rows[name] = _corrected(rows.get(name, {}), piece.cpu_median_s * share)
    return {**raw, "profiles": profiles}


def hardware_of(hardware: str | None, node: str) -> str:
    """Return the profile of a node: that of its hardware, or one of its own."""
    return hardware or node


def _corrected(row: Mapping[str, Any], time_s: float) -> dict[str, Any]:
    """Return a row of a profile with another time, and with the energy of that time at the power of before."""
    found = {**row, "time_s": float(f"{time_s:.6g}")}
    before_s = row.get("time_s")
    if before_s and row.get("energy_j") is not None:
        found["energy_j"] = float(f"{row['energy_j'] * time_s / before_s:.6g}")
    return found


def _predicted(name: str, rows: Mapping[str, Any], ops: Mapping[str, float], speed: float | None) -> float:
    if name in rows:
        return float(rows[name]["time_s"])
    return ops[name] / speed if speed else ops[name]


def calibrated_topology(run: Run, topology: Topology, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Put the rates of a run into the links of topology.json, and name the profile of every node that ran a piece.

    A transfer over one link that took longer or shorter than predicted changes the link's rate, and its latency where
    that alone was more than the transfer took. Transfers over several links change nothing, and neither do those of a
    run whose links were neither real nor emulated.

    Args:
        run: Result of a run, with predicted and measured times of hops.
        topology: Topology of the plan.
        raw: The same as parsed JSON, of which the fields are kept.

    Returns:
        The JSON data of the topology, latencies in seconds and rates in bit/s; a bidirectional link becomes two links.
    """
    links = link_table(topology).links
    changed: dict[tuple[str, str], dict[str, float]] = {}
    for plan in run.plans:
        if any(each.verdict == NOT_EMULATED for each in plan.verdicts):
            continue
        for hop in sorted(plan.hops, key=lambda each: each.bits):  # the largest message says most of a rate
            ends = tuple(hop.path)
            if len(ends) != 2 or hop.median_s is None or (ends[0], ends[1]) not in links or hop.bits <= 0:
                continue
            latency_s = min(links[ends[0], ends[1]][0], 0.9 * hop.median_s)
            rate = hop.bits / max(hop.median_s - latency_s, 1e-9)
            changed[ends[0], ends[1]] = {"latency_s": latency_s, "bit_per_s": float(f"{rate:.6g}")}
    found = []
    for link in raw.get("links", []):
        ends = (link["source"], link["target"])
        if not link.get("bidirectional"):
            found.append({**link, **changed.get(ends, {})})
            continue
        one = {key: value for key, value in link.items() if key != "bidirectional"}
        found.append({**one, **changed.get(ends, {})})
        found.append({**one, "source": ends[1], "target": ends[0], **changed.get(ends[::-1], {})})
    used = {piece.node for plan in run.plans for piece in plan.pieces}
    nodes = [
        {**node, "hardware": hardware_of(node.get("hardware"), node["name"])} if node["name"] in used else node
        for node in raw.get("nodes", [])
    ]
    return {**raw, "nodes": nodes, "links": found}

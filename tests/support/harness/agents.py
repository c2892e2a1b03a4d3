"""Agents in threads of the test's own process, and pieces to run on them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from onnx_builder import save
from onnx_networks import early_exits

from planner.running.agents.agent import Agent, AgentOptions
from planner.running.graph.bundle import Bundle
from planner.running.graph.importing import import_onnx
from planner.running.graph.options import ImportOptions
from planner.running.network.sessions import session
from planner.running.pieces.reading import Pieces, read_pieces
from planner.running.pieces.splitting import PlanToSplit, split_plans, write_pieces
from planner.schemas import PlacementPolicy, Topology, check_document
from planner.schemas.planning.placement import AppPlacement

NODES = ("phone", "edge", "cloud")


@contextmanager
def serving(names: tuple[str, ...] = NODES, **options: Any) -> Iterator[dict[str, Agent]]:
    """Serve agents in threads; yield them by node."""
    served = {name: Agent(AgentOptions(listen="127.0.0.1:0", **options)) for name in names}
    ended = threading.Event()
    threads = [threading.Thread(target=agent.serve, args=(ended.is_set,)) for agent in served.values()]
    for thread in threads:
        thread.start()
    try:
        yield served
    finally:
        ended.set()
        for thread, agent in zip(threads, served.values(), strict=True):
            thread.join()
            agent.close()


@contextmanager
def agents(names: tuple[str, ...] = NODES, **options: Any) -> Iterator[dict[str, str]]:
    """Serve agents in threads; yield their addresses by node."""
    with serving(names, **options) as served:
        yield {name: agent.address for name, agent in served.items()}


def topology(rate: float = 5e7, latency: float = 0.002) -> Topology:
    nodes = [{"name": name, "ops_per_s": speed, "j_per_op": 1e-9} for name, speed in zip(NODES, (1e9, 4e9, 2e10))]  # noqa: B905
    link = {"bit_per_s": rate, "latency_s": latency, "bidirectional": True}
    links = [{"source": "phone", "target": "edge", **link}, {"source": "edge", "target": "cloud", **link}]
    return check_document({"schema_version": "1", "name": "t", "nodes": nodes, "links": links}, Topology)


def bundle(folder: Path, samples: int = 60, size: int = 8) -> tuple[Bundle, Path]:
    """Return a calibrated network with three exits, and its samples."""
    random = np.random.default_rng(5)
    inputs = 3 * random.standard_normal((samples, 3, size, size)).astype(np.float32)
    data = folder / "data.npz"
    path = save(early_exits(size=size), folder / "n.onnx")
    whole = session(str(path), "n.onnx")
    # the last exit is always right, so that leaving early has a price
    np.savez(data, inputs=inputs, labels=[int(whole.run(["y"], {"x": x[None]})[0].argmax()) for x in inputs])
    return import_onnx(path, ImportOptions(exits=("e1", "e2"), data=data)), data


def placement(bundle: Bundle, nodes: list[str], point: str | None = None, name: str = "app") -> AppPlacement:
    """Return a plan with given nodes for its blocks; figures that nothing here looks at are 0."""
    chosen = next(p for p in bundle.model.operating_points if point in (None, p.name) and len(p.exit_fractions) == 3)
    blocks = [block.name for block in bundle.model.blocks]
    return check_document(
        {
            "name": name,
            "operating_point": chosen.name,
            "exit_fractions": dict(chosen.exit_fractions),
            "assignments": [
                {"block": block, "node": nodes[min(index * len(nodes) // len(blocks), len(nodes) - 1)]}
                for index, block in enumerate(blocks)
            ],
            "energy_j": 0.0,
            "latency_s": 0.0,
            "accuracy": chosen.accuracy,
            "breakdown": {"compute_j": 0.0, "transfer_j": 0.0, "compute_s": 0.0, "transfer_s": 0.0},
        },
        AppPlacement,
    )


def pieces(folder: Path, plans: list[PlanToSplit]) -> Pieces:
    _, files = split_plans(plans, "sha256:" + "0" * 64)
    write_pieces(files, folder / "pieces")
    return read_pieces(folder / "pieces")


def policy_of(plans: Mapping[str, AppPlacement], rows: Mapping[tuple[str, ...], str | None]) -> PlacementPolicy:
    """Return the policy that uses a plan in each state, given by its conditions."""
    kept = {"states_kept": 0, "worst_regret": None, "mean_regret": None}
    raw = {
        "name": "s", "app": "app", "objective": "energy_j",
        "plan_set": [
            {"name": name, "states": 1, "placement": plan.model_dump(mode="json"), "kept_fixed": kept}
            for name, plan in plans.items()
        ],
        "policy": [
            {"conditions": list(conditions), "status": "optimal", "plan": plan, "degraded": False}
            for conditions, plan in rows.items()
        ],
        "provenance": {"planner": "0", "method": "exact"},
    }  # fmt: skip
    return check_document(raw, PlacementPolicy)

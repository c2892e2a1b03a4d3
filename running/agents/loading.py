"""Loading of pieces onto agents: every agent is told the plans, and gets its files in chunks."""

from __future__ import annotations

import time
from collections.abc import Mapping

from planner.running.agents.connections import Connection, await_answer
from planner.running.agents.protocol import Message
from planner.running.agents.transport import send
from planner.running.pieces.hops import PlanHops
from planner.running.pieces.links import LinkTable
from planner.running.pieces.reading import Pieces

_LOADING_S = 120.0
_CHUNK_BYTES = 1_000_000

Rates = Mapping[str, tuple[float, float]]
"""Latency in seconds and seconds per bit, by path."""


def load_pieces(pieces: Pieces, connections: Mapping[str, Connection], run: str, rates: Rates | None) -> None:
    """Tell every agent the plans of a run, and send it its pieces.

    Args:
        pieces: The pieces.
        connections: Connections by node.
        run: Name of the run.
        rates: Links to emulate; None: messages are not held.

    Raises:
        RunFailedError: An agent refuses, is lost or does not answer.
    """
    for node, connection in connections.items():
        fields = {
            "run": run,
            "node": node,
            "plans": [plan.model_dump(mode="json") for plan in pieces.manifest.plans],
            "addresses": {each: other.address for each, other in connections.items()},
            "emulated": rates is not None,
            "links": {path: list(rate) for path, rate in (rates or {}).items()},
        }
        send(connection.socket, Message("setup", fields))
    deadline = time.monotonic() + _LOADING_S
    for node, connection in connections.items():
        await_answer(connection, "ready", deadline)
        _load_files(pieces, node, connection, run)


def _load_files(pieces: Pieces, node: str, connection: Connection, run: str) -> None:
    """Send files in chunks, one after the other, so that heartbeats get through on slow links too."""
    import numpy as np

    names = {piece.file for plan in pieces.manifest.plans for piece in plan.pieces if piece.node == node}
    for name in sorted(names):
        data = np.frombuffer(pieces.files[name], np.uint8)
        for offset in range(0, len(data), _CHUNK_BYTES):
            chunk = data[offset : offset + _CHUNK_BYTES]
            fields = {"run": run, "file": name, "offset": offset, "last": offset + len(chunk) == len(data)}
            send(connection.socket, Message("load", fields, {"onnx": chunk}))
            await_answer(connection, "ready", time.monotonic() + _LOADING_S)


def emulated_rates(flows: Mapping[str, PlanHops], links: LinkTable) -> Rates:
    """Return latency and seconds per bit of every path that some plan uses, results' ways back included.

    Args:
        flows: Transfers of every plan.
        links: Links of the topology.

    Raises:
        InputError: The topology lacks a link, or a way back.
    """
    rates = {"/".join(ends): rate for ends, rate in links.links.items()}
    for flow in flows.values():
        paths = [hop.path for hop in flow.hops if len(hop.path) > 1]
        for piece in flow.plan.pieces:
            if piece.exit is not None and piece.node != flow.source:
                paths.append(links.fastest_path(piece.node, flow.source, 0.0))
        rates |= {"/".join(path): links.path_rates(path) for path in paths}
    return rates

"""Profiles of bundles and links to agents, measured here or on agents, as models and topologies hold them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from planner.running.agents.connections import AGENT, Connection, open_connections
from planner.running.agents.keys import read_keys
from planner.running.graph.bundle import Bundle
from planner.running.pieces.times import time_networks
from planner.running.requirements import runtime_version
from planner.running.timing.links import LinkFit, measure_link
from planner.running.timing.profile import Profiled, ProfileOptions, profile, with_profile
from planner.running.timing.remote import time_on_agent
from planner.schemas.bundles.nodes import parse_address


@dataclass(frozen=True)
class MeasuredLink:
    """One direction of the link between this machine and an agent's."""

    source: str
    target: str
    fit: LinkFit

    @property
    def fields(self) -> dict[str, Any]:
        """The link as a topology holds it."""
        return {
            "source": self.source,
            "target": self.target,
            "bit_per_s": float(f"{self.fit.bit_per_s:.6g}"),
            "latency_s": float(f"{self.fit.latency_s:.6g}"),
        }


def measure_profile(
    bundle: Bundle, options: ProfileOptions, agent: str | None = None, keys: Path | None = None
) -> tuple[Profiled, bytes]:
    """Time every block and head of a bundle.

    Args:
        bundle: The network.
        options: Name of the hardware, threads, repeats, stated power.
        agent: HOST:PORT of the agent to time on; None: this machine.
        keys: Folder of keys, if the agent has them.

    Returns:
        The profile, and model.json with the profile in it.

    Raises:
        InputError: An address or key is none, or ONNX Runtime refuses a block.
        RunFailedError: The agent refuses, is lost or does not answer.
    """
    threads, repeats = options.threads, options.repeats
    if agent is None:
        found = profile(bundle, lambda parts: time_networks(parts, threads, repeats))
        return found, with_profile(bundle, found, replace(options, runtime=runtime_version()))
    with _connected({AGENT: agent}, keys, "--agent") as opened:
        there = opened[AGENT]
        where = "an agent" if there.slow_down == 1 else f"an agent slowed down {there.slow_down:g} times"
        found = profile(bundle, lambda parts: time_on_agent(there, parts, threads, repeats))
        return found, with_profile(bundle, found, replace(options, runtime=there.runtime, where=where))


def measure_links(addresses: Mapping[str, str], hardware: str, keys: Path | None = None) -> list[MeasuredLink]:
    """Measure both directions of the links to some agents by round trips.

    Args:
        addresses: HOST:PORT of every agent, by the name of its node.
        hardware: Name of this end.
        keys: Folder of keys, if the agents have them.

    Returns:
        Rate and latency of each direction, agent by agent.

    Raises:
        InputError: An address or key is none.
        RunFailedError: An agent refuses, is lost or does not answer.
    """
    with _connected(addresses, keys, "--links") as opened:
        return [
            MeasuredLink(source, target, fit)
            for name, connection in opened.items()
            for fit, (source, target) in zip(
                measure_link(connection), ((hardware, name), (name, hardware)), strict=True
            )
        ]


@contextmanager
def _connected(addresses: Mapping[str, str], keys: Path | None, option: str) -> Iterator[dict[str, Connection]]:
    import zmq

    for address in addresses.values():
        parse_address(address, option)
    context: Any = zmq.Context()
    opened: dict[str, Connection] = {}
    try:
        opened = open_connections(context, addresses, read_keys(keys))
        yield opened
    finally:
        for connection in opened.values():
            connection.close()
        context.term()

"""Times of networks on an agent."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from planner.running.agents.connections import Connection, await_answer
from planner.running.agents.errors import RunFailedError
from planner.running.agents.protocol import Message
from planner.running.agents.transport import send
from planner.running.pieces.times import Timed

_MOST_S = 1800.0


def time_on_agent(
    connection: Connection, networks: Mapping[str, bytes], threads: int, repeats: int
) -> dict[str, Timed]:
    """Have an agent time networks in turns.

    Args:
        connection: Connection to the agent.
        networks: ONNX bytes with static shapes, by name.
        threads: Threads of ONNX Runtime.
        repeats: Rounds.

    Returns:
        Median processor and wall times in seconds, by name.

    Raises:
        RunFailedError: The agent refuses, is lost, or answers something else.
    """
    tensors = {name: np.frombuffer(data, np.uint8) for name, data in networks.items()}
    send(connection.socket, Message("time", {"threads": threads, "repeats": repeats}, tensors))
    answer = await_answer(connection, "timed", time.monotonic() + _MOST_S)
    rows = answer.fields.get("times")
    if not isinstance(rows, dict) or set(rows) != set(networks):
        raise RunFailedError(f"the agent at {connection.address} did not time all pieces")
    return {name: Timed(float(row[0]), float(row[1])) for name, row in rows.items()}

"""Connections of a coordinator to agents: greeting with versions and clocks, and loss noticed at once."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from planner.running.agents.clocks import ClockOffset, machine_id
from planner.running.agents.errors import RunFailedError
from planner.running.agents.keys import Keys
from planner.running.agents.protocol import PROTOCOL, Message
from planner.running.agents.transport import connect, events, is_loopback, receive, send
from planner.running.requirements import planner_version
from planner.schemas.reading.problems import input_error

GREETING_S = 5.0
_PINGS = 9
AGENT = "agent"
"""Name of an agent that stands for no node."""


@dataclass
class Connection:
    """A socket to one agent, and what is known of it."""

    node: str
    address: str
    socket: Any
    monitor: Any
    slow_down: float = 1.0
    runtime: str = ""
    machine: str = ""
    """`machine_id` of the agent."""
    offset_ns: float = 0.0
    """What the agent's monotonic clock is ahead of ours."""
    lost: bool = False

    def watch(self) -> bool:
        """Look for a loss; return whether the agent is lost now."""
        import zmq

        broken = {zmq.EVENT_DISCONNECTED, zmq.EVENT_HANDSHAKE_FAILED_AUTH, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL}
        for event in events(self.monitor):
            if event in broken:
                self.lost = True
        return self.lost

    def close(self) -> None:
        """Close the connection."""
        self.socket.disable_monitor()
        self.monitor.close(linger=0)
        self.socket.close(linger=300)


def open_connections(
    context: Any,  # noqa: ANN401
    addresses: Mapping[str, str],
    keys: Keys | None,
    may_lack: bool = False,
) -> dict[str, Connection]:
    """Connect to agents and greet each.

    Args:
        context: ZeroMQ context.
        addresses: Addresses by node.
        keys: Keys, if the agents have some.
        may_lack: Leave out agents that do not answer, as long as one does.

    Returns:
        One greeted connection per node, in the order of `addresses`.

    Raises:
        RunFailedError: An agent does not answer, has other keys or another version.
    """
    opened: dict[str, Connection] = {}
    try:
        for node, address in addresses.items():
            socket = connect(context, address, keys)
            opened[node] = Connection(node, address, socket, socket.get_monitor_socket())
        for connection in list(opened.values()):
            try:
                _greet(connection, keys is not None)
            except RunFailedError:
                if not may_lack or len(opened) == 1:
                    raise
                opened.pop(connection.node).close()
    except BaseException:
        for connection in opened.values():
            connection.close()
        raise
    return opened


def _greet(connection: Connection, secure: bool) -> None:
    deadline = time.monotonic() + GREETING_S
    clock = ClockOffset()
    for _ in range(_PINGS):
        sent = time.monotonic_ns()
        send(connection.socket, Message("hello", {"planner": planner_version()}))
        fields = await_answer(connection, "welcome", deadline, secure).fields
        there = fields.get("clock_ns")
        if isinstance(there, int):
            clock.observe(sent, time.monotonic_ns(), there)
    connection.offset_ns = 0.0 if is_loopback(connection.address) else clock.of_machine(fields.get("machine"))
    if fields.get("protocol") != PROTOCOL or fields.get("planner") != planner_version():
        there = fields.get("planner")
        message = f"{_who(connection)} is planner {there}, this is {planner_version()}: use one version"
        raise RunFailedError(message)
    connection.machine = str(fields.get("machine"))
    slow_down = fields.get("slow_down")
    connection.slow_down = float(slow_down) if isinstance(slow_down, (int, float)) else 1.0
    connection.runtime = str(fields.get("onnxruntime"))


def refuse_unreachable(peers: Iterable[tuple[str, str]], connections: Mapping[str, Connection]) -> None:
    """Refuse addresses on loopback that agents of other machines would have to reach.

    Args:
        peers: Pairs of nodes of which the first one sends messages to the second one.
        connections: Greeted connections by node.

    Raises:
        InputError: An agent on another machine sends to one that listens on loopback.
    """
    for sender, receiver in sorted(peers):
        one, other = connections.get(sender), connections.get(receiver)
        if one is None or other is None or is_loopback(one.address) or not is_loopback(other.address):
            continue
        if machine_id() != "" and one.machine != machine_id():
            message = f"{sender} is another machine, which cannot reach {receiver} at {other.address}"
            fix = (
                f"start the agent of {receiver} with --listen 0.0.0.0:PORT --keys FOLDER, and give its network address"
            )
            raise input_error(message, fix, path="--nodes", value=other.address)


def _who(connection: Connection) -> str:
    if connection.node in (AGENT, connection.address):
        return f"the agent at {connection.address}"
    return f"the agent of {connection.node} at {connection.address}"


def await_answer(connection: Connection, kind: str, deadline: float, secure: bool = False) -> Message:
    """Wait for a message of a kind.

    Args:
        connection: Connection to the agent.
        kind: Kind of message that answers.
        deadline: Reading of the monotonic clock in seconds at which waiting ends.
        secure: Whether keys are used; it decides what a refused handshake is said to be.

    Returns:
        The first message of that kind.

    Raises:
        RunFailedError: It does not come, or the agent refuses or is lost.
    """
    import zmq

    connected = failed = False
    while time.monotonic() < deadline:
        for event in events(connection.monitor):
            connected |= event == zmq.EVENT_CONNECTED
            failed |= event in (
                zmq.EVENT_HANDSHAKE_FAILED_AUTH,
                zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL,
                zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL,
                zmq.EVENT_DISCONNECTED,
            )
        if failed:
            hint = "it has other keys or none" if secure else "it has keys: give the same folder with --keys"
            raise RunFailedError(f"{_who(connection)} refuses the connection or was lost ({hint}, or it ended)")
        if connection.socket.poll(20):
            _, message = receive(connection.socket, routed=False)
            if message is None:
                raise RunFailedError(f"{_who(connection)} sends something else than this version's messages")
            if message.kind == "refused":
                raise RunFailedError(f"{_who(connection)} refuses: {message.fields.get('message')}")
            if message.kind == kind:
                return message
    with_keys = " --keys FOLDER" if secure else ""
    why = (
        "does not answer"
        if connected
        else f"cannot be reached: start it there with planner agent --listen {connection.address}{with_keys}"
    )
    raise RunFailedError(f"{_who(connection)} {why}")

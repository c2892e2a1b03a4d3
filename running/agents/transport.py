"""Sockets: bounded messages, heartbeats, CURVE where there are keys, and what happens to a connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from planner.running.agents.keys import Keys, secure_client
from planner.running.agents.protocol import MOST_TENSORS, Message, MessageError, decode, encode

MOST_MESSAGE_BYTES = 512_000_000
"""Largest frame that is received: larger ones close the connection before memory is taken."""
HEARTBEAT_MS, SILENCE_MS = 1000, 30_000
"""A heartbeat waits behind the message that is being sent, so a slow link must have time for a large one."""
_COPIED_BYTES = 65_536
"""Smaller frames are copied: that is cheaper than telling when their buffers are free."""
_NOW, _MORE = 1, 2
"""Flags of ZeroMQ, as whole numbers: sums of its enumerations cost as much as a message."""
LOOPBACK = ("127.", "localhost", "[::1]")


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine's loopback."""
    return host.startswith(LOOPBACK)


def prepare(socket: Any, most_bytes: int = MOST_MESSAGE_BYTES) -> None:  # noqa: ANN401 - ZeroMQ's own types differ by version
    """Set bounds and heartbeats of a socket."""
    import zmq

    socket.setsockopt(zmq.MAXMSGSIZE, most_bytes)
    socket.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_MS)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, SILENCE_MS)
    socket.setsockopt(zmq.HEARTBEAT_TTL, SILENCE_MS)
    socket.setsockopt(zmq.LINGER, 500)
    socket.setsockopt(zmq.SNDHWM, 1000)
    socket.setsockopt(zmq.RCVHWM, 1000)
    socket.setsockopt(zmq.RECONNECT_IVL, 100)


def connect(context: Any, address: str, keys: Keys | None, most_bytes: int = MOST_MESSAGE_BYTES) -> Any:  # noqa: ANN401
    """Open a socket to an agent, encrypted by CURVE where there are keys.

    Args:
        context: ZeroMQ context.
        address: HOST:PORT of the agent.
        keys: Keys for CURVE, if the agent has some.
        most_bytes: Largest frame that is accepted, in bytes.

    Returns:
        The ZeroMQ socket (DEALER), which the caller closes; the connection itself may still be under way.
    """
    import zmq

    socket = context.socket(zmq.DEALER)
    prepare(socket, most_bytes)
    if keys is not None:
        secure_client(socket, keys)
    socket.connect(f"tcp://{address}")
    return socket


def send(socket: Any, message: Message, to: bytes | None = None) -> bool:  # noqa: ANN401
    """Send a message without waiting; return whether it could be queued.

    Args:
        socket: ZeroMQ socket.
        message: Message to send.
        to: Identity of the peer where the socket has several.

    Returns:
        True if queued, False if the queue is full or the peer is gone.
    """
    import zmq

    frames = encode(message)
    if to is not None:
        frames.insert(0, to)
    last = frames.pop()
    try:  # what ZeroMQ takes the first frame of, it takes as a whole
        for frame in frames:
            socket.send(frame, _NOW | _MORE, len(frame) < _COPIED_BYTES)
        socket.send(last, _NOW, len(last) < _COPIED_BYTES)
    except zmq.ZMQError:  # the queue is full, or the peer is gone
        return False
    return True


def receive(socket: Any, routed: bool) -> tuple[bytes, Message | None]:  # noqa: ANN401
    """Receive one message; return its sender (empty where it is not routed) and None for what is no message."""
    sender = socket.recv() if routed else b""  # always small, and followed by a frame
    frames: list[Any] = []
    count, more = 0, True
    while more:
        frame = socket.recv(copy=False)
        more = frame.more
        count += 1
        if count <= MOST_TENSORS + 1:
            frames.append(frame.buffer)
    try:
        if count > MOST_TENSORS + 1:
            raise MessageError("too many frames")
        return sender, decode(frames)
    except MessageError:
        return sender, None


def events(monitor: Any) -> Iterator[int]:  # noqa: ANN401
    """Yield what has happened to a connection since the last call."""
    import zmq
    from zmq.utils.monitor import recv_monitor_message

    while monitor.poll(0, zmq.POLLIN):
        yield int(recv_monitor_message(monitor)["event"])

"""The agent of a node: receives pieces and tensors, runs them, and passes results on.

One thread does everything: messages wait in ZeroMQ's queues while a piece runs, and ZeroMQ's own thread answers
heartbeats meanwhile.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from planner.running.agents.clocks import machine_id
from planner.running.agents.held import MOST_WAITING_BYTES, HeldSamples
from planner.running.agents.keys import Keys, secure_server
from planner.running.agents.pieces import load_piece
from planner.running.agents.protocol import PROTOCOL, Message, MessageError
from planner.running.agents.transport import MOST_MESSAGE_BYTES, connect, is_loopback, prepare, receive, send
from planner.running.agents.work import Run, Worker
from planner.running.network.reading import parse_onnx, refuse_external
from planner.running.pieces.hops import plan_hops
from planner.running.pieces.times import time_networks
from planner.running.ranges import MOST_REPEATS, MOST_THREADS
from planner.running.requirements import planner_version, runtime_version
from planner.schemas.bundles.manifest import PlanPieces
from planner.schemas.bundles.nodes import parse_address
from planner.schemas.reading.files import check_document
from planner.schemas.reading.problems import InputError, input_error

_MOST_RUNS = 4
"""Runs whose pieces are held at once; the one that was idle longest makes room."""
_MOST_HELD_BYTES = 4_000_000_000
_POLL_MS = 200


@dataclass(frozen=True)
class AgentOptions:
    """How an agent serves."""

    listen: str = "127.0.0.1:7070"
    keys: Keys | None = None
    slow_down: float = 1.0
    """Emulated factor on computing times."""
    threads: int = 1
    optimisation: str = "all"
    """Graph optimisation of ONNX Runtime: `off` (pieces are equal bit by bit to the whole), `basic` or `all`."""
    most_message_bytes: int = MOST_MESSAGE_BYTES
    most_waiting_bytes: int = MOST_WAITING_BYTES
    """Bound on the tensors of samples under way, by run."""


_OF_SAMPLES = ("work", "carry", "release", "forget")


class Agent:
    """Serves pieces on one address until it is told to end."""

    def __init__(self, options: AgentOptions) -> None:
        import zmq

        host, port = parse_address(options.listen, "--listen", loose=True)
        if options.keys is None and not is_loopback(host):
            fix = "make keys with planner agent --new-keys --keys FOLDER, and give --keys; or listen on 127.0.0.1"
            raise input_error("without keys an agent listens on loopback only", fix, path="--listen", value=host)
        self._options = options
        self._context: Any = zmq.Context()
        self._router: Any = self._context.socket(zmq.ROUTER)
        self._authenticator: Any = None
        self._peers: dict[str, Any] = {}
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._worker = Worker(self, options.slow_down)
        prepare(self._router, options.most_message_bytes)
        self._router.setsockopt(zmq.ROUTER_MANDATORY, 1)
        if options.keys is not None:
            self._authenticator = secure_server(self._router, self._context, options.keys)
        try:
            self._router.bind(f"tcp://{host}:{'*' if port == 0 else port}")
        except zmq.ZMQError as error:
            self.close()
            fix = "stop what listens there, or give another port with --listen"
            message = f"cannot listen there ({str(error).lower()})"
            raise input_error(message, fix, path="--listen", value=options.listen) from None
        self.address = self._router.getsockopt_string(zmq.LAST_ENDPOINT).removeprefix("tcp://")
        self._answers: dict[str, Callable[[bytes, Message], None]] = {
            "hello": self._hello,
            "setup": self._setup,
            "load": self._load,
            **dict.fromkeys(_OF_SAMPLES, self._sample),
            "change": self._change,
            "probe": self._probe,
            "time": self._time,
            "echo": self._echo,
            "stop": self._stop,
        }

    def serve(self, until: Callable[[], bool] = lambda: False) -> None:
        """Answer messages until `until` says so."""
        import zmq

        poller = zmq.Poller()
        poller.register(self._router, zmq.POLLIN)
        while not until():
            wait = min([_POLL_MS, *(run.links.wait_ms(_POLL_MS) for run in self._runs.values() if run.emulated)])
            if poller.poll(wait):
                sender, message = receive(self._router, routed=True)
                if message is not None:
                    self._answer(sender, message)
            self._release()

    def close(self) -> None:
        """Close all sockets."""
        for socket in (self._router, *self._peers.values()):
            socket.close(linger=200)
        if self._authenticator is not None:
            self._authenticator.stop()
        self._context.term()

    def _answer(self, sender: bytes, message: Message) -> None:
        """Answer one message; whatever is wrong with it is told to who sent it."""
        answer = self._answers.get(message.kind)
        if answer is None:
            return
        try:
            answer(sender, message)
        except (MessageError, InputError) as error:
            kind = "failed" if message.kind in _OF_SAMPLES else "refused"
            self._tell(message, sender, kind, {"run": message.fields.get("run"), "message": str(error)})

    def _tell(self, message: Message, sender: bytes, kind: str, fields: dict[str, Any]) -> None:
        """Send to the coordinator of a message's run, or to who sent it where the run is unknown."""
        run = self._runs.get(str(message.fields.get("run")))
        send(self._router, Message(kind, fields), run.owner if run is not None else sender)

    def _hello(self, sender: bytes, message: Message) -> None:
        fields = {
            "protocol": PROTOCOL,
            "planner": planner_version(),
            "onnxruntime": runtime_version(),
            "slow_down": self._options.slow_down,
            "machine": machine_id(),
            "clock_ns": time.monotonic_ns(),
        }
        send(self._router, Message("welcome", fields), sender)

    def _setup(self, sender: bytes, message: Message) -> None:
        raw = message.fields.get("plans")
        if not isinstance(raw, list):
            raise MessageError("no plans")
        plans = [check_document(each, PlanPieces, "plan") for each in raw]
        addresses = message.fields.get("addresses")
        if not isinstance(addresses, dict):
            raise MessageError("no addresses")
        for node, address in addresses.items():
            parse_address(str(address), node)
        run = Run(
            owner=sender,
            node=message.text("node"),
            plans={plan.name: plan_hops(plan) for plan in plans},
            addresses={str(node): str(address) for node, address in addresses.items()},
            emulated=message.fields.get("emulated") is True,
            samples=HeldSamples(self._options.most_waiting_bytes),
        )
        run.links.change(_rates(message))
        self._runs[message.text("run")] = run
        while len(self._runs) > _MOST_RUNS:
            self._runs.popitem(last=False)
        send(self._router, Message("ready", {"run": message.text("run"), "file": None}), sender)

    def _load(self, sender: bytes, message: Message) -> None:
        run, name = self._run_of(message), message.text("file")
        piece = run.own_pieces().get(name)
        if piece is None or set(message.tensors) != {"onnx"}:
            raise MessageError(f"{name} is no piece of this node")
        part = run.parts.setdefault(name, bytearray())
        chunk = message.tensors["onnx"].tobytes()
        run.held_bytes += len(chunk)
        if run.held_bytes > _MOST_HELD_BYTES:
            raise MessageError("the pieces of one run have more than 4 GB")
        if message.count("offset") != len(part):
            raise MessageError(f"a chunk of {name} is out of order")
        part += chunk
        if message.fields.get("last") is True:
            data, options = bytes(run.parts.pop(name)), self._options
            run.loaded[name] = load_piece(piece, data, options.threads, options.optimisation)
        send(self._router, Message("ready", {"run": message.text("run"), "file": name}), sender)

    def _run_of(self, message: Message) -> Run:
        name = message.text("run")
        run = self._runs.get(name)
        if run is None:
            raise MessageError("this run is not known here (it was stopped, or the agent was started again)")
        self._runs.move_to_end(name)
        return run

    def _sample(self, sender: bytes, message: Message) -> None:
        """Handle a message of a sample, at once or when its emulated link has carried it."""
        run = self._run_of(message)
        arrived = time.monotonic_ns()
        path = message.fields.get("via")
        if run.emulated and isinstance(path, str):
            run.links.hold(_due_s(run, message, path), (message, arrived))
        else:
            self._worker.take(run, message, arrived)

    def _release(self) -> None:
        """Handle the held messages that are due."""
        for run in [run for run in self._runs.values() if run.emulated]:
            while (item := run.links.take()) is not None:
                due, (message, arrived) = item
                through = max(arrived, int(due * 1e9))
                if message.kind == "probe":
                    self._probed(run, message, through)
                    continue
                try:
                    self._worker.take(run, message, through)
                except (MessageError, InputError) as error:
                    fields = {"run": message.fields.get("run"), "message": str(error)}
                    send(self._router, Message("failed", fields), run.owner)

    def to_node(self, run: Run, node: str, message: Message) -> None:
        """Send a message to another agent of a run.

        Args:
            run: The run.
            node: Node of the other agent.
            message: The message.

        Raises:
            MessageError: Its address is not known, or it takes no more messages.
        """
        if not send(self._peer(run, node), message):
            raise MessageError(f"{node} does not take any more messages")

    def to_owner(self, run: Run, message: Message) -> bool:
        """Send a message to the coordinator of a run; return whether it is there.

        Args:
            run: The run, which ends here where its coordinator is gone.
            message: The message.
        """
        there = send(self._router, message, run.owner)
        if not there:
            self._runs.pop(message.text("run"), None)
        return there

    def _peer(self, run: Run, node: str) -> Any:  # noqa: ANN401 - ZeroMQ's own types differ by version
        address = run.addresses.get(node)
        if address is None:
            raise MessageError(f"no address of {node}")
        if address not in self._peers:
            self._peers[address] = connect(self._context, address, self._options.keys, self._options.most_message_bytes)
        return self._peers[address]

    def _change(self, sender: bytes, message: Message) -> None:
        self._run_of(message).links.change(_rates(message))

    def _probe(self, sender: bytes, message: Message) -> None:
        """Pass a probe on to the end of its link, or answer one that has come over it."""
        run = self._run_of(message)
        to, path = message.text("to"), message.text("via")
        if to != run.node:
            fields = {**message.fields, "sent_ns": time.monotonic_ns()}
            send(self._peer(run, to), Message("probe", fields, message.tensors))
        elif run.emulated:
            run.links.hold(_due_s(run, message, path), (message, time.monotonic_ns()))
        else:
            self._probed(run, message, time.monotonic_ns())

    def _probed(self, run: Run, message: Message, arrived: int) -> None:
        bits = 8 * sum(array.nbytes for array in message.tensors.values())
        fields = {key: message.fields.get(key) for key in ("run", "via", "sent_ns", "to", "from")}
        send(self._router, Message("probed", {**fields, "arrived_ns": arrived, "bits": bits}), run.owner)

    def _time(self, sender: bytes, message: Message) -> None:
        """Time ONNX files, interleaved."""
        repeats = int(message.number("repeats", MOST_REPEATS))
        networks = {name: array.tobytes() for name, array in message.tensors.items()}
        for name, data in networks.items():
            refuse_external(parse_onnx(data, name), name)
        times = time_networks(networks, int(message.number("threads", MOST_THREADS)), repeats, self._options.slow_down)
        rows = {name: [each.cpu_s, each.wall_s] for name, each in times.items()}
        send(self._router, Message("timed", {"times": rows, "onnxruntime": runtime_version()}), sender)

    def _echo(self, sender: bytes, message: Message) -> None:
        """Answer with as many bytes as are asked for, to measure a link."""
        import numpy as np

        size = int(message.number("bytes", 64_000_000))
        send(self._router, Message("echoed", {}, {"bytes": np.zeros(size, np.uint8)} if size else {}), sender)

    def _stop(self, sender: bytes, message: Message) -> None:
        self._runs.pop(message.text("run"), None)


def _due_s(run: Run, message: Message, path: str) -> float:
    """Return when an emulated link has carried a message, by the monotonic clock in seconds."""
    bits = 8.0 * sum(array.nbytes for array in message.tensors.values())
    return run.links.due_s(path, message.count("sent_ns") * 1e-9, bits)


def _rates(message: Message) -> dict[str, tuple[float, float]]:
    raw = message.fields.get("links", {})
    if not isinstance(raw, dict):
        raise MessageError("no links")
    rates = {}
    for path, entry in raw.items():
        if not isinstance(entry, list) or len(entry) != 2 or not all(isinstance(each, (int, float)) for each in entry):
            raise MessageError("a link is not described")
        rates[str(path)] = (float(entry[0]), float(entry[1]))
    return rates

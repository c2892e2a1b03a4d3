"""The agent of a node: receives pieces and tensors, runs them, and passes results on.

One thread does everything: messages wait in ZeroMQ's queues while a piece runs, and ZeroMQ's own thread answers
heartbeats meanwhile.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from planner.running.agents.holding import Links
from planner.running.agents.keys import Keys, secure_server
from planner.running.agents.pieces import Times, leaves, load_piece, misfit, run_piece
from planner.running.agents.protocol import PROTOCOL, Message, MessageError
from planner.running.agents.transport import MOST_MESSAGE_BYTES, connect, is_loopback, prepare, receive, send
from planner.running.requirements import planner_version, runtime_version
from planner.schemas.bundles.manifest import Piece, PlanPieces
from planner.schemas.bundles.nodes import parse_address
from planner.schemas.reading.files import check_document
from planner.schemas.reading.problems import InputError, input_error

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
    most_message_bytes: int = MOST_MESSAGE_BYTES


@dataclass
class _Run:
    """What an agent holds for one coordinator."""

    owner: bytes
    node: str
    plans: dict[str, PlanPieces]
    addresses: dict[str, str]
    emulated: bool
    links: Links[tuple[Message, int]] = field(default_factory=Links)
    sessions: dict[str, Any] = field(default_factory=dict)
    """Sessions by file name."""
    parts: dict[str, bytearray] = field(default_factory=dict)
    """Files that have arrived in part, by name."""
    held_bytes: int = 0

    def mine(self) -> dict[str, Piece]:
        """Return the pieces of this node, by file name."""
        return {piece.file: piece for plan in self.plans.values() for piece in plan.pieces if piece.node == self.node}


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
        self._runs: OrderedDict[str, _Run] = OrderedDict()
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
            "work": self._work,
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
            wait = min((run.links.wait_ms(_POLL_MS) for run in self._runs.values()), default=_POLL_MS)
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
            kind = "failed" if message.kind == "work" else "refused"
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
        run = _Run(
            owner=sender,
            node=message.text("node"),
            plans={plan.name: plan for plan in plans},
            addresses={str(node): str(address) for node, address in addresses.items()},
            emulated=message.fields.get("emulated") is True,
        )
        run.links.change(_rates(message))
        self._runs[message.text("run")] = run
        while len(self._runs) > _MOST_RUNS:
            self._runs.popitem(last=False)
        send(self._router, Message("ready", {"run": message.text("run"), "file": None}), sender)

    def _load(self, sender: bytes, message: Message) -> None:
        run, name = self._run_of(message), message.text("file")
        piece = run.mine().get(name)
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
            run.sessions[name] = load_piece(piece, bytes(run.parts.pop(name)), self._options.threads)
        send(self._router, Message("ready", {"run": message.text("run"), "file": name}), sender)

    def _run_of(self, message: Message) -> _Run:
        name = message.text("run")
        run = self._runs.get(name)
        if run is None:
            raise MessageError("this run is not known here (it was stopped, or the agent was started again)")
        self._runs.move_to_end(name)
        return run

    def _work(self, sender: bytes, message: Message) -> None:
        run = self._run_of(message)
        arrived = time.monotonic_ns()
        path = message.fields.get("via")
        if run.emulated and isinstance(path, str):
            bits = 8.0 * sum(array.nbytes for array in message.tensors.values())
            due = run.links.due_s(path, message.count("sent_ns") * 1e-9, bits)
            run.links.hold(due, (message, arrived))
        else:
            self._execute(run, message, arrived)

    def _release(self) -> None:
        """Handle the held messages that are due."""
        for run in list(self._runs.values()):
            while (item := run.links.take()) is not None:
                due, (message, arrived) = item
                if message.kind == "probe":
                    self._probed(run, message, max(arrived, int(due * 1e9)))
                    continue
                try:
                    self._execute(run, message, max(arrived, int(due * 1e9)))
                except (MessageError, InputError) as error:
                    fields = {"run": message.fields.get("run"), "message": str(error)}
                    send(self._router, Message("failed", fields), run.owner)

    def _execute(self, run: _Run, message: Message, arrived: int) -> None:
        """Run pieces of this node from the one asked for on, until the sample leaves or goes to another node."""
        plan = run.plans.get(message.text("plan"))
        index, trace = message.count("piece"), message.fields.get("trace")
        if plan is None or index >= len(plan.pieces) or not isinstance(trace, list):
            raise MessageError("no such plan or piece")
        tensors = message.tensors
        while True:
            piece = plan.pieces[index]
            if piece.node != run.node or piece.file not in run.sessions:
                raise MessageError(f"{piece.name} is not loaded here")
            if wrong := misfit(piece, tensors):
                raise MessageError(f"the tensors for {piece.name} do not fit: {wrong}")
            known, times = run_piece(piece, run.sessions[piece.file], tensors, self._options.slow_down)
            trace = [*trace, self._entry(index, message, arrived, times)]
            last = index + 1 == len(plan.pieces)
            if last or (message.fields.get("warm") is not True and leaves(piece, known, plan.confidence)):
                self._result(run, message, piece, known, trace)
                return
            tensors = {name: known[name] for name in piece.sends}
            index, arrived = index + 1, times.end
            if plan.pieces[index].node != run.node:
                self._forward(run, plan, message, index, trace, tensors)
                return

    def _entry(self, index: int, message: Message, arrived: int, times: Times) -> list[Any]:
        """Return what the trace says of a piece: index, sent, arrived, start, end (ns), processor time (ns), factor."""
        sent = message.fields.get("sent_ns")
        return [index, sent, arrived, times.start, times.end, times.cpu, self._options.slow_down]

    def _result(
        self, run: _Run, message: Message, piece: Piece, known: dict[str, NDArray[Any]], trace: list[Any]
    ) -> None:
        found = piece.exit
        outputs = found.outputs if found is not None else ()
        fields = {key: message.fields[key] for key in ("run", "plan", "sample", "warm") if key in message.fields}
        fields |= {"exit": None if found is None else found.name, "trace": trace, "sent_ns": time.monotonic_ns()}
        answer = Message("result", fields, {name: known[name] for name in outputs})
        if not send(self._router, answer, run.owner):  # the coordinator is gone, and with it the run
            self._runs.pop(message.text("run"), None)

    def _forward(
        self,
        run: _Run,
        plan: PlanPieces,
        message: Message,
        index: int,
        trace: list[Any],
        tensors: dict[str, NDArray[Any]],
    ) -> None:
        before, after = plan.pieces[index - 1], plan.pieces[index]
        path = "/".join(plan.routes.get(before.blocks[-1], (before.node, after.node)))
        fields = {**message.fields, "piece": index, "trace": trace, "via": path, "sent_ns": time.monotonic_ns()}
        if not send(self._peer(run, after.node), Message("work", fields, tensors)):
            raise MessageError(f"{after.node} does not take any more messages")

    def _peer(self, run: _Run, node: str) -> Any:  # noqa: ANN401 - ZeroMQ's own types differ by version
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
            bits = 8.0 * sum(array.nbytes for array in message.tensors.values())
            run.links.hold(run.links.due_s(path, message.count("sent_ns") * 1e-9, bits), (message, time.monotonic_ns()))
        else:
            self._probed(run, message, time.monotonic_ns())

    def _probed(self, run: _Run, message: Message, arrived: int) -> None:
        bits = 8 * sum(array.nbytes for array in message.tensors.values())
        fields = {key: message.fields.get(key) for key in ("run", "via", "sent_ns", "to", "from")}
        send(self._router, Message("probed", {**fields, "arrived_ns": arrived, "bits": bits}), run.owner)

    def _time(self, sender: bytes, message: Message) -> None:
        """Time ONNX files, interleaved."""
        from planner.running.timing.blocks import time_networks

        repeats = int(message.number("repeats", 10_000))
        networks = {name: array.tobytes() for name, array in message.tensors.items()}
        for name, data in networks.items():
            from planner.running.graph.reading import parse_onnx, refuse_external

            refuse_external(parse_onnx(data, name), name)
        times = time_networks(networks, int(message.number("threads", 256)), repeats, self._options.slow_down)
        rows = {name: [each.cpu_s, each.wall_s] for name, each in times.items()}
        send(self._router, Message("timed", {"times": rows, "onnxruntime": runtime_version()}), sender)

    def _echo(self, sender: bytes, message: Message) -> None:
        """Answer with as many bytes as are asked for, to measure a link."""
        import numpy as np

        size = int(message.number("bytes", 64_000_000))
        send(self._router, Message("echoed", {}, {"bytes": np.zeros(size, np.uint8)} if size else {}), sender)

    def _stop(self, sender: bytes, message: Message) -> None:
        self._runs.pop(message.text("run"), None)


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

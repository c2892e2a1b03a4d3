"""The coordinator at the source: loads pieces onto agents, sends samples, and collects results with their traces."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from planner.running.agents.connections import Connection, await_answer, open_connections
from planner.running.agents.errors import RunFailedError
from planner.running.agents.holding import Links
from planner.running.agents.outcome import Outcome, RunOptions
from planner.running.agents.protocol import Message
from planner.running.agents.transport import is_loopback, receive, send
from planner.running.pieces.links import LinkTable, hop_path
from planner.running.pieces.reading import Pieces
from planner.schemas.bundles.manifest import PlanPieces
from planner.schemas.reading.problems import input_error
from planner.schemas.reading.quantities import format_quantity

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WARM_UPS = 3
_LOADING_S = 120.0
_CHUNK_BYTES = 1_000_000
_POLL_MS = 50


@dataclass
class _Pending:
    """A sample that is under way."""

    plan: str
    start: int


Observer = Callable[["Coordinator", Outcome | None], None]
"""Called after every result, and with None when an agent is lost; may change `Coordinator.plan`."""


@dataclass
class Coordinator:
    """One run over agents. Use as a context manager: leaving it ends the agents' part of the run."""

    pieces: Pieces
    addresses: Mapping[str, str]
    options: RunOptions
    plan: str = ""
    """Plan for the samples that start next."""
    connections: dict[str, Connection] = field(default_factory=dict)
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    lost: set[str] = field(default_factory=set)
    """Nodes whose agent is lost."""
    started_ns: int = 0
    notices: list[Message] = field(default_factory=list)
    """Answers to probes that nobody has looked at yet."""

    def __enter__(self) -> Coordinator:
        """Connect to every agent, and load all pieces."""
        import zmq

        plans = {plan.name: plan for plan in self.pieces.manifest.plans}
        self._plans: dict[str, PlanPieces] = plans
        self.plan = self.plan or next(iter(plans))
        nodes = list(dict.fromkeys(piece.node for plan in plans.values() for piece in plan.pieces))
        if lacking := [node for node in nodes if node not in self.addresses]:
            fix = f"add it to nodes.json: {{{lacking[0]!r}: 'HOST:PORT'}}"
            raise input_error("a node of the plan has no agent", fix, path="--nodes", value=", ".join(lacking))
        used = {node: self.addresses[node] for node in nodes}
        if self.options.links is not None and not all(map(is_loopback, used.values())):
            fix = "run all agents on this machine, or leave --emulate-links out"
            raise input_error("links are emulated between agents of one machine only", fix, path="--emulate-links")
        self._links: Links[Outcome] = Links()
        self._pending: dict[int, _Pending] = {}
        self._polled: Any = None
        self._agents: set[Any] = set()
        self._signalled = False
        self._context = zmq.Context()
        try:
            self.connections = open_connections(self._context, used, self.options.keys)
            self._load()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End the run on every agent, and close all connections."""
        for connection in self.connections.values():
            if not connection.lost:
                send(connection.socket, Message("stop", {"run": self.run_id}))
            connection.close()
        self.connections = {}
        self._context.term()

    def _load(self) -> None:
        rates = {} if self.options.links is None else self._emulated_rates(self.options.links)
        self._links.change(rates)
        for node, connection in self.connections.items():
            fields = {
                "run": self.run_id,
                "node": node,
                "plans": [plan.model_dump(mode="json") for plan in self._plans.values()],
                "addresses": {each: other.address for each, other in self.connections.items()},
                "emulated": self.options.links is not None,
                "links": {path: list(rate) for path, rate in rates.items()},
            }
            send(connection.socket, Message("setup", fields))
        deadline = time.monotonic() + _LOADING_S
        for node, connection in self.connections.items():
            await_answer(connection, "ready", deadline)
            self._load_files(node, connection)

    def _load_files(self, node: str, connection: Connection) -> None:
        """Send files in chunks, one after the other, so that heartbeats get through on slow links too."""
        import numpy as np

        names = {piece.file for plan in self._plans.values() for piece in plan.pieces if piece.node == node}
        for name in sorted(names):
            data = np.frombuffer(self.pieces.files[name], np.uint8)
            for offset in range(0, len(data), _CHUNK_BYTES):
                chunk = data[offset : offset + _CHUNK_BYTES]
                fields = {"run": self.run_id, "file": name, "offset": offset, "last": offset + len(chunk) == len(data)}
                send(connection.socket, Message("load", fields, {"onnx": chunk}))
                await_answer(connection, "ready", time.monotonic() + _LOADING_S)

    def _emulated_rates(self, links: LinkTable) -> dict[str, tuple[float, float]]:
        """Return latency and seconds per bit of every path that some plan uses, results' ways back included."""
        rates = {}
        for plan in self._plans.values():
            source = before = plan.source or plan.pieces[0].node
            for index, piece in enumerate(plan.pieces):
                if piece.node != before:
                    path = hop_path(plan, index, before)
                    rates["/".join(path)] = links.path_rates(path)
                before = piece.node
                if piece.exit is not None and piece.node != source:
                    path = links.fastest_path(piece.node, source, 0.0)
                    rates["/".join(path)] = links.path_rates(path)
        for ends, rate in links.links.items():
            rates.setdefault("/".join(ends), rate)
        return rates

    def change_links(self, rates: Mapping[str, tuple[float, float]]) -> None:
        """Emulate other links from now on; rates by path."""
        self._links.change(rates)
        fields = {"run": self.run_id, "links": {path: list(rate) for path, rate in rates.items()}}
        for connection in self.connections.values():
            if not connection.lost:
                send(connection.socket, Message("change", fields))

    def warm_up(self, inputs: Mapping[str, NDArray[Any]]) -> None:
        """Send a few samples through all pieces of every plan, so that connections and caches are warm."""
        kept = self.plan
        for name in self._plans:
            self.plan = name
            for _ in range(_WARM_UPS):
                self.run([inputs], warm=True)
        self.plan = kept

    def run(
        self,
        inputs: Sequence[Mapping[str, NDArray[Any]]],
        observe: Observer | None = None,
        progress: Callable[[int], None] = lambda done: None,
        warm: bool = False,
    ) -> list[Outcome]:
        """Run samples and return what came back, in the order in which it did.

        Args:
            inputs: Inputs of every sample.
            observe: Looks at every result, and may change the plan.
            progress: Told how many samples are done.
            warm: Samples go through all pieces, whatever their confidence.

        Returns:
            One outcome per sample, in order of arrival.

        Raises:
            RunFailedError: An agent is lost and no other plan does without it, fails, or does not answer in time.
        """
        done: list[Outcome] = []
        waiting = list(range(len(inputs)))[::-1]
        self.started_ns = last_ns = time.monotonic_ns()
        started = 0
        while len(done) < len(inputs):
            now = time.monotonic_ns()
            while waiting and len(self._pending) < self.options.in_flight and self._due(started, now, warm):
                sample = waiting.pop()
                self._start(sample, inputs[sample], warm)
                started, last_ns = started + 1, max(last_ns, now)
            for outcome in self._collect(self._wait_ms(started, bool(waiting), warm)):
                if self._pending.pop(outcome.sample, None) is None:
                    continue  # sent again meanwhile, and answered twice
                done.append(outcome)
                last_ns = time.monotonic_ns()
                progress(len(done))
                if observe is not None:
                    observe(self, outcome)
            if self._notice_losses():
                if observe is not None:
                    observe(self, None)
                waiting += self._recall()
            if time.monotonic_ns() - last_ns > self.options.timeout_s * 1e9 and self._pending:
                raise RunFailedError(self._stuck())
        return done

    def _due(self, started: int, now: int, warm: bool) -> bool:
        if self.options.rate_per_s is None or warm:
            return True
        return now >= self.started_ns + started * 1e9 / self.options.rate_per_s

    def _wait_ms(self, started: int, more: bool, warm: bool) -> int:
        wait = self._links.wait_ms(_POLL_MS)
        if more and self.options.rate_per_s is not None and not warm:
            due = self.started_ns + started * 1e9 / self.options.rate_per_s
            wait = min(wait, max(0, int((due - time.monotonic_ns()) / 1e6)))
        return wait

    def _start(self, sample: int, inputs: Mapping[str, NDArray[Any]], warm: bool) -> None:
        plan = self._plans[self.plan]
        first, source = plan.pieces[0], plan.source or plan.pieces[0].node
        via = None if first.node == source else "/".join(hop_path(plan, 0, source))
        start = time.monotonic_ns()
        fields = {"run": self.run_id, "plan": plan.name, "piece": 0, "sample": sample, "trace": [], "via": via}
        fields |= {"sent_ns": start, "warm": warm}
        self._pending[sample] = _Pending(plan.name, start)
        send(self.connections[first.node].socket, Message("work", fields, inputs))

    def _collect(self, wait_ms: int) -> list[Outcome]:
        """Return the results that are there, waiting for a while for the first one."""
        import zmq

        found = []
        self._signalled = False
        for ready, _ in self._poller().poll(wait_ms):
            if ready not in self._agents:
                self._signalled = True
                continue
            while ready.getsockopt(zmq.EVENTS) & zmq.POLLIN:
                _, message = receive(ready, routed=False)
                if message is not None and message.fields.get("run") == self.run_id:
                    self._take(message, time.monotonic_ns())
        while (item := self._links.take()) is not None:
            found.append(item[1])
        return found

    def _poller(self) -> Any:  # noqa: ANN401 - ZeroMQ's own types differ by version
        """Return a poller of all connections and of what happens to them, made anew after a loss."""
        import zmq

        if self._polled is None:
            self._agents = {each.socket for each in self.connections.values() if not each.lost}
            self._polled = zmq.Poller()
            for each in self.connections.values():
                if not each.lost:
                    self._polled.register(each.socket, zmq.POLLIN)
                    self._polled.register(each.monitor, zmq.POLLIN)
        return self._polled

    def _take(self, message: Message, now: int) -> None:
        if message.kind in ("failed", "refused"):
            raise RunFailedError(f"an agent failed: {message.fields.get('message')}")
        if message.kind == "probed":
            self.notices.append(message)
        if message.kind != "result":
            return
        pending = self._pending.get(message.count("sample"))
        name = message.text("plan")
        if pending is None or name not in self._plans or pending.plan != name:
            return
        plan, trace = self._plans[name], tuple(tuple(entry) for entry in message.fields["trace"])
        node, source = plan.pieces[int(trace[-1][0])].node, plan.source or plan.pieces[0].node
        returned = message.count("sent_ns") - self.connections[node].offset_ns
        until = now * 1e-9
        if self.options.links is not None and node != source:
            path = "/".join(self.options.links.fastest_path(node, source, 0.0))
            bits = 8.0 * sum(array.nbytes for array in message.tensors.values())
            until = max(until, self._links.due_s(path, returned * 1e-9, bits))
        outcome = Outcome(
            sample=message.count("sample"),
            plan=name,
            exit=message.text("exit"),
            start=pending.start,
            end=max(now, int(until * 1e9)),
            returned=int(returned),
            trace=trace,
            outputs=dict(message.tensors),
        )
        self._links.hold(until, outcome)

    def _notice_losses(self) -> bool:
        """Look for lost agents where something happened to a connection; return whether there are new ones."""
        if not self._signalled:
            return False
        new = [node for node, each in self.connections.items() if each.watch() and node not in self.lost]
        self.lost |= set(new)
        self._polled = None
        return bool(new)

    def _recall(self) -> list[int]:
        """Return the samples that lost agents may have held, to be sent again under the plan of now.

        Raises:
            RunFailedError: That plan needs a lost agent.
        """
        needed = {piece.node for piece in self._plans[self.plan].pieces} & self.lost
        if needed:
            names = ", ".join(f"{node} at {self.connections[node].address}" for node in sorted(needed))
            raise RunFailedError(f"the agent of {names} was lost; {len(self._pending)} samples were under way")
        again = [
            sample
            for sample, pending in self._pending.items()
            if {piece.node for piece in self._plans[pending.plan].pieces} & self.lost
        ]
        for sample in again:
            del self._pending[sample]
        return again[::-1]

    def _stuck(self) -> str:
        oldest = min(self._pending)
        nodes = ", ".join(dict.fromkeys(piece.node for piece in self._plans[self._pending[oldest].plan].pieces))
        return (
            f"no result for {format_quantity(self.options.timeout_s, 's')}: sample {oldest} is stuck on one of {nodes}"
        )

    def probe(self, start: str, path: Sequence[str], size: int = 16_384) -> None:
        """Send a probe over a link; its answer is put into `notices`.

        Args:
            start: Node at which this process sits.
            path: Nodes of the link, from its source to its target.
            size: Payload in bytes.
        """
        import numpy as np

        tensors = {"bytes": np.zeros(size, np.uint8)}
        fields = {"run": self.run_id, "via": "/".join(path), "to": path[-1], "from": path[0]}
        target = path[-1] if path[0] == start else path[0]
        if target in self.connections and not self.connections[target].lost:
            fields["sent_ns"] = time.monotonic_ns()  # type: ignore[assignment] # JSON data
            with contextlib.suppress(KeyError):
                send(self.connections[target].socket, Message("probe", fields, tensors))

"""The coordinator at the source: loads pieces onto agents, sends samples, and collects results with their traces."""

from __future__ import annotations

import contextlib
import itertools
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from planner.running.agents.clocks import handed_ns, own_moves, own_trace
from planner.running.agents.connections import Connection, open_connections, refuse_unreachable
from planner.running.agents.errors import RunFailedError
from planner.running.agents.holding import Links
from planner.running.agents.loading import Rates, emulated_rates, load_pieces
from planner.running.agents.outcome import Outcome, RunOptions
from planner.running.agents.protocol import Message
from planner.running.agents.transport import is_loopback, receive, send
from planner.running.pieces.hops import INPUT, Hop, PlanHops, plan_hops
from planner.running.pieces.reading import Pieces
from planner.schemas.reading.problems import input_error
from planner.schemas.reading.quantities import format_quantity

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WARM_UPS = 3
_POLL_MS = 50
_LOOK_NS = 50_000_000
"""Lost agents are looked for this often: looking costs as much as a message."""


@dataclass
class _Pending:
    """A sample that is under way."""

    plan: str
    turn: int
    """Number of its start in the run: a sample that is sent again has another one."""
    start: int
    inputs: Mapping[str, NDArray[Any]]
    warm: bool


class _PlanLostError(RunFailedError):
    """An agent that the plan needs is lost."""


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
    done: list[Outcome] = field(default_factory=list)
    """Samples of the last call of `run` that have come back."""
    notices: list[Message] = field(default_factory=list)
    """Answers to probes that nobody has looked at yet."""

    def __enter__(self) -> Coordinator:
        """Connect to every agent, and load all pieces."""
        import zmq

        plans = {plan.name: plan for plan in self.pieces.manifest.plans}
        self._plans: dict[str, PlanHops] = {name: plan_hops(plan) for name, plan in plans.items()}
        self._turns = itertools.count()
        self.plan = self.plan or next(iter(plans))
        nodes = list(dict.fromkeys(piece.node for plan in plans.values() for piece in plan.pieces))
        if lacking := [node for node in nodes if node not in self.addresses]:
            fix = "add " + ", ".join(f'"{node}": "HOST:PORT"' for node in lacking) + " to the file"
            raise input_error("a node of the plan has no agent", fix, path="--nodes", value=", ".join(lacking))
        used = {node: self.addresses[node] for node in nodes}
        if self.options.links is not None and not all(map(is_loopback, used.values())):
            fix = "run all agents on this machine, or leave --emulate-links out"
            raise input_error("links are emulated between agents of one machine only", fix, path="--emulate-links")
        self._links: Links[Outcome] = Links()
        self._pending: dict[int, _Pending] = {}
        self._polled: Any = None
        self._looked_ns = 0
        self._context = zmq.Context()
        try:
            self.connections = open_connections(self._context, used, self.options.keys, self.options.may_lack)
            self.lost |= used.keys() - self.connections.keys()
            refuse_unreachable({pair for flow in self._plans.values() for pair in flow.peers()}, self.connections)
            rates = None if self.options.links is None else emulated_rates(self._plans, self.options.links)
            self._links.change(rates or {})
            load_pieces(self.pieces, self.connections, self.run_id, rates)
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

    @property
    def on_one_machine(self) -> bool:
        """Whether all agents listen on this machine's loopback."""
        return all(is_loopback(each.address) for each in self.connections.values())

    def change_links(self, rates: Rates) -> None:
        """Emulate other links from now on; rates by path."""
        self._links.change(rates)
        fields = {"run": self.run_id, "links": {path: list(rate) for path, rate in rates.items()}}
        for connection in self.connections.values():
            if not connection.lost:
                send(connection.socket, Message("change", fields))

    def warm_up(self, inputs: Mapping[str, NDArray[Any]]) -> None:
        """Send a few samples through all pieces of every plan, so that connections and caches are warm.

        Where agents may lack, one that is lost meanwhile is left to the run.
        """
        kept = self.plan
        left_to_run = (_PlanLostError,) if self.options.may_lack else ()
        for name in self._plans:
            if self._needed(name) & self.lost:
                continue
            self.plan = name
            with contextlib.suppress(*left_to_run):
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
        self.done = done = list[Outcome]()
        waiting = list(range(len(inputs)))[::-1]
        self.started_ns = last_ns = time.monotonic_ns()
        started = 0
        if self.lost and observe is not None and not warm:
            observe(self, None)
            self._recall()
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
        """Send a sample to the first piece, and its inputs to other pieces that read them."""
        flow, start = self._plans[self.plan], time.monotonic_ns()
        pending = self._pending[sample] = _Pending(self.plan, next(self._turns), start, inputs, warm)
        first, others = flow.first
        self._send_hop(sample, pending, "work", first, {"piece": 0, "trace": [], "moved": []})
        for hop in others:
            self._send_hop(sample, pending, "carry", hop, {})

    def _send_hop(self, sample: int, pending: _Pending, kind: str, hop: Hop | None, further: Mapping[str, Any]) -> None:
        pieces = self._plans[pending.plan].plan.pieces
        fields = {"run": self.run_id, "plan": pending.plan, "sample": sample, "turn": pending.turn}
        fields |= {"warm": pending.warm, "sent_ns": time.monotonic_ns(), **further}
        tensors = {}
        if hop is not None:
            fields["hop"], fields["via"] = hop.number, hop.via
            tensors = {name: pending.inputs[name] for name in hop.tensors}
        node = pieces[0 if hop is None else hop.to].node
        send(self.connections[node].socket, Message(kind, fields, tensors))

    def _collect(self, wait_ms: int) -> list[Outcome]:
        """Return the results that are there, waiting for a while for the first one."""
        found = []
        for ready, _ in self._poller().poll(wait_ms):
            _, message = receive(ready, routed=False)
            if message is not None and message.fields.get("run") == self.run_id:
                self._take(message, time.monotonic_ns())
        while (item := self._links.take()) is not None:
            found.append(item[1])
        return found

    def _poller(self) -> Any:  # noqa: ANN401 - ZeroMQ's own types differ by version
        """Return a poller of all connections, made anew after a loss."""
        import zmq

        if self._polled is None:
            self._polled = zmq.Poller()
            for each in self.connections.values():
                if not each.lost:
                    self._polled.register(each.socket, zmq.POLLIN)
        return self._polled

    def _take(self, message: Message, now: int) -> None:
        if message.kind in ("failed", "refused"):
            raise RunFailedError(f"an agent failed: {message.fields.get('message')}")
        if message.kind == "probed":
            self.notices.append(message)
        if message.kind not in ("result", "release"):
            return
        sample = message.count("sample")
        pending = self._pending.get(sample)
        if pending is None or pending.turn != message.count("turn"):
            return
        flow = self._plans[pending.plan]
        if message.kind == "release":
            for hop in flow.released_by(message.count("piece")):
                if hop.after == INPUT:
                    self._send_hop(sample, pending, "carry", hop, {})
            return
        node = flow.plan.pieces[int(message.fields["trace"][-1][0])].node
        ahead_ns = {name: each.offset_ns for name, each in self.connections.items()}
        returned = message.count("sent_ns") - ahead_ns[node]
        until = now * 1e-9
        if self.options.links is not None and node != flow.source:
            path = "/".join(self.options.links.fastest_path(node, flow.source, 0.0))
            bits = 8.0 * sum(array.nbytes for array in message.tensors.values())
            until = max(until, self._links.due_s(path, returned * 1e-9, bits))
        moved = own_moves(flow, message.fields["moved"], ahead_ns)
        outcome = Outcome(
            sample=sample,
            plan=pending.plan,
            exit=message.text("exit"),
            start=pending.start,
            end=max(now, int(until * 1e9)),
            returned=int(returned),
            trace=own_trace(flow, message.fields["trace"], ahead_ns),
            moved=moved,
            outputs=dict(message.tensors),
            handed_ns=int(handed_ns(flow, moved) + (max(0.0, now - returned) if node == flow.source else 0.0)),
        )
        self._links.hold(until, outcome)

    def _notice_losses(self) -> bool:
        """Look for lost agents now and then; return whether there are new ones."""
        now = time.monotonic_ns()
        if now - self._looked_ns < _LOOK_NS:
            return False
        self._looked_ns = now
        new = [node for node, each in self.connections.items() if each.watch() and node not in self.lost]
        if new:
            self.lost |= set(new)
            self._polled = None
        return bool(new)

    def _recall(self) -> list[int]:
        """Return the samples that lost agents may have held, to be sent again under the plan of now.

        Raises:
            RunFailedError: That plan needs a lost agent.
        """
        if needed := self._needed(self.plan) & self.lost:
            names = ", ".join(f"{node} at {self.addresses[node]}" for node in sorted(needed))
            under_way = len(self._pending)
            self._pending.clear()
            raise _PlanLostError(f"the agent of {names} was lost; samples under way: {under_way}")
        again = [sample for sample, pending in self._pending.items() if self._needed(pending.plan) & self.lost]
        for sample in again:
            forgotten = Message("forget", {"run": self.run_id, "turn": self._pending.pop(sample).turn})
            for connection in self.connections.values():
                if not connection.lost:
                    send(connection.socket, forgotten)
        return again[::-1]

    def _needed(self, plan: str) -> set[str]:
        """Return the nodes that a plan runs on."""
        return {piece.node for piece in self._plans[plan].plan.pieces}

    def _stuck(self) -> str:
        oldest = min(self._pending)
        nodes = ", ".join(dict.fromkeys(piece.node for piece in self._plans[self._pending[oldest].plan].plan.pieces))
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

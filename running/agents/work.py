"""Work on samples at one node: pieces run in the plan's order, and every tensor goes on its own route.

A message `work` says that the piece before is done; the piece starts when its tensors are there too. Tensors for later
pieces come as `carry`. An exit's node tells others to send what waited for its decision (`release`), or to let go of
what they hold for a sample that left (`forget`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from planner.running.agents.held import HeldSample, HeldSamples
from planner.running.agents.holding import Links
from planner.running.agents.pieces import LoadedPiece, Times, is_ready, leaves, run_piece
from planner.running.agents.protocol import Message, MessageError
from planner.running.pieces.hops import Hop, PlanHops
from planner.schemas.bundles.manifest import Piece

if TYPE_CHECKING:
    from numpy.typing import NDArray

_OF_SAMPLE = ("run", "plan", "sample", "turn", "warm")
"""Fields that every message of a sample has."""
_NEEDED = frozenset(_OF_SAMPLE)


@dataclass
class Run:
    """What an agent holds for one coordinator."""

    owner: bytes
    node: str
    plans: dict[str, PlanHops]
    addresses: dict[str, str]
    emulated: bool
    samples: HeldSamples
    links: Links[tuple[Message, int]] = field(default_factory=Links)
    loaded: dict[str, LoadedPiece] = field(default_factory=dict)
    """Pieces by file name."""
    parts: dict[str, bytearray] = field(default_factory=dict)
    """Files that have arrived in part, by name."""
    held_bytes: int = 0
    """Bytes of files."""

    def own_pieces(self) -> dict[str, Piece]:
        """Return the pieces of this node, by file name."""
        pieces = (piece for flow in self.plans.values() for piece in flow.plan.pieces)
        return {piece.file: piece for piece in pieces if piece.node == self.node}


class Post(Protocol):
    """Sends messages of a run."""

    def to_node(self, run: Run, node: str, message: Message) -> None:
        """Send to another agent; raise MessageError where it takes no more.

        Args:
            run: The run that the message belongs to.
            node: Name of the other agent's node.
            message: What is sent.
        """

    def to_owner(self, run: Run, message: Message) -> bool:
        """Send to the coordinator; return whether it is there."""


class Worker:
    """Runs pieces of one node."""

    def __init__(self, post: Post, slow_down: float) -> None:
        self._post = post
        self._slow_down = slow_down

    def take(self, run: Run, message: Message, arrived: int) -> None:
        """Handle a message of a sample that has come through its link.

        Args:
            run: The run that it is of.
            message: `work`, `carry`, `release` or `forget`.
            arrived: When it was through, in ns of the monotonic clock.

        Raises:
            MessageError: It fits no plan or piece, or the memory for samples is full.
            InputError: ONNX Runtime refuses the tensors.
        """
        turn = message.count("turn")
        if message.kind == "forget":
            run.samples.forget(turn)
            return
        flow = run.plans.get(message.text("plan"))
        if flow is None or not message.fields.keys() >= _NEEDED:
            raise MessageError("no such plan")
        if message.kind == "release":
            self._release(run, flow, message)
            return
        sample = run.samples.put(turn, message.tensors)
        if sample is None:
            return
        if (hop := message.fields.get("hop")) is not None:
            sample.moved.append([_checked(hop, len(flow.hops)), message.count("sent_ns"), arrived])
        if message.kind == "work":
            trace, moved = message.fields.get("trace"), message.fields.get("moved")
            known = isinstance(trace, list) and isinstance(moved, list)
            if not known or message.count("piece") >= len(flow.plan.pieces):
                raise MessageError("no such piece")
            sample.work = message
        if sample.work is not None:
            self._run_pieces(run, flow, sample, sample.work)

    def _run_pieces(self, run: Run, flow: PlanHops, sample: HeldSample, work: Message) -> None:
        """Run pieces from the one asked for on: until tensors lack, the sample leaves, or another node is next."""
        turn, index = work.count("turn"), work.count("piece")
        fields = {key: work.fields[key] for key in _OF_SAMPLE}
        fields["trace"], fields["moved"] = list(work.fields["trace"]), list(work.fields["moved"])
        while True:
            piece = flow.plan.pieces[index]
            loaded = run.loaded.get(piece.file)
            if piece.node != run.node or loaded is None:
                raise MessageError(f"{piece.name} is not loaded here")
            if not is_ready(loaded, sample.tensors):
                sample.work = Message("work", {**fields, "piece": index})
                return
            sample.work = None
            made, times = run_piece(loaded, sample.tensors, self._slow_down)
            fields["trace"].append(self._entry(index, times))
            fields["moved"] += sample.moved
            sample.moved.clear()
            sample = run.samples.put(turn, made) or sample
            last = index + 1 == len(flow.plan.pieces)
            if last or (not work.fields["warm"] and leaves(piece, sample.tensors, flow.plan.confidence)):
                self._leave(run, flow, index, fields, sample.tensors)
                return
            self._go_on(run, flow, index, fields, sample)
            index += 1
            if flow.plan.pieces[index].node != run.node:
                return

    def _entry(self, index: int, times: Times) -> list[Any]:
        """Return what the trace says of a piece: index, start, end (ns), processor time (ns), slow-down factor."""
        return [index, times.start, times.end, times.cpu, self._slow_down]

    def _leave(
        self, run: Run, flow: PlanHops, index: int, fields: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]
    ) -> None:
        """Send a result to the source, and have all nodes let go of the sample."""
        found = flow.plan.pieces[index].exit
        outputs = found.outputs if found is not None else ()
        said = {**fields, "exit": None if found is None else found.name, "sent_ns": time.monotonic_ns()}
        there = self._post.to_owner(run, Message("result", said, {name: tensors[name] for name in outputs}))
        run.samples.drop(fields["turn"])
        if there and index + 1 < len(flow.plan.pieces):
            for node in flow.holders(index):
                self._post.to_node(run, node, Message("forget", {"run": fields["run"], "turn": fields["turn"]}))

    def _go_on(self, run: Run, flow: PlanHops, index: int, fields: Mapping[str, Any], sample: HeldSample) -> None:
        """Send what a piece has made, release what waited for its exit, and hand over to the next piece."""
        steps = flow.onward(index)
        if steps.following is not None:
            said = {**fields, "piece": index + 1}
            self._post.to_node(run, steps.following, _with_hop("work", said, steps.first, sample.tensors))
        self._send(run, flow, steps.others, fields, sample.tensors)
        if steps.source_waits or steps.waiting:
            told = Message("release", {key: fields[key] for key in _OF_SAMPLE} | {"piece": index})
            if steps.source_waits:
                self._post.to_owner(run, told)
            for node in steps.waiting:
                self._post.to_node(run, node, told)
        run.samples.keep(fields["turn"], steps.kept)

    def _release(self, run: Run, flow: PlanHops, message: Message) -> None:
        """Send the tensors that waited for an exit which the sample has passed."""
        turn, index = message.count("turn"), message.count("piece")
        sample = run.samples.get(turn)
        if sample is None or index >= len(flow.plan.pieces):
            return
        hops = [hop for hop in flow.released_by(index) if hop.after >= 0 and flow.sender(hop) == run.node]
        self._send(run, flow, hops, message.fields, sample.tensors)
        run.samples.keep(turn, flow.kept_on(run.node, index))

    def _send(
        self,
        run: Run,
        flow: PlanHops,
        hops: Sequence[Hop],
        fields: Mapping[str, Any],
        tensors: Mapping[str, NDArray[Any]],
    ) -> None:
        if not hops:
            return
        said = {key: fields[key] for key in _OF_SAMPLE}
        for hop in hops:
            self._post.to_node(run, flow.plan.pieces[hop.to].node, _with_hop("carry", said, hop, tensors))


def _with_hop(kind: str, fields: Mapping[str, Any], hop: Hop | None, tensors: Mapping[str, NDArray[Any]]) -> Message:
    """Return a message that carries the tensors of a transfer, or none."""
    said = {**fields, "sent_ns": time.monotonic_ns()}
    if hop is None:
        return Message(kind, said)
    said["hop"], said["via"] = hop.number, hop.via
    try:
        return Message(kind, said, {name: tensors[name] for name in hop.tensors})
    except KeyError:
        raise MessageError("what is to be sent on was never made here") from None


def _checked(value: object, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < most:
        raise MessageError("no such transfer")
    return value

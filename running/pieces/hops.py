"""What goes between the pieces of a plan: every transfer with its path, and the exit that a sample must have passed.

Pieces run one after the other. A tensor for a piece behind an early exit is sent only for samples that did not leave
there, as the model of cost has it: its node holds the tensor until the exit's node says that the sample goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from planner.schemas.bundles.manifest import Piece, PlanPieces
from planner.schemas.reading.problems import input_error

INPUT = -1
"""Stands for the input of the network among the indices of pieces."""


@dataclass(frozen=True)
class Hop:
    """One transfer: from the node of a piece to that of a later one."""

    number: int
    after: int
    """Piece whose node sends; `INPUT`: the source sends the input."""
    to: int
    """Piece that needs the tensors first on its node."""
    tensors: tuple[str, ...]
    path: tuple[str, ...]
    """Nodes passed, both ends included; one node where the source itself needs the input."""
    bits: float
    gate: int | None
    """Last piece from `after` on, before `to`, with an early exit that is on; None where there is none."""

    @property
    def via(self) -> str | None:
        """The path as rates of links name it; None where nothing is carried over a link."""
        return "/".join(self.path) if len(self.path) > 1 else None


@dataclass(frozen=True)
class Onward:
    """What a node does when a piece is done there and the sample goes on."""

    following: str | None
    """Node of the next piece; None where it is the same."""
    first: Hop | None
    """Transfer that the call of the next piece carries."""
    others: tuple[Hop, ...]
    source_waits: bool
    """Whether the source holds inputs that waited for the exit of the piece."""
    waiting: tuple[str, ...]
    """Other nodes that hold tensors which waited for it."""
    kept: frozenset[str]
    """Tensors that the node still needs."""


@dataclass(frozen=True)
class PlanHops:
    """All transfers of a plan, and what every node does with them."""

    plan: PlanPieces
    source: str
    """Node that holds the input."""
    hops: tuple[Hop, ...]
    _after: dict[int, tuple[Hop, ...]] = field(default_factory=dict)
    _released: dict[int, tuple[Hop, ...]] = field(default_factory=dict)
    _kept: dict[tuple[str, int], frozenset[str]] = field(default_factory=dict)
    _onward: dict[int, Onward] = field(default_factory=dict)
    _first: list[tuple[Hop | None, tuple[Hop, ...]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Sort transfers by the piece behind which they are sent."""
        for piece in range(INPUT, len(self.plan.pieces)):
            own = [hop for hop in self.hops if hop.after == piece]
            self._after[piece] = tuple(hop for hop in own if hop.gate is None or hop.gate == piece)
            self._released[piece] = tuple(hop for hop in self.hops if hop.gate == piece and hop.after < piece)
        first = next((hop for hop in self._after[INPUT] if hop.to == 0), None)
        self._first.append((first, tuple(hop for hop in self._after[INPUT] if hop is not first)))

    def into(self, piece: int) -> tuple[Hop, ...]:
        """Return the transfers to a piece.

        Args:
            piece: Index of the piece.
        """
        return tuple(hop for hop in self.hops if hop.to == piece)

    @property
    def first(self) -> tuple[Hop | None, tuple[Hop, ...]]:
        """The transfer that the call of the first piece carries, and the others that the source sends at once."""
        return self._first[0]

    def sent_after(self, piece: int) -> tuple[Hop, ...]:
        """Return the transfers that a node sends as soon as a piece is done and the sample goes on.

        Args:
            piece: Index of the piece, or `INPUT` for those that the source sends at once.
        """
        return self._after[piece]

    def released_by(self, piece: int) -> tuple[Hop, ...]:
        """Return the transfers from other pieces' nodes that waited for a sample to pass the exit of a piece.

        Args:
            piece: Index of the piece with the exit.
        """
        return self._released[piece]

    def onward(self, piece: int) -> Onward:
        """Return what the node of a piece does when a sample goes on behind it.

        Args:
            piece: Index of the piece; not the last one.
        """
        if piece not in self._onward:
            self._onward[piece] = self._next_steps(piece)
        return self._onward[piece]

    def _next_steps(self, piece: int) -> Onward:
        here, following = self.plan.pieces[piece].node, self.plan.pieces[piece + 1].node
        released = self._released[piece]
        hops = [*self._after[piece], *(hop for hop in released if hop.after >= 0 and self.sender(hop) == here)]
        first = next((hop for hop in hops if hop.to == piece + 1), None) if following != here else None
        return Onward(
            following=following if following != here else None,
            first=first,
            others=tuple(hop for hop in hops if hop is not first),
            source_waits=any(hop.after < 0 for hop in released),
            waiting=tuple(sorted({self.sender(hop) for hop in released if hop.after >= 0} - {here})),
            kept=self.kept_on(here, piece),
        )

    def sender(self, hop: Hop) -> str:
        """Return the node that sends a transfer.

        Args:
            hop: The transfer.
        """
        return self.source if hop.after == INPUT else self.plan.pieces[hop.after].node

    def kept_on(self, node: str, piece: int) -> frozenset[str]:
        """Return the tensors that a node still needs when a piece is done and its transfers are sent.

        Args:
            node: The node.
            piece: Index of the piece, on this node or another one.
        """
        if (node, piece) not in self._kept:
            self._kept[node, piece] = self._needed(node, piece)
        return self._kept[node, piece]

    def _needed(self, node: str, piece: int) -> frozenset[str]:
        later = (each for each in self.plan.pieces[piece + 1 :] if each.node == node)
        kept = {name for each in later for name in _received(each)}
        for hop in self.hops:
            held = INPUT < hop.after <= piece and hop.gate is not None and hop.gate > piece
            if held and self.plan.pieces[hop.after].node == node:
                kept.update(hop.tensors)
        return frozenset(kept)

    def holders(self, piece: int) -> frozenset[str]:
        """Return the other nodes that hold tensors for later pieces when a sample leaves at the exit of a piece.

        Args:
            piece: Index of the piece with the exit.
        """
        here = self.plan.pieces[piece].node
        found = {self.sender(hop) for hop in self._released[piece] if hop.after != INPUT}
        for node in {each.node for each in self.plan.pieces[:piece]} - {here}:
            known = {name for each in self.plan.pieces[:piece] if each.node == node for name in _known(each)}
            if known & self.kept_on(node, piece):
                found.add(node)
        return frozenset(found - {here})

    def peers(self) -> frozenset[tuple[str, str]]:
        """Return pairs of nodes of which the first one sends messages to the second one."""
        pieces = self.plan.pieces
        found = {(one.node, two.node) for one, two in pairwise(pieces)}
        found |= {(self.sender(hop), pieces[hop.to].node) for hop in self.hops if hop.after != INPUT}
        found |= {(piece.node, node) for index, piece in enumerate(pieces) for node in self.holders(index)}
        return frozenset((one, other) for one, other in found if one != other)


def _received(piece: Piece) -> tuple[str, ...]:
    return tuple(tensor.name for tensor in piece.receives)


def _known(piece: Piece) -> set[str]:
    return {tensor.name for tensor in (*piece.receives, *piece.outputs)}


def plan_hops(plan: PlanPieces) -> PlanHops:
    """Return the transfers of a plan.

    Args:
        plan: The pieces.

    Raises:
        InputError: A piece needs a tensor that no transfer brings to its node.
    """
    source = plan.source or plan.pieces[0].node
    sizes = {tensor.name: tensor.bits for piece in plan.pieces for tensor in (*piece.receives, *piece.outputs)}
    sizes |= {tensor.name: tensor.bits for tensor in plan.inputs}
    hops = []
    for number, (after, to, tensors, path) in enumerate(_chain(plan, source) if plan.transfers is None else _own(plan)):
        exits = (index for index in range(max(after, 0), to) if _is_early(plan.pieces[index]))
        bits = sum(sizes.get(name, 0.0) for name in tensors)
        hops.append(Hop(number, after, to, tensors, path, bits, max(exits, default=None)))
    found = PlanHops(plan, source, tuple(hops))
    _check_arrivals(found)
    return found


_Row = tuple[int, int, tuple[str, ...], tuple[str, ...]]


def _chain(plan: PlanPieces, source: str) -> Iterator[_Row]:
    """Yield the transfers of a chain: every piece hands on to the next one what crosses."""
    pieces = plan.pieces
    first = pieces[0]
    path = plan.routes.get("input", (source, first.node)) if first.node != source else (source,)
    yield INPUT, 0, _received(first), path
    for index, (before, after) in enumerate(pairwise(pieces)):
        if before.node != after.node:
            path = plan.routes.get(before.blocks[-1], (before.node, after.node))
            yield index, index + 1, before.sends, path


def _own(plan: PlanPieces) -> Iterator[_Row]:
    place = {piece.name: index for index, piece in enumerate(plan.pieces)}
    for transfer in plan.transfers or ():
        after = INPUT if transfer.after is None else place[transfer.after]
        yield after, place[transfer.to], transfer.tensors, transfer.path


def _is_early(piece: Piece) -> bool:
    """Tell whether samples may leave at a piece, or go on."""
    return piece.exit is not None and piece.exit.threshold is not None


def _check_arrivals(flow: PlanHops) -> None:
    """Raise InputError where a tensor cannot be at the node that needs or sends it."""
    here: dict[str, set[str]] = {}
    for index, piece in enumerate(flow.plan.pieces):
        for hop in flow.into(index):
            sent = {each.name for each in flow.plan.inputs} if hop.after == INPUT else here[flow.sender(hop)]
            if not sent.issuperset(hop.tensors) or hop.path[0] != flow.sender(hop) or hop.path[-1] != piece.node:
                raise _broken(f"what is carried to {piece.name} is not where it is carried from")
            here.setdefault(piece.node, set()).update(hop.tensors)
        if lacking := set(_received(piece)) - here.setdefault(piece.node, set()):
            raise _broken(f"no transfer brings {sorted(lacking)[0]} to {piece.node}, where {piece.name} needs it")
        here[piece.node] |= {tensor.name for tensor in piece.outputs}


def _broken(message: str) -> Exception:
    return input_error(message, "split the plan again", file="manifest.json")

"""Prediction of a run by the model of cost: profiled or analytic times of pieces, and transfers over the topology."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from planner.running.pieces.hops import PlanHops
from planner.running.pieces.links import link_table
from planner.schemas.bundles.manifest import Piece
from planner.schemas.planning.model import Model
from planner.schemas.planning.topology import Node, Topology
from planner.schemas.reading.problems import input_error


@dataclass(frozen=True)
class PredictedHop:
    """One transfer: the nodes it passes, its size, and its time."""

    path: tuple[str, ...]
    bits: float
    time_s: float


@dataclass(frozen=True)
class Prediction:
    """Times of one plan, in seconds."""

    pieces_s: tuple[float, ...]
    """Time of every piece, its head included."""
    hops: tuple[PredictedHop, ...]
    """Every transfer of the plan, in its order; one within a node takes no time."""
    results: Mapping[str, PredictedHop]
    """Way of an exit's result back to the source, by exit, where it is made on another node."""
    exits_s: Mapping[str, float]
    """Latency of every exit, the way back included."""
    shares: Mapping[str, float]
    """Fraction of samples that leave at each exit."""

    @property
    def mean_s(self) -> float:
        """Mean latency over all samples."""
        return sum(self.shares[name] * time_s for name, time_s in self.exits_s.items())


def predict(flow: PlanHops, model: Model, topology: Topology, shares: Mapping[str, float]) -> Prediction:
    """Predict the latency of every exit of a plan, with the way of results back to the source.

    Args:
        flow: The pieces of the plan, and what goes between them.
        model: Model with profiles and operations.
        topology: Nodes and links.
        shares: Fraction of samples that leave at each exit.

    Returns:
        Predicted times of pieces, hops and results, and the latency of every exit, all in seconds.

    Raises:
        InputError: A node or link of the plan is not in the topology, or a node has no speed.
    """
    nodes = {node.name: node for node in topology.nodes}
    links = link_table(topology)
    plan, source = flow.plan, flow.source
    hops = tuple(PredictedHop(hop.path, hop.bits, links.time_s(hop.path, hop.bits)) for hop in flow.hops)
    heads = {head.name: head for head in model.exits}
    at_s = 0.0
    pieces, results, exits = [], {}, {}
    for index, piece in enumerate(plan.pieces):
        if piece.node not in nodes:
            fix = "give the topology that was planned"
            raise input_error("the topology has no such node", fix, path="--topology", value=piece.node)
        pieces.append(piece_time_s(piece, model, nodes[piece.node]))
        at_s += sum(hops[hop.number].time_s for hop in flow.into(index)) + pieces[-1]
        if piece.exit is not None:
            back_s = 0.0
            if piece.node != source:
                bits = heads[piece.exit.name].result_bits
                path = links.fastest_path(piece.node, source, bits)
                results[piece.exit.name] = PredictedHop(path, bits, links.time_s(path, bits))
                back_s = results[piece.exit.name].time_s
            exits[piece.exit.name] = at_s + back_s
    return Prediction(tuple(pieces), hops, results, exits, dict(shares))


def piece_time_s(piece: Piece, model: Model, node: Node) -> float:
    """Sum the time of a piece over its blocks and the head that is on, by profile, else by operations and speed.

    Args:
        piece: Piece of the plan.
        model: Model with operations and profiles.
        node: Node that runs the piece.

    Returns:
        The time of one sample on the node, in seconds.

    Raises:
        InputError: The node has neither a speed nor a profile of a block.
    """
    profile = model.profiles.get(node.hardware or "", {})
    ops = {block.name: block.ops for block in model.blocks} | {head.name: head.ops for head in model.exits}
    total = 0.0
    for name in (*piece.blocks, *((piece.exit.name,) if piece.exit else ())):
        if name in profile and (measured_s := profile[name].time_of()) is not None:
            total += measured_s
        elif node.ops_per_s is not None:
            total += ops[name] / node.ops_per_s
        elif ops[name] > 0:
            fix = "profile the model on this hardware, or give the node ops_per_s"
            raise input_error(f"nothing says how long {name} takes there", fix, path="--topology", value=node.name)
    return total

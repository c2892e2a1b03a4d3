"""Transfers of a plan whose blocks name their inputs: every tensor on the route that the placement gives it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from planner.running.graph.carried import NETWORK_INPUT, Carried, by_input
from planner.schemas.bundles.manifest import Piece, Transfer
from planner.schemas.planning.dataflow_checks import INPUT
from planner.schemas.planning.model import Model
from planner.schemas.planning.placement import AppPlacement, Route
from planner.schemas.reading.problems import input_error


def source_of(plan: AppPlacement, carried: Sequence[Carried]) -> str:
    """Return the node that holds the input: the start of its route, or the node of a block that reads it.

    Args:
        plan: The placement of the app.
        carried: What goes between blocks; empty for a chain.
    """
    for route in plan.routes:
        if route.after is None and route.result_of is None:
            return route.path[0]
    readers = (each.readers[0] for each in carried if each.producer == NETWORK_INPUT)
    return plan.assignments[min(readers, default=0)].node


def check_inputs(model: Model, carried: Sequence[Carried]) -> None:
    """Check that the blocks of model.json read what those of the network do.

    Args:
        model: The model.
        carried: What goes between blocks of the network.

    Raises:
        InputError: They do not.
    """
    known = by_input(carried)
    for index, rows in enumerate(_reads(model)):
        expected = [each for each in carried if index in each.readers]
        if sorted(map(id, expected)) != sorted(id(known.get(row)) for row in rows):
            fix = "import the network again"
            message = f"the inputs of {model.blocks[index].name} in model.json are not those of the network"
            raise input_error(message, fix, value=model.name)


def transfers_of(
    model: Model, plan: AppPlacement, carried: Sequence[Carried], pieces: Sequence[Piece], source: str
) -> tuple[Transfer, ...]:
    """List what goes between pieces; a tensor goes to a node once, for the first block there that reads it.

    Args:
        model: The model, whose blocks name their inputs.
        plan: The placement of the app.
        carried: What goes between blocks.
        pieces: Pieces of the plan.
        source: Node that holds the input.

    Returns:
        The transfers in the order of the blocks that read them, each on the route that the placement gives it.
    """
    known = by_input(carried)
    names = [block.name for block in model.blocks]
    piece_of = {block: piece for piece in pieces for block in piece.blocks}
    routes = {(route.after, route.to, route.tensor): route for route in _between_blocks(plan, names)}
    there: set[tuple[int, str]] = set()
    found = []
    for index, rows in enumerate(_reads(model)[: len(plan.assignments)]):
        reader = piece_of[names[index]]
        for producer, tensor in rows:
            group = known[producer, tensor]
            maker = None if producer == NETWORK_INPUT else piece_of[names[producer]]
            if (maker is not None and maker.node == reader.node) or (id(group), reader.node) in there:
                continue
            there.add((id(group), reader.node))
            after = None if producer == NETWORK_INPUT else names[producer]
            start = source if maker is None else maker.node
            direct = (start,) if start == reader.node else (start, reader.node)
            route = routes.get((after, names[index], tensor))
            found.append(
                Transfer(
                    after=None if maker is None else maker.name,
                    to=reader.name,
                    tensors=tuple(each.name for each in group.tensors),
                    path=direct if route is None else route.path,
                )
            )
    return tuple(found)


def _reads(model: Model) -> list[list[tuple[int, str | None]]]:
    """Return the inputs of every block: index of the producer, and the tensor's name."""
    place: Mapping[str, int] = {INPUT: NETWORK_INPUT} | {block.name: i for i, block in enumerate(model.blocks)}
    return [
        [(index - 1, None)] if block.inputs is None else [(place[row.block], row.tensor) for row in block.inputs]
        for index, block in enumerate(model.blocks)
    ]


def _between_blocks(plan: AppPlacement, names: Sequence[str]) -> Iterator[Route]:
    """Yield the routes between blocks, each with the block that it serves."""
    for route in plan.routes:
        if route.result_of is None:
            behind = names[0] if route.after is None else names[min(names.index(route.after) + 1, len(names) - 1)]
            yield route if route.to is not None else route.model_copy(update={"to": behind})

"""Pins as users write them: names, patterns and ranges of blocks, and blocks that stay on the source."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from planner.schemas.planning.model import Model
from planner.schemas.planning.privacy import private_blocks
from planner.schemas.planning.topology import Topology
from planner.schemas.planning.workload import Pins
from planner.schemas.reading.problems import advice_for, input_error

_NOT_IN_BRACKETS = re.compile(r",(?![^\[\]]*\])")
"""Commas between nodes, not those within the name of a chiplet such as ``mcm0[0,1]``."""
_FIX = "write it as BLOCK=NODE or BLOCK=NODE,NODE; BLOCK may be a pattern (encoder*) or a range (b1..b4)"


def read_pins(pins: Pins, blocks: Sequence[str]) -> dict[str, list[str]]:
    """Return the nodes that each pinned block may run on.

    Args:
        pins: Nodes by block, or texts. Names may hold ``=``: of all ways to divide a text, that with the longest name
            of a block counts.
        blocks: Names of the model's blocks, in order of execution.

    Raises:
        InputError: A text is no pin, matches no block, or pins a block that is pinned already.
    """
    rows = pins.values() if isinstance(pins, Mapping) else pins
    if isinstance(pins, str) or not isinstance(rows, Iterable) or not all(map(_named, rows)):
        raise input_error("not pins", _FIX, path="pin", value=pins)
    found: dict[str, list[str]] = {}
    for text, named, nodes in _divided(pins, blocks):
        for block in named:
            if block in found:
                raise input_error(f"the block {block!r} is pinned twice", _FIX, path="pin", value=text)
            found[block] = nodes
    return found


def _named(nodes: object) -> bool:
    """Tell whether a value is a name, or a list of names."""
    return isinstance(nodes, str) or (isinstance(nodes, Sequence) and all(isinstance(each, str) for each in nodes))


def _divided(pins: Pins, blocks: Sequence[str]) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield every pin as the user wrote it, the blocks that it names, and their nodes."""
    if isinstance(pins, Mapping):
        for pattern, on in pins.items():
            yield pattern, _matching(pattern, blocks, pattern), [on] if isinstance(on, str) else list(on)
        return
    for text in pins:
        yield text, *_divided_text(text, blocks)


def _divided_text(text: str, blocks: Sequence[str]) -> tuple[list[str], list[str]]:
    """Divide a pin at the equals sign that leaves known blocks on its left."""
    places = [match.start() for match in re.finditer("=", text) if 0 < match.start() < len(text) - 1]
    if not places:
        raise input_error("not a pin", _FIX, path="pin", value=text)
    for place in sorted(places, key=lambda place: (text[:place] not in blocks, -place)):
        if named := matching(text[:place], blocks):
            return named, _NOT_IN_BRACKETS.split(text[place + 1 :])
    return _matching(text[: places[0]], blocks, text), _NOT_IN_BRACKETS.split(text[places[0] + 1 :])


def _matching(pattern: str, blocks: Sequence[str], text: str) -> list[str]:
    """Return the blocks that a pattern stands for; a plain unknown name is left, to be refused with all others."""
    named = matching(pattern, blocks)
    if not named and ("*" in pattern or ".." in pattern):
        fix = advice_for(pattern, blocks, most=12)
        raise input_error("no block of the model matches", fix, path="pin", value=text)
    return named or [pattern]


def matching(pattern: str, blocks: Sequence[str]) -> list[str]:
    """Return the blocks that a name, a pattern with ``*`` or a range ``FIRST..LAST`` stands for, in their order."""
    if pattern in blocks:
        return [pattern]
    for match in re.finditer(r"\.\.", pattern):
        first, last = pattern[: match.start()], pattern[match.end() :]
        if first in blocks and last in blocks:
            return list(blocks[blocks.index(first) : blocks.index(last) + 1])
    expression = re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)
    return [block for block in blocks if expression.fullmatch(block)] if "*" in pattern else []


def private_pins(
    last: str, source: str | None, model: Model, topology: Topology, pins: Mapping[str, Sequence[str]]
) -> dict[str, list[str]]:
    """Return pins that keep the input, and all that blocks before one compute of it, on the source.

    On the source stay the blocks up to and including that one, and every later block that reads the input or the output
    of a block before it: a skip must not carry away what the chain of blocks keeps.

    Args:
        last: Name of the first block whose output may leave the source.
        source: Node that holds the input; None for the default.
        model: The model, with its blocks in order of execution.
        topology: Where the default source is looked up.
        pins: Pins given as such.

    Returns:
        Nodes by block, the given pins included.

    Raises:
        InputError: There is no such block, no source, or a block that must stay is pinned elsewhere.
    """
    blocks = [block.name for block in model.blocks]
    if last not in blocks:
        fix = advice_for(last, blocks, most=12)
        raise input_error("the model has no block of this name", fix, path="private_until", value=last)
    mobile = [node.name for node in topology.nodes if node.tier == "mobile"]
    home = source or next(iter([*mobile, *(node.name for node in topology.nodes if node.hosts)]), None)
    if home is None:
        raise input_error("which node holds the input is not said", "give the source", path="private_until", value=last)
    kept = {block: [home] for block in private_blocks(last, model)}
    for block in kept:
        if block in pins and home not in pins[block]:
            message = f"the block {block!r} is pinned away from the source {home!r}"
            message += "" if block in blocks[: blocks.index(last) + 1] else f", and reads data from before {last!r}"
            raise input_error(message, "leave out one of the two", path="private_until", value=last)
    return {block: list(nodes) for block, nodes in pins.items()} | kept

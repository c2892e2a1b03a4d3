"""Where blocks may run, as written on the command line: names, patterns and ranges of blocks, resolved by the model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from planner.schemas.planning.topology import Topology
from planner.schemas.reading.problems import InputError, input_error

_NOT_IN_BRACKETS = re.compile(r",(?![^\[\]]*\])")
"""Commas between nodes, not those within the name of a chiplet such as ``mcm0[0,1]``."""
_FIX = "write it as BLOCK=NODE or BLOCK=NODE,NODE; BLOCK may be a pattern (encoder*) or a range (b1..b4)"


def read_pins(texts: Sequence[str], blocks: Sequence[str]) -> dict[str, list[str]]:
    """Return the nodes that each pinned block may run on.

    Args:
        texts: What was given as ``--pin``, each ``BLOCK=NODE[,NODE]``. Names may hold ``=``: of all ways to divide a
            text, that with the longest name of a block counts.
        blocks: Names of the model's blocks, in order of execution.

    Raises:
        InputError: A text is no pin, matches no block, or pins a block that is pinned already.
    """
    pins: dict[str, list[str]] = {}
    for text in texts:
        named, nodes = _divided(text, blocks)
        for block in named:
            if block in pins:
                raise input_error(f"the block {block!r} is pinned twice", _FIX, path="--pin", value=text)
            pins[block] = nodes
    return pins


def _divided(text: str, blocks: Sequence[str]) -> tuple[list[str], list[str]]:
    """Divide a pin at the equals sign that leaves known blocks on its left."""
    places = [match.start() for match in re.finditer("=", text) if 0 < match.start() < len(text) - 1]
    if not places:
        raise input_error("not a pin", _FIX, path="--pin", value=text)
    for place in sorted(places, key=lambda place: (text[:place] not in blocks, -place)):
        if named := matching(text[:place], blocks):
            return named, _NOT_IN_BRACKETS.split(text[place + 1 :])
    block = text[: places[0]]
    if "*" in block or ".." in block:
        raise input_error("no block of the model matches", f"blocks: {_listed(blocks)}", path="--pin", value=text)
    return [block], _NOT_IN_BRACKETS.split(text[places[0] + 1 :])  # refused with all unknown names


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
    last: str, source: str | None, blocks: Sequence[str], topology: Topology, pins: Mapping[str, Sequence[str]]
) -> dict[str, list[str]]:
    """Return pins that keep all blocks up to and including one on the source, beside the given pins.

    Args:
        last: Name of the last block whose input must not leave the source.
        source: Node that holds the input; None for the default.
        blocks: Names of the model's blocks, in order of execution.
        topology: Where the default source is looked up.
        pins: Pins given as such.

    Raises:
        InputError: There is no such block, no source, or a block is pinned elsewhere as well.
    """
    if last not in blocks:
        raise _unknown(last, blocks)
    mobile = [node.name for node in topology.nodes if node.tier == "mobile"]
    home = source or next(iter([*mobile, *(node.name for node in topology.nodes)]), None)
    if home is None:
        raise input_error("which node holds the input is not said", "give --source", path="--private-until", value=last)
    kept = {block: [home] for block in blocks[: blocks.index(last) + 1]}
    for block in kept.keys() & pins.keys():
        if home not in pins[block]:
            message = f"the block {block!r} is pinned away from the source {home!r}"
            raise input_error(message, "leave out one of the two options", path="--private-until", value=last)
    return {block: list(nodes) for block, nodes in pins.items()} | kept


def _unknown(name: str, blocks: Sequence[str]) -> InputError:
    from difflib import get_close_matches

    near = get_close_matches(name, blocks, n=1)
    fix = f"did you mean {near[0]!r}?" if near else f"blocks: {_listed(blocks)}"
    return input_error("the model has no block of this name", fix, path="--private-until", value=name)


def _listed(blocks: Sequence[str], most: int = 12) -> str:
    more = f" and {len(blocks) - most} more" if len(blocks) > most else ""
    return ", ".join(blocks[:most]) + more

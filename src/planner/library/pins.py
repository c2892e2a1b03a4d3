"""Pins as users write them: names, patterns and ranges of blocks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

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
    known = _named if isinstance(pins, Mapping) else _is_text
    if isinstance(pins, str) or not isinstance(rows, Iterable) or not all(map(known, rows)):
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
    return _is_text(nodes) or (isinstance(nodes, Sequence) and all(map(_is_text, nodes)))


def _is_text(value: object) -> bool:
    return isinstance(value, str)


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

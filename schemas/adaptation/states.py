"""states.json: what may happen to a topology, each alone or together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from math import comb
from typing import Annotated, Any, ClassVar

from pydantic import Field

from planner.schemas.reading.base import (
    Document,
    Finding,
    Name,
    Quantity,
    Strict,
    Version,
    duplicate_names,
    field_of,
    items_of,
    mapping_of,
    names_of,
)

Factor = Annotated[float, Field(ge=1e-6, le=1e6)]

MOST_STATES = 1000
"""More states than this are refused: each is planned for."""
_ALL_TOGETHER = 6
"""Up to so many conditions, all of them may hold together unless the file says otherwise."""
_FEW_TOGETHER = 2


class NodeChange(Strict):
    """What a condition does to a node."""

    slow_down: Factor = Field(1.0, description="Factor on every computing time (2: half as fast; no unit).")


class LinkEnds(Strict):
    """A directed link of the topology, by its ends."""

    source: Name = Field(description="Node (or package) that sends.")
    target: Name = Field(description="Node (or package) that receives.")
    bidirectional: bool = Field(False, description="The other direction too.")


class LinkChange(LinkEnds):
    """What a condition does to a link."""

    bandwidth_factor: Factor = Field(1.0, description="Factor on the rate (0.5: half the bits per second; no unit).")
    extra_latency_s: Quantity = Field(0.0, description="Latency that is added, in seconds.")


class Condition(Strict):
    """Something that may hold: nodes slow down or are lost, links weaken or are lost."""

    name: Name = Field(description="Name, unique among conditions.")
    nodes: dict[str, NodeChange] = Field(
        default_factory=dict, description="Changes of nodes, by name (a package's name stands for all its chiplets)."
    )
    links: tuple[LinkChange, ...] = Field((), description="Changes of links.")
    lost_nodes: tuple[Name, ...] = Field((), description="Nodes and packages that are gone, with all their links.")
    lost_links: tuple[LinkEnds, ...] = Field((), description="Links that are gone.")


def _check_states(data: object) -> Iterator[Finding]:
    conditions = items_of(data, "conditions")
    yield from duplicate_names("conditions", conditions)
    for index, condition in enumerate(conditions):
        yield from _check_condition(("conditions", index), condition)
    yield from _check_combinations(items_of(data, "combinations"), names_of(conditions))
    together = field_of(data, "most_together")
    counted = together if isinstance(together, int) and together >= 0 else None
    if _too_many(len(conditions), counted, len(items_of(data, "combinations"))):
        fix = "set most_together lower, or give fewer conditions or combinations"
        message = f"{len(conditions)} conditions make more than {MOST_STATES} states"
        yield ("most_together",), together, message, fix


def _check_condition(where: tuple[str | int, ...], condition: object) -> Iterator[Finding]:
    if not isinstance(field_of(condition, "name"), str):
        return
    if not any(field_of(condition, field) for field in ("nodes", "links", "lost_nodes", "lost_links")):
        fix = "give nodes, links, lost_nodes or lost_links"
        yield where, field_of(condition, "name"), "this condition changes nothing", fix
    lost_nodes = items_of(condition, "lost_nodes")
    for name in mapping_of(condition, "nodes"):
        if name in lost_nodes:
            yield (*where, "nodes", name), name, "this node is lost and slowed down at once", "keep one of the two"
    for index, name in enumerate(lost_nodes):
        if name in lost_nodes[:index]:
            yield (*where, "lost_nodes", index), name, "this node stands twice", "list it once"
    seen: set[tuple[object, object]] = set()
    for field in ("links", "lost_links"):
        for index, link in enumerate(items_of(condition, field)):
            for pair in _directions(link):
                if pair in seen:
                    fix = "merge the two (a bidirectional link stands for both directions)"
                    yield (*where, field, index), list(pair), "this condition names the link twice", fix
                seen.add(pair)


def _directions(link: object) -> list[tuple[object, object]]:
    source, target = field_of(link, "source"), field_of(link, "target")
    if not isinstance(source, str) or not isinstance(target, str):
        return []
    return [(source, target), (target, source)] if field_of(link, "bidirectional") is True else [(source, target)]


def _check_combinations(rows: list[Any], known: list[str]) -> Iterator[Finding]:
    seen: dict[frozenset[str], int] = {}
    for index, row in enumerate(rows):
        where = ("combinations", index)
        names = [name for name in row if isinstance(name, str)] if isinstance(row, (list, tuple)) else []
        for name in names:
            if name not in known:
                yield where, name, "there is no condition of this name", f"use some of {', '.join(known)}"
        if len(set(names)) != len(names):
            yield where, names, "a condition stands twice", "list each condition once"
        if names and frozenset(names) in seen:
            fix = f"keep one (combinations[{seen[frozenset(names)]}] has the same conditions)"
            yield where, names, "this combination stands twice", fix
        seen.setdefault(frozenset(names), index)


def _most_together(conditions: int, given: int | None) -> int:
    if given is None:
        return conditions if conditions <= _ALL_TOGETHER else _FEW_TOGETHER
    return min(given, conditions)


def _too_many(conditions: int, given: int | None, count: int) -> bool:
    for size in range(_most_together(conditions, given) + 1):
        count += comb(conditions, size)
        if count > MOST_STATES:
            return True
    return False


class States(Document):
    """The conditions that may hold, and which of them together."""

    cross_checks: ClassVar = _check_states

    schema_version: Version
    name: Name = Field(description="Name of this set of states.")
    citation: str = Field("", description="Where the figures come from.")
    conditions: tuple[Condition, ...] = Field(min_length=1, description="What may hold, alone or together.")
    most_together: Annotated[int, Field(ge=0)] | None = Field(
        None, description="Largest number of conditions that hold at once (none: all if there are up to 6, else 2)."
    )
    combinations: tuple[Annotated[tuple[Name, ...], Field(min_length=1)], ...] = Field(
        (), description="Further states: names of conditions that hold together."
    )


def states_of(states: States) -> list[tuple[Condition, ...]]:
    """Return every state as the conditions that hold: none first, then few before many, then further combinations."""
    most = _most_together(len(states.conditions), states.most_together)
    rows: list[Sequence[Condition]] = [row for size in range(most + 1) for row in combinations(states.conditions, size)]
    known = {frozenset(condition.name for condition in row) for row in rows}
    for names in states.combinations:
        if frozenset(names) not in known:
            rows.append([condition for condition in states.conditions if condition.name in names])
    return [tuple(row) for row in rows]

"""Checks of a states file against a topology: every node, package and link that conditions name must exist."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from planner.adaptation.degradation import Pair, directions, position_of
from planner.schemas.adaptation.states import Condition, LinkEnds, States
from planner.schemas.planning.topology import Topology
from planner.schemas.reading.problems import InputError, Problem, advice_for, path_text, shown


def check_states(states: States, topology: Topology, file: str = "") -> None:
    """Check every name of the states against a topology.

    Args:
        states: Conditions and states.
        topology: Topology that they speak of.
        file: States file, to name in messages.

    Raises:
        InputError: With every node and link that the topology does not have.
    """
    problems = [
        problem
        for index, condition in enumerate(states.conditions)
        for problem in _problems(("conditions", index), condition, topology, file)
    ]
    if problems:
        raise InputError(problems)


def _problems(where: tuple[str | int, ...], condition: Condition, topology: Topology, file: str) -> Iterator[Problem]:
    names = [node.name for node in topology.nodes] + [package.name for package in topology.packages]
    pairs = {pair for link in topology.links for pair in directions(link)}
    for name in condition.nodes:
        if name not in names and not _is_chiplet(name, topology):
            message = "the topology has no node or package of this name"
            yield Problem(
                file, path_text((*where, "nodes", name)), shown(name), message, advice_for(name, sorted(names))
            )
    for index, name in enumerate(condition.lost_nodes):
        path = path_text((*where, "lost_nodes", index))
        if _is_chiplet(name, topology):
            fix = "lose its package, or slow the chiplet down"
            yield Problem(file, path, shown(name), "a chiplet cannot be lost alone", fix)
        elif name not in names:
            message = "the topology has no node or package of this name"
            yield Problem(file, path, shown(name), message, advice_for(name, sorted(names)))
    rows: tuple[tuple[str, Sequence[LinkEnds]], ...] = (
        ("links", condition.links),
        ("lost_links", condition.lost_links),
    )
    for field, links in rows:
        for index, link in enumerate(links):
            for pair in directions(link):
                if pair not in pairs:
                    path = path_text((*where, field, index))
                    yield Problem(file, path, shown(list(pair)), *_no_link(pair, pairs, topology))


def _no_link(pair: Pair, pairs: set[Pair], topology: Topology) -> tuple[str, str]:
    """Return what is wrong with a link that is not in the topology's list, and what to do."""
    if any(all(end == package.name or position_of(end, package) for end in pair) for package in topology.packages):
        return "the wires inside a package do not change", "slow its chiplets down, or lose the package"
    if pair[::-1] in pairs:
        return f"no link leads from {pair[0]} to {pair[1]}", "swap source and target, or leave bidirectional out"
    known = ", ".join(f"{source} to {target}" for source, target in sorted(pairs)[:8])
    return f"no link leads from {pair[0]} to {pair[1]}", f"use one of: {known or '(there is none)'}"


def _is_chiplet(name: str, topology: Topology) -> bool:
    return any(position_of(name, package) is not None for package in topology.packages)

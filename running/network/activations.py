"""Peak memory of activations: the largest sum of tensors alive at once, while nodes run one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

from planner.running.network.reading import reads


def peak_bytes(
    nodes: Sequence[Any],
    sizes: Mapping[str, float],
    kept: Set[str] = frozenset(),
    held: Iterable[str] = (),
    inside: Mapping[str, float] | None = None,
) -> float:
    """Compute the largest sum of tensors alive at once.

    A tensor is alive from the node that makes it (from the start, if no node does) to the last node that reads it, or
    to the end if it is kept.

    Args:
        nodes: Nodes in execution order.
        sizes: Bytes by tensor; others count nothing.
        kept: Tensors that something else needs as well.
        held: Tensors that only pass through.
        inside: Bytes that graphs inside of a node take while it runs, by its first output.

    Returns:
        The sum in bytes.
    """
    inside = inside or {}
    last: dict[str, int] = {}
    for step, node in enumerate(nodes):
        last |= dict.fromkeys(reads(node) & sizes.keys(), step)
    made = {name for node in nodes for name in node.output}
    last |= dict.fromkeys((made & kept & sizes.keys()) | (set(held) & sizes.keys()), len(nodes))
    alive = {name for name in last if name not in made}
    most = now = sum(sizes[name] for name in alive)
    for step, node in enumerate(nodes):
        outputs = {name for name in node.output if name in sizes}
        now += sum(sizes[name] for name in outputs)
        most = max(most, now + inside.get(first_output(node), 0.0))
        gone = {name for name in alive | outputs if last.get(name, step) <= step}
        now -= sum(sizes[name] for name in gone)
        alive = (alive | outputs) - gone
    return most


def first_output(node: Any) -> str:  # noqa: ANN401 - protobuf
    """Return the first output that a node has: no other node of its graph has the same."""
    return next((str(name) for name in node.output if name), "")

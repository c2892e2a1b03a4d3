"""Metrics of a topology: further additive figures, such as money or carbon, linear in what a plan uses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from planner.schemas.planning.workload import LIMITED_FIGURES
from planner.schemas.reading.base import (
    Finding,
    Name,
    Quantity,
    Strict,
    duplicate_names,
    field_of,
    items_of,
    mapping_of,
)
from planner.schemas.reading.forms import METRIC_NAME, UNIT

BUILT_IN = (
    *(name for row in LIMITED_FIGURES for name in (row.kind, row.name)),
    *("accuracy", "rate", "power", "power_w", "rate_per_s", "latency_over_limit"),
)
"""Figures that every plan has; no metric may bear their names."""
MetricName = Annotated[str, Field(pattern=METRIC_NAME.pattern, max_length=100)]


class NodeMetric(Strict):
    """What a node adds to a metric."""

    per_s: Quantity = Field(0.0, description="Added by a second of computing, in the metric's unit per second.")
    per_j: Quantity = Field(0.0, description="Added by a joule of computing, in the metric's unit per joule.")


class LinkMetric(Strict):
    """What one direction of a link adds to a metric."""

    source: Name = Field(description="Node (or package) that sends.")
    target: Name = Field(description="Node (or package) that receives.")
    per_bit: Quantity = Field(description="Added by a bit that is carried, in the metric's unit per bit.")


class Metric(Strict):
    """A figure that adds up over blocks and transfers, in a unit of its own."""

    name: MetricName = Field(description="Name, by which apps limit or minimise it.")
    unit: Annotated[str, Field(max_length=40, pattern=UNIT.pattern)] = Field(description="Unit, such as USD or g.")
    nodes: dict[str, NodeMetric] = Field(
        default_factory=dict,
        description="What nodes add, by name; the name of a package means all its chiplets that are not named alone.",
    )
    links: tuple[LinkMetric, ...] = Field((), description="What links add, one entry for each direction.")


def check_metrics(metrics: list[object], nodes: set[str], pairs: set[tuple[object, object]]) -> Iterator[Finding]:
    """Report metrics that bear names of other figures, and entries for nodes or links that are not there.

    Args:
        metrics: Raw metrics of a topology.
        nodes: Names of its nodes, packages and chiplets.
        pairs: Source and target of every directed link, wires of packages included.

    Yields:
        Path, value, message and advice of every problem.
    """
    yield from duplicate_names("metrics", metrics)
    for index, metric in enumerate(metrics):
        where = ("metrics", index)
        if (name := field_of(metric, "name")) in BUILT_IN:
            yield (*where, "name"), name, "every plan has a figure of this name already", "choose another name"
        for node in mapping_of(metric, "nodes"):
            if node not in nodes:
                fix = f"name a node, a package or a chiplet of the topology ({_some(nodes)})"
                yield (*where, "nodes", node), node, "the topology has no node of this name", fix
        yield from _check_links((*where, "links"), items_of(metric, "links"), pairs)


def _check_links(
    where: tuple[str | int, ...], links: list[object], pairs: set[tuple[object, object]]
) -> Iterator[Finding]:
    seen: dict[tuple[object, object], int] = {}
    for index, link in enumerate(links):
        pair = (field_of(link, "source"), field_of(link, "target"))
        if not all(isinstance(end, str) for end in pair):
            continue
        if pair not in pairs:
            fix = "name both ends of a link of the topology" + (", the other way round" if pair[::-1] in pairs else "")
            yield (*where, index), list(pair), f"the topology has no link from {pair[0]} to {pair[1]}", fix
        if pair in seen:
            yield (*where, index), list(pair), f"this link stands twice (with links[{seen[pair]}])", "merge the two"
        seen.setdefault(pair, index)


def _some(names: set[str], most: int = 8) -> str:
    shown = sorted(names)
    return ", ".join(shown[:most]) + (", ..." if len(shown) > most else "")

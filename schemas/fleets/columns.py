"""Columns of a fleet: what a list of classes and tables of classes both turn into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from planner.schemas.fleets.fleet import UserDevice

Column = Any
"""A one-dimensional array; schemas import no numerical library."""


@dataclass(frozen=True)
class FleetColumns:
    """C classes and G groups of links, of which every class refers to one; figures in SI units."""

    name: str
    class_names: Column
    """(C,) names, as texts."""
    count: Column
    """(C,) users (whole numbers)."""
    rate_per_s: Column
    max_latency_s: Column
    """(C,) infinite where there is no limit."""
    max_energy_j: Column
    """(C,) infinite where there is no limit."""
    min_accuracy: Column
    """(C,) NaN where the best that the model offers is asked for."""
    model: Column
    """(C,) index into `models`."""
    statistic: Column
    """(C,) index into `statistics`."""
    destination: Column
    """(C,) index into `destinations`, -1 where results stay where they are made."""
    device: Column
    """(C,) index into `devices`."""
    group: Column
    """(C,) group of links."""
    first_link: Column
    """(G + 1,) links `first_link[g]` to `first_link[g + 1]` belong to group g."""
    link_node: Column
    """(A,) index into `nodes`."""
    link_bit_per_s: Column
    link_down_bit_per_s: Column
    link_latency_s: Column
    link_j_per_bit: Column
    link_medium: Column
    """(A,) index into `media`, -1 for a link of every user's own."""
    models: tuple[str, ...]
    statistics: tuple[str, ...]
    destinations: tuple[str, ...]
    devices: tuple[UserDevice, ...]
    nodes: tuple[str, ...]
    media: tuple[str, ...]
    limits: Mapping[str, Column] = field(default_factory=dict)
    """(C,) largest value of each metric that some class limits, by name; infinite where there is no limit."""
    link_metrics: Mapping[str, Column] = field(default_factory=dict)
    """(A,) what a bit on each link adds to each metric that some link adds to, by name."""
    file: str = ""
    """File to name in messages."""

    @property
    def users(self) -> int:
        """Number of users of all classes."""
        return int(self.count.sum())

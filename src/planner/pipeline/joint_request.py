"""A request of several apps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from planner.fin.method import Options
from planner.pipeline.one_app import AUTO
from planner.schemas.planning.model import Model
from planner.schemas.planning.topology import Topology
from planner.schemas.planning.workload import App

PROVING = "clear"
"""The joint method that `auto` goes to: it proves what it says; baselines say no more than what they found."""


@dataclass(frozen=True)
class JointRequest:
    """Apps that are to be planned together, and how."""

    apps: tuple[tuple[App, Model], ...]
    topology: Topology
    method: str = AUTO
    options: Options = field(default_factory=Options)
    per_exit_thresholds: bool = False
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Hash of every input file, by its name."""

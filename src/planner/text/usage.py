"""What a plan takes of every node and medium, and which measured costs it leaves aside, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from planner.units import format_quantity

if TYPE_CHECKING:
    from planner.pipeline.usage import PlanUsage, Use
    from planner.schemas.planning.model import Model
    from planner.schemas.planning.topology import Topology
    from planner.schemas.planning.workload import App

_MOST = 12
"""Nodes or media shown; a count stands for the others."""
_LEAST_BUSY = 1e-3
"""Part of its time (no unit) from which on a node or medium counts as loaded."""


def usage_lines(usage: PlanUsage) -> Iterator[str]:
    """Yield a line for every node that is loaded or holds parameters, then for every medium that is loaded.

    Args:
        usage: What the plan takes.
    """
    rows = [(use.name, parts) for use in (*usage.nodes, *usage.media) if (parts := list(_parts(use)))]
    width = max((len(name) for name, _ in rows[:_MOST]), default=0)
    for index, (name, parts) in enumerate(rows[:_MOST]):
        yield f"{'use' if index == 0 else '':<8}  {name:<{width}}  {', '.join(parts)}"
    if (more := len(rows) - _MOST) > 0:
        yield f"{'':<8}  and {more} more"


def _parts(use: Use) -> Iterator[str]:
    if use.busy >= _LEAST_BUSY:
        most = "" if use.most_busy == 1.0 else f" of {100.0 * use.most_busy:.3g} %"
        yield f"{100.0 * use.busy:.3g} %{most} of its time"
    if use.memory_bytes > 0.0:
        limit = use.most_memory_bytes
        most = "" if limit is None else f" of {format_quantity(limit, 'B')}"
        yield f"{format_quantity(use.memory_bytes, 'B')}{most} of memory"


def cost_notes(apps: Sequence[tuple[App, Model]], topology: Topology) -> Iterator[str]:
    """Yield what users may take for granted of measured costs: profiles that no node has, sizes that none measured.

    Args:
        apps: Every app with the model that it runs.
        topology: Nodes and packages.
    """
    chiplets = [part for package in topology.packages for part in (package.chiplet, *package.chiplets)]
    hardware = {node.hardware for node in (*topology.nodes, *chiplets) if node.hardware is not None}
    for model in {model.name: model for _, model in apps if model.profiles}.values():
        names = sorted(model.profiles)
        if hardware.isdisjoint(names):
            shown = ", ".join(names[:_MOST]) + (", ..." if len(names) > _MOST else "")
            yield (
                f"the measured costs of model {model.name} (profiles: {shown}) are not used, since no node has that "
                f'hardware; to use them, give a node "hardware": "{names[0]}"'
            )
    for app, model in apps:
        for name in sorted(hardware & model.profiles.keys()):
            entries = model.profiles[name].values()
            missing = [size for size in app.batch if any(entry.time_of(size) is None for entry in entries)]
            if missing:
                sizes = ", ".join(map(str, missing))
                yield f"no times of batches of {sizes} were measured on hardware {name}: it does not run them"

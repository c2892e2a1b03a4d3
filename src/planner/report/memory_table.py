"""Table of memory: parameters, states and working memory of every node, summed part by part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from planner.report.page import Table
from planner.schemas.planning.model import Model
from planner.schemas.planning.placement import Placement
from planner.schemas.planning.workload import App
from planner.units import format_quantity
from planner.verifier.network import Network
from planner.verifier.points import Point
from planner.verifier.recompute import stages_of


@dataclass
class MemoryUse:
    """What all apps together hold on a node, in bytes."""

    own_bytes: float = 0.0
    state_bytes: float = 0.0
    working_bytes: float = 0.0
    """The largest working memory of every app, summed over apps."""
    shared_bytes: dict[tuple[tuple[str, ...], str], float] = field(default_factory=dict)
    """Shared parameters, by models and name: a node holds each once."""

    @property
    def param_bytes(self) -> float:
        """Parameters: those of parts, and each shared one once."""
        return self.own_bytes + sum(self.shared_bytes.values())

    @property
    def total_bytes(self) -> float:
        """All that counts against the memory of the node."""
        return self.param_bytes + self.state_bytes + self.working_bytes


def memory_uses(placement: Placement, apps: Sequence[tuple[App, Model]]) -> dict[str, MemoryUse]:
    """Sum what the plans hold on every node, each part as the model gives it (states and working memory per sample).

    Args:
        placement: A placement that has passed the verifier.
        apps: Every app with the model that it runs.

    Returns:
        Bytes by kind, by node, in the order in which the plans name the nodes.
    """
    plans = {plan.name: plan for plan in placement.apps}
    uses: dict[str, MemoryUse] = {}
    for app, model in apps:
        plan = plans[app.name]
        working: dict[str, float] = {}
        for stage in stages_of(
            model, Point(plan.exit_fractions, plan.accuracy), [row.node for row in plan.assignments]
        ):
            use = uses.setdefault(stage.node, MemoryUse())
            for part in stage.parts:
                use.own_bytes += part.param_bytes
                use.state_bytes += plan.batch * part.state_bytes
                use.shared_bytes.update({(app.models, name): model.params[name] for name in part.params})
                working[stage.node] = max(working.get(stage.node, 0.0), plan.batch * part.working_bytes)
        for node, most_bytes in working.items():
            uses[node].working_bytes += most_bytes
    return uses


def memory_tables(uses: Mapping[str, MemoryUse], network: Network) -> list[Table]:
    """Set the memory of every node that holds something as a table; no table where none does.

    Args:
        uses: Bytes by kind, by node.
        network: The verifier's view of the topology.
    """
    rows = []
    for name, use in uses.items():
        node = network.nodes[name]
        limit = None if node is None else node.memory_bytes
        if use.total_bytes > 0.0:
            figures = (use.param_bytes, use.state_bytes, use.working_bytes, use.total_bytes)
            most = "no limit" if limit is None else f"≤ {format_quantity(limit, 'B')}"
            rows.append((name, *(format_quantity(figure, "B") for figure in figures), most))
    headings = ("node", "parameters", "state", "working", "together", "limit")
    return [Table(headings, rows, numbers=(1, 2, 3, 4))] if rows else []

"""Breakdown of a verified plan into phases: when each part runs and where, and its energy.

The arithmetic is the verifier's (`planner.verifier.recompute`), part by part instead of summed up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from planner.schemas.planning.model import Block, Exit, Model
from planner.schemas.planning.placement import AppPlacement, Placement
from planner.schemas.planning.workload import App
from planner.verifier.network import Network, medium_of, rate_of
from planner.verifier.points import Point
from planner.verifier.recompute import UNKNOWN, Sharing, part_cost, stages_of
from planner.verifier.transfers import Need, Stage, cargo_of, needs_of

COMPUTING, HEAD, TRANSFER, RESULT = "computing", "exit head", "transfer", "result"
KINDS = (COMPUTING, HEAD, TRANSFER, RESULT)


@dataclass(frozen=True)
class Phase:
    """A part of an inference that takes time and energy, for a sample that runs to the last exit."""

    app: str
    kind: str
    """One of `KINDS`."""
    what: str
    block: str
    """The block that computes or whose output is carried; `input` for the input."""
    place: str
    """The node, or the link, or the wires of a package."""
    start_s: float
    end_s: float
    weight: float
    """Fraction of samples that get here."""
    energy_j: float
    """Energy of one sample that gets here; times `weight` it is the share in the energy per inference."""

    @property
    def expected_j(self) -> float:
        """Energy per inference, over all samples, in joules."""
        return self.weight * self.energy_j


@dataclass(frozen=True)
class ExitTime:
    """An exit: the fraction of samples that leaves there, and when they are done."""

    app: str
    name: str
    fraction: float
    latency_s: float


@dataclass(frozen=True)
class BlockRun:
    """Consecutive blocks on one node."""

    number: int
    node: str
    blocks: tuple[str, ...]

    @property
    def span(self) -> str:
        """The blocks in words."""
        return self.blocks[0] if len(self.blocks) == 1 else f"{self.blocks[0]} .. {self.blocks[-1]}"


@dataclass(frozen=True)
class AppBreakdown:
    """The plan of one app as phases, exits and runs of blocks."""

    app: App
    plan: AppPlacement
    phases: tuple[Phase, ...]
    exit_times: tuple[ExitTime, ...]
    runs: tuple[BlockRun, ...]

    @property
    def hops(self) -> list[tuple[str, str]]:
        """Directed links that the app's routes take, each once."""
        return list(dict.fromkeys(pair for route in self.plan.routes for pair in pairwise(route.path)))


def breakdowns_of(placement: Placement, apps: Sequence[tuple[App, Model]], network: Network) -> list[AppBreakdown]:
    """Break the plan of every app down into phases.

    Args:
        placement: A placement that has passed the verifier.
        apps: The apps with their models.
        network: The verifier's view of the topology.

    Returns:
        One breakdown per app: phases with times in seconds and energies in joules.
    """
    plans = {plan.name: plan for plan in placement.apps}
    return [_breakdown(app, model, plans[app.name], network, placement.node_speeds) for app, model in apps]


def _breakdown(
    app: App, model: Model, plan: AppPlacement, network: Network, speeds: Mapping[str, float]
) -> AppBreakdown:
    source = app.source if app.source is not None else network.default_source
    point = Point(plan.exit_fractions, plan.accuracy)
    stages = stages_of(model, point, [row.node for row in plan.assignments])
    sharing = Sharing(speeds, plan.shares.nodes, plan.shares.media)
    routes = {cargo_of(route, model): route.path for route in plan.routes}
    needs = needs_of(app, model, point, stages, source or "")
    clock = _SampleClock(app.name, network, sharing, model, plan)
    phases: list[Phase] = []
    exit_times: list[ExitTime] = []
    for stage in stages:
        for need in needs:
            if need.to == stage.block.name:
                phases += clock.carry(need, routes[need.cargo])
        phases += clock.compute(stage)
        if stage.head is not None:
            left_s = clock.now_s
            for need in needs:
                if need.result_of == stage.head.name:
                    phases += clock.carry(need, routes[need.cargo])
            done_s, clock.now_s = clock.now_s, left_s  # the result travels while the others go on
            exit_times.append(ExitTime(app.name, stage.head.name, point.fractions[stage.head.name], done_s))
    return AppBreakdown(app, plan, tuple(phases), tuple(exit_times), tuple(_runs(plan)))


class _SampleClock:
    """Follows one sample, or the batch that it waits for; `now_s` is when the last phase ended."""

    def __init__(self, app: str, network: Network, sharing: Sharing, model: Model, plan: AppPlacement) -> None:
        self.now_s, self._batch = plan.breakdown.filling_s, plan.batch
        self._app, self._network, self._sharing, self._model = app, network, sharing, model

    def compute(self, stage: Stage) -> Iterator[Phase]:
        """Run a block, then its head; `weight` is the fraction of samples, or of batches, that get there."""
        weight = self._batch * stage.runs_per_sample(self._batch)
        for part in stage.parts:
            cost = part_cost(part, self._network.nodes.get(stage.node), self._model, self._batch) or UNKNOWN
            cost = cost.at(self._sharing.speed(stage.node))
            taken_s = cost.time_s / self._sharing.of_node(stage.node)
            kind = HEAD if isinstance(part, Exit) else COMPUTING
            yield self._phase(kind, part.name, stage.block, stage.node, taken_s, weight, cost.energy_j / self._batch)

    def carry(self, need: Need, path: Sequence[str]) -> Iterator[Phase]:
        """Carry something hop by hop."""
        kind = RESULT if need.result_of is not None else TRANSFER
        what = need.result_of or need.after or "input"
        for pair in pairwise(path):
            wire = self._network.hops[pair]
            sending_s = self._batch * need.bits / rate_of(wire) / self._sharing.of_medium(medium_of(pair, wire))
            energy_j = need.bits * wire.j_per_bit
            label = f"{'result of ' if need.result_of else ''}{what}, {pair[0]} → {pair[1]}"
            place = link_label(pair, self._network)
            yield self._phase(kind, label, need.after, place, wire.latency_s + sending_s, need.weight, energy_j)

    def _phase(
        self, kind: str, what: str, block: Block | str | None, place: str, taken_s: float, weight: float, joules: float
    ) -> Phase:
        name = block.name if isinstance(block, Block) else block or "input"
        start_s, self.now_s = self.now_s, self.now_s + taken_s
        return Phase(self._app, kind, what, name, place, start_s, self.now_s, weight, joules)


def link_label(pair: tuple[str, str], network: Network) -> str:
    """Return the label of a link in figures; all wires of a package share one."""
    package = package_of(pair[0], network)
    inside = package is not None and package == package_of(pair[1], network)
    return f"wires of {package}" if inside else f"{pair[0]} → {pair[1]}"


def package_of(node: str, network: Network) -> str | None:
    """Return the package of a chiplet or an I/O die, None for other nodes."""
    name = node.partition("[")[0] if node.endswith("]") else node
    return name if name in network.nodes and network.nodes[name] is None else None


def _runs(plan: AppPlacement) -> Iterator[BlockRun]:
    groups = groupby(plan.assignments, key=lambda row: row.node)
    for number, (node, rows) in enumerate(groups, 1):
        yield BlockRun(number, node, tuple(row.block for row in rows))

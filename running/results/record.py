"""The record of a run: every plan's summary, with versions, emulation and notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from planner.running.agents.coordinator import Coordinator
from planner.running.agents.outcome import Outcome
from planner.running.pieces.hops import plan_hops
from planner.running.pieces.reading import Pieces
from planner.running.requirements import planner_version, runtime_version
from planner.running.results.prediction import predict
from planner.running.results.summary import summarise
from planner.running.results.verdicts import slow_pieces
from planner.schemas.bundles.manifest import PlanPieces
from planner.schemas.bundles.run import Energy, PlanRun, Run, Switch
from planner.schemas.planning.model import Model
from planner.schemas.planning.placement import AppPlacement
from planner.schemas.planning.topology import Topology

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BUSY = 1.1


@dataclass(frozen=True)
class Planned:
    """What was planned of the apps that run."""

    topology: Topology | None = None
    placements: Mapping[str, AppPlacement] | None = None
    """Placements by name of the plan, for their energy; None: that of the manifest."""


@dataclass(frozen=True)
class MeteredEnergy:
    """What counters say of the energy of a run."""

    total_j: float | None = None
    """Energy of the whole run, in joules; None: not measured."""
    source: str = "not measured"
    """Where it comes from, or why there is none."""


def record(
    pieces: Pieces,
    coordinator: Coordinator,
    outcomes: Sequence[Outcome],
    labels: NDArray[Any] | None,
    planned: Planned,
    wall_s: float,
    switches: Sequence[Switch] = (),
    nodes: Mapping[str, tuple[float, str]] | None = None,
    metered: MeteredEnergy = MeteredEnergy(),
) -> Run:
    """Collect the record of a run: what every plan did, with versions, emulation and notes.

    Args:
        pieces: The pieces that ran.
        coordinator: Coordinator of the run.
        outcomes: Samples that came back.
        labels: Class of every sample.
        planned: Topology and placements, for what was predicted.
        wall_s: Duration of the run, in seconds.
        switches: Changes of plan.
        nodes: Slow-down factor and version of ONNX Runtime by node.
        metered: Energy of the run by counters.

    Returns:
        The contents of run.json; times in seconds, energy in joules per sample, throughput in samples per second.
    """
    agents = nodes or {}
    options = coordinator.options
    links = options.links is not None or not coordinator.on_one_machine
    plans = _plans(pieces, outcomes, labels, planned, metered, links)
    return Run(
        planner=planner_version(),
        onnxruntime=runtime_version(),
        confidence=pieces.manifest.plans[0].confidence,
        rate_per_s=options.rate_per_s,
        in_flight=options.in_flight,
        wall_s=wall_s,
        throughput_per_s=len(outcomes) / wall_s if wall_s > 0 else 0.0,
        emulated_links=options.links is not None,
        slow_down={node: factor for node, (factor, _) in agents.items() if factor != 1.0},
        plans=plans,
        switches=tuple(switches),
        notes=(*_notes(outcomes, planned, agents, not links), *slow_pieces(plans)),
    )


def _plans(
    pieces: Pieces,
    outcomes: Sequence[Outcome],
    labels: NDArray[Any] | None,
    planned: Planned,
    metered: MeteredEnergy,
    links: bool,
) -> tuple[PlanRun, ...]:
    """Set what every plan that samples took did beside what was predicted of it."""
    used = {outcome.plan for outcome in outcomes}
    plans = []
    for plan in pieces.manifest.plans:
        if plan.name not in used:
            continue
        model = pieces.models[plan.model]
        shares = exit_shares(plan, model)
        flow = plan_hops(plan)
        prediction = predict(flow, model, planned.topology, shares) if planned.topology is not None else None
        placement = (planned.placements or {}).get(plan.name)
        here = [outcome for outcome in outcomes if outcome.plan == plan.name]
        energy = Energy(
            predicted_j=plan.energy_j if placement is None else placement.energy_j,
            measured_j=None if metered.total_j is None else metered.total_j / len(outcomes),
            source=metered.source,
        )
        done = summarise(flow, shares, here, prediction, labels, _accuracy(plan, model), links)
        plans.append(done.model_copy(update={"model": model.name, "energy": energy}))
    return tuple(plans)


def exit_shares(plan: PlanPieces, model: Model) -> dict[str, float]:
    """Return the planned fraction of samples by exit: of a measured point, or of one designed from the calibration."""
    names = [piece.exit.name for piece in plan.pieces if piece.exit is not None]
    for point in model.operating_points:
        if point.name == plan.operating_point:
            return dict(point.exit_fractions)
    calibration = model.calibration
    if calibration is None or len(names) == 1:
        return dict.fromkeys(names, 1.0 / len(names))
    gone = 0.0
    shares = {}
    for piece in plan.pieces:
        if piece.exit is None:
            continue
        taken = calibration.samples
        if piece.exit.threshold is not None:
            row = calibration.thresholds.index(piece.exit.threshold)
            taken = calibration.exits[piece.exit.name].exited[row]
        shares[piece.exit.name] = max(0.0, taken - gone) / calibration.samples
        gone = max(gone, taken)
    return shares


def _accuracy(plan: PlanPieces, model: Model) -> float | None:
    return next((point.accuracy for point in model.operating_points if point.name == plan.operating_point), None)


def _notes(
    outcomes: Sequence[Outcome], planned: Planned, agents: Mapping[str, tuple[float, str]], local: bool
) -> list[str]:
    notes = ["results come back to the source; the prediction includes their way"]
    if planned.topology is None:
        notes.append("no topology was given: nothing is predicted")
    elif local:
        notes.append("all agents run on this machine, and --emulate-links was not given: transfers took no link's time")
    wall = sum(end - start for outcome in outcomes for _, start, end, _, _ in outcome.trace)
    cpu = sum(used * slow for outcome in outcomes for *_, used, slow in outcome.trace)
    if cpu > 0 and wall > _BUSY * cpu:
        more = 100 * (wall / cpu - 1)
        notes.append(f"pieces took {more:.0f} % longer than their processor time: the machine was busy with other work")
    here = runtime_version()
    if other := sorted({version for _, version in agents.values() if version and version != here}):
        notes.append(f"agents run other versions of ONNX Runtime ({', '.join(other)}) than the source ({here})")
    return notes

"""Summary of a run: shares, latencies by exit, times of pieces and hops, accuracy, beside what was predicted."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from planner.running.agents.outcome import Outcome
from planner.running.pieces.hops import INPUT, PlanHops
from planner.running.results.prediction import Prediction
from planner.running.results.timelines import measured_steps, predicted_steps
from planner.running.results.verdicts import verdicts
from planner.schemas.bundles.manifest import PlanPieces
from planner.schemas.bundles.run import ExitRun, HopRun, Latency, PieceRun, PlanRun

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_LATENCIES = 1000


def summarise(
    flow: PlanHops,
    shares: Mapping[str, float],
    outcomes: Sequence[Outcome],
    prediction: Prediction | None,
    labels: NDArray[Any] | None,
    accuracy: float | None,
    links: bool = True,
) -> PlanRun:
    """Summarise what one plan did: exits, latency, pieces, transfers and accuracy, measured beside predicted.

    Args:
        flow: The pieces, and what goes between them.
        shares: Planned fraction of samples by exit.
        outcomes: Samples that ended under this plan.
        prediction: Predicted times, where a topology was given.
        labels: Class of every sample.
        accuracy: Planned accuracy.
        links: Whether messages took the links of the plan, or were held as long.

    Returns:
        The summary with its verdicts, times in seconds; figures that were not predicted or measured are None.
    """
    plan, found = flow.plan, None
    if labels is not None and outcomes:
        found = sum(int(_class(outcome)) == int(labels[outcome.sample]) for outcome in outcomes) / len(outcomes)
    exits = tuple(_exit_run(name, share, outcomes, prediction) for name, share in shares.items())
    mean_s = None if prediction is None else prediction.mean_s
    middle = _median_sample(outcomes)
    run = PlanRun(
        name=plan.name,
        app=plan.app,
        operating_point=plan.operating_point,
        samples=len(outcomes),
        exits=exits,
        latency=_latency(mean_s, outcomes),
        pieces=tuple(_piece_run(plan, index, outcomes, prediction) for index in range(len(plan.pieces))),
        hops=(*_hop_runs(flow, outcomes, prediction), *_result_runs(flow, outcomes, prediction)),
        predicted_accuracy=accuracy,
        accuracy=found,
        timeline=() if middle is None else measured_steps(flow, middle),
        predicted_timeline=() if middle is None or prediction is None else predicted_steps(flow, middle, prediction),
    )
    return run.model_copy(update={"verdicts": verdicts(run, links)})


def _class(outcome: Outcome) -> int:
    return int(np.argmax(next(iter(outcome.outputs.values()))))


def net_s(outcome: Outcome) -> float:
    """Return the latency of a sample as a plan counts it, in seconds.

    The time that other processes took from its pieces, and the time of handing it to the source's own agent and back,
    are left out.
    """
    lost = sum(max(0.0, end - start - cpu * slow) for _, start, end, cpu, slow in outcome.trace)
    return max(0.0, (outcome.end - outcome.start - outcome.handed_ns - lost) * 1e-9)


def _latency(predicted_s: float | None, outcomes: Sequence[Outcome]) -> Latency:
    if not outcomes:
        return Latency(predicted_s=predicted_s)
    net = [net_s(outcome) for outcome in outcomes]
    wall = [(outcome.end - outcome.start) * 1e-9 for outcome in outcomes]
    return Latency(
        predicted_s=predicted_s,
        median_s=statistics.median(net),
        p95_s=_p95(net),
        wall_median_s=statistics.median(wall),
        wall_p95_s=_p95(wall),
    )


def _p95(values: Sequence[float]) -> float:
    return float(np.quantile(np.array(values), 0.95, method="inverted_cdf"))


def _exit_run(name: str, share: float, outcomes: Sequence[Outcome], prediction: Prediction | None) -> ExitRun:
    here = [outcome for outcome in outcomes if outcome.exit == name]
    latencies = tuple(net_s(outcome) for outcome in here)
    step = max(1, -(-len(latencies) // MOST_LATENCIES))
    return ExitRun(
        name=name,
        predicted_share=share,
        samples=len(here),
        share=len(here) / len(outcomes) if outcomes else 0.0,
        latency=_latency(None if prediction is None else prediction.exits_s.get(name), here),
        latencies_s=latencies[::step],
    )


def _median(values: Sequence[float]) -> float | None:
    return max(0.0, statistics.median(values)) if values else None


def _entries(outcomes: Sequence[Outcome], index: int) -> list[tuple[float, ...]]:
    return [entry for outcome in outcomes for entry in outcome.trace if entry[0] == index]


def _piece_run(plan: PlanPieces, index: int, outcomes: Sequence[Outcome], prediction: Prediction | None) -> PieceRun:
    piece, entries = plan.pieces[index], _entries(outcomes, index)
    return PieceRun(
        name=piece.name,
        node=piece.node,
        blocks=piece.blocks,
        exit=None if piece.exit is None else piece.exit.name,
        runs=len(entries),
        predicted_s=None if prediction is None else prediction.pieces_s[index],
        cpu_median_s=_median([cpu * slow * 1e-9 for *_, cpu, slow in entries]),
        wall_median_s=_median([(end - start) * 1e-9 for _, start, end, _, _ in entries]),
    )


def _hop_runs(flow: PlanHops, outcomes: Sequence[Outcome], prediction: Prediction | None) -> list[HopRun]:
    """Return the transfers between nodes."""
    times: dict[int, list[float]] = {}
    for outcome in outcomes:
        for number, sent, arrived in outcome.moved:
            times.setdefault(int(number), []).append((arrived - sent) * 1e-9)
    return [
        HopRun(
            after=None if hop.after == INPUT else flow.plan.pieces[hop.after].name,
            to=flow.plan.pieces[hop.to].name,
            path=hop.path,
            bits=hop.bits,
            messages=len(times.get(hop.number, ())),
            predicted_s=None if prediction is None else prediction.hops[hop.number].time_s,
            median_s=_median(times.get(hop.number, ())),
        )
        for hop in flow.hops
        if hop.via is not None
    ]


def _result_runs(flow: PlanHops, outcomes: Sequence[Outcome], prediction: Prediction | None) -> list[HopRun]:
    """Return the ways of results back to the source."""
    hops = []
    source = flow.source
    for piece in flow.plan.pieces:
        if piece.exit is None or piece.node == source:
            continue
        name = piece.exit.name
        here = [outcome for outcome in outcomes if outcome.exit == name]
        planned = None if prediction is None else prediction.results.get(name)
        bits = 8.0 * sum(array.nbytes for array in here[0].outputs.values()) if here else 0.0
        hops.append(
            HopRun(
                after=piece.name,
                result_of=name,
                path=(piece.node, source) if planned is None else planned.path,
                bits=bits if planned is None else planned.bits,
                messages=len(here),
                predicted_s=None if planned is None else planned.time_s,
                median_s=_median([(outcome.end - outcome.returned) * 1e-9 for outcome in here]),
            )
        )
    return hops


def _median_sample(outcomes: Sequence[Outcome]) -> Outcome | None:
    """Return the sample of median latency among those of the exit that most samples took."""
    if not outcomes:
        return None
    common = Counter(outcome.exit for outcome in outcomes).most_common(1)[0][0]
    here = sorted((outcome for outcome in outcomes if outcome.exit == common), key=net_s)
    return here[len(here) // 2]

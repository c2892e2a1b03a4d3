"""Time lines of one sample: transfers, waits, pieces and the way back, as measured and as predicted."""

from __future__ import annotations

from planner.running.agents.outcome import Outcome
from planner.running.results.prediction import Prediction
from planner.schemas.bundles.manifest import PlanPieces
from planner.schemas.bundles.run import Step


def measured_steps(plan: PlanPieces, outcome: Outcome) -> tuple[Step, ...]:
    """Return the steps of a sample by its trace, from the moment when the source sent it."""
    steps: list[Step] = []
    before = plan.source or plan.pieces[0].node

    def add(kind: str, what: str, where: str, start: float, end: float) -> None:
        if end > start:
            span = {"start_s": max(0.0, start - outcome.start) * 1e-9, "time_s": (end - start) * 1e-9}
            steps.append(Step.model_validate({"kind": kind, "what": what, "where": where, **span}))

    name = "input"
    for index, sent, arrived, start, end, _, _ in outcome.trace:
        piece = plan.pieces[int(index)]
        if piece.node != before or index == 0:
            add("transfer", name, f"{before} > {piece.node}", sent, arrived)
        add("wait", piece.name, piece.node, arrived, start)
        add("compute", piece.name, piece.node, start, end)
        before, name = piece.node, piece.name
    source = plan.source or plan.pieces[0].node
    add("result", outcome.exit, f"{before} > {source}", outcome.returned, outcome.end)
    return tuple(steps)


def predicted_steps(plan: PlanPieces, outcome: Outcome, prediction: Prediction) -> tuple[Step, ...]:
    """Return the planned steps of a sample that leaves at the same exit.

    Args:
        plan: Pieces of the plan.
        outcome: What came back for the sample.
        prediction: Prediction of the plan.
    """
    steps: list[Step] = []
    now_s = 0.0

    def add(kind: str, what: str, where: str, time_s: float) -> None:
        nonlocal now_s
        steps.append(
            Step.model_validate({"kind": kind, "what": what, "where": where, "start_s": now_s, "time_s": time_s})
        )
        now_s += time_s

    name = "input"
    for index, piece in enumerate(plan.pieces):
        if index in prediction.hops:
            hop = prediction.hops[index]
            add("transfer", name, " > ".join(hop.path), hop.time_s)
        add("compute", piece.name, piece.node, prediction.pieces_s[index])
        name = piece.name
        if piece.exit is not None and piece.exit.name == outcome.exit:
            break
    if outcome.exit in prediction.results:
        back = prediction.results[outcome.exit]
        add("result", outcome.exit, " > ".join(back.path), back.time_s)
    return tuple(steps)

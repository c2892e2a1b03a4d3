"""Time lines of one sample: transfers, waits, pieces and the way back, as measured and as predicted."""

from __future__ import annotations

from planner.running.agents.outcome import Outcome
from planner.running.pieces.hops import INPUT, Hop, PlanHops
from planner.running.results.prediction import Prediction
from planner.schemas.bundles.run import Step


def measured_steps(flow: PlanHops, outcome: Outcome) -> tuple[Step, ...]:
    """Return the steps of a sample by its trace, from the moment when the source sent it.

    Transfers of several tensors may overlap each other and pieces.

    Args:
        flow: Pieces of the plan, and what goes between them.
        outcome: What came back for the sample.
    """
    steps: list[Step] = []

    def add(kind: str, what: str, where: str, start: float, end: float) -> None:
        if end > start:
            span = {"start_s": max(0.0, start - outcome.start) * 1e-9, "time_s": (end - start) * 1e-9}
            steps.append(Step.model_validate({"kind": kind, "what": what, "where": where, **span}))

    moved = {int(number): (sent, arrived) for number, sent, arrived in outcome.moved}
    ready = float(outcome.start)
    for index, start, end, _, _ in outcome.trace:
        piece = flow.plan.pieces[int(index)]
        for hop in flow.into(int(index)):
            if hop.number in moved:
                sent, arrived = moved[hop.number]
                add("transfer", _carried(flow, hop), f"{hop.path[0]} > {hop.path[-1]}", sent, arrived)
                ready = max(ready, arrived)
        add("wait", piece.name, piece.node, ready, start)
        add("compute", piece.name, piece.node, start, end)
        ready = end
    last = flow.plan.pieces[int(outcome.trace[-1][0])].node
    add("result", outcome.exit, f"{last} > {flow.source}", outcome.returned, outcome.end)
    return tuple(steps)


def _carried(flow: PlanHops, hop: Hop) -> str:
    return "input" if hop.after == INPUT else flow.plan.pieces[hop.after].name


def predicted_steps(flow: PlanHops, outcome: Outcome, prediction: Prediction) -> tuple[Step, ...]:
    """Lay out the planned steps of a sample that leaves at the same exit, one after the other.

    Args:
        flow: Pieces of the plan, and what goes between them.
        outcome: What came back for the sample.
        prediction: Prediction of the plan.

    Returns:
        The steps in order, with start (from 0) and duration in seconds.
    """
    steps: list[Step] = []
    now_s = 0.0

    def add(kind: str, what: str, where: str, time_s: float) -> None:
        nonlocal now_s
        steps.append(
            Step.model_validate({"kind": kind, "what": what, "where": where, "start_s": now_s, "time_s": time_s})
        )
        now_s += time_s

    for index, piece in enumerate(flow.plan.pieces):
        for hop in flow.into(index):
            if hop.via is not None:
                add("transfer", _carried(flow, hop), " > ".join(hop.path), prediction.hops[hop.number].time_s)
        add("compute", piece.name, piece.node, prediction.pieces_s[index])
        if piece.exit is not None and piece.exit.name == outcome.exit:
            break
    if outcome.exit in prediction.results:
        back = prediction.results[outcome.exit]
        add("result", outcome.exit, " > ".join(back.path), back.time_s)
    return tuple(steps)

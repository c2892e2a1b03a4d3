"""Proof of a placement's status by solving its request again: what the verifier alone cannot tell."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from planner.pipeline.dispatch import answer
from planner.pipeline.request import AnyRequest
from planner.schemas.planning.placement import Placement
from planner.text.objective import objective_text

_SAME = 1e-6
"""Relative difference of objectives that is no difference."""


@dataclass(frozen=True)
class Proof:
    """What solving again says of a placement."""

    verdict: Literal["proved", "refuted", "open"]
    message: str


def prove(placement: Placement, request: AnyRequest, gap: float) -> Proof:
    """Solve a request again and compare the answer with what a placement claims of it.

    Args:
        placement: A placement that the verifier accepts.
        request: What it was made for.
        gap: Largest relative gap that still counts as `optimal` (no unit).

    Returns:
        `proved` or `refuted`, or `open` where a limit came first.
    """
    again = answer(request)
    found = again.objective_value
    if placement.status == "unknown":
        return Proof("open", "the placement claims nothing that could be proved")
    if placement.status == "infeasible":
        if found is not None:
            return Proof("refuted", f"infeasible, but there is a plan of {_words(again, found)}")
        if again.status == "infeasible":
            return Proof("proved", "solved again: there is no plan within the limits")
        return Proof("open", f"whether there is a plan is open ({again.message})")
    if placement.certificate is not None and placement.certificate.maximised and again.status != "infeasible":
        return _compared_upwards(placement, again, gap)
    return _compared(placement, again, gap)


def _compared(placement: Placement, again: Placement, gap: float) -> Proof:
    """Compare two answers of a request, the first of which has a plan."""
    value, found, certificate = placement.objective_value, again.objective_value, placement.certificate
    if value is None or certificate is None:
        return Proof("open", "the placement has no certificate")
    if again.status == "infeasible":
        return Proof("refuted", "the verifier accepts the plan, but solving again finds that there is none")
    claimed_bound = certificate.lower_bound or 0.0
    if found is not None and found < claimed_bound * (1.0 - _SAME):
        words = _words(placement, claimed_bound)
        return Proof("refuted", f"the bound {words} is wrong: there is a plan of {_words(again, found)}")
    if placement.status == "optimal" and found is not None and found < value * (1.0 - gap - _SAME):
        return Proof("refuted", f"optimal, but there is a plan of {_words(again, found)}")
    bound = (again.certificate.lower_bound or 0.0) if again.certificate is not None else 0.0
    claimed = value * (1.0 - gap) if placement.status == "optimal" else claimed_bound
    if bound >= claimed * (1.0 - _SAME):
        return Proof("proved", f"solved again: no plan within the limits is below {_words(again, bound)}")
    return Proof("open", f"solving again proves only that no plan is below {_words(again, bound)}")


def _compared_upwards(placement: Placement, again: Placement, gap: float) -> Proof:
    """Compare two answers of a request whose objective is maximised; a bound that is missing is infinite."""
    value, found = placement.objective_value or 0.0, again.objective_value or 0.0
    bounds = [each.certificate.upper_bound if each.certificate is not None else None for each in (placement, again)]
    claimed, bound = (math.inf if each is None else each for each in bounds)
    if found > claimed * (1.0 + _SAME):
        message = f"the bound {_words(placement, claimed)} is wrong: there is a plan of {_words(again, found)}"
        return Proof("refuted", message)
    if placement.status == "optimal" and found * (1.0 - gap - _SAME) > value:
        return Proof("refuted", f"optimal, but there is a plan of {_words(again, found)}")
    if bound * (1.0 - gap - _SAME) <= (value if placement.status == "optimal" else claimed):
        return Proof("proved", f"solved again: no plan within the limits is above {_words(again, bound)}")
    return Proof("open", f"solving again proves only that no plan is above {_words(again, bound)}")


def _words(placement: Placement, value: float) -> str:
    return objective_text(placement, value)

"""Proof of a placement's status by solving its request again: what the verifier alone cannot tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from planner.pipeline.dispatch import answer
from planner.pipeline.request import AnyRequest
from planner.schemas.planning.placement import Placement
from planner.units import format_quantity

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
    return _compared(placement, again, gap)


def _compared(placement: Placement, again: Placement, gap: float) -> Proof:
    """Compare two answers of a request, the first of which has a plan."""
    value, found, certificate = placement.objective_value, again.objective_value, placement.certificate
    if value is None or certificate is None:
        return Proof("open", "the placement has no certificate")
    if again.status == "infeasible":
        return Proof("refuted", "the verifier accepts the plan, but solving again finds that there is none")
    if found is not None and found < certificate.lower_bound * (1.0 - _SAME):
        claimed_bound = _words(placement, certificate.lower_bound)
        return Proof("refuted", f"the bound {claimed_bound} is wrong: there is a plan of {_words(again, found)}")
    if placement.status == "optimal" and found is not None and found < value * (1.0 - gap - _SAME):
        return Proof("refuted", f"optimal, but there is a plan of {_words(again, found)}")
    bound = again.certificate.lower_bound if again.certificate is not None else 0.0
    claimed = value * (1.0 - gap) if placement.status == "optimal" else certificate.lower_bound
    if bound >= claimed * (1.0 - _SAME):
        return Proof("proved", f"solved again: no plan within the limits is below {_words(again, bound)}")
    return Proof("open", f"solving again proves only that no plan is below {_words(again, bound)}")


def _words(placement: Placement, value: float) -> str:
    return format_quantity(value, placement.objective_unit)

"""Which parts a placement must hold and must not, with a plan and without one."""

from __future__ import annotations

from collections.abc import Iterator

from planner.schemas import Placement
from planner.verifier.violations import Violation, fault_of


def check_no_plan(placement: Placement) -> Iterator[Violation]:
    """Report what a placement without a plan holds all the same, and what is missing."""
    if placement.apps:
        yield fault_of("", "status", f"{placement.status}, but there is a plan")
    if placement.status == "infeasible" and placement.diagnosis is None:
        yield fault_of("", "diagnosis", "infeasible, but no diagnosis says why")
    if placement.status == "unknown" and placement.diagnosis is not None:
        yield fault_of("", "diagnosis", "unknown, but a diagnosis says why there is no plan")
    if placement.total is not None:
        yield fault_of("", "total", "there is no plan to sum up")
    if placement.node_speeds:
        yield fault_of("", "node_speeds", "there is no plan that nodes could run")
    if placement.certificate is not None and placement.certificate.relative_gap is not None:
        yield fault_of("", "certificate", "there is no plan that could have a gap")


def check_plan_form(placement: Placement) -> Iterator[Violation]:
    """Report what is missing beside a plan, and what does not go with it."""
    if placement.diagnosis is not None:
        yield fault_of("", "diagnosis", "there is a plan, and a diagnosis of why there is none")
    if placement.total is None:
        yield fault_of("", "total", "the sums over all apps are missing")
    if placement.status == "optimal" and placement.certificate is None:
        yield fault_of("", "certificate", "optimal, but nothing proves it")

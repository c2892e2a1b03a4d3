"""Policies of random devices, and their rows as plain values."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from profiles import against_oracle

from planner.carin.adapt import adapt
from planner.schemas import Designs, Policy, check_document

Json = dict[str, Any]
RANDOMS = st.randoms(use_true_random=False)
ORACLE_EXAMPLES = against_oracle(100)
"""The comparison that all else rests on gets 2,000 examples in CI."""


def adapted(document: Json, **options: Any) -> Policy:
    return adapt(check_document(document, Designs), **options)


def rows_of(policy: Policy) -> dict[tuple[frozenset[str], bool], tuple[tuple[str, ...], bool]]:
    """Return what every state runs, and whether it is degraded."""
    choices = {design.name: tuple(design.choice.values()) for design in policy.design_set}
    return {(frozenset(row.overloaded), row.memory_tight): (choices[row.design], row.degraded) for row in policy.policy}

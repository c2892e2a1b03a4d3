"""Plans of kinds that are known from before, found by a hash of all that decides them; others are enumerated."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from planner.fin.deadline import Deadline, DeadlineReachedError
from planner.fleet.plans.enumeration import enumerate_plans
from planner.fleet.plans.kind import Kind, PlanSet, steps_of


class KnownPlans:
    """Plans by the hash of their kind."""

    def __init__(self, sets: Mapping[str, PlanSet] | None = None) -> None:
        """Begin with sets of plans whose steps are left out."""
        self._sets = dict(sets or {})
        self.used: dict[str, PlanSet] = {}
        """Plans of all kinds that were asked for."""
        self.whole = True
        """Whether all plans of these kinds are known; else those of some kinds are cut once at most."""

    def plans(self, kind: Kind, deadline: Deadline | None = None) -> tuple[str, PlanSet]:
        """Return the hash of a kind and all its plans.

        Args:
            kind: The kind.
            deadline: Behind it, plans that are not known are those that are cut once at most.

        Raises:
            InputError: There are more partial plans than can be held.
        """
        key = fingerprint(kind)
        if key not in self.used:
            known = self._sets.get(key)
            found = self._enumerated(kind, deadline) if known is None else known
            self.used[key] = replace(found, steps=steps_of(kind))
        return key, self.used[key]

    def _enumerated(self, kind: Kind, deadline: Deadline | None) -> PlanSet:
        try:
            return enumerate_plans(kind, deadline)
        except DeadlineReachedError:
            self.whole = False
            return enumerate_plans(kind, single_cut=True)


def fingerprint(kind: Kind) -> str:
    """Return a hash of everything that plans of a kind depend on."""
    digest = hashlib.sha256()
    for each in fields(kind):
        value = getattr(kind, each.name)
        # sites whose slots and paths have the same figures share plans
        _feed(digest, (value.signature, value.options) if each.name == "local" else value)
    return digest.hexdigest()


def _feed(digest: Any, value: Any) -> None:  # noqa: ANN401 - a hash of the standard library; any part of a kind
    if is_dataclass(value):
        for each in fields(value):
            _feed(digest, getattr(value, each.name))
    elif isinstance(value, np.ndarray):
        digest.update(f"{value.dtype}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, tuple):
        digest.update(f"({len(value)}".encode())
        for each in value:
            _feed(digest, each)
    else:
        digest.update(f"{type(value).__name__}:{value!r};".encode())

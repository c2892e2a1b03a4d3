"""Geometric programs of a combination of choices in CVXPY, written out from the model of cost, for oracles."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from joint_choices import Choice, Places

FEASIBLE = 1e-9


class GaveUpError(Exception):
    """More combinations were in question than programs may be solved."""


@dataclass
class JointProgram:
    """Speeds of nodes, shares of every app, and what limits them."""

    speed: dict[int, Any]
    rates: list[dict[int, Any]]
    """For each app the rate that it gets of each place that it uses, over that of the place at nominal speed."""
    limits: list[Any] = field(default_factory=list)

    @classmethod
    def of(cls, chosen: Sequence[Choice], shared: Places) -> JointProgram | None:
        """Return the program of a combination without latencies; None where it cannot be feasible."""
        import cvxpy

        if not fits(chosen, shared):
            return None
        speed = {n: cvxpy.Variable(pos=True) for n in range(shared.nodes) if any(c.used[n] for c in chosen)}
        limits = [s >= shared.slowest[n] for n, s in speed.items()] + [s <= shared.fastest[n] for n, s in speed.items()]
        shares = [
            {p: cvxpy.Variable(pos=True) for p in range(len(shared.names)) if c.load[p] + c.late_s[:, p].sum() > 0.0}
            for c in chosen
        ]
        for place in range(len(shared.names)):
            mine = [own[place] for own in shares if place in own]
            if mine and shared.most[place] <= 0.0:
                return None
            limits += [sum(mine) <= shared.most[place]] if mine else []
        rates = [{p: share * speed[p] if p in speed else share for p, share in own.items()} for own in shares]
        program = cls(speed, rates, limits)
        return program if all(map(program._limited, chosen, rates)) else None

    def _limited(self, choice: Choice, rate: dict[int, Any]) -> bool:
        """Add an app's loads, and its limits on power and metrics; False where they cannot be kept."""
        self.limits += [choice.load[p] / rate[p] <= 1.0 for p in rate if choice.load[p] > 0.0]
        sums = [(metric_terms(choice, name, self.speed), most - choice.metrics[name][2])
                for name, most in choice.limits.items()]  # fmt: skip
        if np.isfinite(choice.most_w):
            sums.append((power_terms(choice, self.speed), choice.most_w - choice.carried_w))
        return all(self.at_most(terms, left) for terms, left in sums)

    def at_most(self, terms: Sequence[Any], left: float) -> bool:
        """Limit a sum of terms to what is left for it; False where no terms can keep that."""
        if left < 0.0 or (left == 0.0 and terms):
            return False
        self.limits += [sum(terms) / left <= 1.0] if terms else []
        return True

    def least(self, goal: Any) -> float:
        """Return the least value of a posynomial; infinite where the program is infeasible.

        Raises:
            GaveUpError: The solver has no answer.
        """
        import cvxpy

        problem = cvxpy.Problem(cvxpy.Minimize(goal), self.limits)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # "may be inaccurate": judged by the status below
            problem.solve(solver=cvxpy.CLARABEL, gp=True, tol_gap_abs=1e-10, tol_gap_rel=1e-10, tol_feas=1e-10)
        if "infeasible" in problem.status:
            return np.inf
        if problem.value is None or not np.isfinite(problem.value):
            message = f"CVXPY ends with {problem.status}"
            raise GaveUpError(message)
        return float(problem.value)


def fits(chosen: Sequence[Choice], shared: Places) -> bool:
    """Tell whether what the apps hold fits into every node; each shared parameter counts once."""
    held = np.sum([choice.memory for choice in chosen], axis=0)
    for place, _, _, size in frozenset().union(*(choice.shared for choice in chosen)):
        held[place] += size
    return not (held > shared.memory * (1.0 + FEASIBLE)).any()


def metric_terms(choice: Choice, name: str, speed: dict[int, Any]) -> list[Any]:
    """Return what computing adds to a metric per second, as terms of the speeds."""
    dynamic, static, _ = choice.metrics[name]
    terms = [dynamic[n] * s**2 for n, s in speed.items() if dynamic[n] > 0.0]
    return terms + [static[n] / s for n, s in speed.items() if static[n] > 0.0]


def power_terms(choice: Choice, speed: dict[int, Any]) -> list[Any]:
    """Return the power of computing as terms of the speeds."""
    terms = [choice.dynamic_w[n] * s**2 for n, s in speed.items() if choice.dynamic_w[n] > 0.0]
    return terms + [choice.static_w[n] / s for n, s in speed.items() if choice.static_w[n] > 0.0]

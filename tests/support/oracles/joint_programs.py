"""Geometric programs of a combination of choices, written out from the model of cost, as cone programs for Clarabel.

In logarithms of speeds and shares every term of the model is the exponential of a linear function; a limited sum of
them is a convex constraint (Boyd et al., "A tutorial on geometric programming", 2007, section 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from joint_choices import Choice, Places

FEASIBLE = 1e-9
MOST_PROGRAMS = 2000
"""Programs to solve for an optimum at most."""


class GaveUpError(Exception):
    """More combinations were in question than programs may be solved, or a program has no clear answer."""


class Term(NamedTuple):
    """A positive coefficient times powers of variables."""

    coefficient: float
    powers: dict[int, float]
    """Exponent of each variable, by its number."""


@dataclass
class LogProgram:
    """Sums of terms, each at most 1, in positive variables."""

    variables: int = 0
    limits: list[list[Term]] = field(default_factory=list)

    def new(self) -> int:
        """Return the number of a new variable."""
        self.variables += 1
        return self.variables - 1

    def least(self, sums: Sequence[Sequence[Term]]) -> float:
        """Return the least largest one of some sums within all limits, infinite where none keeps the limits.

        Raises:
            GaveUpError: The solver has no answer.
        """
        largest = self.new()
        scaled = [[Term(c, {**powers, largest: -1.0}) for c, powers in terms] for terms in sums if terms]
        answer = _solve(self.variables, [*self.limits, *scaled], largest if scaled else None)
        if answer.status in ("PrimalInfeasible", "AlmostPrimalInfeasible"):
            return np.inf
        if answer.status != "Solved":
            message = f"Clarabel ends with {answer.status}"
            raise GaveUpError(message)
        return float(np.exp(answer.x[largest])) if scaled else 0.0


class _Answer(NamedTuple):
    status: str
    x: list[float]


def _solve(variables: int, sums: Sequence[Sequence[Term]], minimised: int | None) -> _Answer:
    """Minimise one variable's logarithm where every sum is at most 1.

    A sum of one term is a linear row. Of more terms each has a height of its own that is not below it, by a cone; the
    heights sum to at most 1.
    """
    import clarabel
    from scipy.sparse import csc_array

    alone = [terms[0] for terms in sums if len(terms) == 1]
    several = [terms for terms in sums if len(terms) > 1]
    in_cones = [term for terms in several for term in terms]
    linear, width = len(alone) + len(several), variables + len(in_cones)
    matrix, right = np.zeros((linear + 3 * len(in_cones), width)), np.zeros(linear + 3 * len(in_cones))
    for row, term in enumerate(alone):
        matrix[row, list(term.powers)] = list(term.powers.values())
        right[row] = -np.log(term.coefficient)
    height = variables
    for row, terms in enumerate(several, start=len(alone)):
        matrix[row, height : height + len(terms)] = 1.0
        right[row] = 1.0
        height += len(terms)
    for number, term in enumerate(in_cones):  # (its logarithm, 1, its height) is in the exponential cone
        row = linear + 3 * number
        matrix[row, list(term.powers)] = [-power for power in term.powers.values()]
        matrix[row + 2, variables + number] = -1.0
        right[row : row + 2] = np.log(term.coefficient), 1.0
    cost = np.zeros(width)
    if minimised is not None:
        cost[minimised] = 1.0
    cones = [clarabel.NonnegativeConeT(linear)] if linear else []
    cones += [clarabel.ExponentialConeT()] * len(in_cones)
    nothing, sparse = csc_array((width, width)), csc_array(matrix)
    answer = _Answer("", [])
    for tolerance in (1e-10, 1e-8):
        settings = clarabel.DefaultSettings()
        settings.verbose = False
        settings.min_switch_step_length = 0.01  # steps of exponential cones are short on the way
        settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = tolerance
        found = clarabel.DefaultSolver(nothing, cost, sparse, right, cones, settings).solve()
        answer = _Answer(str(found.status), found.x)
        if answer.status in ("Solved", "PrimalInfeasible"):
            break
    return answer


@dataclass
class JointProgram:
    """Speeds of nodes, shares of every app, and what limits them."""

    program: LogProgram
    speed: dict[int, int]
    """Variable of each node that hosts a block."""
    share: list[dict[int, int]]
    """For each app the variable of its share of each place that it uses."""

    @classmethod
    def of(cls, chosen: Sequence[Choice], shared: Places) -> JointProgram | None:
        """Return the program of a combination without latencies; None where it cannot be feasible."""
        if not fits(chosen, shared):
            return None
        program = LogProgram()
        speed = {n: program.new() for n in range(shared.nodes) if any(choice.used[n] for choice in chosen)}
        share = [{p: program.new() for p in np.flatnonzero(_needed(choice)).tolist()} for choice in chosen]
        for node, variable in speed.items():
            program.limits += [[Term(float(shared.slowest[node]), {variable: -1.0})]]
            program.limits += [[Term(1.0 / float(shared.fastest[node]), {variable: 1.0})]]
        for place, most in enumerate(shared.most):
            mine = [own[place] for own in share if place in own]
            if mine and most <= 0.0:
                return None
            program.limits += [[Term(1.0 / float(most), {variable: 1.0}) for variable in mine]] if mine else []
        joint = cls(program, speed, share)
        return joint if all(joint._limited(app, choice) for app, choice in enumerate(chosen)) else None

    def over_rate(self, app: int, amount: Any) -> list[Term]:
        """Return amounts at every place over the rate that an app gets there, where they are positive."""
        return [
            Term(float(amount[p]), {variable: -1.0, **({self.speed[p]: -1.0} if p in self.speed else {})})
            for p, variable in self.share[app].items()
            if amount[p] > 0.0
        ]

    def _limited(self, app: int, choice: Choice) -> bool:
        """Add an app's loads, and its limits on power and metrics; False where they cannot be kept."""
        self.program.limits += [[term] for term in self.over_rate(app, choice.load)]
        sums = [(self.metric_terms(choice, name), most - choice.metrics[name][2])
                for name, most in choice.limits.items()]  # fmt: skip
        if np.isfinite(choice.most_w):
            sums.append((self.power_terms(choice), choice.most_w - choice.carried_w))
        return all(self.at_most(terms, left) for terms, left in sums)

    def at_most(self, terms: Sequence[Term], left: float) -> bool:
        """Limit a sum of terms to what is left for it; False where no terms can keep that."""
        if left < 0.0 or (left == 0.0 and terms):
            return False
        self.program.limits += [[Term(term.coefficient / left, term.powers) for term in terms]] if terms else []
        return True

    def metric_terms(self, choice: Choice, name: str) -> list[Term]:
        """Return what computing adds to a metric per second, as terms of the speeds."""
        dynamic, static, _ = choice.metrics[name]
        return self._of_speeds(dynamic, static)

    def power_terms(self, choice: Choice) -> list[Term]:
        """Return the power of computing as terms of the speeds."""
        return self._of_speeds(choice.dynamic_w, choice.static_w)

    def _of_speeds(self, dynamic: Any, static: Any) -> list[Term]:
        """Return what grows with the square of the speeds, and what shrinks with them."""
        terms = [Term(float(dynamic[n]), {s: 2.0}) for n, s in self.speed.items() if dynamic[n] > 0.0]
        return terms + [Term(float(static[n]), {s: -1.0}) for n, s in self.speed.items() if static[n] > 0.0]


def _needed(choice: Choice) -> Any:
    """(P,) whether a choice needs a share of a place: for its load, or to be in time."""
    return (choice.load > 0.0) | ((choice.late_s > 0.0).any(axis=0) & np.isfinite(choice.most_s))


def fits(chosen: Sequence[Choice], shared: Places) -> bool:
    """Tell whether what the apps hold fits into every node; each shared parameter counts once."""
    held = np.sum([choice.memory for choice in chosen], axis=0)
    for place, _, _, size in frozenset().union(*(choice.shared for choice in chosen)):
        held[place] += size
    return not (held > shared.memory * (1.0 + FEASIBLE)).any()

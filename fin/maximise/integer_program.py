"""Largest rate by an integer program per operating point: least busy time of the bottleneck, over places and links.

Rows and columns are those of `fin.methods.formulation`; one variable is above the busy time of every node over its
`max_utilization` and of every medium, and is minimised. It shares no bound and no bisection with `fin.maximise.rate`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planner.fin.deadline import Deadline
from planner.fin.instance.decision import Decision
from planner.fin.instance.instance import TOLERANCE, Instance
from planner.fin.instance.network import Floats, Ints
from planner.fin.method import Options
from planner.fin.methods.formulation import Program, build_program, expected_size
from planner.fin.methods.integer_program import IntegerProgram
from planner.fin.outcome import Outcome

_MOST = 1e9
"""Largest coefficient of a node that is hardly ever free, or never."""


class LargestRateByProgram(IntegerProgram):
    """One mixed-integer program per operating point; objectives and bounds are busy times of bottlenecks in seconds."""

    name = "ilp"
    description = "largest rate by integer programs over places and links (HiGHS)"

    def __init__(self) -> None:
        super().__init__(build_rate_program)

    def improve(self, instance: Instance, start: Decision | None, options: Options) -> Outcome[Decision]:
        """Find a plan of a larger rate than one that is known, or prove that there is none.

        Args:
            instance: The app.
            start: A plan within the limits; None for none.
            options: Gap and time limit.

        Returns:
            The outcome. A plan that sustains no rate at all is the optimum where no other one keeps the limits.
        """
        until = Deadline.after(options.time_limit_s)
        found = super().improve(instance, start, options)
        if found.status != "infeasible" or instance.rate_per_s > 0.0:
            return found
        left = replace(options, time_limit_s=until.limit_s)
        at_rest = IntegerProgram().solve(replace(instance, minimise="energy"), left)
        if at_rest.plan is not None:
            return replace(found, status="optimal", plan=at_rest.plan)
        return replace(found, status=at_rest.status, termination=at_rest.termination)


def build_rate_program(
    instance: Instance, point: int, cutoff_s: float = np.inf, scale_s: float | None = None
) -> Program:
    """Build the program that minimises the busy time of the bottleneck.

    Args:
        instance: The app.
        point: Index of the operating point.
        cutoff_s: Largest busy time that matters, in seconds.
        scale_s: Expected size of it, in seconds; None to guess it.

    Returns:
        The program; its variable `latest` is the busy time of the bottleneck, in units of the scale.
    """
    program = build_program(replace(instance, minimise="energy"), point)
    costs, columns, network = program.costs, program.columns, instance.network
    busy = costs.runs[:, None] * costs.seconds / instance.batch
    air_seconds = costs.air_seconds / instance.batch  # as the objective, for one sample
    least = np.where(costs.may_run, busy, np.inf).min(axis=1, initial=np.inf)
    floor = float(least[np.isfinite(least)].max(initial=0.0))
    average = max(float(busy.mean(axis=1).max(initial=0.0)), float(air_seconds.max(initial=0.0)))
    size = scale_s or expected_size(floor, average)

    def below_bottleneck(variables: Ints, seconds: Floats) -> None:
        if seconds.any():
            coefficients = np.append(np.minimum(seconds / size, _MOST), -1.0)
            program.rows.add(np.append(variables, columns.latest), coefficients, -np.inf, 0.0)

    for node, most in enumerate(network.max_utilization.tolist()):
        below_bottleneck(columns.place[:, node], busy[:, node] / max(most, 1.0 / _MOST))
    for medium in range(network.media):
        links = network.link_medium == medium
        below_bottleneck(columns.flow[:, links].ravel(), air_seconds[:, links].ravel())
    if np.isfinite(cutoff_s):
        program.rows.add(np.array([columns.latest]), np.ones(1), 0.0, cutoff_s / size * (1.0 + TOLERANCE))
    objective = np.zeros(columns.count)
    objective[columns.latest] = size
    return replace(program, objective=objective, scale=size)

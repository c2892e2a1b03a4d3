"""Several apps on one network: what is planned together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.clear.problem.points import without_dominated
from planner.fin.instance.instance import Instance, build_instance
from planner.fin.instance.network import Ints, Network
from planner.schemas.planning.model import Model
from planner.schemas.planning.workload import App
from planner.schemas.reading.problems import InputError, Problem


@dataclass(frozen=True)
class JointInstance:
    """A apps that share the N nodes and M media of a network. What is minimised is power, in watts."""

    network: Network
    apps: tuple[Instance, ...]
    """Every app has a rate above 0 and minimises energy."""

    @cached_property
    def kinds(self) -> Ints:
        """(N,) a number for each kind of node: those of one number are equal for every app, but for where they are."""
        network = self.network
        rows = [network.idle_power_w, network.memory_bytes, network.max_utilization, network.hosts]
        rows += [network.slowest, network.fastest, network.static_power_w]
        for app in self.apps:
            for costs in (app.blocks, app.heads):
                rows += [*costs.time_s, *costs.dynamic_j]
            rows += [*app.allowed, np.arange(network.size) == app.source]
        _, kinds = np.unique(np.array(rows, dtype=np.float64), axis=1, return_inverse=True)
        return np.asarray(kinds.ravel())

    @property
    def count(self) -> int:
        """Number of apps."""
        return len(self.apps)


def build_joint(
    apps: Sequence[tuple[App, Model]], network: Network, per_exit_thresholds: bool = False
) -> JointInstance:
    """Resolve every app of a workload against the network that all share.

    Raises:
        InputError: With every app that has no rate or minimises latency, and every name that is not there.
    """
    problems = [problem for app, _ in apps for problem in _not_joint(app)]
    instances = []
    for app, model in apps:
        try:
            instances.append(without_dominated(build_instance(app, model, network, per_exit_thresholds)))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return JointInstance(network, tuple(instances))


def _not_joint(app: App) -> list[Problem]:
    """Say why an app cannot be planned together with others."""
    problems = []
    if not app.rate_per_s > 0.0:
        fix = "give the inferences per second of every app that is planned with others"
        message = "the app loads no node without a rate"
        problems.append(Problem("", f"app {app.name}: rate_per_s", str(app.rate_per_s), message, fix))
    if app.objective != "energy":
        message, fix = "apps that are planned together minimise power", "leave the objective out, or plan it alone"
        problems.append(Problem("", f"app {app.name}: objective", app.objective, message, fix))
    return problems

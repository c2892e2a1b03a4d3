"""Joint instance: several apps on one network, its equivalence classes of nodes and its priced media."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from planner.clear.problem.column import Column, column_of
from planner.clear.problem.joint_app import JointApp
from planner.clear.problem.points import without_dominated
from planner.fin.instance.decision import Decision
from planner.fin.instance.instance import Instance, build_instance
from planner.fin.instance.network import Ints, Network
from planner.fin.instance.unknown_names import unknown_objective
from planner.fin.instance.variants import expanded_variants
from planner.schemas.planning.memory import memory_may_bind
from planner.schemas.planning.variants import Pair, by_app
from planner.schemas.planning.workload import POWER, App
from planner.schemas.reading.problems import InputError, Problem, shown

_LOADED = 0.02
"""Media that all apps together could load more than this are priced."""


@dataclass(frozen=True, eq=False)
class NodeCounts:
    """How many nodes of each kind host a block: the decisions of branch and bound, by node class."""

    least: Ints
    """(K,)"""
    most: Ints
    """(K,)"""


@dataclass(frozen=True)
class JointInstance:
    """A apps that share the N nodes and M media of a network; searches of columns minimise power, in watts."""

    network: Network
    apps: tuple[JointApp, ...]
    """Every app has a rate above 0 and minimises energy."""
    branch: NodeCounts | None = None
    """Bounds on the number of nodes in use; None where every number is allowed."""
    objective: str = POWER
    """What all apps together are planned for: `power`, `latency`, `accuracy` or a metric."""

    @cached_property
    def node_counts(self) -> NodeCounts:
        """Bounds on the number of nodes in use of each of the K classes."""
        size = np.bincount(self.kinds)
        return self.branch or NodeCounts(np.zeros_like(size), size)

    def restricted_to(self, branch: NodeCounts) -> JointInstance:
        """Return the subproblem of a branch: classes of which no node may be in use host nothing."""
        allowed = (branch.most > 0)[self.kinds]
        apps = tuple(app.each(lambda one: replace(one, allowed=one.allowed & allowed)) for app in self.apps)
        found = JointInstance(self.network, apps, branch, self.objective)
        found.__dict__["kinds"], found.__dict__["media"] = self.kinds, self.media
        return found

    @cached_property
    def media(self) -> Ints:
        """(T,) media that all apps together could load noticeably; all others have no price."""
        network, bit_per_s = self.network, 0.0
        for app in self.apps:
            bit_per_s += app.inferences_per_s * max(_most_bits(variant) for variant in app.variants)
        slowest = np.full(network.media, np.inf)
        np.minimum.at(slowest, network.link_medium, network.link_bit_per_s)
        return np.flatnonzero(bit_per_s / slowest > _LOADED)

    @cached_property
    def kinds(self) -> Ints:
        """(N,) the equivalence class of each node: nodes of one class are equal for every app, but for their links."""
        network = self.network
        rows = [network.idle_power_w, network.memory_bytes, network.max_utilization, network.hosts]
        rows += [network.slowest, network.fastest, network.static_power_w]
        for app in self.variants:
            for costs in (app.blocks, app.heads):
                rows += [*costs.time_s, *costs.dynamic_j]
            for metric in app.used_metrics:
                costs_of = app.metric_costs
                for added in (costs_of.blocks, costs_of.heads, costs_of.dynamic_blocks, costs_of.dynamic_heads):
                    rows += [*added[metric]]
            rows += [*app.allowed, np.arange(network.size) == app.source]
        _, kinds = np.unique(np.array(rows, dtype=np.float64), axis=1, return_inverse=True)
        return np.asarray(kinds.ravel())

    @property
    def count(self) -> int:
        """Number of apps."""
        return len(self.apps)

    @property
    def variants(self) -> Iterator[Instance]:
        """Every variant of every app in turn."""
        return (variant for app in self.apps for variant in app.variants)

    def each(self, change: Callable[[Instance], Instance]) -> JointInstance:
        """Return the workload with every variant of every app changed; nothing that was kept of this one is kept."""
        return JointInstance(self.network, tuple(app.each(change) for app in self.apps), self.branch, self.objective)

    def column(self, app: int, decision: Decision, exit_set: int = 0) -> Column:
        """Compute the column of a decision of an app, by the variant that it names.

        Args:
            app: Which app (index).
            decision: Its variant, operating point, hosts and routes.
            exit_set: Which exits are in time, where a percentile can be met by several sets.

        Returns:
            The column, as `column_of` forms it.
        """
        return column_of(app, self.apps[app].variants[decision.variant], decision, exit_set)


def _most_bits(variant: Instance) -> float:
    """Return the largest message of a variant."""
    carried = [row.bits for row in variant.inputs(len(variant.block_names))]
    return float(max(*carried, *variant.output_bits, *variant.result_bits))


def build_joint(
    apps: Sequence[Pair], network: Network, per_exit_thresholds: bool = False, objective: str = POWER
) -> JointInstance:
    """Resolve every app of a workload against the network that all share.

    Args:
        apps: Every app with its model; with each of them in turn where it names several.
        network: The network, packages expanded.
        per_exit_thresholds: Whether operating points are designed with one threshold per exit.
        objective: What all apps together are planned for.

    Returns:
        The joint instance.

    Raises:
        InputError: With every app that has no rate or minimises latency, and every name that is not there.
    """
    groups = by_app(apps)
    problems = [problem for pairs in groups.values() for problem in _not_joint(pairs[0][0], objective)]
    problems += unknown_objective(objective, network)
    found = []
    largest = max(max(app.batch) for app, _ in apps)
    scarce = memory_may_bind([model for _, model in apps], float(network.memory_bytes.min()) / largest)
    sharers = Counter(path for pairs in groups.values() for path in {app.models[0] for app, _ in pairs})
    for pairs in groups.values():
        try:
            own = _resolved(pairs, network, per_exit_thresholds, objective, shares_memory=scarce)
            found.append(own.each(lambda one: _with_sharers(one, sharers)))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return JointInstance(network, tuple(found), objective=objective)


def _with_sharers(variant: Instance, sharers: Mapping[str, int]) -> Instance:
    """Return a variant that knows how many apps may share the named parameters of its model."""
    memory = variant.memory
    return variant if memory is None else replace(variant, memory=replace(memory, sharers=sharers[memory.model]))


def _resolved(
    pairs: Sequence[Pair], network: Network, per_exit_thresholds: bool, objective: str, *, shares_memory: bool
) -> JointApp:
    """Return the variants of an app; where accuracy is planned for, its default of a least accuracy is none."""
    if objective == "accuracy":
        pairs = [(app.model_copy(update={"objective": objective}), model) for app, model in pairs]
    variants = []
    for app, model in expanded_variants(pairs, per_exit_thresholds):
        one = build_instance(app, model, network, per_exit_thresholds, shares_memory=shares_memory)
        one = replace(one, minimise="energy")
        one = replace(one, model=app.models[0] if len(pairs) > 1 else None)
        variants.append(without_dominated(one, by_accuracy=objective == "accuracy"))
    return JointApp(tuple(variants))


_KEPT = frozenset({
    "name", "model", "source", "destination", "rate_per_s", "max_latency_s", "latency", "min_accuracy", "pin",
    "private_until", "objective", "max_energy_j", "limits", "batch",
})  # fmt: skip
"""Fields of an app that joint plans keep; what any other one asks for is refused, so that no limit is ignored."""


def _not_joint(app: App, objective: str) -> list[Problem]:
    """Say why an app cannot be planned together with others."""
    problems = []
    if objective == "latency" and app.max_latency_s is None:
        message = "the latency is weighed against its limit, and the app has none"
        problems.append(Problem("", f"app {app.name}: max_latency_s", "", message, "give every app a max_latency_s"))
    if not app.rate_per_s > 0.0:
        fix = "give every app a rate_per_s above 0, in inferences per second"
        message = "the app loads no node without a rate"
        problems.append(Problem("", f"app {app.name}: rate_per_s", str(app.rate_per_s), message, fix))
    for name, field in type(app).model_fields.items():
        asked = getattr(app, name)
        if name not in _KEPT and asked != field.get_default(call_default_factory=True):
            message, fix = "methods for several apps do not keep this", "leave it out, or plan the app alone"
            problems.append(Problem("", f"app {app.name}: {name}", shown(asked), message, fix))
    if app.objective != "energy":
        message = "apps that are planned together have one objective, that of their workload"
        fix = "leave it out here; the workload's objective may be power, latency, accuracy or a metric"
        problems.append(Problem("", f"app {app.name}: objective", app.objective, message, fix))
    return problems

"""One app to place: its model, network and limits as arrays, names resolved to indices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from planner.fin.instance.costs import Costs, block_and_head_costs
from planner.fin.instance.dataflow import Dataflow, TensorInput, dataflow_of, output_bits
from planner.fin.instance.memory import SharedMemory, shared_memory_of
from planner.fin.instance.metrics import MetricCosts
from planner.fin.instance.network import Bools, Floats, Network
from planner.fin.instance.operating_points import OperatingPoints, operating_points
from planner.fin.instance.unknown_names import refuse_unknown_accuracy, refuse_unknown_metrics, refuse_unknown_names
from planner.schemas.planning.memory import memory_may_bind
from planner.schemas.planning.model import Model
from planner.schemas.planning.privacy import private_blocks
from planner.schemas.planning.workload import LIMITED_FIGURES, MAXIMISED, MINIMISED, App, least_accuracy, percentile_of
from planner.schemas.reading.problems import input_error

TOLERANCE = 1e-9
"""Relative tolerance of every limit."""
_KIND_OF: dict[str, str] = {row.name: row.kind for row in LIMITED_FIGURES}
_UNIT_OF: dict[str, str] = {row.kind: row.unit for row in LIMITED_FIGURES}


@dataclass(frozen=True)
class Limits:
    """What a plan must keep; infinite where there is no limit."""

    figures: Mapping[str, float]
    """Largest values of figures that every plan has, by the kinds of `LIMITED_FIGURES`, each in its unit."""
    min_accuracy: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Largest values of those metrics that have a limit, by name."""

    @property
    def latency_s(self) -> float:
        """Limit on the latency, in seconds."""
        return self.most("latency")

    @property
    def energy_j(self) -> float:
        """Limit on the energy of one inference, in joules."""
        return self.most("energy")

    def most(self, kind: str) -> float:
        """Return the largest value of a figure, infinite for no limit.

        Args:
            kind: A kind of `LIMITED_FIGURES`, such as `latency` (in seconds), or the name of a metric (in its unit).
        """
        return (self.figures if kind in _UNIT_OF else self.metrics).get(kind, np.inf)

    def with_most(self, kind: str, most: float) -> Limits:
        """Return the same limits with another one on a figure; infinite for none."""
        held = self.figures if kind in _UNIT_OF else self.metrics
        held = {**held, kind: most} if np.isfinite(most) else {name: held[name] for name in held if name != kind}
        return replace(self, figures=held) if kind in _UNIT_OF else replace(self, metrics=held)

    def without(self, kind: str) -> Limits:
        """Return the same limits without that on a figure."""
        return self.with_most(kind, np.inf)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Figures that have a limit: those of `LIMITED_FIGURES` in their order, then metrics."""
        return tuple(kind for kind in (*_UNIT_OF, *self.metrics) if np.isfinite(self.most(kind)))

    @property
    def of_paths(self) -> tuple[str, ...]:
        """Figures with a limit that are no sums over blocks and links, but resources of paths."""
        return tuple(kind for kind in self.kinds if kind in _UNIT_OF and kind not in MINIMISED)

    def limited(self, **figures: Floats) -> list[tuple[Floats, float]]:
        """Return the given figures that have a limit, each with it.

        Args:
            **figures: Values by the name of the figure, such as `latency_s`.
        """
        pairs = [(values, self.most(_KIND_OF[name])) for name, values in figures.items()]
        return [(values, limit) for values, limit in pairs if np.isfinite(limit)]

    def keep(self, **figures: Floats | float) -> Bools:
        """Tell which figures are within their limits, to the tolerance of limits.

        Args:
            **figures: Values (of one shape) by the name of the figure, such as `latency_s`.
        """
        slack = 1.0 + TOLERANCE
        kept = [np.asarray(values <= self.most(_KIND_OF[name]) * slack) for name, values in figures.items()]
        return np.asarray(np.all(kept, axis=0))


@dataclass(frozen=True, eq=False)
class Instance:
    """An app with L blocks, X exits and K operating points on a network of N nodes."""

    name: str
    block_names: tuple[str, ...]
    network: Network
    points: OperatingPoints
    """Only those that are accurate enough."""
    most_accurate: float
    """Best accuracy that the model offers, whatever the limit; 0 where it is not known."""
    blocks: Costs
    heads: Costs
    block_bytes: Floats
    """(L,) memory that a block holds: its own parameters and its state."""
    head_bytes: Floats
    input_bits: float
    output_bits: Floats
    result_bits: Floats
    """(X,) size of a result of each exit."""
    allowed: Bools
    """(L, N) whether pins and abilities let a block run on a node."""
    source: int
    destination: int | None
    rate_per_s: float
    statistic: str
    """`worst`, `mean` or a percentile such as `p95`."""
    minimise: str
    """`energy`, `latency`, the name of a metric, or one of those that are maximised: `rate`, `accuracy`."""
    limits: Limits
    metric_costs: MetricCosts
    """What blocks and heads add to the metrics of the network."""
    dataflow: Dataflow | None = None
    """What blocks read; None where each reads the output of the block before alone."""
    memory: SharedMemory | None = None
    """Memory beyond the sum over blocks; None where it is no more than that, or every node holds the whole model."""
    point_j: Floats | None = None
    """(K,) joules that joint plans charge for an operating point itself; searches of one app leave them out."""
    batch: int = 1
    """Samples that run together.

    Of batches, times and rates are those of a whole batch (so are those of links, by their speed), energies and metrics
    its parts for one sample; blocks count with `OperatingPoints.computing_weight`, what is carried with the reach.
    """
    filling_s: float = 0.0
    """Wait until the batch is full, in seconds; a part of every latency."""
    model: str | None = None
    """Model that this is a variant with; None where the app names one model alone."""

    @property
    def variant(self) -> str:
        """What tells this variant of the app from the others, for messages."""
        size = f"batch {self.batch}" if self.batch > 1 or self.model is None else ""
        return ", ".join(part for part in (self.model, size) if part)

    @property
    def inferences_per_s(self) -> float:
        """Samples per second: the rate of batches times their size."""
        return self.rate_per_s * self.batch

    @property
    def is_plain(self) -> bool:
        """Whether the blocks are a chain and memory is a sum over them."""
        return self.dataflow is None and self.memory is None

    def inputs(self, depth: int) -> list[TensorInput]:
        """Return what the first `depth` blocks read, in order of the readers: one row for each route of a decision."""
        if self.dataflow is not None:
            return self.dataflow.inputs(depth)
        bits = [self.input_bits, *self.output_bits.tolist()]
        return [TensorInput(block, block - 1, block, float(bits[block]), None) for block in range(depth)]

    @property
    def percentile(self) -> float | None:
        """Fraction of samples that must be in time, None for worst and mean."""
        return percentile_of(self.statistic)

    def with_limits(self, **changes: float) -> Instance:
        """Return the same app with other limits on figures, by the name of each, such as `latency_s`."""
        limits = self.limits
        for name, most in changes.items():
            limits = limits.with_most(_KIND_OF[name], most)
        return replace(self, limits=limits)

    def without_metrics(self) -> Instance:
        """Return the same app without limits on metrics, for methods that do not know them."""
        return replace(self, limits=replace(self.limits, metrics={})) if self.limits.metrics else self

    def limited(self, kind: str, most: float) -> Instance:
        """Return the same app with another limit on one figure, in its unit; infinite for none."""
        return replace(self, limits=self.limits.with_most(kind, most))

    @property
    def own_limit(self) -> float:
        """Limit on the objective itself, in its unit."""
        return self.limits.most(self.minimise)

    @property
    def counterpart(self) -> str:
        """The figure that the objective is weighed against first: latency, or energy where latency is minimised."""
        return "energy" if self.minimise == "latency" else "latency"

    @property
    def other_limit(self) -> float:
        """Limit on the counterpart of the objective, in seconds or joules."""
        return self.limits.most(self.counterpart)

    @property
    def further_limits(self) -> tuple[str, ...]:
        """Sums with a limit besides the objective and its counterpart: energy, then metrics."""
        others = (self.minimise, self.counterpart, *self.limits.of_paths)
        return tuple(kind for kind in self.limits.kinds if kind not in others)

    @property
    def used_metrics(self) -> tuple[int, ...]:
        """Indices of the metrics that are minimised or limited."""
        names = self.network.metrics.names
        used = {self.minimise, *self.further_limits}
        return tuple(index for index, name in enumerate(names) if name in used)

    @property
    def by_metrics(self) -> bool:
        """Whether a metric is minimised or limited."""
        return self.minimise not in (*MINIMISED, *MAXIMISED) or bool(self.limits.metrics)

    def unit_of(self, kind: str) -> str:
        """Return the unit of a figure: J, s, that of a metric, or nothing for counts."""
        return _UNIT_OF[kind] if kind in _UNIT_OF else self.network.metrics.unit_of[kind]

    def only_points(self, mask: Bools) -> Instance:
        """Return the same app with some of its operating points."""
        own = None if self.point_j is None else self.point_j[mask]
        return replace(self, points=self.points.take(mask), point_j=own)


def build_instance(
    app: App, model: Model, network: Network, per_exit_thresholds: bool = False, *, shares_memory: bool = False
) -> Instance:
    """Resolve an app against its model and network.

    Args:
        app: The app with its limits; names as in the model and the topology. Of its batch sizes the first one counts.
        model: The model.
        network: The network, packages expanded.
        per_exit_thresholds: Whether operating points are designed with one threshold per exit.
        shares_memory: Whether other apps hold memory of the nodes too, so that this one alone does not say if it binds.

    Returns:
        The arrays that methods search on, with the operating points that are accurate enough (there may be none).

    Raises:
        InputError: A name is not there, or nothing says what a node costs.
    """
    refuse_unknown_names(app, model, network)
    refuse_unknown_accuracy(app, model)
    refuse_unknown_metrics(app, network)
    batch = app.batch[0]
    points = operating_points(model, per_exit_thresholds)
    if batch > 1:  # a whole batch crosses a link
        network = replace(network, link_bit_per_s=network.link_bit_per_s / batch)
        points = replace(points, batch=batch)
    by_name = {head.name: head for head in model.exits}
    heads_in_order = [by_name[name] for name in points.exit_names]
    blocks, heads = block_and_head_costs(model, network, points.exit_names, batch)
    dataflow = dataflow_of(model)
    limited = shares_memory or memory_may_bind([model], float(network.memory_bytes.min()) / batch)
    figures: dict[str, float] = {row.kind: limit for row in LIMITED_FIGURES if (limit := row.limit_of(app)) is not None}
    best = float(points.accuracy.max())
    least = least_accuracy(app, best)
    return Instance(
        name=app.name,
        block_names=tuple(block.name for block in model.blocks),
        network=network,
        points=points.take(points.accuracy >= least * (1.0 - TOLERANCE)),
        most_accurate=best,
        blocks=blocks,
        heads=heads,
        block_bytes=np.array([block.param_bytes + batch * block.state_bytes for block in model.blocks]),
        head_bytes=np.array([head.param_bytes + batch * head.state_bytes for head in heads_in_order]),
        input_bits=model.input_bits,
        output_bits=output_bits(model, dataflow),
        result_bits=np.array([head.result_bits for head in heads_in_order]),
        allowed=_allowed(app, model, network) & blocks.can_run,
        source=_source(app, network),
        destination=None if app.destination is None else network.index(app.destination),
        rate_per_s=app.rate_per_s / batch,
        statistic=app.latency,
        minimise=app.objective,
        limits=Limits(figures, least, dict(app.limits)),
        metric_costs=metric_costs(network, blocks, heads, batch),
        dataflow=None if dataflow.is_chain else dataflow,
        batch=batch,
        filling_s=(batch - 1) / app.rate_per_s if batch > 1 else 0.0,
        memory=shared_memory_of(model, heads_in_order, batch, app.models[0]) if limited else None,
    )


def metric_costs(network: Network, blocks: Costs, heads: Costs, batch: int = 1) -> MetricCosts:
    """Compute what blocks and heads add to the metrics of a network, from their times and energies.

    Args:
        network: The network.
        blocks: Costs of the blocks, times without waiting for a share.
        heads: Costs of the exit heads, likewise.
        batch: Samples that run together.

    Returns:
        (M, L, N) figures of blocks and (M, X, N) of heads, per inference, with the dynamic part of each at speed 1.
    """
    added, per_j = network.metrics.of_computing, network.metrics.per_j[:, None, :]
    return MetricCosts(
        added(blocks.time_s / batch, blocks.energy_j),
        added(heads.time_s / batch, heads.energy_j),
        per_j * blocks.dynamic_j,
        per_j * heads.dynamic_j,
    )


def _source(app: App, network: Network) -> int:
    if app.source is not None:
        return network.index(app.source)
    mobile = [index for index, tier in enumerate(network.tiers) if tier == "mobile"]
    hosting = np.flatnonzero(network.hosts)
    return mobile[0] if mobile else int(hosting[0])


def _allowed(app: App, model: Model, network: Network) -> Bools:
    allowed = np.ones((len(model.blocks), network.size), dtype=bool)
    for index, block in enumerate(model.blocks):
        if block.name in app.pin:
            allowed[index] = np.isin(np.arange(network.size), [network.index(name) for name in app.pin[block.name]])
    if app.private_until is not None:
        kept = set(private_blocks(app.private_until, model))
        source = _source(app, network)
        for pinned, nodes in app.pin.items():
            if pinned in kept and network.names[source] not in nodes:
                message = f"the block {pinned!r} is pinned away from the source {network.names[source]!r}"
                names = [block.name for block in model.blocks]
                if names.index(pinned) > names.index(app.private_until):
                    message += f", and reads data from before {app.private_until!r}"
                fix = "leave out one of the two"
                raise input_error(message, fix, path=f"app {app.name}: private_until", value=app.private_until)
        stays = np.array([block.name in kept for block in model.blocks])
        allowed[stays] &= np.arange(network.size) == source
    return allowed

"""workload.json: the apps that ask for inferences, each with its limits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, TypedDict

from pydantic import Field

from planner.schemas.planning.batches import BatchSize, check_batch
from planner.schemas.reading.base import (
    MOST_COUNT,
    Document,
    Finding,
    Fraction,
    Name,
    Positive,
    Quantity,
    Strict,
    Version,
    duplicate_names,
    field_of,
    items_of,
    mapping_of,
)
from planner.schemas.reading.forms import STATISTIC
from planner.schemas.reading.one_or_many import BY_FORM, MANY, ONE
from planner.schemas.reading.quantities import format_quantity

Objective = Annotated[str, Field(min_length=1, max_length=100)]
"""`energy`, `latency`, `rate`, `accuracy`, or the name of a metric of the topology."""
MAXIMISED = ("rate", "accuracy")
"""Objectives that are maximised; all others are minimised."""
POWER = "power"
"""Objective of a workload by default: the power of all apps together."""
_NOT_TOGETHER = ("energy", "rate")
FigureKind = Literal["latency", "energy", "nodes"]
ModelNames = Annotated[
    Annotated[Name, ONE] | Annotated[Annotated[tuple[Name, ...], Field(min_length=1)], MANY], BY_FORM
]
"""The model of an app, or several of which the planner chooses one."""
NodeCount = Annotated[int, Field(ge=1, le=MOST_COUNT)]
Pins = Mapping[str, str | Sequence[str]] | Sequence[str]
"""Nodes by block, or texts ``BLOCK=NODE[,NODE]``; BLOCK may be a name, a pattern (encoder*) or a range (b1..b4)."""
Statistic = Annotated[str, Field(pattern=STATISTIC.pattern)]


class App(Strict):
    """One model asked for by one source node at one rate, with its limits."""

    name: Name = Field("app", description="Name, unique in the workload.")
    model: ModelNames = Field(
        description="Path of the model file, relative to the workload file; or a list of paths, of which the planner "
        "chooses one."
    )
    source: Name | None = Field(
        None, description="Node that holds the input (none: the first mobile node, else the first)."
    )
    destination: Name | None = Field(
        None, description="Node that needs the results (none: they stay where they are made)."
    )
    rate_per_s: Quantity = Field(
        0.0,
        description="Inferences per second (0: one inference, capacity not loaded); the least rate where the rate is "
        "maximised.",
    )
    max_latency_s: Positive | None = Field(None, description="Latency limit in seconds (none: no limit).")
    latency: Statistic = Field("worst", description="Which latency counts: worst, mean, or a percentile such as p95.")
    min_accuracy: Fraction | None = Field(None, description="Least accuracy (none: the best that the model offers).")
    batch: tuple[BatchSize, ...] = Field(
        (1,), min_length=1, description="Batch sizes of which the planner chooses one (count); above 1 needs a rate."
    )
    pin: dict[str, tuple[Name, ...]] = Field(
        default_factory=dict, description="Nodes that a block may run on, by block."
    )
    private_until: Name | None = Field(
        None,
        description="Block before which no data leave the source: the blocks up to and including it stay there, and "
        "those that read the input or an output from before it (none: data may leave at once).",
    )
    objective: Objective = Field(
        "energy",
        description="What is minimised: energy, latency, or a metric of the topology by its name; or what is "
        "maximised: rate (the largest that the plan sustains) or accuracy.",
    )
    max_energy_j: Quantity | None = Field(None, description="Energy limit of one inference, in joules.")
    max_nodes: NodeCount | None = Field(None, description="Most nodes that may run blocks of the app (count).")
    limits: dict[str, Quantity] = Field(
        default_factory=dict,
        description="Largest values of metrics of the topology, of one inference, by name, each in its metric's unit.",
    )

    @property
    def models(self) -> tuple[str, ...]:
        """Paths of the models of which one is chosen; of the one model where there is no choice."""
        return (self.model,) if isinstance(self.model, str) else self.model


class AppLimits(TypedDict, total=False):
    """What is asked of one app: arguments of `planner.plan`, `compare`, `pareto` and `check`; None is the default.

    Beside a workload, which holds the limits of its apps, only `app` or `objective` may be given.

    Attributes:
        source: Node that holds the input (default: the first mobile node, else the first).
        destination: Node that needs the results (default: they stay where they are made).
        rate_per_s: Inferences per second (default: 0, a single one that loads no capacity).
        max_latency_s: Latency limit in seconds.
        latency: Which latency counts: `worst` (the default), `mean` or a percentile such as `p95`.
        min_accuracy: Least accuracy as a fraction (default: the best that the model offers).
        max_energy_j: Energy limit of one inference in joules.
        max_nodes: Most nodes that may run blocks of the app.
        limits: Largest values of metrics of the topology, by name: numbers in the metric's unit, or texts such as
            ``"50mJ"``.
        objective: What is minimised: `energy` (the default), `latency` or a metric of the topology; or what is
            maximised: `rate` (the largest that the plan sustains, `rate_per_s` being the least) or `accuracy`. Beside a
            workload, what all apps are planned for: `power`, `latency` (the largest over its limit), `accuracy` (the
            mean weighted by rates) or a metric.
        batch: Batch size, or several of which one is chosen (default: 1); above 1 a rate is needed.
        pin: Node, or list of nodes, that a block may run on, by block: ``{"a": "laptop"}``; also patterns
            (``encoder*``) and ranges (``b1..b4``) of blocks.
        private_until: Block before which no data leave the source: the blocks up to and including it stay there, and
            those that read the input or an output from before it.
        app: Name of the app of the workload that is planned alone, by its own objective (default: all together).
    """

    source: str | None
    destination: str | None
    rate_per_s: float | None
    max_latency_s: float | None
    latency: str | None
    min_accuracy: float | None
    max_energy_j: float | None
    max_nodes: int | None
    limits: Mapping[str, float | str] | None
    objective: str | None
    batch: int | Sequence[int] | None
    pin: Pins | None
    private_until: str | None
    app: str | None


@dataclass(frozen=True)
class LimitedFigure:
    """A figure of an app's plan that the app may limit, as schemas, options, texts, pages and the verifier know it.

    Example:
        >>> [figure.kind for figure in LIMITED_FIGURES]
        ['latency', 'energy', 'nodes']
    """

    kind: FigureKind
    """What messages and diagnoses call it, and the objective that minimises it where it is a sum."""
    field: str
    """Field of `App` that holds the largest value; None there is no limit."""
    name: str
    """Field or property of `AppPlacement` that tells it."""
    unit: str
    """Unit of the figure; empty for counts."""
    metavar: str
    """What the value of its option stands for. The option is named after the field, without the unit."""
    help: str
    """Text of the option."""
    summed: bool = True
    """Whether it is a sum over blocks and links: it can be minimised then, and all pages show it.

    Any other figure is a resource of paths (`planner.fin.path_resources`), shown where an app limits it.
    """

    @property
    def option(self) -> str:
        """Name of the parameter of the command line, such as `max_latency`."""
        return self.field.removesuffix(f"_{self.unit.lower()}") if self.unit else self.field

    def limit_of(self, app: App) -> float | None:
        """Return the largest value that an app allows, in `unit`; None for no limit."""
        limit: float | None = getattr(app, self.field)
        return limit

    def told_by(self, plan: object) -> float | None:
        """Return the figure that a plan tells, in `unit`; None where it tells none, as plans of joint methods may."""
        value: float | None = getattr(plan, self.name)
        return value

    def value_of(self, plan: object) -> float:
        """Return the figure of a plan that tells it, in `unit`."""
        value: float = getattr(plan, self.name)
        return value

    def text(self, value: float) -> str:
        """Return a value of the figure in words, such as ``35.64 ms`` or ``2 nodes``."""
        return format_quantity(value, self.unit or self.kind)

    @property
    def noun(self) -> str:
        """What sentences call the figure, such as ``number of nodes``."""
        return self.kind if self.unit else f"number of {self.kind}"


LIMITED_FIGURES = (
    LimitedFigure("latency", "max_latency_s", "latency_s", "s", "TIME", "Latency limit, such as 50ms."),
    LimitedFigure(
        "energy", "max_energy_j", "energy_j", "J", "ENERGY",
        "Energy limit of one inference on all nodes and links, such as 20mJ.",
    ),
    LimitedFigure(
        "nodes", "max_nodes", "nodes_used", "", "COUNT", "Most nodes that may run blocks of the app.", summed=False
    ),
)  # fmt: skip
"""Every figure with a limit of its own; those of metrics of a topology are in `App.limits`.

A new one is a field of `App` and of `AppLimits`, a kind and a row here. Options, texts, pages, messages, settings read
back from suites and the names that no metric may bear follow from the row.
"""
MINIMISED = tuple(row.kind for row in LIMITED_FIGURES if row.summed)
"""Figures that an app may minimise; of metrics, any."""
_OWN_FIELDS: dict[str, str] = {row.kind: row.field for row in LIMITED_FIGURES}
_OWN_FIELDS |= {"accuracy": "min_accuracy", "rate": "rate_per_s"}
_OWN_OPTIONS: dict[str, str] = {row.kind: f"--{row.option.replace('_', '-')}" for row in LIMITED_FIGURES}
_OWN_OPTIONS |= {"accuracy": "--min-accuracy", "rate": "--rate"}


def shown_figures(apps: Sequence[App]) -> tuple[LimitedFigure, ...]:
    """Return the figures that texts and pages show of plans: sums always, others where one of the apps limits them."""
    return tuple(row for row in LIMITED_FIGURES if row.summed or any(row.limit_of(app) is not None for app in apps))


def percentile_of(statistic: str) -> float | None:
    """Return the fraction that a percentile such as ``p95`` stands for, None for worst and mean."""
    match = re.fullmatch(r"p(\d+(?:\.\d+)?)", statistic)
    return float(match.group(1)) / 100.0 if match else None


def least_accuracy(app: App, best: float) -> float:
    """Return the least accuracy that an app asks for; by default the best, or none where accuracy is maximised.

    Args:
        app: The app.
        best: Best accuracy that its model offers (fraction).
    """
    if app.min_accuracy is not None:
        return app.min_accuracy
    return 0.0 if app.objective == "accuracy" else best


def _check_objective(data: object) -> Iterator[Finding]:
    """Find what an objective of all apps together cannot go with."""
    objective = field_of(data, "objective")
    if not isinstance(objective, str) or objective == POWER:
        return
    if objective in _NOT_TOGETHER:
        message = "this is no objective of several apps"
        yield ("objective",), objective, message, f"use {POWER}, latency, accuracy or a metric of the topology"
        return
    for index, app in enumerate(items_of(data, "apps")):
        own = field_of(app, "objective")
        if isinstance(own, str) and own != "energy":
            message = f"the workload has an objective for all apps, {objective}"
            yield ("apps", index, "objective"), own, message, "leave one of the two out"
        if objective == "latency" and field_of(app, "max_latency_s") is None:
            message = "the latency is weighed against its limit, and the app has none"
            yield ("apps", index, "max_latency_s"), None, message, "give every app a max_latency_s"


def _check_workload(data: object) -> Iterator[Finding]:
    apps = items_of(data, "apps")
    yield from duplicate_names("apps", apps)
    yield from _check_objective(data)
    for index, app in enumerate(apps):
        statistic = field_of(app, "latency")
        if isinstance(statistic, str) and percentile_of(statistic) == 0.0:
            yield (
                ("apps", index, "latency"),
                statistic,
                "no sample is at or below the 0th percentile",
                "use p1 to p100",
            )
        pins = field_of(app, "pin")
        if isinstance(pins, dict):
            for block, nodes in pins.items():
                if isinstance(nodes, (list, tuple)) and not nodes:
                    fix = "name at least one node, or leave the block out"
                    yield ("apps", index, "pin", block), [], "the block is pinned to no node", fix
        yield from check_batch(("apps", index, "batch"), items_of(app, "batch"), app)
        yield from _check_models(("apps", index, "model"), items_of(app, "model"))
        for name in mapping_of(app, "limits"):
            if field := _OWN_FIELDS.get(name):
                yield (
                    ("apps", index, "limits", name),
                    name,
                    "this is no metric of a topology",
                    f"use {field} for it ({_OWN_OPTIONS[name]})",
                )


def _check_models(where: tuple[str | int, ...], names: list[object]) -> Iterator[Finding]:
    """Report every model that stands twice among the alternatives of an app."""
    for index, name in enumerate(names):
        if name in names[:index]:
            yield (*where, index), name, "this model stands twice", "name each alternative once"


class Workload(Document):
    """All apps that are planned together."""

    cross_checks: ClassVar = _check_workload

    schema_version: Version
    apps: tuple[App, ...] = Field(min_length=1, description="The apps.")
    objective: Objective = Field(
        POWER,
        description="What all apps together are planned for: least power, latency (the largest of the apps' latencies "
        "over their limits) or metric of the topology by its name (rates times figures, summed); or best accuracy "
        "(mean weighted by rates).",
    )

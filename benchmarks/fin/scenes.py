"""Generated problems: networks in which every node reaches every other directly, and a relay never helps."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator, default_rng

from planner.fin.exact.method import Exact
from planner.fin.instance.decision import evaluate
from planner.fin.instance.instance import Instance, build_instance
from planner.fin.instance.network import Floats, Network, build_network
from planner.fin.method import Options
from planner.schemas import App, Block, Exit, Link, Model, Node, OperatingPoint, Topology

_SECONDS_PER_BIT, _JOULES_PER_BIT, _LATENCY_S = 1e-8, 2e-8, 1e-3
"""Least figures of a link; none is more than twice as much, so two links never beat one."""


@dataclass(frozen=True)
class Scene:
    """The typed inputs of one problem."""

    model: Model
    topology: Topology
    app: App

    def instance(self) -> Instance:
        """Return the arrays of the problem; a scene has no packages."""
        return build_instance(self.app, self.model, build_network(self.topology.nodes, self.topology.links))


def scene(blocks: int, nodes: int, seed: int) -> Scene:
    """Return a chain of blocks on a full mesh, with a deadline that binds."""
    random = default_rng(seed)
    model, figures = _model(blocks, random), _figures(nodes, random)
    names = _names(nodes)
    links = tuple(
        Link(source=names[i], target=names[j], bit_per_s=float(1.0 / figures.seconds_per_bit[i, j]),
             latency_s=float(figures.latency_s[i, j]), j_per_bit=float(figures.joules_per_bit[i, j]))
        for i in range(nodes) for j in range(nodes) if i != j
    )  # fmt: skip
    rows = zip(names, figures.ops_per_s.tolist(), figures.joules_per_op.tolist(), strict=True)
    devices = tuple(Node(name=name, ops_per_s=speed, j_per_op=joules) for name, speed, joules in rows)
    topology = Topology(schema_version="1", name=f"mesh-{nodes}", nodes=devices, links=links)
    app = App(name="app", model=model.name, source=names[0])
    free = Scene(model, topology, app)
    deadline_s = binding_deadline_s(free.instance())
    return replace(free, app=app.model_copy(update={"max_latency_s": deadline_s}))


def large_instance(blocks: int, nodes: int, seed: int) -> Instance:
    """Return the same kind of problem with its network built as arrays, for many nodes."""
    random = default_rng(seed)
    model, figures = _model(blocks, random), _figures(nodes, random)
    app = App(name="app", model=model.name, source="n0")
    instance = build_instance(app, model, _network(nodes, figures))
    return instance.with_limits(latency_s=binding_deadline_s(instance))


def binding_deadline_s(instance: Instance) -> float:
    """Return the middle between the least latency and that of the plan of least energy, in seconds."""
    latencies = []
    for minimise in ("energy", "latency"):
        decision = Exact().solve(replace(instance, minimise=minimise), Options()).plan
        if decision is None:
            message = "a full mesh without limits always has a plan"
            raise RuntimeError(message)
        latencies.append(evaluate(instance, decision).latency_s)
    return 0.5 * sum(latencies)


@dataclass(frozen=True)
class _Figures:
    """What nodes and links cost."""

    ops_per_s: Floats
    joules_per_op: Floats
    seconds_per_bit: Floats
    """(N, N)."""
    joules_per_bit: Floats
    latency_s: Floats


def _figures(nodes: int, random: Generator) -> _Figures:
    """Faster nodes take more energy per operation, with some noise."""
    speed = 10.0 ** random.uniform(10.0, 12.0, nodes)
    joules = 1e-11 * (speed / 1e10) ** 0.5 * random.uniform(0.7, 1.4, nodes)

    def once_to_twice(least: float) -> Floats:
        return least * random.uniform(1.0, 2.0, (nodes, nodes))

    metrics = (once_to_twice(least) for least in (_SECONDS_PER_BIT, _JOULES_PER_BIT, _LATENCY_S))
    return _Figures(speed, joules, *metrics)


def _model(blocks: int, random: Generator) -> Model:
    """A chain with one exit at its end."""
    ops, bits = random.uniform(1e8, 5e9, blocks).tolist(), random.uniform(1e5, 4e6, blocks).tolist()
    chain = tuple(
        Block(name=f"b{index}", ops=work, param_bytes=0.0, output_bits=size)
        for index, (work, size) in enumerate(zip(ops, bits, strict=True))
    )
    last = Exit(name="last", after=chain[-1].name, ops=0.0, param_bytes=0.0, result_bits=0.0)
    point = OperatingPoint(name="full", exit_fractions={"last": 1.0}, accuracy=0.9)
    return Model(
        schema_version="1", name=f"chain-{blocks}", input_bits=4e6,
        blocks=chain, exits=(last,), operating_points=(point,),
    )  # fmt: skip


def _network(nodes: int, figures: _Figures) -> Network:
    """Build a network of arrays, without an object per link."""
    source, target = np.nonzero(~np.eye(nodes, dtype=bool))
    zeros, none = np.zeros(nodes), np.full(nodes, np.inf)
    names = _names(nodes)
    return Network(
        names=names, tiers=("edge",) * nodes, hardware=(None,) * nodes, hosts=np.ones(nodes, dtype=bool),
        ops_per_s=figures.ops_per_s, j_per_op=figures.joules_per_op, active_power_w=np.full(nodes, np.nan),
        static_power_w=zeros, idle_power_w=zeros, memory_bytes=none, max_utilization=np.ones(nodes),
        slowest=np.ones(nodes), fastest=np.ones(nodes),
        link_source=source, link_target=target, link_bit_per_s=1.0 / figures.seconds_per_bit[source, target],
        link_latency_s=figures.latency_s[source, target], link_j_per_bit=figures.joules_per_bit[source, target],
        link_medium=np.arange(len(source)), media=len(source), named_media=(),
    )  # fmt: skip


def _names(nodes: int) -> tuple[str, ...]:
    return tuple(f"n{index}" for index in range(nodes))

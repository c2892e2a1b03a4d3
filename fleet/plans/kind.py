"""A kind: what decides which plans a user may have, whatever its site, rate and number."""

from __future__ import annotations

from dataclasses import dataclass
from operator import add

import numpy as np

from planner.fin.instance.network import Bools, Floats, Ints
from planner.fleet.instance.local_network import LocalNetwork
from planner.fleet.instance.model_arrays import ModelArrays, TypedCosts


@dataclass(frozen=True)
class Radio:
    """The link between device and attach node."""

    bit_per_s: float
    down_bit_per_s: float
    latency_s: float
    j_per_bit: float
    shared: bool
    """Whether a medium is shared; else every user has a link of its own."""
    metrics: tuple[float, ...] = ()
    """What a bit in either direction adds to each metric."""


@dataclass(frozen=True)
class Kind:
    """Model, limits, device, radio and local network; S slots, of which slot 0 is the device."""

    model: ModelArrays
    costs: TypedCosts
    device: int
    """Row of the device in `costs`."""
    local: LocalNetwork
    radio: Radio
    statistic: str
    max_latency_s: float
    max_energy_j: float
    least_accuracy: float
    destination: int
    """Slot that needs the results (0: the device), -1 where they stay where they are made."""
    memory_bytes: Floats
    """(S,) memory of each slot."""
    scarce: Bools
    """(S - 1 + M,) slots from 1 on, then local media, that may be short at all; the others have no price."""
    device_utilization: float
    """Largest fraction of time that the device may be busy."""
    most_rate_per_s: float
    """Largest rate of a class of this kind."""
    least_rate_per_s: float
    most_metrics: tuple[float, ...] = ()
    """Largest value of each of M metrics, of one inference; infinite where there is no limit."""

    @property
    def slots(self) -> int:
        """Number of slots."""
        return 1 + len(self.local.nodes)

    @property
    def media(self) -> int:
        """Number of local media; number 0 is the access medium."""
        return 1 + len(self.local.media)


@dataclass(frozen=True)
class Step:
    """A way to carry data from one slot to another: nothing where it stays, else legs and perhaps the radio."""

    source: int
    target: int
    latency_s: float
    s_per_bit: float
    j_per_bit: float
    media: tuple[tuple[int, float], ...]
    metrics: tuple[float, ...]
    """What a bit adds to each metric."""
    option: int
    """Which of the legs between its ends inside the shared network it takes."""


def steps_of(kind: Kind) -> tuple[Step, ...]:
    """Return every way between slots; to stay comes first for each slot."""
    radio, local, own = kind.radio, kind.local, kind.radio.metrics
    nothing = (0.0,) * len(kind.most_metrics)
    steps = [Step(slot, slot, 0.0, 0.0, 0.0, (), nothing, 0) for slot in range(kind.slots)]
    up = Step(0, 1, radio.latency_s, 1.0 / radio.bit_per_s, radio.j_per_bit, ((0, 1.0 / radio.bit_per_s),), own, 0)
    down_s = 1.0 / radio.down_bit_per_s
    down = Step(1, 0, radio.latency_s, down_s, radio.j_per_bit, ((0, down_s),), own, 0)
    inside = [
        Step(leg.source, leg.target, leg.latency_s, leg.s_per_bit, leg.j_per_bit, leg.media, leg.metrics, option)
        for leg, option in zip(local.legs, local.options, strict=True)
    ]
    steps += [up, down, *inside]
    steps += [_joined(up, step) for step in inside if step.source == 1]
    steps += [_joined(step, down) for step in inside if step.target == 1]
    return tuple(steps)


def _joined(first: Step, second: Step) -> Step:
    return Step(
        first.source, second.target, first.latency_s + second.latency_s, first.s_per_bit + second.s_per_bit,
        first.j_per_bit + second.j_per_bit, (*first.media, *second.media),
        tuple(map(add, first.metrics, second.metrics)), first.option + second.option,
    )  # fmt: skip


@dataclass(frozen=True)
class PlanSet:
    """P plans of a kind, none of which another one beats in energy and all loads; per inference."""

    energy_j: Floats
    latency_s: Floats
    loads_s: Floats
    """(P, S - 1 + M) busy seconds of the slots from 1 on, then of the local media from the access medium on."""
    most_rate_per_s: Floats
    """(P,) largest rate at which device and own link are not overloaded."""
    memory_bytes: Floats
    """(P, ...) parameters held by each shared slot whose memory is limited."""
    metrics: Floats
    """(P, M) metrics of one inference."""
    point: Ints
    slot: Ints
    """(P, L) slot of each block, -1 where it is not deployed."""
    step: Ints
    """(P, L) step that carries what a block reads."""
    result_step: Ints
    """(P, X) step that carries the result of an exit, -1 where it does not travel."""
    number: Ints
    """(P,) place of each among all plans that were enumerated."""
    steps: tuple[Step, ...]

    @property
    def count(self) -> int:
        """Number of plans."""
        return len(self.energy_j)

    def take(self, kept: Ints | Bools) -> PlanSet:
        """Return some of the plans."""
        return PlanSet(
            self.energy_j[kept], self.latency_s[kept], self.loads_s[kept], self.most_rate_per_s[kept],
            self.memory_bytes[kept], self.metrics[kept], self.point[kept], self.slot[kept], self.step[kept],
            self.result_step[kept], self.number[kept], self.steps,
        )  # fmt: skip


def can_run(kind: Kind, block: int) -> Bools:
    """(S,) whether each slot can run a block."""
    found = kind.costs.blocks.can_run[block, columns_of(kind)]
    return np.asarray(found, dtype=np.bool_)


def columns_of(kind: Kind) -> Ints:
    """(S,) column of each slot in the costs of the model."""
    return np.array([kind.device, *(kind.costs.devices + each for each in kind.local.types)], dtype=np.int64)

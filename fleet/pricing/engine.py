"""Interface of pricing engines: shards of classes are priced somewhere, answers come back in the order of shards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from planner.fin.instance.network import Floats, Ints
from planner.fin.registry import load
from planner.fleet.instance.fleet_instance import FleetInstance
from planner.fleet.pricing.shard import NearPlans, Priced, Shard, near_plans, price, shard_sizes, shards_of
from planner.fleet.pricing.soft_minimum import Smoothed, smooth


@dataclass(frozen=True)
class EngineSetting:
    """What an engine is made for."""

    instance: FleetInstance
    jobs: int = 1
    """Threads, or actors, at once."""
    address: str | None = None
    """Where the cluster is, for engines that have one."""


class PricingEngine(Protocol):
    """A place where shards are priced. Answers do not depend on it."""

    name: str

    def price(self, prices: Floats) -> list[Priced]:
        """Price every shard."""

    def near(self, prices: Floats, class_cost: list[Floats], allowed: list[Floats]) -> list[NearPlans]:
        """Find near plans in every shard: those that cost little more than the best of their class.

        Args:
            prices: (R + 1,) watts per unit of capacity; the last is 0.
            class_cost: Least cost of the classes of each shard, in joules.
            allowed: How much more a plan may cost, for the classes of each shard, in joules.

        Returns:
            Pairs and plans with their cost beyond the best of the class, in joules per inference, by shard.
        """

    def smooth(self, prices: Floats, temperature: list[Floats], demand: list[Floats]) -> list[Smoothed]:
        """Smooth every shard.

        Args:
            prices: (R + 1,) watts per unit of capacity; the last is 0.
            temperature: Temperature of the classes of each shard, in joules.
            demand: Inferences per second of the classes of each shard.

        Returns:
            Soft minima and loads, by shard.
        """

    def close(self) -> None:
        """Free what the engine holds."""


class LocalEngine:
    """Shards in this process, over threads where more than one job is allowed."""

    name = "local"

    def __init__(self, setting: EngineSetting) -> None:
        from concurrent.futures import ThreadPoolExecutor

        self._shards = shards_of(setting.instance)
        self._pool = ThreadPoolExecutor(max(1, setting.jobs))

    def price(self, prices: Floats) -> list[Priced]:
        """Price every shard."""
        return list(self._pool.map(lambda shard: price(shard, prices), self._shards))

    def near(self, prices: Floats, class_cost: list[Floats], allowed: list[Floats]) -> list[NearPlans]:
        """Find near plans in every shard over the threads, as `PricingEngine.near` says."""

        def one(shard: Shard, cost: Floats, most: Floats) -> NearPlans:
            return near_plans(shard, prices, cost, most)

        return list(self._pool.map(one, self._shards, class_cost, allowed))

    def smooth(self, prices: Floats, temperature: list[Floats], demand: list[Floats]) -> list[Smoothed]:
        """Smooth every shard over the threads, as `PricingEngine.smooth` says."""

        def one(shard: Shard, degrees: Floats, asked: Floats) -> Smoothed:
            return smooth(shard.typical, prices, degrees, asked)

        return list(self._pool.map(one, self._shards, temperature, demand))

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()


_PLACES = {"local": "planner.fleet.pricing.engine:LocalEngine", "ray": "planner.fleet.pricing.ray_engine:RayEngine"}
ENGINES = tuple(_PLACES)


def engine(name: str, setting: EngineSetting) -> PricingEngine:
    """Return an engine by its name.

    Raises:
        InputError: There is no such engine, what it needs is not installed, or its cluster does not answer.
    """
    found: PricingEngine = load(name, _PLACES, "there is no such engine", setting, path="--engine")
    return found


@dataclass(frozen=True)
class FleetPrices:
    """Pricing of a whole fleet at some prices."""

    pair_cost: Floats
    """(Q,) joules per inference; infinite without a plan."""
    pair_plan: Ints
    class_cost: Floats
    """(C,)"""


class Pricer:
    """A fleet priced by an engine."""

    def __init__(self, instance: FleetInstance, pricing: PricingEngine, sizes: list[int]) -> None:
        self._instance, self._engine = instance, pricing
        self._bounds = np.cumsum(sizes)[:-1]

    @classmethod
    def of(cls, instance: FleetInstance, pricing: PricingEngine) -> Pricer:
        """Return the pricer of a fleet whose shards an engine holds."""
        return cls(instance, pricing, shard_sizes(instance.classes))

    def price(self, prices: Floats) -> FleetPrices:
        """Return the cheapest plan of every pair at (R,) prices in watts per unit of capacity."""
        parts = self._engine.price(np.append(prices, 0.0))
        return FleetPrices(
            np.concatenate([part.pair_cost for part in parts]),
            np.concatenate([part.pair_plan for part in parts]),
            np.concatenate([part.class_cost for part in parts]),
        )

    def near(self, prices: Floats, class_cost: Floats, allowed: Floats) -> NearPlans:
        """Find all plans within `allowed` (C,) joules of the best of their class, shard by shard.

        Args:
            prices: (R,) watts per unit of capacity.
            class_cost: (C,) least cost of each class, in joules.
            allowed: (C,) how much more a plan may cost, in joules.

        Returns:
            Pairs and plans in their order, with the cost beyond the best of the class in joules per inference.
        """
        split = [np.split(values, self._bounds) for values in (class_cost, allowed)]
        parts = self._engine.near(np.append(prices, 0.0), split[0], split[1])
        return NearPlans(
            np.concatenate([part.pair for part in parts]),
            np.concatenate([part.plan for part in parts]),
            np.concatenate([part.excess for part in parts]),
        )

    def smooth(self, prices: Floats, temperature: Floats, demand: Floats) -> tuple[Floats, Floats]:
        """Smooth the cost of every class by a soft minimum, and sum the expected loads over shards.

        Args:
            prices: (R,) watts per unit of capacity.
            temperature: (C,) joules.
            demand: (C,) inferences per second of all users.

        Returns:
            (C,) smoothed costs in joules per inference, and (R,) expected loads as busy fractions.
        """
        split = [np.split(values, self._bounds) for values in (temperature, demand)]
        parts = self._engine.smooth(np.append(prices, 0.0), split[0], split[1])
        usage = np.zeros(self._instance.resources.count)
        for part in parts:  # one after the other, so that the sum does not depend on who made it
            usage += part.usage[:-1]
        return np.concatenate([part.class_cost for part in parts]), usage

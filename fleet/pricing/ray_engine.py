"""Pricing engine on Ray: shards of classes live in actors that price and bound; prices go out, columns come back.

Shards are cut as in the local engine, and answers are put in the order of shards, so that the answer is the same to the
last digit for any number of actors. Shards are kept in Ray's object store: an actor that dies is replaced by a new one
with the same shards, and what it was asked is asked again.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from planner.fin.instance.network import Floats
from planner.fleet.pricing.engine import EngineSetting
from planner.fleet.pricing.shard import NearPlans, Priced, Shard, near_plans, price, shards_of
from planner.fleet.pricing.soft_minimum import Smoothed, smooth
from planner.schemas.reading.problems import input_error

_ATTEMPTS = 5
_CONNECT_S = 5.0


def _smooth(shard: Shard, *arguments: Floats) -> Smoothed:
    return smooth(shard.typical, *arguments)


_STEPS: dict[str, Callable[..., Any]] = {"price": price, "near": near_plans, "smooth": _smooth}


class ShardActor:
    """Some shards, in a process of its own."""

    def __init__(self, *shards: Shard) -> None:
        self._shards = shards

    def run(self, step: str, prices: Floats, arguments: Sequence[Sequence[Floats]]) -> list[Any]:
        """Run a step of pricing on every shard; `arguments` holds what else each takes.

        Args:
            step: Name of the step.
            prices: (R + 1,) watts per unit of capacity; the last is 0.
            arguments: What else the step takes, for each shard.

        Returns:
            The answers in the order of the shards.
        """
        return [_STEPS[step](shard, prices, *more) for shard, more in zip(self._shards, arguments, strict=True)]

    @staticmethod
    def process() -> int:
        """Return the number of the process that the actor is."""
        return os.getpid()


class RayEngine:
    """Shards in the actors of a cluster: one that runs, or one that is started on this machine."""

    name = "ray"

    def __init__(self, setting: EngineSetting) -> None:
        try:
            import ray
        except ImportError:
            fix = "install it from the checkout: pip install '.[ray]', or leave out --engine ray"
            raise input_error("the engine needs the package ray", fix, path="--engine") from None
        self._ray = ray
        self._started = not ray.is_initialized()
        if self._started:
            connect(ray, setting.jobs, setting.address)
        shards = shards_of(setting.instance)
        count = max(1, min(setting.jobs, len(shards)))
        self._parts = [list(part) for part in np.array_split(np.arange(len(shards)), count)]
        self._held = [ray.put(shard) for shard in shards]
        self.actors = [self._actor(part) for part in self._parts]

    def _actor(self, part: Sequence[int]) -> Any:  # noqa: ANN401 - a handle of a library without types
        make = self._ray.remote(num_cpus=1, max_restarts=0)(ShardActor)
        return make.remote(*(self._held[number] for number in part))

    def price(self, prices: Floats) -> list[Priced]:
        """Price every shard."""
        return self._run("price", prices, [() for _ in self._held])

    def near(self, prices: Floats, class_cost: list[Floats], allowed: list[Floats]) -> list[NearPlans]:
        """Find near plans in every shard by the actors, as `PricingEngine.near` says."""
        return self._run("near", prices, list(zip(class_cost, allowed, strict=True)))

    def smooth(self, prices: Floats, temperature: list[Floats], demand: list[Floats]) -> list[Smoothed]:
        """Smooth every shard by the actors, as `PricingEngine.smooth` says."""
        return self._run("smooth", prices, list(zip(temperature, demand, strict=True)))

    def _run(self, step: str, prices: Floats, arguments: Sequence[Sequence[Floats]]) -> list[Any]:
        """Ask all actors at once; replace those that died, and ask again what they were asked."""
        sent = self._ray.put(prices)
        asked: dict[int, Any] = {number: self._ask(number, step, sent, arguments) for number in range(len(self.actors))}
        answers: dict[int, list[Any]] = {}
        for _ in range(_ATTEMPTS):
            for number, reference in asked.items():
                try:
                    answers[number] = list(self._ray.get(reference))
                except self._ray.exceptions.RayActorError:
                    self.actors[number] = self._actor(self._parts[number])
            asked = {number: self._ask(number, step, sent, arguments) for number in asked if number not in answers}
            if not asked:
                return [answer for number in range(len(self.actors)) for answer in answers[number]]
        fix = "see Ray's logs for the cause (often memory), or use more actors (--jobs)"
        raise input_error(f"a pricing actor died {_ATTEMPTS} times", fix, path="--engine")

    def _ask(self, number: int, step: str, sent: object, arguments: Sequence[Sequence[Floats]]) -> object:
        return self.actors[number].run.remote(step, sent, [arguments[shard] for shard in self._parts[number]])

    def close(self) -> None:
        """End the actors, and the cluster if it was started here."""
        for actor in self.actors:
            self._ray.kill(actor)
        self._held.clear()
        if self._started:
            self._ray.shutdown()


def connect(ray: Any, jobs: int, address: str | None) -> None:  # noqa: ANN401 - a module without types
    """Connect to a cluster, or start one on this machine.

    Args:
        ray: The module.
        jobs: Processors of a cluster that is started here.
        address: Address of a running cluster; None to start one.

    Raises:
        InputError: No cluster answers there.
    """
    options: dict[str, Any] = {"log_to_driver": False, "include_dashboard": False, "logging_level": "ERROR"}
    if address is None:
        ray.init(num_cpus=max(1, jobs), **options)
        return
    try:
        _reach(address)
        ray.init(address=address, **options)
    except (ConnectionError, OSError, ValueError, RuntimeError) as error:
        message = f"no Ray cluster answers at this address ({error})"
        raise input_error(message, "start one (ray start --head), or give its address", path="--address") from None


def _reach(address: str) -> None:
    """Try a connection first: Ray itself waits for minutes where nothing listens."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon:
        socket.create_connection((host, int(port)), timeout=_CONNECT_S).close()

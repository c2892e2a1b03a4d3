"""Times of networks by median processor time: interleaved, warmed up, and each run after a pause.

Interleaving has a busy machine slow all networks alike. Between two samples of a run a piece waits for messages, and
its caches grow cold: runs in a tight loop took half of the processor time that networks of 1 ms need in a plan.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from planner.running.network.folding import tensor_of
from planner.running.network.reading import graph_inputs, parse_onnx
from planner.running.network.sessions import element_types, execute, random_inputs, session

_WARM_UPS = 3
_PAUSE_S = 0.005
"""Pause before every run, in seconds: longer ones change times by little."""


@dataclass(frozen=True)
class Timed:
    """Times of one network, in seconds."""

    cpu_s: float
    """Median processor time of one run (wall time with several threads)."""
    wall_s: float
    """Median wall time of one run."""


def time_networks(
    networks: Mapping[str, bytes], threads: int, repeats: int, slow_down: float = 1.0
) -> dict[str, Timed]:
    """Time networks in turns: every round runs each of them once on the same random input.

    Args:
        networks: ONNX bytes with static shapes, by name.
        threads: Threads of ONNX Runtime.
        repeats: Rounds.
        slow_down: Emulated factor on all times.

    Returns:
        Median processor and wall times in seconds, by name.

    Raises:
        InputError: ONNX Runtime refuses a network.
    """
    loaded: dict[str, tuple[Any, Any]] = {}
    for name, data in networks.items():
        inputs = [
            tensor_of(
                value.name,
                element_types()[value.type.tensor_type.elem_type],
                tuple(int(dim.dim_value) for dim in value.type.tensor_type.shape.dim),
            )
            for value in graph_inputs(parse_onnx(data, name))
        ]
        loaded[name] = session(data, name, threads=threads), random_inputs(inputs, 0)
    cpu: dict[str, list[float]] = {name: [] for name in networks}
    wall: dict[str, list[float]] = {name: [] for name in networks}
    for turn in range(_WARM_UPS + repeats):
        for name, (runtime, feeds) in loaded.items():
            time.sleep(_PAUSE_S)
            began, used = time.perf_counter_ns(), time.thread_time_ns()
            execute(runtime, None, feeds, name)
            used, took = time.thread_time_ns() - used, time.perf_counter_ns() - began
            if turn >= _WARM_UPS:
                cpu[name].append(used * 1e-9 * slow_down)
                wall[name].append(took * 1e-9 * slow_down)
    chosen = cpu if threads == 1 else wall  # several threads work at once: their processor times add up
    return {name: Timed(statistics.median(chosen[name]), statistics.median(wall[name])) for name in networks}

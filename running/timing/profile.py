"""Profiles of a bundle: every block and head timed as a piece, scaled so that blocks sum to the whole network."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from planner.running.graph.bundle import Bundle
from planner.running.pieces.parts import Part, head_part, part_bytes, part_of
from planner.running.pieces.times import Timed
from planner.schemas.reading.quantities import format_quantity

WHOLE = "whole network"
"""Name of the whole network among what is timed; no block is called so."""
_BUSY = 1.1
_SHORT = 0.05
"""The start of a piece is told where it is more than this part of the whole network's time."""

Timer = Callable[[Mapping[str, bytes]], Mapping[str, Timed]]
"""Times networks given as ONNX bytes by name, here or on an agent."""


@dataclass(frozen=True)
class ProfileOptions:
    """How a profile is made."""

    hardware: str
    threads: int = 1
    repeats: int = 30
    power_w: float | None = None
    """Power while it runs, as stated; None: no energy."""
    where: str = "this machine"
    runtime: str = ""
    """Version of ONNX Runtime where it was measured."""


@dataclass(frozen=True)
class Profiled:
    """A profile, and how it was measured."""

    times_s: Mapping[str, float]
    """Scaled time by block and exit."""
    sum_over_whole: float
    wall_over_cpu: float
    start_s: float = 0.0
    """Time that a piece takes beside its blocks, in seconds: the excess of the sum over the whole, by block."""

    @property
    def notes(self) -> list[str]:
        """Return what a reader of the profile must know."""
        found = [f"blocks summed to {self.sum_over_whole:.3f} of the whole network's time, and were scaled to it"]
        if self.start_s > _SHORT * sum(self.times_s.values()):
            start = format_quantity(self.start_s, "s")
            found.append(f"every further piece of a plan costs about {start} more than the times of its blocks say")
        if self.wall_over_cpu > _BUSY:
            more = 100 * (self.wall_over_cpu - 1)
            found.append(f"wall time was {more:.0f} % above processor time: the machine was busy with other work")
        return found


def profile(bundle: Bundle, timer: Timer) -> Profiled:
    """Time every block and head of a bundle as a piece of its own, and the whole network, in turns.

    Pieces lose optimisations across their boundaries, so blocks are scaled by one factor to sum to the whole.

    Args:
        bundle: The network.
        timer: Times networks.

    Raises:
        InputError: ONNX Runtime refuses a piece.
    """
    import onnx

    cuts, graph = bundle.cuts, onnx.load_model_from_string(bundle.graph)
    last = len(cuts.blocks) - 1
    final = cuts.exits[-1]
    parts: dict[str, Part] = {WHOLE: part_of(cuts, graph, 0, last, final, True)}
    for index, block in enumerate(cuts.blocks):
        ends = index == last
        parts[block.name] = part_of(cuts, graph, index, index, final if ends else None, ends)
    for head in cuts.exits[:-1]:
        if (found := head_part(cuts, graph, head)) is not None:
            parts[head.name] = found
    timed = timer({name: part_bytes(graph, part) for name, part in parts.items() if part.outputs})
    blocks = sum(timed[block.name].cpu_s for block in cuts.blocks if block.name in timed)
    factor = timed[WHOLE].cpu_s / blocks
    names = [*(block.name for block in cuts.blocks), *(head.name for head in cuts.exits)]
    times = {name: timed[name].cpu_s * factor if name in timed else 0.0 for name in names}
    used = sum(each.cpu_s for each in timed.values())
    excess_s = max(0.0, blocks - timed[WHOLE].cpu_s)
    wall_over_cpu = sum(each.wall_s for each in timed.values()) / used
    return Profiled(times, 1.0 / factor, wall_over_cpu, excess_s / max(1, len(cuts.blocks) - 1))


def with_profile(bundle: Bundle, profiled: Profiled, options: ProfileOptions) -> bytes:
    """Merge a profile into model.json; one of the same hardware is replaced.

    Args:
        bundle: Bundle whose model.json is extended.
        profiled: Measured times of blocks and heads, in seconds.
        options: Name of the hardware and the stated power in W, if any.

    Returns:
        The bytes of the new model.json: times in seconds and, where a power is stated, energies in joules.
    """
    document: dict[str, Any] = json.loads(bundle.model_json)
    rows: dict[str, dict[str, float]] = {}
    for name, time_s in profiled.times_s.items():
        rows[name] = {"time_s": float(f"{time_s:.6g}")}
        if options.power_w is not None:
            rows[name]["energy_j"] = float(f"{time_s * options.power_w:.6g}")
    document.setdefault("profiles", {})[options.hardware] = rows
    kept = [
        part
        for part in str(document.get("citation", "")).split("; ")
        if not part.startswith(f"profile {options.hardware}:")
    ]
    energy = "" if options.power_w is None else f", energy by a stated power of {format_quantity(options.power_w, 'W')}"
    said = (
        f"profile {options.hardware}: ONNX Runtime {options.runtime} on {options.where}, {options.threads} threads, "
        f"median of {options.repeats} repeats, sum over whole {profiled.sum_over_whole:.3f}, "
        f"wall over processor time {profiled.wall_over_cpu:.3f}{energy}"
    )
    document["citation"] = "; ".join([*kept, said])
    return (json.dumps(document, indent=1) + "\n").encode()

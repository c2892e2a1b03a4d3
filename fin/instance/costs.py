"""What every block and exit head costs on every node: measured where a profile says so, analytic elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.fin.instance.network import Bools, Floats, Network
from planner.schemas.planning.model import Model
from planner.schemas.reading.problems import InputError, Problem


@dataclass(frozen=True, eq=False)
class Costs:
    """Costs of R rows (blocks, or exit heads) on N nodes."""

    time_s: Floats
    """(R, N) seconds of one inference, or of a whole batch; 0 where the row cannot run."""
    energy_j: Floats
    """(R, N) joules of one inference, static power included; 0 where the row cannot run."""
    dynamic_j: Floats
    """(R, N) the part of it that grows with the square of the clock speed; the rest is static power times time."""
    can_run: Bools
    """(R, N) whether the node can run the row at all."""


def block_and_head_costs(
    model: Model, network: Network, exit_names: Sequence[str], batch: int = 1
) -> tuple[Costs, Costs]:
    """Compute the costs of blocks and of exit heads, measured where a profile has them and analytic elsewhere.

    Args:
        model: The model, with its profiles.
        network: The network, packages expanded.
        exit_names: Exits in order of depth.
        batch: Samples that run together: times are of the whole batch, energies are its parts for one sample.

    Returns:
        (L, N) costs of the L blocks and (X, N) costs of the X heads in the order of `exit_names`, in s and J.

    Raises:
        InputError: A node gives neither speed nor energy, and the model does not profile its hardware.
    """
    by_name = {head.name: head for head in model.exits}
    blocks = [(block.name, block.ops) for block in model.blocks]
    heads = [(name, by_name[name].ops) for name in exit_names]
    _check_hardware(model, network)
    return _costs(blocks, model, network, batch), _costs(heads, model, network, batch)


def _costs(rows: Sequence[tuple[str, float]], model: Model, network: Network, batch: int) -> Costs:
    ops = batch * np.array([work for _, work in rows])[:, None]
    # a row without work costs nothing where nobody measured it, unless the model is a table of measured times alone
    timed_alone = all(block.ops == 0 for block in model.blocks)
    measured = np.array([[timed_alone and _timed(name, model)] for name, _ in rows])
    time_s = np.where(ops == 0, np.where(measured, np.nan, 0.0), ops / network.ops_per_s)
    measured_j = np.full(time_s.shape, np.nan)
    for hardware, profile in model.profiles.items():
        if nodes := [node for node, name in enumerate(network.hardware) if name == hardware]:
            for row, (name, _) in enumerate(rows):
                if (entry := profile.get(name)) is not None:  # sizes that nobody measured leave no candidate
                    time_s[row, nodes] = _or_nan(entry.time_of(batch))
                    measured_j[row, nodes] = _or_nan(entry.energy_of(batch))
    power_w = network.active_power_w
    analytic_j = np.where(np.isnan(power_w), np.where(ops == 0, 0.0, ops * network.j_per_op), power_w * time_s)
    dynamic_j = np.where(np.isnan(measured_j), analytic_j, measured_j)
    energy_j = dynamic_j + network.static_power_w * time_s
    can_run = np.isfinite(time_s) & np.isfinite(energy_j) & network.hosts
    time_s, energy_j, dynamic_j = (np.where(can_run, figures, 0.0) for figures in (time_s, energy_j, dynamic_j))
    if batch > 1:
        energy_j, dynamic_j = energy_j / batch, dynamic_j / batch
    return Costs(time_s, energy_j, dynamic_j, can_run)


def _timed(name: str, model: Model) -> bool:
    """Whether some hardware was measured to need time for a row."""
    entries = (profile[name].time_s for profile in model.profiles.values() if name in profile)
    return any(max(entry.values()) > 0 if isinstance(entry, dict) else entry > 0 for entry in entries)


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value


def _check_hardware(model: Model, network: Network) -> None:
    """A node without figures of its own needs a profile; one that profiles some blocks just runs those."""
    problems = []
    for node in np.flatnonzero(network.hosts & np.isnan(network.ops_per_s)):
        hardware = network.hardware[node]
        if hardware not in model.profiles:
            known = ", ".join(sorted(model.profiles)) or "none"
            fix = (
                "give the node ops_per_s and j_per_op, or a hardware that the model profiles "
                f"(it profiles: {known}; planner profile adds one to a bundle)"
            )
            message = f"the model {model.name!r} does not profile this node's hardware"
            problems.append(Problem("", f"node {network.names[node]}", str(hardware), message, fix))
    without_energy = np.isnan(network.active_power_w) & np.isnan(network.j_per_op)
    for node in np.flatnonzero(network.hosts & without_energy):
        profile = model.profiles.get(network.hardware[node] or "", {})
        if not any(entry.energy_j is not None for entry in profile.values()):
            fix = "give the node j_per_op or active_power_w, or the profile an energy_j"
            message = f"nothing says what energy the model {model.name!r} takes here"
            problems.append(Problem("", f"node {network.names[node]}", "", message, fix))
    if problems:
        raise InputError(problems)

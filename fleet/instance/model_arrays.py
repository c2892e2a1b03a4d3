"""One model of a fleet as arrays: operating points, reach, weights of latency statistics, sizes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.fin.instance.costs import Costs
from planner.fin.instance.dataflow import dataflow_of, output_bits
from planner.fin.instance.network import Bools, Floats, Ints
from planner.fin.instance.operating_points import OperatingPoints, operating_points
from planner.schemas.planning.model import Model
from planner.schemas.planning.refusals import refuse_memory, refuse_skips
from planner.schemas.planning.workload import percentile_of

TOLERANCE = 1e-9
"""Relative tolerance of every limit."""


@dataclass(frozen=True)
class ModelArrays:
    """A model with L blocks, X exits and K operating points."""

    block_names: tuple[str, ...]
    points: OperatingPoints
    reach: Floats
    """(K, L) fraction of samples that executes each block."""
    head_at: Ints
    """(L,) exit behind each block, -1 where there is none."""
    input_bits: float
    output_bits: Floats
    result_bits: Floats
    block_bytes: Floats
    head_bytes: Floats
    best_accuracy: float

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return len(self.block_names)

    def entering_bits(self, block: int) -> float:
        """Return the size of what a block reads, in bits."""
        return self.input_bits if block == 0 else float(self.output_bits[block - 1])

    def latency_weights(self, statistic: str) -> Floats:
        """(K, L) weight of a block's time in the latency statistic, where results stay where they are made.

        Exits then end in order of their depth: `mean` weighs a block by its reach, and any other statistic is the time
        of one exit, so that blocks up to it count once.
        """
        if statistic == "mean":
            return self.reach
        fraction = self.points.fraction
        needed = percentile_of(statistic)
        held = np.cumsum(fraction, axis=1)
        reached = (held >= (1.0 if needed is None else needed) - TOLERANCE) & (fraction > 0.0)
        exits = fraction.shape[1]
        last = exits - 1 - np.argmax(fraction[:, ::-1] > 0.0, axis=1)
        deciding = np.where(reached.any(axis=1) & (needed is not None), np.argmax(reached, axis=1), last)
        weights = np.arange(self.blocks) <= self.points.exit_block[deciding][:, None]
        return np.asarray(weights, dtype=np.float64)


def model_arrays(model: Model, scarce: bool) -> ModelArrays:
    """Return the arrays of a model.

    Args:
        model: The model.
        scarce: Whether the fleet's models may need more memory than some node has.

    Raises:
        InputError: It is no chain, or its memory is more than a sum over blocks.
    """
    refuse_skips(model, "planning of fleets")
    states = [*(block.state_bytes for block in model.blocks), *(head.state_bytes for head in model.exits)]
    if scarce or any(states):
        refuse_memory(model, "planning of fleets", state=True)
    points = operating_points(model)
    heads = {head.name: head for head in model.exits}
    in_order = [heads[name] for name in points.exit_names]
    head_at = np.full(len(model.blocks), -1, dtype=np.int64)
    head_at[points.exit_block] = np.arange(len(in_order))
    return ModelArrays(
        block_names=tuple(block.name for block in model.blocks),
        points=points,
        reach=points.reach(len(model.blocks)),
        head_at=head_at,
        input_bits=model.input_bits,
        output_bits=output_bits(model, dataflow_of(model)),
        result_bits=np.array([head.result_bits for head in in_order]),
        block_bytes=np.array([block.param_bytes for block in model.blocks]),
        head_bytes=np.array([head.param_bytes for head in in_order]),
        best_accuracy=float(points.accuracy.max()),
    )


def useful_points(model: ModelArrays, least_accuracy: float, results_travel: bool) -> Ints:
    """Choose points that are accurate enough, without those that another one beats in every reach and head.

    Nothing is dropped where results travel: leaving early may then cost more than going on.

    Args:
        model: The model.
        least_accuracy: Accuracy that is asked for (no unit).
        results_travel: Whether results are carried to a destination.

    Returns:
        (n,) indices of operating points, ascending.
    """
    accurate = np.flatnonzero(model.points.accuracy >= least_accuracy - TOLERANCE)
    if results_travel or len(accurate) > 5_000:
        return accurate
    from planner.fin.graph.dominance import non_dominated

    deployed = np.arange(model.blocks) < model.points.depth[:, None]
    criteria = np.concatenate([model.reach, model.points.on, deployed, _times_late(model)], axis=1)[accurate]
    kept: Bools = non_dominated(np.zeros(len(accurate), dtype=np.int64), np.asarray(criteria, dtype=np.float64))
    return accurate[kept]


def _times_late(model: ModelArrays) -> Floats:
    """(K, X) exits in depth order: the fraction that has not left behind each, so that no percentile gets later."""
    return np.asarray(1.0 - np.cumsum(model.points.fraction, axis=1), dtype=np.float64)


@dataclass(frozen=True)
class TypedCosts:
    """Costs of a model on each device (first) and each type of shared node (behind them)."""

    blocks: Costs
    heads: Costs
    devices: int
    block_metrics: Floats
    """(M, L, T) what each block adds to M metrics on T devices and types of node, per inference that runs it."""
    head_metrics: Floats
    """(M, X, T)"""

"""Private blocks: those that stay on the source so that no data leave it before a block, by what blocks read."""

from __future__ import annotations

from planner.schemas.planning.dataflow_checks import INPUT
from planner.schemas.planning.model import Model


def private_blocks(last: str, model: Model) -> list[str]:
    """Return the blocks up to and including one, and the later ones that read something from before it.

    Args:
        last: Name of the first block whose output may leave the source; all blocks stay where the model has no such.
        model: The model, with its blocks in order of execution.
    """
    private, before, kept = {INPUT}, True, list[str]()
    for block in model.blocks:
        if before or any(row.block in private for row in block.inputs or ()):
            kept.append(block.name)
        before = before and block.name != last
        if before:
            private.add(block.name)
    return kept

"""Memory of nodes beyond the sum over blocks: working memory, of which one block's counts, and shared parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.fin.instance.network import Bools, Floats
from planner.schemas.planning.model import Block, Exit, Model


@dataclass(frozen=True, eq=False)
class SharedMemory:
    """Working memory of L blocks and X exit heads, and the P named parameters that they use."""

    block_working: Floats
    """(L,) bytes needed only while a block runs."""
    head_working: Floats
    """(X,) bytes needed only while a head runs."""
    block_uses: Bools
    """(L, P) parameters that a block uses."""
    head_uses: Bools
    """(X, P) parameters that a head uses."""
    param_bytes: Floats
    """(P,) size of the parameters; a node holds them once."""
    param_names: tuple[str, ...]
    model: str = ""
    """Name by which apps know the model: those that name the same one share its parameters."""
    sharers: int = 1
    """Apps planned together that may hold these parameters on one node (count)."""

    def beyond_sum(self, blocks: Sequence[int], heads: Sequence[int]) -> float:
        """Return the bytes that a node needs beyond the sum over its blocks and heads.

        Args:
            blocks: Blocks that run there.
            heads: Enabled heads that run there.
        """
        rows, tops = np.asarray(blocks, dtype=np.int64), np.asarray(heads, dtype=np.int64)
        working = max(self.block_working[rows].max(initial=0.0), self.head_working[tops].max(initial=0.0))
        uses = self.block_uses[rows].any(axis=0) | self.head_uses[tops].any(axis=0)
        return float(working + self.param_bytes[uses].sum())


def shared_memory_of(model: Model, heads: Sequence[Exit], batch: int = 1, name: str = "") -> SharedMemory | None:
    """Collect what memory is beyond a sum over blocks: working memory and shared parameters.

    Args:
        model: The model.
        heads: Its exits in order of depth.
        batch: Samples that run together; each needs working memory of its own.
        name: Name by which apps know the model.

    Returns:
        (L,) and (X,) working memory and (P,) sizes of shared parameters, in bytes, with who uses them; None where
        memory is no more than the sum.
    """
    names = tuple(model.params)
    block_working, head_working = (
        np.array([batch * row.working_bytes for row in rows], dtype=np.float64) for rows in (model.blocks, heads)
    )
    if not names and not block_working.any() and not head_working.any():
        return None
    return SharedMemory(
        block_working=block_working,
        head_working=head_working,
        block_uses=_uses(model.blocks, names),
        head_uses=_uses(heads, names),
        param_bytes=np.array([model.params[name] for name in names], dtype=np.float64),
        param_names=names,
        model=name,
    )


def _uses(rows: Sequence[Block | Exit], names: tuple[str, ...]) -> Bools:
    uses = [[name in row.params for name in names] for row in rows]
    return np.array(uses, dtype=bool).reshape(len(rows), len(names))

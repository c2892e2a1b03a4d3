"""Refusals of models that a part of the planner cannot plan yet: no chains, or memory beyond a sum over blocks."""

from __future__ import annotations

from planner.schemas.planning.dataflow_checks import INPUT
from planner.schemas.planning.model import Block, Exit, Model
from planner.schemas.planning.workload import POWER
from planner.schemas.reading.problems import input_error


def is_chain(model: Model) -> bool:
    """Tell whether every block reads the output of the block before alone.

    Args:
        model: The model.
    """
    return _first_skip(model) is None


def is_sum(model: Model) -> bool:
    """Tell whether the memory of a node is a sum over its blocks: no working memory, no shared parameters.

    Args:
        model: The model.
    """
    return not model.params and not any(part.working_bytes for part in _parts(model))


def refuse_skips(model: Model, who: str) -> None:
    """Refuse a model that is no chain.

    Args:
        model: The model.
        who: What cannot plan it, as the subject of a sentence.

    Raises:
        InputError: A block reads anything but the output of the block before alone.
    """
    if (block := _first_skip(model)) is not None:
        fix = "plan it alone with exact; or leave inputs out and count all that crosses (planner import --chain)"
        message = f"{who} knows chains of blocks only, and {block.name} reads something else"
        raise input_error(message, fix, path=f"model {model.name}: inputs")


def refuse_objective(objective: str, who: str) -> None:
    """Refuse a workload that all apps together are not planned for least power.

    Args:
        objective: Objective of the workload.
        who: What cannot plan it, as the subject of a sentence.

    Raises:
        InputError: The objective is not power.
    """
    if objective != POWER:
        fix = "leave the objective of the workload out, or use planner plan or compare"
        raise input_error(f"{who} is for least power, not for {objective}", fix, path="objective", value=objective)


def _parts(model: Model) -> list[Block | Exit]:
    return [*model.blocks, *model.exits]


def _first_skip(model: Model) -> Block | None:
    """Return the first block that does not read the output of the block before alone."""
    before = INPUT
    for block in model.blocks:
        if block.inputs is not None and [(row.block, row.tensor) for row in block.inputs] != [(before, None)]:
            return block
        before = block.name
    return None


def refuse_memory(model: Model, who: str, *, state: bool = False) -> None:
    """Refuse a model whose memory is more than a sum over blocks.

    Args:
        model: The model.
        who: What cannot plan it, as the subject of a sentence.
        state: Whether states are refused too.

    Raises:
        InputError: A block or head has working memory or shared parameters (or a state).
    """
    parts = _parts(model)
    for field, given in (
        ("params", bool(model.params)),
        ("working_bytes", any(part.working_bytes for part in parts)),
        ("state_bytes", state and any(part.state_bytes for part in parts)),
    ):
        if given:
            fix = f"plan it alone with exact; or leave {field} out and count it in param_bytes"
            message = f"{who} does not know {field} yet"
            raise input_error(message, fix, path=f"model {model.name}: {field}")

"""Refusal of apps that a method for chains of blocks, with memory as a sum over them, cannot plan."""

from __future__ import annotations

from planner.fin.instance.instance import Instance
from planner.fin.method import GENERAL_METHODS, METHODS_WITH_METRICS
from planner.schemas.reading.problems import input_error


def refuse_general(instance: Instance, method: str) -> None:
    """Refuse an app whose blocks are no chain, or whose memory is more than a sum over blocks.

    Args:
        instance: The app.
        method: Name of the method that cannot plan it.

    Raises:
        InputError: The app is such a one.
    """
    if instance.is_plain:
        return
    what = "working_bytes and params" if instance.dataflow is None else "inputs of blocks"
    fix = f"use one of {', '.join(GENERAL_METHODS)}"
    raise input_error(f"the method does not know {what}", fix, path="method", value=method)


def refuse_metrics(instance: Instance, method: str) -> None:
    """Refuse an app that limits or minimises a metric.

    Args:
        instance: The app.
        method: Name of the method that cannot plan it.

    Raises:
        InputError: The app is such a one.
    """
    if instance.by_metrics:
        fix = f"use one of {', '.join(METHODS_WITH_METRICS)}, or leave out limits and objectives that are metrics"
        raise input_error("the method knows no metrics", fix, path="method", value=method)

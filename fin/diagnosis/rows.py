"""Rows of a diagnosis: a limit that cannot hold, its kind and noun by figure, and how bounds are told."""

from __future__ import annotations

from planner.schemas.planning.placement import BrokenLimit, LimitKind
from planner.schemas.planning.workload import LIMITED_FIGURES

_KINDS: dict[str, LimitKind] = {row.kind: row.kind for row in LIMITED_FIGURES}
_NOUNS: dict[str, str] = {row.kind: row.noun for row in LIMITED_FIGURES}


def kind_of(figure: str) -> LimitKind:
    """Return the kind of limit of a figure that every plan has; the figures of metrics are of the kind `metric`.

    Args:
        figure: A kind of `LIMITED_FIGURES`, or the name of a metric.
    """
    return _KINDS.get(figure, "metric")


def noun_of(figure: str) -> str:
    """Return what messages call a figure.

    Args:
        figure: A kind of `LIMITED_FIGURES`, or the name of a metric.
    """
    return _NOUNS.get(figure, figure)


def at_most(proved: bool) -> str:
    """Return the words before a least value that may be smaller still.

    Args:
        proved: Whether no plan has less.
    """
    return "" if proved else "at most "


def limit_row(
    kind: LimitKind, subject: str, demand: float | None, best: float | None, unit: str, message: str
) -> BrokenLimit:
    """Return a row of a diagnosis.

    Args:
        kind: What is limited.
        subject: Whom the limit is of: an app, a node or a block.
        demand: What is asked for, in `unit`; None where that is no number.
        best: The best value that can be had, in `unit`; None where that is no number.
        unit: Unit of both.
        message: The same in words.

    Returns:
        The row.
    """
    return BrokenLimit(kind=kind, subject=subject, demand=demand, best=best, unit=unit, message=message)

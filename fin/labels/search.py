"""Label setting: all efficient paths through the layers of one scenario, bounded, layer by layer.

Labels that carry sums alone step from vertex to vertex (see `additive`); those that state capacities or late results
spread link by link (see `tracked`). One loop serves both (see `passes`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from planner.fin.bounds.relaxation import Relaxation
from planner.fin.deadline import Deadline
from planner.fin.labels.additive import SumLabels, SumSteps, is_additive
from planner.fin.labels.arcs import stages_of, surviving_arcs
from planner.fin.labels.interface import LabelSearch
from planner.fin.labels.moves import moves_of
from planner.fin.labels.passes import LabelPasses

if TYPE_CHECKING:
    from planner.fin.labels.tracked_labels import TrackedLabels


def search(
    relaxation: Relaxation, cutoff: float, most_labels: int, deadline: Deadline, keep_paths: int = 20
) -> LabelSearch:
    """Search all paths that cost less than the cutoff.

    Args:
        relaxation: The scenario, its tracked capacities and its bounds.
        cutoff: Only paths below are of interest.
        most_labels: Labels kept in a layer; those of worst bound are dropped, and their bound is accounted for.
        deadline: When to give up.
        keep_paths: Complete paths to return.

    Returns:
        The cheapest complete paths, and the cost below which every path was looked at.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    return passes_of(relaxation, cutoff, deadline).widened(most_labels, cutoff, keep_paths)


def passes_of(
    relaxation: Relaxation, cutoff: float, deadline: Deadline
) -> LabelPasses[SumLabels] | LabelPasses[TrackedLabels]:
    """Prepare a search of all paths that cost less than a cutoff, of one pass or several.

    Args:
        relaxation: The scenario, its tracked capacities and its bounds.
        cutoff: Only paths below are of interest.
        deadline: When to give up.

    Returns:
        The passes, none of which has begun.

    Raises:
        DeadlineReachedError: The deadline came first.
    """
    arcs = surviving_arcs(relaxation, cutoff)
    if not relaxation.graph.links.single_hop:
        from planner.fin.labels.transfer_paths import with_paths  # not where transfers are single links

        arcs = with_paths(relaxation, arcs, cutoff, deadline) or replace(arcs, between_vertices=False)
    stages = stages_of(relaxation, arcs)
    additive, several = arcs.between_vertices and is_additive(relaxation), relaxation.further is not None
    if arcs.between_vertices and (additive or several):
        moves = moves_of(relaxation, stages, arcs)
        if additive:
            return LabelPasses(SumSteps.of(relaxation, stages, moves, cutoff, deadline), cutoff)
        if several:
            from planner.fin.labels.other_multipliers import with_other_multipliers  # few requests have several limits

            relaxation = with_other_multipliers(relaxation, moves, stages, deadline)
    from planner.fin.labels.tracked import TrackedSteps  # few searches track capacities or late results

    return LabelPasses(TrackedSteps(relaxation, stages, cutoff, deadline), cutoff)

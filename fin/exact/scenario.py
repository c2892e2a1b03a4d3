"""Stage 3, the inference graph: the cheapest path through the feasible graph of one scenario, proved.

Capacities of nodes couple blocks, so they are relaxed first and tracked only where the relaxed optimum breaks them
(decremental state space relaxation: Boland, Dethridge and Dumitrescu, OR Letters 34, 2006; Righini and Salani,
Networks 51, 2008).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from planner.fin.bounds.relaxation import Relaxation, best_segment_multiplier, relax_by_segments
from planner.fin.deadline import Deadline
from planner.fin.exact.incumbent import Incumbent, decision_of
from planner.fin.instance.decision import Decision, Overload
from planner.fin.instance.network import Ints, Network
from planner.fin.instance.ties import above_ties
from planner.fin.labels.arcs import surviving_arcs
from planner.fin.labels.interface import LabelSearch
from planner.fin.labels.search import passes_of, search

if TYPE_CHECKING:
    from planner.fin.bounds.resources import NodeResource

_WIDTHS = (1_000, 20_000, 300_000)
_TIE_WIDTH = 20_000
"""Labels at most where the optimum is proved, and only the order of plans that tie is open."""
_DIVE_WIDTH = 64
_NARROW_WIDTH = 32
_WIDTHS_OF_PASSES = (64, 512, 4_000, 20_000, 300_000)
"""Labels of a layer that passes extend where several limits hold; the first pass looks for a plan near the optimum."""
_GUESS_OF_PASSES = 0.75
"""Where the optimum mostly lies below, as a share of the gap between bound and cutoff."""
_MANY_PER_LAYER = 4
_GUESSES = (0.1, 0.4)
"""Where the optimum may be, as a share of the gap between bound and cutoff."""

_JOINED = 0.5
"""The same share, for links over which paths are joined."""
_FEW_JOINED = 2_000
"""Links, those of all layers, over which paths are joined at first where no plan is known."""
_MOST_SEGMENTS = 200_000
"""Layers times layers times nodes up to which segments are moved."""


class MediumOverloadError(Exception):
    """The relaxed optimum overloads media whose load the labels do not track yet."""

    def __init__(self, media: frozenset[int]) -> None:
        self.media = media
        super().__init__(f"media {sorted(media)}")


def solve_scenario(
    plain: Relaxation, lower_bound: float, incumbent: Incumbent, network: Network, deadline: Deadline,
    mixed: Ints | None = None,
) -> float:  # fmt: skip
    """Search one scenario; better plans go to the incumbent.

    Args:
        plain: The scenario without capacities.
        lower_bound: A bound on its plans.
        incumbent: The best plan so far, and what is of interest.
        network: Capacities of nodes and media.
        deadline: When to give up.
        mixed: (P, D) nodes of the paths whose mixture bounds the scenario, where several limits hold.

    Returns:
        A lower bound on the objective of the scenario's plans; it reaches the incumbent's cutoff where the scenario
        was searched to its end.

    Raises:
        DeadlineReachedError: The deadline came first; the bound that was passed in still holds.
        MediumOverloadError: The search must be repeated with labels that track the load of some media.
    """
    if incumbent.decision is not None and _is_only_path(plain, incumbent.decision):
        return incumbent.cutoff
    starts = mixed if _may_move_segments(plain, mixed) else None
    near = _is_wide(plain) and _offer_near(plain, starts, incumbent)
    plain = plain.fixed(incumbent.cutoff)
    if plain.further is not None and _is_wide(plain):
        found, broken = _in_passes(plain, incumbent, deadline, near and starts is not None)
    else:
        found, broken = (_widening if near else _deepening)(plain, incumbent, deadline)
    if not broken:
        return max(lower_bound, found.lower_bound)
    lower_bound = max(lower_bound, plain.lower_bound)
    return _with_capacities(plain, broken, incumbent, network, deadline, lower_bound, found.best_cost)


def _may_move_segments(plain: Relaxation, mixed: Ints | None) -> bool:
    """Tell whether there are paths to start from, over links that are all direct, and few enough segments to move."""
    layers, nodes = plain.alive.shape
    few = layers * layers * nodes <= _MOST_SEGMENTS
    return few and mixed is not None and len(mixed) > 0 and plain.graph.links.single_hop


def _offer_near(plain: Relaxation, starts: Ints | None, incumbent: Incumbent) -> bool:
    """Offer what segment moves make of some paths, else a joined path; a better incumbent fixes more vertices out.

    Return whether a plan is held that may be near the optimum.
    """
    return _offer_joined(plain, incumbent) if starts is None else _offer_improved(plain, starts, incumbent)


def _offer_joined(plain: Relaxation, incumbent: Incumbent) -> bool:
    """Offer a joined path; return whether it keeps every limit."""
    from planner.fin.exact.path_joining import joined_path  # few scenarios are wide

    half = plain.lower_bound + _JOINED * (incumbent.cutoff - plain.lower_bound)
    for below in (half,) if np.isfinite(half) else (_bound_of_few(plain), incumbent.cutoff):
        path = joined_path(plain, surviving_arcs(plain.fixed(below), below))
        if path is not None:
            return not incumbent.offer(decision_of(plain.graph, incumbent.instance, path))
    return False


def _offer_improved(plain: Relaxation, mixed: Ints, incumbent: Incumbent) -> bool:
    """Offer what segment moves make of the plan that is held and of the paths whose mixture bounds the scenario.

    Return whether a plan is held then. Where several limits hold, it is mostly far nearer to the optimum than a join.
    """
    from planner.fin.exact.segment_moves import improved  # few scenarios of several limits are wide

    held, starts = incumbent.decision, mixed
    if held is not None and held.point == int(plain.graph.scenarios.point[0]):
        starts = np.concatenate([np.array([held.nodes], dtype=np.int64), mixed])
    path = improved(plain, starts, incumbent.cutoff)
    if path is not None:
        incumbent.offer(decision_of(plain.graph, incumbent.instance, path))
    return incumbent.decision is not None


def _bound_of_few(plain: Relaxation) -> float:
    """Return a value below which the bounds of few links lie."""
    bounds = plain.link_bounds
    if bounds is None or bounds.size <= _FEW_JOINED:
        return np.inf
    return float(np.partition(bounds, _FEW_JOINED, axis=None)[_FEW_JOINED])


def _is_wide(plain: Relaxation) -> bool:
    """Tell whether bounds leave so many vertices that a better cutoff is worth some work."""
    return bool(plain.alive.sum() > _MANY_PER_LAYER * plain.alive.shape[0])


def _in_passes(
    relaxation: Relaxation, incumbent: Incumbent, deadline: Deadline, near: bool
) -> tuple[LabelSearch, list[Overload]]:
    """Search in passes that widen, where bounds of several limits are weak.

    A narrow pass below a guess at the optimum mostly meets a plan near it, and the passes after it need no more than
    the labels below that. Where a plan near the optimum is held, there is no need for either.
    """
    cutoff = incumbent.cutoff
    guess = cutoff if near else relaxation.lower_bound + _GUESS_OF_PASSES * (cutoff - relaxation.lower_bound)
    passes = passes_of(relaxation.fixed(guess), guess, deadline)
    for width in _widths(incumbent, _WIDTHS_OF_PASSES[1:] if near else _WIDTHS_OF_PASSES):
        found = passes.widened(width, min(cutoff, guess))
        broken = _offer(found, relaxation, incumbent)
        if not found.paths and guess < cutoff:  # there is none below the guess, or labels that lead there wait
            guess, passes = cutoff, passes_of(relaxation, cutoff, deadline)
            continue
        cutoff = min(cutoff, incumbent.cutoff, _wanted_below(found, relaxation))
        if found.complete_below >= (found.best_cost if width >= _TIE_WIDTH else cutoff):
            break
        if passes.lost_from < cutoff:  # what this width lost between nodes, a larger one may keep
            passes = passes_of(relaxation.fixed(cutoff), cutoff, deadline)
    return found, _without_media(broken)


def _deepening(
    relaxation: Relaxation, incumbent: Incumbent, deadline: Deadline, met: float = -np.inf
) -> tuple[LabelSearch, list[Overload]]:
    """Search below guesses at the optimum first: the first one that a path costs less than ends the search.

    The optimum is mostly far nearer to the bound than to the cutoff, and a search grows with the gap that it closes.
    Where a joined path keeps every limit, it has brought the cutoff down already, and there is no need to guess.

    Args:
        relaxation: The scenario.
        incumbent: The best plan so far.
        deadline: When to give up.
        met: No path costs less.

    Returns:
        The last search, and the capacities that its cheapest path breaks.
    """
    gap = incumbent.cutoff - relaxation.lower_bound
    wide = _is_wide(relaxation) and np.isfinite(gap)
    guesses = [relaxation.lower_bound + share * gap for share in _GUESSES] if wide else []
    for guess in guesses:
        if guess >= incumbent.cutoff:
            break
        if guess <= met:
            continue
        found = search(relaxation.fixed(guess), guess, _widths(incumbent)[0], deadline)
        broken = _offer(found, relaxation, incumbent)
        if found.best_cost < guess and _wanted_below(found, relaxation) <= found.complete_below:
            return found, _without_media(broken)
    return _widening(relaxation, incumbent, deadline)


def _wanted_below(found: LabelSearch, relaxation: Relaxation) -> float:
    """Return the cost below which every path must have been looked at, where the cheapest one that was met is best."""
    return above_ties(found.best_cost) if relaxation.ties and found.paths else found.best_cost


def _is_only_path(plain: Relaxation, held: Decision) -> bool:
    """Tell whether bounds leave one path of a scenario alone, and it is a plan that is held."""
    alive, graph = plain.alive, plain.graph
    if graph.open.shape[-1] > 1 or (alive.sum(axis=1) != 1).any() or (plain.passable.sum(axis=1) > 2).any():
        return False
    return int(graph.scenarios.point[0]) == held.point and tuple(alive.argmax(axis=1).tolist()) == held.nodes


def _without_media(broken: list[Overload]) -> list[Overload]:
    """Return the capacities of nodes that are broken; a medium whose load labels state is never overloaded by one."""
    if media := frozenset(row.index for row in broken if row.kind == "medium"):
        raise MediumOverloadError(media)
    return broken


def _with_capacities(
    plain: Relaxation,
    broken: list[Overload],
    incumbent: Incumbent,
    network: Network,
    deadline: Deadline,
    lower_bound: float,
    met: float,
) -> float:
    """Track the node capacities that optima break, one round after the other, until an optimum keeps all of them."""
    from planner.fin.bounds.resources import broken_resources, segment_ends  # few optima break a capacity

    ends = segment_ends(plain.graph, network)
    multiplier = best_segment_multiplier(plain, ends, deadline=deadline)
    segments = relax_by_segments(plain, ends, multiplier, deadline=deadline)
    lower_bound = max(lower_bound, segments.lower_bound)
    tracked: dict[tuple[str, int], NodeResource] = {}
    while lower_bound < incumbent.cutoff:
        if tracked and not np.isfinite(incumbent.value):
            _dive(segments, incumbent, network, deadline)
        for resource in broken_resources(plain.graph, network, broken):
            tracked[resource.kind, resource.node] = resource
        relaxation = replace(segments, tracked=tuple(tracked.values()))
        found, broken = _searched(relaxation, incumbent, deadline, met)
        met = found.best_cost
        lower_bound = max(lower_bound, found.lower_bound)
        if not broken:
            break
    return lower_bound


def _searched(
    relaxation: Relaxation, incumbent: Incumbent, deadline: Deadline, met: float
) -> tuple[LabelSearch, list[Overload]]:
    """Search as `_deepening` does; where no plan is known, a narrow search goes first, which may settle it all."""
    if not np.isfinite(incumbent.value):
        found = search(relaxation, incumbent.cutoff, _NARROW_WIDTH, deadline)
        broken = _offer(found, relaxation, incumbent)
        if found.complete_below >= min(_wanted_below(found, relaxation), incumbent.cutoff):
            return found, _without_media(broken)
    return _deepening(relaxation, incumbent, deadline, met)


def _dive(segments: Relaxation, incumbent: Incumbent, network: Network, deadline: Deadline) -> None:
    """Offer plans of a narrow search that tracks every capacity at once."""
    from planner.fin.bounds.resources import scarce_resources  # few optima break a capacity

    scarce = tuple(scarce_resources(segments.graph, network, segments.alive))
    dive = replace(segments, tracked=scarce)
    _offer(search(dive, incumbent.cutoff, _DIVE_WIDTH, deadline), dive, incumbent)


def _widths(incumbent: Incumbent, widths: tuple[int, ...] = _WIDTHS) -> tuple[int, ...]:
    """Return how many labels of a layer searches keep, one after the other."""
    most = incumbent.most_labels or widths[-1]
    return (min(widths[0], most), *(width for width in widths[1:] if width <= most))


def _widening(relaxation: Relaxation, incumbent: Incumbent, deadline: Deadline) -> tuple[LabelSearch, list[Overload]]:
    """Search below the cutoff with more and more labels until none that matters had to be dropped.

    Returns the last search, and the capacities that its cheapest path breaks.
    """
    widths, only_ties = _widths(incumbent), False
    for width in widths:
        relaxation = relaxation.fixed(incumbent.cutoff)
        kept = min(width, _TIE_WIDTH) if only_ties else width
        found = search(relaxation, incumbent.cutoff, kept, deadline)
        broken = _offer(found, relaxation, incumbent)
        if found.complete_below >= min(_wanted_below(found, relaxation), incumbent.cutoff) or kept < width:
            break
        # no plan is better, but there may be plans that tie and are preferred
        only_ties = bool(found.paths) and found.complete_below >= found.best_cost
    return found, _without_media(broken)


def _offer(found: LabelSearch, relaxation: Relaxation, incumbent: Incumbent) -> list[Overload]:
    """Offer complete paths, the best first, until one keeps every capacity; return those that the best breaks.

    Of paths that tie, all are offered: what labels compare may leave more than one criterion open.
    """
    broken: list[Overload] = []
    kept = False
    for index, path in enumerate(found.paths):
        if kept and not (incumbent.ties and index < found.tied):
            break
        breaks = incumbent.offer(decision_of(relaxation.graph, incumbent.instance, path))
        kept = kept or not breaks
        if index == 0:
            broken = breaks
    return broken

"""What needs no solver: variables that a box fixes, terms that are constant, terms of one group that are alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.clear.geometric.program import Posynomials, sums
from planner.fin.instance.network import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class PresolvedPattern:
    """From T terms over V variables to K terms over F of them; depends on the pattern, not on coefficients."""

    original: Posynomials
    free: Ints
    """(F,) variables that some term needs and no box fixes."""
    aggregate_nodes: Ints
    """(T,) the reduced term that each term is part of; -1 for a constant."""
    fixed_entries: Ints
    """Exponents of the original on fixed variables."""
    group: Ints
    """(K,)"""
    exponent_term: Ints
    exponent_variable: Ints
    exponent_value: Floats

    def constants(self, term: Floats) -> Floats:
        """Return the sum of the constant terms of every group, (G,), from the factors of all terms."""
        constant = self.aggregate_nodes < 0
        return sums(self.original.group[constant], term[constant], self.original.groups)

    def factors(self, coefficient: Floats, x: Floats) -> Floats:
        """Return every coefficient times the powers of the fixed variables, (T,)."""
        at = self.fixed_entries
        powers = self.original.exponent_value[at] * np.log(x[self.original.exponent_variable[at]])
        return coefficient * np.exp(sums(self.original.exponent_term[at], powers, self.original.terms))

    def reduced(self, factor: Floats, room: Floats) -> Posynomials:
        """Return the reduced posynomials; a constraint is divided by the room that its constants leave."""
        kept = self.aggregate_nodes >= 0
        total = sums(self.aggregate_nodes[kept], factor[kept], self.group.size)
        return Posynomials(
            self.group,
            total / room[self.group],
            self.exponent_term,
            self.exponent_variable,
            self.exponent_value,
            self.original.groups,
        )

    def spread(self, weight: Floats, factor: Floats) -> Floats:
        """Return weights on reduced terms (K,) shared out among the terms they are made of, (T,)."""
        kept = self.aggregate_nodes >= 0
        total = sums(self.aggregate_nodes[kept], factor[kept], self.group.size)
        shared = np.zeros(self.aggregate_nodes.size)
        shared[kept] = weight[self.aggregate_nodes[kept]] * factor[kept] / total[self.aggregate_nodes[kept]]
        return shared


def presolve(posynomials: Posynomials, fixed: Bools) -> PresolvedPattern:
    """Find out which variables and which distinct terms remain where a box fixes some variables, (V,)."""
    term, variable, value = _summed(posynomials, ~fixed)
    free, variable = np.unique(variable, return_inverse=True)
    entries = np.bincount(term, minlength=posynomials.terms)
    order, new = _like_terms(posynomials.group, entries, term, variable, value)
    aggregate_nodes = np.full(posynomials.terms, -1)
    aggregate_nodes[order] = np.cumsum(new) - 1
    first = np.zeros(posynomials.terms, dtype=bool)
    first[order[new]] = True
    kept = first[term]
    return PresolvedPattern(
        posynomials,
        free,
        aggregate_nodes,
        np.flatnonzero(fixed[posynomials.exponent_variable]),
        posynomials.group[order[new]],
        aggregate_nodes[term[kept]],
        variable[kept],
        value[kept],
    )


def _summed(posynomials: Posynomials, wanted: Bools) -> tuple[Ints, Ints, Floats]:
    """Return the exponents on the wanted variables in order of term and variable, one of each, without zeros."""
    at = np.flatnonzero(wanted[posynomials.exponent_variable])
    key = posynomials.exponent_term[at] * wanted.size + posynomials.exponent_variable[at]
    keys, place = np.unique(key, return_inverse=True)
    total = sums(place, posynomials.exponent_value[at], keys.size)
    held = total != 0.0
    return keys[held] // wanted.size, keys[held] % wanted.size, total[held]


def _like_terms(group: Ints, entries: Ints, term: Ints, variable: Ints, value: Floats) -> tuple[Ints, Bools]:
    """Return the terms that are not constant, alike ones side by side, and where a new kind begins.

    A random projection of the exponents brings like terms together; neighbours are then compared entry by entry, so
    that a collision can only leave two like terms apart.
    """
    projection = np.random.default_rng(0).random(int(variable.max(initial=-1)) + 1)
    signature = sums(term, value * projection[variable], group.size)
    order = np.lexsort((signature, entries, group))
    order = order[entries[order] > 0]
    here, before = order[1:], order[:-1]
    alike = (group[here] == group[before]) & (entries[here] == entries[before])
    alike &= signature[here] == signature[before]
    start = np.cumsum(entries) - entries
    pair = np.flatnonzero(alike)
    length = entries[here[pair]]
    within = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    one, other = np.repeat(start[here[pair]], length) + within, np.repeat(start[before[pair]], length) + within
    differs = (variable[one] != variable[other]) | (value[one] != value[other])
    alike[np.repeat(pair, length)[differs]] = False
    return order, np.concatenate([np.ones(min(order.size, 1), dtype=bool), ~alike])

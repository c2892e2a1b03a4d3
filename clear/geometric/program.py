"""Posynomials, sums of monomials ``c * prod_v x_v ** a_v`` with c > 0 and x > 0, and programs of them, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from planner.fin.instance.network import Floats, Ints


@dataclass(frozen=True, eq=False)
class Posynomials:
    """T monomial terms in G groups: term t is ``coefficient[t] * prod_v x_v ** exponent[t, v]``, a group is their sum.

    Exponents are sparse, as E triples (term, variable, value); several of one term and variable add up. With
    ``x = exp(y)`` the logarithm of a group is convex in y (Boyd, Kim, Vandenberghe and Hassibi, "A tutorial on
    geometric programming", 2007).

    Raises:
        ValueError: Shapes differ, a coefficient is not positive and finite, an exponent is not finite, an index is out
            of range, or groups are not in order.
    """

    group: Ints
    """(T,) the group of each term, ascending."""
    coefficient: Floats
    """(T,)"""
    exponent_term: Ints
    """(E,)"""
    exponent_variable: Ints
    """(E,)"""
    exponent_value: Floats
    """(E,)"""
    groups: int = 0
    """G; 0 stands for the last term's group + 1. A group without terms is zero everywhere."""

    def __post_init__(self) -> None:
        for name in ("group", "exponent_term", "exponent_variable"):
            object.__setattr__(self, name, _indices(name, getattr(self, name)))
        for name in ("coefficient", "exponent_value"):
            object.__setattr__(self, name, finite_array(name, getattr(self, name)))
        if self.coefficient.shape != self.group.shape:
            raise ValueError(f"{self.coefficient.size} coefficients for {self.group.size} terms")
        if not self.exponent_term.size == self.exponent_variable.size == self.exponent_value.size:
            raise ValueError("exponents need as many terms as variables and values")
        if (self.coefficient <= 0.0).any():
            raise ValueError("every coefficient must be above 0")
        if (np.diff(self.group) < 0).any():
            raise ValueError("terms must be in the order of their groups")
        if self.exponent_term.size and self.exponent_term.max() >= self.terms:
            raise ValueError("an exponent belongs to a term that is not there")
        least = int(self.group[-1]) + 1 if self.terms else 0
        if 0 < self.groups < least:
            raise ValueError(f"a term belongs to group {least - 1} of {self.groups}")
        object.__setattr__(self, "groups", self.groups or least)

    @property
    def terms(self) -> int:
        """Number of terms."""
        return int(self.group.size)

    @classmethod
    def of_terms(cls, terms: Sequence[tuple[int, float, dict[int, float]]], groups: int = 0) -> Posynomials:
        """Build from (group, coefficient, exponents by variable), in any order; for small programs written by hand."""
        ordered = sorted(terms, key=lambda term: term[0])
        triples = [(index, *pair) for index, (*_, powers) in enumerate(ordered) for pair in powers.items()]
        return cls(
            np.array([group for group, *_ in ordered], dtype=np.int64),
            np.array([coefficient for _, coefficient, _ in ordered], dtype=float),
            np.array([term for term, *_ in triples], dtype=np.int64),
            np.array([variable for _, variable, _ in triples], dtype=np.int64),
            np.array([value for *_, value in triples], dtype=float),
            groups,
        )

    def with_coefficient(self, coefficient: Floats) -> Posynomials:
        """Return the same monomials with other coefficients (T,)."""
        return replace(self, coefficient=coefficient)

    def followed_by(self, other: Posynomials) -> Posynomials:
        """Return these groups and, behind them, those of another over the same variables."""
        return Posynomials(
            np.concatenate([self.group, other.group + self.groups]),
            np.concatenate([self.coefficient, other.coefficient]),
            np.concatenate([self.exponent_term, other.exponent_term + self.terms]),
            np.concatenate([self.exponent_variable, other.exponent_variable]),
            np.concatenate([self.exponent_value, other.exponent_value]),
            self.groups + other.groups,
        )

    def log_terms(self, log_x: Floats) -> Floats:
        """Return the logarithm of every term, (T,)."""
        powers = self.exponent_value * log_x[self.exponent_variable]
        return np.log(self.coefficient) + sums(self.exponent_term, powers, self.terms)

    def values(self, x: Floats) -> Floats:
        """Return the value of every group, (G,)."""
        return sums(self.group, np.exp(self.log_terms(np.log(x))), self.groups)

    def log_values(self, log_x: Floats) -> Floats:
        """Return the logarithm of every group, (G,), without overflow; minus infinity for a group without terms."""
        logs = self.log_terms(log_x)
        largest = np.full(self.groups, -np.inf)
        np.maximum.at(largest, self.group, logs)
        scaled = sums(self.group, np.exp(logs - largest[self.group]), self.groups)
        held = scaled > 0.0
        return largest + np.log(scaled, where=held, out=np.zeros(self.groups))

    def slope(self, weight: Floats, variables: int) -> Floats:
        """Return the exponents summed with a weight (T,) on every term, (V,)."""
        return sums(self.exponent_variable, self.exponent_value * weight[self.exponent_term], variables)


@dataclass(frozen=True, eq=False)
class Box:
    """Limits of log x, (F,); infinite where there is none."""

    lower: Floats
    upper: Floats

    @property
    def pattern(self) -> bytes:
        """Which limits there are."""
        return bytes(np.isfinite(np.concatenate([self.lower, self.upper])))


@dataclass(frozen=True, eq=False)
class GeometricProgram:
    """Minimise group 0 subject to every further group being at most 1, and ``lower <= x <= upper``.

    Raises:
        ValueError: An exponent belongs to a variable that is not there, or a limit is not a number, below 0, an
            infinite lower or a zero upper one.
    """

    posynomials: Posynomials
    variables: int
    lower: Floats
    """(V,) 0 where there is none."""
    upper: Floats
    """(V,) infinite where there is none."""

    def __post_init__(self) -> None:
        if self.posynomials.groups == 0:
            raise ValueError("a program needs an objective: group 0")
        if self.posynomials.exponent_variable.max(initial=-1) >= self.variables:
            raise ValueError(f"an exponent belongs to a variable beyond the {self.variables} of the program")
        object.__setattr__(self, "lower", finite_array("lower", self.lower, self.variables))
        inverse = 1.0 / np.asarray(self.upper, dtype=float) if np.all(np.asarray(self.upper) > 0.0) else [np.nan]
        finite_array("1 / upper", inverse, self.variables)
        object.__setattr__(self, "upper", np.asarray(self.upper, dtype=float))
        if (self.lower < 0.0).any():
            raise ValueError("lower holds a value below 0")

    @property
    def box(self) -> Box:
        """The limits of log x."""
        with np.errstate(divide="ignore"):
            return Box(np.log(self.lower), np.log(self.upper))


def sums(index: Ints, value: Floats, size: int) -> Floats:
    """Add up values by their index.

    Args:
        index: (T,) group of every value.
        value: (T,) values to add up.
        size: Number of groups.

    Returns:
        (G,) sums, G being `size`; 0 for a group without values.
    """
    return np.bincount(index, value, minlength=size).astype(np.float64, copy=False)


def finite_array(name: str, given: Any, size: int | None = None) -> Floats:  # noqa: ANN401 - what callers pass is checked here
    """Read a vector of finite floats and check its length.

    Args:
        name: Name of the field, for messages.
        given: Anything NumPy takes as a vector.
        size: Length that it must have; None for any.

    Returns:
        Array with one axis, of length `size` where that is given.

    Raises:
        ValueError: It is not one, or not of this size.
    """
    array = np.asarray(given, dtype=np.float64)
    if array.ndim != 1 or (size is not None and array.size != size):
        raise ValueError(f"{name} has shape {array.shape}, not ({'n' if size is None else size},)")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds a value that is not finite")
    return array


def _indices(name: str, given: Any) -> Ints:  # noqa: ANN401 - what callers pass is checked here
    array = np.asarray(given)
    if array.ndim != 1 or (array.size and not np.issubdtype(array.dtype, np.integer)):
        raise ValueError(f"{name} must be a vector of whole numbers")
    if array.size and array.min() < 0:
        raise ValueError(f"{name} holds a negative index")
    return array.astype(np.int64)

"""Transmit powers as variables: radio links whose rate follows Shannon's formula, inside geometric programs.

A link of bandwidth B, gain g and noise density N0 that sends with power p carries ``R(p) = B log2(1 + p g / (N0 B))``
(Shannon, 1949). A program may hold p and a rate r as variables; the time of b bits is then the monomial ``b / r`` and
their energy ``(p + circuit) b / r``, and what is missing is the constraint ``r <= R(p)``.

It is convex in (log p, log r): with ``u = log p`` and k the signal-to-noise ratio per watt,
``log R = log log(1 + k exp(u)) + constant``. ``log(1 + k exp(u))`` is the integral from minus infinity of the logistic
function, which is log-concave, and integrals of log-concave functions are log-concave (Prekopa, 1973); so log R is
concave in u, and r <= R(p) is the region below a concave curve. The curve lies

- below each of its tangents ``r <= c p ** a``: monomials that no true point breaks, so that a program with tangents has
  an optimum at most the true one, and is infeasible only if the truth is;
- above the polyline through points on it, which is the least of the lines that continue its chords: monomials again,
  and whatever they allow, the true rate allows.

Hence one monomial fitted at a point and solved again and again, the usual condensation, would promise rates above the
true ones. Here both programs are solved, with more points on the curve around the last power each round: the chords
give a point that the true formula allows, the tangents prove how good it is, until they meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.clear.geometric.optimum import PROVED, GeometricOptimum, no_point
from planner.clear.geometric.program import GeometricProgram, Posynomials, sums
from planner.clear.geometric.solver import GeometricSolver
from planner.fin.instance.network import Floats

_FIRST_POINTS = 9
_DARK, _BRIGHT = 1e-3, 1e6
"""Signal-to-noise ratios between which the first points lie where a power has no limit."""
_CLEARANCE = 1e-12
"""Chords are lowered, and tangents raised, by rounding."""
_SAME = 1e-6
"""Points of a curve are at least this far apart in log p."""


@dataclass(frozen=True)
class Radio:
    """A radio link; powers in W at the sender."""

    bandwidth_hz: float
    gain: float
    """Share of the sent power that is received."""
    noise_w_per_hz: float
    min_power_w: float = 0.0
    max_power_w: float = np.inf
    circuit_power_w: float = 0.0
    """Drawn beside the transmit power while sending."""

    def __post_init__(self) -> None:
        for name in ("bandwidth_hz", "gain", "noise_w_per_hz"):
            if not 0.0 < getattr(self, name) < np.inf:
                raise ValueError(f"{name} must be above 0 and finite")
        if not (0.0 <= self.min_power_w <= self.max_power_w and self.max_power_w > 0.0):
            raise ValueError("powers need 0 <= min_power_w <= max_power_w and max_power_w > 0")
        if not 0.0 <= self.circuit_power_w < np.inf:
            raise ValueError("circuit_power_w must be at least 0 and finite")

    @property
    def noise_power_w(self) -> float:
        """Transmit power at which the signal is as strong as the noise."""
        return self.noise_w_per_hz * self.bandwidth_hz / self.gain

    def rate_bit_per_s(self, power_w: Floats | float) -> Floats:
        """Return the rate at some powers."""
        return np.asarray(self.bandwidth_hz * np.log1p(np.asarray(power_w) / self.noise_power_w) / np.log(2.0))

    def slope(self, power_w: Floats) -> Floats:
        """Return d log R / d log p at some powers: 1 at little power, towards 0 at much."""
        ratio = power_w / self.noise_power_w
        return np.asarray(ratio / ((1.0 + ratio) * np.log1p(ratio)))

    def sending_energy_j(self, bits: float, power_w: float) -> float:
        """Return the energy of sending some bits at a power."""
        return float((power_w + self.circuit_power_w) * bits / self.rate_bit_per_s(power_w))


@dataclass(frozen=True)
class RadioLink:
    """A radio whose power and rate are variables of a program."""

    radio: Radio
    power_variable: int
    rate_variable: int


@dataclass(frozen=True, eq=False)
class RadioOptimum:
    """The answer to a program with radio links."""

    optimum: GeometricOptimum
    """Over the program's own groups. Rates in x are at most what the true formula gives at the powers in x, and
    ``lower_bound`` holds for the true formula. Residuals are those of the last program with chords."""
    powers_w: Floats
    """(L,)"""
    rates_bit_per_s: Floats
    """(L,) true rates at these powers."""
    rounds: int
    infeasible_links: Floats
    """(L,) weight of each link's curve in a proof of infeasibility, on the scale of ``infeasible_groups``."""


def solve_with_radio(
    program: GeometricProgram, links: Sequence[RadioLink], tolerance: float = 1e-7, max_rounds: int = 20
) -> RadioOptimum:
    """Solve a program whose links' rates must not exceed Shannon's formula at their powers.

    The answer is optimal where a point that the true formula allows is within a relative 1e-6 of the lower bound
    (rounds go on to ``tolerance`` as far as the solver's precision lets them), and unknown where rounds run out before.

    Args:
        program: Geometric program with a power and a rate variable for every radio.
        links: Radios and the indices of their two variables.
        tolerance: Relative gap at which rounds end.
        max_rounds: Most rounds of tangents and chords (count).

    Returns:
        The optimum with bound, powers in W and rates in bit/s.

    Raises:
        ValueError: A link's variables are not in the program, are the same, or belong to two links.
    """
    _check(program, links)
    bounded = _within_powers(program, links)
    curves = [_first_points(link.radio) for link in links]
    best: GeometricOptimum | None = None
    bound, rounds = 0.0, 0
    for rounds in range(1, max_rounds + 1):
        tangents = _tangents(links, curves)
        outer = GeometricSolver(_with_rows(bounded, links, tangents)).solve()
        if outer.status == "infeasible":
            return _proved_infeasible(program, tangents, outer, rounds)
        bound = max(bound, outer.lower_bound)
        inner = GeometricSolver(_with_rows(bounded, links, _chords(links, curves))).solve()
        if best is None or inner.value < best.value:
            best = inner
        if best.value - bound <= tolerance * best.value or not np.isfinite(outer.x).all():
            break
        curves = [_refined(curve, outer.x[link.power_variable]) for link, curve in zip(links, curves, strict=True)]
    assert best is not None  # there is at least one round
    return _answer(program, links, best, bound, rounds)


def _check(program: GeometricProgram, links: Sequence[RadioLink]) -> None:
    variables = [variable for link in links for variable in (link.power_variable, link.rate_variable)]
    if not links or len(set(variables)) != len(variables):
        raise ValueError("every link needs a power and a rate variable of its own")
    if min(variables) < 0 or max(variables) >= program.variables:
        raise ValueError(f"a link's variable is not one of the {program.variables} of the program")


def _within_powers(program: GeometricProgram, links: Sequence[RadioLink]) -> GeometricProgram:
    """Return the program with the limits of powers in its box."""
    lower, upper = program.lower.copy(), program.upper.copy()
    for link in links:
        lower[link.power_variable] = max(lower[link.power_variable], link.radio.min_power_w)
        upper[link.power_variable] = min(upper[link.power_variable], link.radio.max_power_w)
    return replace(program, lower=lower, upper=upper)


def _first_points(radio: Radio) -> Floats:
    """Return powers between the limits, evenly apart in log p."""
    least = radio.min_power_w or min(radio.max_power_w, radio.noise_power_w) * _DARK
    most = radio.max_power_w if np.isfinite(radio.max_power_w) else max(least, radio.noise_power_w) * _BRIGHT
    return _distinct(np.geomspace(least, most, _FIRST_POINTS))


def _refined(curve: Floats, power_w: float) -> Floats:
    """Return a curve with three more points: a power, and one to each side, an eighth of the way to the neighbours."""
    logs = np.log(curve)
    log_power = float(np.clip(np.log(power_w), logs[0] - 10.0, logs[-1] + 10.0))
    apart = np.abs(logs - log_power)
    near = np.sort(apart[apart > _SAME])[:2]
    step = float(near.max()) / 8.0 if near.size else 0.0
    return _distinct(np.concatenate([curve, np.exp(log_power + step * np.array([-1.0, 0.0, 1.0]))]))


def _distinct(powers_w: Floats) -> Floats:
    """Return powers in order without those that are as good as equal."""
    ordered = np.sort(powers_w)
    apart = np.diff(np.log(ordered), prepend=-np.inf) > _SAME
    return np.asarray(ordered[apart])


_Lines = list[tuple[Floats, Floats]]
"""For every link, lines ``log r <= log c + a log p``: the exponents a and the logarithms of c."""


def _tangents(links: Sequence[RadioLink], curves: Sequence[Floats]) -> _Lines:
    """Return lines above the curves: tangents, and the line of slope 1 that the curve nears at little power."""
    lines = []
    for link, powers_w in zip(links, curves, strict=True):
        slope = link.radio.slope(powers_w)
        logs = np.log(link.radio.rate_bit_per_s(powers_w)) - slope * np.log(powers_w)
        faint = np.log(link.radio.bandwidth_hz / (link.radio.noise_power_w * np.log(2.0)))
        lines.append((np.append(slope, 1.0), np.append(logs, faint) + _CLEARANCE))
    return lines


def _chords(links: Sequence[RadioLink], curves: Sequence[Floats]) -> _Lines:
    """Return lines whose least is below the curves: chords, slope 1 before the first point and 0 after the last.

    The slope of log R is between 0 and 1 everywhere, so the outer lines stay below the curve too.
    """
    lines = []
    for link, powers_w in zip(links, curves, strict=True):
        log_power, log_rate = np.log(powers_w), np.log(link.radio.rate_bit_per_s(powers_w))
        slope = np.concatenate([[1.0], np.diff(log_rate) / np.diff(log_power), [0.0]])
        ends = np.concatenate([[0], np.arange(powers_w.size)])
        lines.append((slope, log_rate[ends] - slope * log_power[ends] - _CLEARANCE))
    return lines


def _with_rows(program: GeometricProgram, links: Sequence[RadioLink], lines: _Lines) -> GeometricProgram:
    """Return the program with a constraint ``r / (c p ** a) <= 1`` for every line, behind its own."""
    count = [slope.size for slope, _ in lines]
    rows = np.arange(sum(count))
    rate = np.repeat([link.rate_variable for link in links], count)
    power = np.repeat([link.power_variable for link in links], count)
    slope, logs = (np.concatenate(parts) for parts in zip(*lines, strict=True))
    below = Posynomials(
        rows,
        np.exp(-logs),
        np.concatenate([rows, rows]),
        np.concatenate([rate, power]),
        np.concatenate([np.ones(rows.size), -slope]),
    )
    return replace(program, posynomials=program.posynomials.followed_by(below))


def _proved_infeasible(program: GeometricProgram, lines: _Lines, outer: GeometricOptimum, rounds: int) -> RadioOptimum:
    groups = program.posynomials.groups
    link_of_row = np.repeat(np.arange(len(lines)), [slope.size for slope, _ in lines])
    weight = sums(link_of_row, outer.infeasible_groups[groups:], len(lines))
    nothing = np.full(len(lines), np.nan)
    return RadioOptimum(_trimmed(outer, groups), nothing, nothing, rounds, weight)


def _answer(
    program: GeometricProgram, links: Sequence[RadioLink], inner: GeometricOptimum, bound: float, rounds: int
) -> RadioOptimum:
    """Return the best point found with the bound that holds for the true formula."""
    lower_bound = min(bound, inner.value)
    proved = inner.value - lower_bound <= PROVED * inner.value < np.inf
    found = replace(
        no_point(program, "unknown") if inner.value == np.inf else _trimmed(inner, program.posynomials.groups),
        status="optimal" if proved else "unknown",
        lower_bound=lower_bound,
    )
    powers_w = found.x[[link.power_variable for link in links]]
    rates = np.array([link.radio.rate_bit_per_s(power_w) for link, power_w in zip(links, powers_w, strict=True)])
    return RadioOptimum(found, powers_w, rates, rounds, np.zeros(len(links)))


def _trimmed(optimum: GeometricOptimum, groups: int) -> GeometricOptimum:
    """Return an answer without the groups of lines."""
    return replace(optimum, dual=optimum.dual[:groups], infeasible_groups=optimum.infeasible_groups[:groups])

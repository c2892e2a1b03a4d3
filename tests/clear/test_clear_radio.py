"""Transmit powers against the formula itself, a dense grid of powers, and SciPy on the true rate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from planner.clear.geometric.program import GeometricProgram, Posynomials
from planner.clear.geometric.radio import (
    Radio,
    RadioLink,
    RadioOptimum,
    _chords,
    _first_points,
    _refined,
    _tangents,
    solve_with_radio,
)
from planner.fin.instance.network import Floats

CELL = Radio(1e6, 1e-9, 4e-21, 1e-3, 0.2, circuit_power_w=0.1)
BITS = 1e6


def one_link(radio: Radio, deadline_s: float) -> RadioOptimum:
    """Least energy of sending some bits in time; variables are power and rate."""
    terms: list[tuple[int, float, dict[int, float]]] = [
        (0, BITS, {0: 1.0, 1: -1.0}),
        (0, BITS * max(radio.circuit_power_w, 1e-30), {1: -1.0}),
        (1, BITS / deadline_s, {1: -1.0}),
    ]
    program = GeometricProgram(Posynomials.of_terms(terms), 2, np.zeros(2), np.full(2, np.inf))
    return solve_with_radio(program, [RadioLink(radio, 0, 1)])


def least_on_grid(radio: Radio, deadline_s: float, least_w: float, most_w: float) -> float:
    powers = np.geomspace(least_w, most_w, 200_001)
    rates = radio.rate_bit_per_s(powers)
    return float(((powers + radio.circuit_power_w) * BITS / rates)[BITS / rates <= deadline_s].min(initial=np.inf))


class Cell:
    """L links that share a medium under deadlines; variables are powers, then rates, then shares."""

    def __init__(self, seed: int, links: int, hurry: float = 1.0) -> None:
        random = np.random.default_rng(seed)
        self.links = links
        self.bits = random.uniform(0.2, 2.0, links) * 1e6
        self.per_s = random.uniform(0.05, 0.2, links)
        gains, circuits = 10.0 ** random.uniform(-11.0, -8.5, links), random.uniform(0.01, 0.2, links)
        self.radios = [
            Radio(1e6, gain, 4e-21, 1e-4, 0.5, circuit) for gain, circuit in zip(gains, circuits, strict=True)
        ]
        shared = self.bits / np.array([radio.rate_bit_per_s(0.05) for radio in self.radios]) * links
        self.deadline_s = shared * random.uniform(0.9, 1.5, links) / hurry

    def program(self) -> GeometricProgram:
        terms: list[tuple[int, float, dict[int, float]]] = []
        for link, radio in enumerate(self.radios):
            power, rate, share = link, self.links + link, 2 * self.links + link
            each = self.per_s[link] * self.bits[link]
            terms += [(0, each, {power: 1.0, rate: -1.0}), (0, each * radio.circuit_power_w, {rate: -1.0})]
            terms += [(1, 1.0, {share: 1.0})]
            terms += [(2 + link, self.bits[link] / self.deadline_s[link], {rate: -1.0, share: -1.0})]
        size = 3 * self.links
        return GeometricProgram(Posynomials.of_terms(terms), size, np.zeros(size), np.full(size, np.inf))

    def solve(self) -> RadioOptimum:
        links = [RadioLink(radio, link, self.links + link) for link, radio in enumerate(self.radios)]
        return solve_with_radio(self.program(), links)

    def rates(self, powers: Floats) -> Floats:
        return np.array([radio.rate_bit_per_s(power) for radio, power in zip(self.radios, powers, strict=True)])

    def watts(self, powers: Floats) -> float:
        circuits = np.array([radio.circuit_power_w for radio in self.radios])
        return float((self.per_s * self.bits * (powers + circuits) / self.rates(powers)).sum())

    def room(self, powers: Floats) -> float:
        """What the least shares that meet the deadlines leave of the medium."""
        return float(1.0 - (self.bits / self.deadline_s / self.rates(powers)).sum())

    def peer(self) -> float:
        """Minimise over logarithms of powers with the true rate, from several starts."""
        best = np.inf
        for start in np.geomspace(2e-3, 0.4, 6):
            found = minimize(
                lambda u: np.log(self.watts(np.exp(u))),
                np.full(self.links, np.log(start)),
                method="SLSQP",
                bounds=[(np.log(1e-4), np.log(0.5))] * self.links,
                constraints={"type": "ineq", "fun": lambda u: self.room(np.exp(u))},
                options={"ftol": 1e-14, "maxiter": 500},
            )
            if self.room(np.exp(found.x)) >= -1e-9:
                best = min(best, self.watts(np.exp(found.x)))
        return best


class TestRate:
    def test_of_a_known_ratio(self) -> None:
        radio = Radio(2e6, 0.5, 1e-9)
        assert radio.noise_power_w == pytest.approx(4e-3)
        assert radio.rate_bit_per_s(4e-3 * 7.0) == pytest.approx(6e6)  # log2(1 + 7) = 3 bit/s per Hz
        assert replace(radio, circuit_power_w=0.1).sending_energy_j(3e6, 0.028) == pytest.approx(0.064)

    @given(exponent=st.floats(-8.0, 12.0))
    def test_slope_is_the_derivative_and_falls(self, exponent: float) -> None:
        powers = CELL.noise_power_w * 10.0 ** (exponent + np.array([-1e-3, 0.0, 1e-3]))
        less, _, more = np.log(CELL.rate_bit_per_s(powers))
        slope = CELL.slope(powers)
        assert slope[1] == pytest.approx((more - less) / np.log(powers[2] / powers[0]), rel=1e-5)
        assert 1.0 >= slope[0] >= slope[1] >= slope[2] > 0.0

    @given(seed=st.integers(0, 10_000), exponent=st.floats(-6.0, 12.0))
    def test_chords_are_below_the_curve_and_tangents_above(self, seed: int, exponent: float) -> None:
        random = np.random.default_rng(seed)
        radio = replace(CELL, min_power_w=float(seed % 2) * 1e-5)
        curve = _first_points(radio)
        for _ in range(int(random.integers(0, 4))):
            curve = _refined(curve, float(np.exp(random.uniform(np.log(curve[0]), np.log(curve[-1])))))
        power = radio.noise_power_w * 10.0**exponent
        links = [RadioLink(radio, 0, 1)]
        (below,), (above,) = _chords(links, [curve]), _tangents(links, [curve])
        rate = np.log(radio.rate_bit_per_s(power))
        assert (below[0] * np.log(power) + below[1]).min() <= rate
        assert (above[0] * np.log(power) + above[1]).min() >= rate


@pytest.mark.parametrize("deadline_s", [0.07, 0.1, 0.5])
@pytest.mark.parametrize("circuit_power_w", [1e-4, 0.1])
@pytest.mark.parametrize("limits", [(1e-3, 0.2), (0.0, 0.2), (0.0, np.inf), (0.05, 0.05)])
def test_one_link_against_a_grid_of_powers(
    deadline_s: float, circuit_power_w: float, limits: tuple[float, float]
) -> None:
    radio = replace(CELL, min_power_w=limits[0], max_power_w=limits[1], circuit_power_w=circuit_power_w)
    found = one_link(radio, deadline_s)
    least = least_on_grid(radio, deadline_s, limits[0] or 1e-9, min(limits[1], 1e2))
    if least == np.inf:
        assert found.optimum.status == "infeasible"
        return
    assert found.optimum.status == "optimal"
    assert found.optimum.value <= least * (1.0 + 1e-6)
    assert found.optimum.lower_bound <= least
    assert radio.sending_energy_j(BITS, found.powers_w[0]) == pytest.approx(found.optimum.value, rel=1e-6)
    assert BITS / found.rates_bit_per_s[0] <= deadline_s * (1.0 + 1e-9)


@pytest.mark.parametrize("links", [2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_links_that_share_a_medium_against_scipy(seed: int, links: int) -> None:
    cell = Cell(seed, links)
    found = cell.solve()
    optimum, powers = found.optimum, found.powers_w
    assert optimum.status == "optimal"
    assert optimum.value == pytest.approx(cell.peer(), rel=1e-5)
    assert optimum.lower_bound <= cell.peer() * (1.0 + 1e-9)
    # the point stands before the true formula
    assert (powers >= 1e-4).all()
    assert (powers <= 0.5).all()
    assert cell.room(powers) >= -1e-9
    assert (optimum.x[links : 2 * links] <= cell.rates(powers) * (1.0 + 1e-9)).all()
    assert found.rates_bit_per_s == pytest.approx(cell.rates(powers))
    assert cell.watts(powers) == pytest.approx(optimum.value, rel=1e-6)
    assert optimum.dual.shape == (2 + links,)


def test_what_no_power_can_do_is_proved() -> None:
    cell = Cell(0, 2, hurry=50.0)
    found = cell.solve()
    assert found.optimum.status == "infeasible"
    assert found.rounds == 1
    assert np.isinf(found.optimum.lower_bound)
    assert found.infeasible_links.sum() + found.optimum.infeasible_groups.sum() == pytest.approx(1.0)
    assert (found.infeasible_links > 0.0).all()
    assert found.optimum.infeasible_bounds[:2, 1].min() > 0.0  # more power would help
    assert np.isnan(found.powers_w).all()


def test_the_same_program_gives_the_same_answer() -> None:
    first, second = Cell(3, 2).solve(), Cell(3, 2).solve()
    assert np.array_equal(first.optimum.x, second.optimum.x)
    assert first.optimum.lower_bound == second.optimum.lower_bound


def test_too_few_rounds_leave_a_point_and_a_bound() -> None:
    cell = Cell(1, 2)
    links = [RadioLink(radio, link, 2 + link) for link, radio in enumerate(cell.radios)]
    found = solve_with_radio(cell.program(), links, max_rounds=1)
    best = cell.peer()
    assert found.rounds == 1
    assert found.optimum.status == "unknown"
    assert found.optimum.lower_bound <= best * (1.0 + 1e-9)
    assert found.optimum.value >= best * (1.0 - 1e-6)


@pytest.mark.parametrize(
    "change",
    [
        {"bandwidth_hz": 0.0},
        {"gain": np.nan},
        {"noise_w_per_hz": np.inf},
        {"min_power_w": 0.3},
        {"min_power_w": -1.0},
        {"max_power_w": 0.0, "min_power_w": 0.0},
        {"circuit_power_w": -1.0},
    ],
)
def test_radios_that_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"power|above 0"):
        replace(CELL, **change)


@pytest.mark.parametrize("variables", [[], [(0, 0)], [(0, 9)], [(-1, 2)], [(0, 2), (0, 3)]])
def test_links_that_are_refused(variables: list[tuple[int, int]]) -> None:
    links = [RadioLink(CELL, power, rate) for power, rate in variables]
    with pytest.raises(ValueError, match="variable"):
        solve_with_radio(Cell(0, 2).program(), links)

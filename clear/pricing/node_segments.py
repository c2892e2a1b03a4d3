"""Node segments (contiguous blocks on one node): the cheapest speed and share at dual prices, in closed form.

A segment asks for dynamic power E, static power S, load L and time t (all at speed 1). At the price mu of a share and
the value theta of a second, it costs at least

    min over s in [slowest, fastest], phi in [L / s, most] of  E s^2 + S / s + mu phi + theta t / (s phi).

For a given s the best share is sqrt(theta t / (mu s)), cut to its range; between the cuts the last two terms are
2 sqrt(theta mu t / s). In log s the function is convex (a partial minimum of a posynomial), so the point where its
derivative vanishes is the minimum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.fin.instance.network import Floats

_NEWTON_STEPS = 4
"""From at most 2^(1/5) too much, these leave the cost, flat at its minimum, within a relative 1e-9."""


@dataclass(frozen=True, eq=False)
class NodeSegments:
    """What segments ask for; arrays that broadcast against each other."""

    dynamic_w: Floats
    static_w: Floats
    load: Floats
    late_s: Floats


@dataclass(frozen=True, eq=False)
class SegmentPrices:
    """Prices and ranges that segments meet; arrays that broadcast against those of segments."""

    multiplier_w_per_s: Floats
    """Value of a second less latency, in watts (theta)."""
    price_w: Floats
    """Price of the whole node (mu)."""
    slowest: Floats
    fastest: Floats
    most_share: Floats
    """Largest share."""


def cheapest_speed(segments: NodeSegments, terms: SegmentPrices) -> Floats:
    """Return the speed of least cost; `fastest` where even that is too slow for the load."""
    if np.all(terms.slowest >= terms.fastest):
        return np.asarray(terms.fastest)
    energy = 2.0 * segments.dynamic_w
    worth = terms.multiplier_w_per_s * segments.late_s
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        at_load = terms.price_w * segments.load**2 / worth  # below this speed the share is cut to the load
        at_most = worth / (terms.price_w * terms.most_share**2)  # below this one it is cut to the largest
        held = np.fmax(at_load, at_most)
        cut = np.where(at_load >= at_most, terms.price_w * segments.load, worth / terms.most_share)
        slow = _power((segments.static_w + cut) / energy, 1.0 / 3.0)
        fast = _between_cuts(energy, segments.static_w, np.sqrt(worth * terms.price_w))
        speed = np.where(slow <= held, slow, np.fmax(fast, held))
        least = np.fmax(terms.slowest, segments.load / terms.most_share)
        speed = np.where(energy > 0.0, np.fmax(speed, terms.slowest), terms.fastest)  # fmax: NaN gives the slowest
    return np.asarray(np.minimum(np.maximum(speed, least), terms.fastest))


def _between_cuts(energy: Floats, static_w: Floats, root: Floats) -> Floats:
    """Solve energy * s^2 = static / s + root / sqrt(s) for s, by Newton's method on w = sqrt(s) from above."""
    if not static_w.any():
        return _power(root / energy, 0.4)
    width = np.fmax(_power(2.0 * root / energy, 0.2), _power(2.0 * static_w / energy, 1.0 / 6.0))
    for _ in range(_NEWTON_STEPS):
        squared = width * width
        power = energy * (squared * squared * width)
        width = width - (power * width - root * width - static_w) / (6.0 * power - root)
    return np.asarray(width * width)


def _power(base: Floats, exponent: float) -> Floats:
    """Return a power of numbers >= 0 by logarithms, which are several times as fast as NumPy's roots and powers."""
    return np.asarray(np.exp(exponent * np.log(base)))


def additive_cost(segments: NodeSegments, terms: SegmentPrices, total_late_s: Floats) -> Floats:
    """Compute costs of single blocks whose sum is at most the cost of any segments made of them.

    A node's share is paid once however often an app returns to it, so costs of segments may not be added up. Two
    lines are below ``mu phi + theta t / (s phi)`` for every set of blocks: ``mu L / s + theta t / (s most)``, since
    phi is between the load and the largest share, and the chord ``2 sqrt(theta mu / (s T)) t`` of the concave
    ``2 sqrt(theta mu t / s)`` up to the time T of all blocks. Each node takes the line that is higher for all blocks.

    Args:
        segments: Single blocks, (R, D, N).
        terms: Prices and ranges.
        total_late_s: (R, 1, N) time T of all blocks.

    Returns:
        (R, D, N) costs in W; infinite where a block alone loads a node beyond its largest share at full speed.
    """
    energy, worth = 2.0 * segments.dynamic_w, terms.multiplier_w_per_s * segments.late_s
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        by_load = terms.price_w * segments.load + np.where(worth > 0.0, worth / terms.most_share, 0.0)
        slope = 2.0 * np.sqrt(terms.multiplier_w_per_s * terms.price_w / total_late_s)
        by_chord = np.where(total_late_s > 0.0, slope, 0.0) * segments.late_s
        chord_higher = by_chord.sum(axis=1, keepdims=True) > by_load.sum(axis=1, keepdims=True)
        slow = _power((segments.static_w + by_load) / energy, 1.0 / 3.0)
        fast = _between_cuts(energy, segments.static_w, 0.5 * by_chord)
        speed = np.where(chord_higher, fast, slow)
    speed = np.where(energy > 0.0, np.fmax(speed, terms.slowest), terms.fastest)  # fmax: NaN gives the slowest
    speed = np.minimum(np.maximum(speed, terms.slowest), terms.fastest)
    line = np.where(chord_higher, by_chord / np.sqrt(speed), by_load / speed)
    cost = segments.dynamic_w * speed**2 + segments.static_w / speed + line
    return np.asarray(np.where(segments.load <= terms.fastest * terms.most_share * (1.0 + 1e-9), cost, np.inf))


def best_share(segments: NodeSegments, terms: SegmentPrices, speed: Floats) -> Floats:
    """Return the share of least cost at a speed.

    Args:
        segments: The segments.
        terms: Prices of the nodes, and the largest shares.
        speed: Speed of the node, as a part of its full speed; broadcasts with the segments.

    Returns:
        The shares, as parts of the node.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        free = np.sqrt(terms.multiplier_w_per_s * segments.late_s / (terms.price_w * speed))
    share = np.where(terms.price_w > 0.0, np.fmin(free, terms.most_share), terms.most_share)
    return np.asarray(np.minimum(np.fmax(share, segments.load / speed), terms.most_share))


def cost_at(segments: NodeSegments, terms: SegmentPrices, speed: Floats, share: Floats) -> Floats:
    """Return what segments cost at given speeds and shares, in watts; infinite where a queue is unstable.

    Args:
        segments: The segments.
        terms: Prices of the nodes.
        speed: Speed of the node, as a part of its full speed; broadcasts with the segments.
        share: Share of the node that the app gets; broadcasts with the segments.

    Returns:
        The costs, in watts.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        worth = terms.multiplier_w_per_s * segments.late_s
        late = np.where(worth > 0.0, worth / (speed * share), 0.0)
        cost = segments.dynamic_w * speed**2 + segments.static_w / speed + terms.price_w * share + late
        stable = segments.load / speed <= share * (1.0 + 1e-9)
    return np.asarray(np.where(stable, cost, np.inf))


def least_cost(segments: NodeSegments, terms: SegmentPrices) -> Floats:
    """Return the least cost of segments, in watts; infinite where no speed is enough for the load."""
    speed = cheapest_speed(segments, terms)
    return cost_at(segments, terms, speed, best_share(segments, terms, speed))

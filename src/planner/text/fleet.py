"""A fleet placement as plain text: sums, bound, energy by tier, what is short."""

from __future__ import annotations

from planner.schemas.fleets.placement import FleetPlacement
from planner.units import format_quantity

_MOST = 5


def fleet_text(placement: FleetPlacement) -> str:
    """Return the answer in a few lines."""
    lines = [f"{placement.fleet}: {placement.status}" + (f" ({placement.message})" if placement.message else "")]
    total, certificate = placement.total, placement.certificate
    if total is not None:
        lines.append(
            f"{total.served:,} of {total.users:,} users served in {len(placement.groups):,} groups, "
            f"{total.nodes_used:,} shared nodes in use"
        )
        tiers = ", ".join(f"{tier} {format_quantity(watts, 'W')}" for tier, watts in total.tier_w.items())
        lines.append(f"power {format_quantity(total.power_w, 'W')} ({tiers})")
        units = placement.metric_units
        lines += [f"{name} {format_quantity(value, units[name])}/s" for name, value in total.metrics.items()]
    if certificate is not None:
        gap = "" if certificate.relative_gap is None else f", gap {certificate.relative_gap:.2%}"
        scope = "" if certificate.complete else " over the hosts and routes considered"
        lines.append(f"bound {format_quantity(certificate.lower_bound, 'W')}{gap}{scope}")
    priced = sorted((load for load in placement.loads if load.price_w > 0.0), key=lambda load: -load.price_w)
    if priced:
        shown = ", ".join(
            f"{load.name} {format_quantity(load.price_w * load.capacity, 'W')}" for load in priced[:_MOST]
        )
        more = f" and {len(priced) - _MOST:,} more" if len(priced) > _MOST else ""
        lines.append(f"short capacity, by what all of it is worth: {shown}{more}")
    if placement.change is not None:
        change = placement.change
        lines.append(f"{change.moved:,} users moved, {change.new:,} are new, {change.gone:,} are gone")
    if placement.diagnosis is not None:
        lines.append(placement.diagnosis.summary)
        lines += [
            f"  a tenth more of {each.name} would serve {each.users_per_tenth:.3g} users more"
            for each in placement.diagnosis.short[:_MOST]
        ]
    if placement.unserved:
        left = sum(each.count for each in placement.unserved)
        lines.append(f"{left:,} users of {len(placement.unserved):,} classes are not served")
    return "\n".join(lines)

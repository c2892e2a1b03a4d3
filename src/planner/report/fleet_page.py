"""Page of a fleet placement: a map of sites by load and price, energy by tier, prices of capacity, who is served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import cos, radians

from planner.report.page import Figure, Page, Section, Table, Tile
from planner.report.plan_page import SEVERITIES, inputs_table
from planner.report.quantities import axis_unit, percent
from planner.report.theme import ACCENT, INK, LABELS, MUTED, RAMP, Spec, figure
from planner.schemas.fleets.placement import FleetPlacement, Load
from planner.schemas.fleets.sites import Site
from planner.units import format_quantity

_MOST_ROWS = 20
_LABEL_ROOM = 1.3
"""Width of the axis, in parts of the longest bar: a value stands behind each bar."""
_MAP_HEIGHT = 460.0
_KM_PER_DEGREE = 111.32


def fleet_page(placement: FleetPlacement, sites: Sequence[Site], inputs: Mapping[str, str]) -> Page:
    """Lay out the page of a fleet placement.

    Args:
        placement: A placement that has passed the verifier.
        sites: Positions of shared nodes; without any there is no map.
        inputs: Hashes of the files given now, by name.

    Returns:
        The page, ready to be written as HTML.
    """
    sections = [
        *_map(placement, sites),
        *_tiers(placement),
        *_metrics(placement),
        *_prices(placement),
        *_unserved(placement),
        Section("How it was made and checked", _made(placement), [inputs_table(_planned(placement), inputs)]),
    ]
    return Page(
        title=f"Fleet {placement.fleet}",
        badge=placement.status,
        severity=SEVERITIES[placement.status],
        lead=_lead(placement),
        tiles=_tiles(placement),
        sections=sections,
    )


def _lead(placement: FleetPlacement) -> str:
    """Return what stands below the title; a placement without a plan says so."""
    if placement.groups:
        return placement.message or "users in classes, planned together"
    return f"holds no plan to draw ({placement.status})" + (f": {placement.message}" if placement.message else "")


def _tiles(placement: FleetPlacement) -> list[Tile]:
    total, certificate, found = placement.total, placement.certificate, []
    if total is not None:
        found.append(Tile("users served", f"{total.served:,}", f"of {total.users:,}"))
        found.append(Tile("power", format_quantity(total.power_w, "W"), f"{total.nodes_used:,} shared nodes in use"))
    if certificate is not None and certificate.relative_gap is not None:
        bound = format_quantity(certificate.lower_bound, "W")
        found.append(Tile("gap", percent(certificate.relative_gap), f"bound {bound}"))
    if placement.change is not None:
        change = placement.change
        found.append(Tile("users moved", f"{change.moved:,}", f"{change.new:,} new, {change.gone:,} gone"))
    return found


def _map(placement: FleetPlacement, sites: Sequence[Site]) -> list[Section]:
    """Draw sites at their positions, in kilometres from the middle."""
    if not sites or not placement.groups:
        return []
    loads = {each.name: each for each in placement.loads if each.kind == "node"}
    latitude = sum(site.latitude_deg for site in sites) / len(sites)
    longitude = sum(site.longitude_deg for site in sites) / len(sites)
    values = [
        {
            "x": round((site.longitude_deg - longitude) * cos(radians(latitude)) * _KM_PER_DEGREE, 3),
            "y": round((site.latitude_deg - latitude) * _KM_PER_DEGREE, 3),
            **_site(site.name, loads.get(site.name)),
        }
        for site in sites
    ]
    used = sum(1 for site in sites if site.name in loads)
    x, y = ({"field": name, "type": "quantitative", "title": f"km {where}"}
            for name, where in (("x", "east of the middle"), ("y", "north of the middle")))  # fmt: skip
    points: Spec = {
        "data": {"values": values},
        "mark": {"type": "circle", "opacity": 0.85},
        "encoding": {
            "x": {**x, "scale": {"zero": False}}, "y": {**y, "scale": {"zero": False}},
            "size": {"field": "load", "type": "quantitative", "scale": {"domain": [0, 1], "range": [12, 130]},
                     "legend": {"title": "load / capacity", "orient": "bottom", "symbolFillColor": MUTED,
                                "symbolStrokeColor": MUTED}},
            "color": _colour(max(float(str(row["worth"])) for row in values)),
            "tooltip": [{"field": name} for name in ("site", "load", "price", "worth")],
        },
    }  # fmt: skip
    text = f"Sites by load and price; {used:,} of {len(sites):,} host a block."
    caption = "Size: the part of its capacity that a site uses. Colour: dual price of a unit times the capacity."
    return [Section("Map of sites", text, [Figure(figure([points], text, _MAP_HEIGHT), caption)])]


def _colour(most_w: float) -> Spec:
    """Return classes of colours by what capacity is worth, one colour where nothing is worth anything.

    Colours are names that the page defines for each scheme: they can be chosen, not mixed.
    """
    if most_w <= 0.0:
        return {"value": ACCENT}
    scale = {"type": "quantize", "domain": [0.0, most_w], "range": list(RAMP)}
    legend = {"title": "worth of its capacity (W)", "orient": "bottom", "format": ".2~s"}
    return {"field": "worth", "type": "quantitative", "scale": scale, "legend": legend}


def _site(name: str, load: Load | None) -> dict[str, object]:
    if load is None:
        return {"site": name, "load": 0.0, "price": "not in use", "worth": 0.0}
    part = load.utilization / load.capacity if load.capacity > 0.0 else 0.0
    worth = load.price_w * load.capacity
    return {"site": name, "load": round(part, 4), "price": format_quantity(load.price_w, "W"), "worth": worth}


def _tiers(placement: FleetPlacement) -> list[Section]:
    total = placement.total
    if total is None or not total.tier_w:
        return []
    factor, unit = axis_unit(total.tier_w.values(), "W")
    values = [
        {"tier": tier, "power": watts / factor, "is": format_quantity(watts, "W")}
        for tier, watts in total.tier_w.items()
    ]
    encoding: Spec = {
        "x": {
            "field": "power",
            "type": "quantitative",
            "title": f"power ({unit})",
            "scale": {"domain": [0.0, _LABEL_ROOM * max(total.tier_w.values()) / factor], "nice": False},
        },
        "y": {"field": "tier", "type": "nominal", "sort": None, "title": None, "axis": LABELS},
    }
    bars: Spec = {
        "data": {"values": values},
        "mark": {"type": "bar", "color": ACCENT},
        "encoding": {**encoding, "tooltip": [{"field": "tier"}, {"field": "is"}]},
    }
    ends: Spec = {
        "data": {"values": values},
        "mark": {"type": "text", "align": "left", "dx": 5, "color": INK, "fontSize": 11},
        "encoding": {**encoding, "text": {"field": "is"}},
    }
    listed = ", ".join(f"{each['tier']} {each['is']}" for each in values)
    drawn = Figure(figure([bars, ends], f"Power by tier: {listed}.", 30.0 * len(values)), f"Power: {listed}.")
    return [Section("Power by tier", "", [drawn])]


def _metrics(placement: FleetPlacement) -> list[Section]:
    """List the metrics of the topology: of all users per second, and of one inference on average and at most."""
    total = placement.total
    if total is None or not total.metrics:
        return []
    users = sum(group.count for group in placement.groups)
    rows = []
    for name, value in total.metrics.items():
        unit = placement.metric_units.get(name, "")
        mean = sum(group.count * group.metrics.get(name, 0.0) for group in placement.groups) / max(1, users)
        most = max((group.metrics.get(name, 0.0) for group in placement.groups), default=0.0)
        figures = (f"{format_quantity(value, unit)}/s", format_quantity(mean, unit), format_quantity(most, unit))
        rows.append((name, *figures))
    headings = ("metric", "all users", "mean of users, per inference", "largest, per inference")
    return [Section("Metrics", "", [Table(headings, rows, numbers=(1, 2, 3))])]


def _prices(placement: FleetPlacement) -> list[Section]:
    """List capacities by what all of each is worth at its dual price."""
    priced = sorted((each for each in placement.loads if each.price_w > 0.0), key=lambda each: -_worth(each))
    if not priced:
        return [Section("Prices of capacity", "No capacity is short: none has a price.")]
    rows = [
        (each.name, each.kind, percent(each.utilization), percent(each.capacity),
         format_quantity(0.1 * _worth(each), "W"))
        for each in priced[:_MOST_ROWS]
    ]  # fmt: skip
    text = f"Nodes and media whose capacity has a price: {len(priced):,}. Those worth most:"
    headings = ("name", "kind", "busy", "capacity", "a tenth more saves about")
    return [Section("Prices of capacity", text, [Table(headings, rows, numbers=(2, 3, 4))])]


def _worth(load: Load) -> float:
    return load.price_w * load.capacity


def _unserved(placement: FleetPlacement) -> list[Section]:
    found: list[Section] = []
    if placement.diagnosis is not None:
        rows = [(each.name, each.kind, f"{each.users_per_tenth:.4g}") for each in placement.diagnosis.short]
        table = [Table(("what is short", "kind", "users that a tenth more would serve"), rows, numbers=(2,))]
        found.append(Section("Why not all are served", placement.diagnosis.summary, table if rows else []))
    if placement.unserved:
        left = sum(each.count for each in placement.unserved)
        classes = [(each.class_name, f"{each.count:,}") for each in placement.unserved[:_MOST_ROWS]]
        text = f"{left:,} users of {len(placement.unserved):,} classes have no plan; the first:"
        found.append(Section("Not served", text, [Table(("class", "users"), classes, numbers=(1,))]))
    return found


def _planned(placement: FleetPlacement) -> Mapping[str, str]:
    return {} if placement.provenance is None else placement.provenance.inputs


def _made(placement: FleetPlacement) -> str:
    made, timing = placement.provenance, placement.timing
    text = "" if made is None else f"Planned by planner {made.planner}, method {made.method}. "
    if timing is not None:
        parts = (
            ("Plan kinds", timing.build_s),
            ("the linear program", timing.linear_s),
            ("whole users", timing.whole_s),
        )
        text += ", ".join(f"{name} {format_quantity(seconds, 's')}" for name, seconds in parts) + ". "
    if not placement.groups:
        return text + "There is no plan to recompute."
    return text + "Every user, limit, capacity and sum was recomputed from these files before this page was written."

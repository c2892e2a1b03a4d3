"""Figure of a topology with a placement on it: which blocks each node runs, and the routes of data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from planner.fin.instance.packages import expand
from planner.report.breakdown import AppBreakdown
from planner.report.layout import NodeBox, TopologyLayout, drawn_links, layout_of
from planner.report.page import Figure
from planner.report.theme import ACCENT, INK, LINE, MUTED, SERIES, SURFACE, Spec, figure
from planner.schemas.planning.topology import Compute, Topology
from planner.units import format_quantity

_SHARED = "several apps"


def topology_figure(topology: Topology, breakdowns: Sequence[AppBreakdown]) -> Figure:
    """Draw a topology; nodes that host blocks are filled, routes are drawn over the links.

    Args:
        topology: The topology.
        breakdowns: The apps of the plan.
    """
    hosts = {run.node for breakdown in breakdowns for run in breakdown.runs}
    used = hosts | {name for breakdown in breakdowns for pair in breakdown.hops for name in pair}
    layout = layout_of(topology, used)
    names = [breakdown.app.name for breakdown in breakdowns]
    scale: Spec = {"domain": [*names, _SHARED], "range": [*SERIES[: len(names)], MUTED]}
    if len(names) > len(SERIES):  # more apps than colours that can be told apart
        scale = {"domain": [*names, _SHARED], "range": [ACCENT] * (len(names) + 1)}
    color = {"field": "app", "type": "nominal", "scale": scale, "legend": None}
    kinds = kinds_of(topology)
    layers = [
        *_frames(layout),
        _links(topology, layout),
        *_routes(layout, breakdowns, color),
        _boxes(layout, breakdowns, color, kinds),
        *_labels(layout, breakdowns),
    ]
    description = "Topology and placement. " + " ".join(_sentence(breakdown) for breakdown in breakdowns)
    caption = (
        "The topology by tier. Filled nodes run blocks (numbers: the order in which a sample meets them); "
        "arrows are the routes that data takes. Point at a node or an arrow for its figures."
        f"{' Outlines tell kinds of chiplets apart.' if kinds else ''}"
    )
    key = list(zip(scale["domain"], scale["range"], strict=True)) if 1 < len(names) <= len(SERIES) else []
    key += [(f"chiplets: {label}", colour) for label, colour in dict.fromkeys(kinds.values())]
    return Figure(figure(layers, description, layout.height), caption, key)


def kinds_of(topology: Topology) -> dict[str, tuple[str, str]]:
    """Return label and colour of the kind of every chiplet; nothing where all chiplets are alike.

    Chiplets are of one kind where all their figures agree. A kind is called by its hardware where no other kind has
    that, else by its speed and memory.
    """
    nodes = {node.name: node for node in expand(topology).nodes if node.tier == "chiplet" and node.name.endswith("]")}
    kinds: dict[str, list[str]] = {}
    for name, node in nodes.items():
        kinds.setdefault(repr([getattr(node, field) for field in Compute.model_fields]), []).append(name)
    if len(kinds) < 2:
        return {}
    firsts = [nodes[names[0]] for names in kinds.values()]
    hardware = Counter(node.hardware for node in firsts)
    found: dict[str, tuple[str, str]] = {}
    for number, (names, node) in enumerate(zip(kinds.values(), firsts, strict=True)):
        label = node.hardware if node.hardware and hardware[node.hardware] == 1 else _figures(node)
        # from the end, as apps take colours from the beginning
        found |= dict.fromkeys(names, (f"{label} ({len(names)})", SERIES[-1 - number % len(SERIES)]))
    return found


def _figures(node: Compute) -> str:
    speed = "" if node.ops_per_s is None else f"{format_quantity(node.ops_per_s, 'op/s')}"
    memory = "no memory limit" if node.memory_bytes is None else format_quantity(node.memory_bytes, "B")
    return ", ".join(part for part in (node.hardware or "", speed, memory) if part)


def _sentence(breakdown: AppBreakdown) -> str:
    runs = ", then ".join(f"{run.node} runs {run.span}" for run in breakdown.runs)
    return f"{breakdown.app.name}: {runs}."


def _scaled(layout: TopologyLayout) -> tuple[Spec, Spec]:
    hidden: Spec = {"type": "quantitative", "axis": None}
    x = {**hidden, "scale": {"domain": [0, 100], "nice": False, "zero": False}}
    y = {**hidden, "scale": {"domain": [0, layout.height], "reverse": True, "nice": False, "zero": False}}
    return x, y


def _frames(layout: TopologyLayout) -> list[Spec]:
    x, y = _scaled(layout)
    rows = [{"x": f.left, "x2": f.right, "y": f.top, "y2": f.bottom, "label": f.label} for f in layout.frames]
    tiers = [{"x": 0.5, "y": top, "label": tier} for tier, top in layout.tiers]
    place = {"x": {**x, "field": "x"}, "y": {**y, "field": "y"}}
    corners = _line(layout)
    outline = {"type": "rect", "cornerRadius": 10, "fill": "var(--sunken)", "stroke": LINE}
    text = {"type": "text", "align": "left", "dx": 8, "color": MUTED, "fontSize": 11}
    return [
        {"data": {"values": rows}, "mark": outline, "encoding": corners},
        {
            "data": {"values": rows},
            "mark": {**text, "baseline": "top", "dy": 7, "limit": {"expr": "width - 16"}},
            "encoding": {**place, "text": {"field": "label"}},
        },
        {
            "data": {"values": tiers},
            "mark": {**text, "dx": 0, "baseline": "top", "fontWeight": 600},
            "encoding": {**place, "text": {"field": "label"}},
        },
    ]


def _links(topology: Topology, layout: TopologyLayout) -> Spec:
    rows = [row for pair in drawn_links(topology, layout.boxes) for row in _segments(layout, pair)]
    mark = {"type": "rule", "color": LINE, "strokeWidth": 1.5}
    return {"data": {"values": rows}, "mark": mark, "encoding": _line(layout)}


def _segments(layout: TopologyLayout, pair: tuple[str, str]) -> list[Spec]:
    return [{"x": x, "y": y, "x2": x2, "y2": y2} for (x, y), (x2, y2) in pairwise(layout.polyline(*pair))]


def _line(layout: TopologyLayout) -> Spec:
    x, y = _scaled(layout)
    return {"x": {**x, "field": "x"}, "y": {**y, "field": "y"}, "x2": {"field": "x2"}, "y2": {"field": "y2"}}


def _routes(layout: TopologyLayout, breakdowns: Sequence[AppBreakdown], color: Spec) -> list[Spec]:
    x, y = _scaled(layout)
    carried = _carried(breakdowns)
    lines, heads = [], []
    hops = _apps_by_hop(breakdowns)
    for pair, apps in hops.items():
        app = apps[0] if len(apps) == 1 else _SHARED
        segments = [
            {**segment, "app": app, "link": " → ".join(pair), "carries": carried[pair]}
            for segment in _segments(layout, pair)
        ]
        lines += segments
        longest = max(segments, key=lambda row: abs(row["y2"] - row["y"]) + 6.0 * abs(row["x2"] - row["x"]))
        # heads of routes both ways keep clear of each other
        part = 0.6 if pair[::-1] in hops else 0.5
        middle = {f"m{axis}": longest[axis] + part * (longest[f"{axis}2"] - longest[axis]) for axis in ("x", "y")}
        heads.append({**longest, **middle})
    tooltip = [{"field": "link"}, {"field": "carries"}, {"field": "app"}]
    shared = {"color": color, "tooltip": tooltip}
    # the figure is as wide as the page, so which way an arrow points is known only when it is drawn
    turn = "90 + 180 / PI * atan2(datum.y2 - datum.y, (datum.x2 - datum.x) * width / 100)"
    head = {"type": "point", "shape": "triangle", "filled": True, "size": 110, "opacity": 1, "angle": {"expr": turn}}
    return [
        {"data": {"values": lines}, "mark": {"type": "rule", "strokeWidth": 3},
         "encoding": {**_line(layout), **shared}},
        {"data": {"values": heads}, "mark": head,
         "encoding": {"x": {**x, "field": "mx"}, "y": {**y, "field": "my"}, **shared}},
    ]  # fmt: skip


def _apps_by_hop(breakdowns: Sequence[AppBreakdown]) -> dict[tuple[str, str], list[str]]:
    apps: dict[tuple[str, str], list[str]] = {}
    for breakdown in breakdowns:
        for pair in breakdown.hops:
            apps.setdefault(pair, []).append(breakdown.app.name)
    return apps


def _carried(breakdowns: Sequence[AppBreakdown]) -> dict[tuple[str, str], str]:
    """Return what goes over each link, in words."""
    loads: dict[tuple[str, str], list[str]] = {}
    for breakdown in breakdowns:
        for route in breakdown.plan.routes:
            what = f"result of {route.result_of}" if route.result_of else f"output of {route.after}"
            what = "input" if route.after is None else what
            for pair in pairwise(route.path):
                loads.setdefault(pair, []).append(f"{what} ({format_quantity(route.bits, 'bit')})")
    return {pair: ", ".join(dict.fromkeys(parts)) for pair, parts in loads.items()}


def _boxes(
    layout: TopologyLayout, breakdowns: Sequence[AppBreakdown], color: Spec, kinds: Mapping[str, tuple[str, str]]
) -> Spec:
    x, y = _scaled(layout)
    rows = []
    for box in layout.boxes.values():
        apps = [breakdown.app.name for breakdown in breakdowns if any(run.node == box.name for run in breakdown.runs)]
        app = None if not apps else apps[0] if len(apps) == 1 else _SHARED
        blocks = "; ".join(_runs_on(breakdown, box.name) for breakdown in breakdowns if breakdown.app.name in apps)
        rows.append(
            {
                "x": box.left, "x2": box.right, "y": box.top, "y2": box.bottom, "app": app, "kind": box.kind,
                "node": box.label if box.kind == "note" else box.name, "runs": blocks or "nothing",
                "of": kinds.get(box.name, ("", ""))[0], "outline": kinds.get(box.name, ("", None))[1],
            }
        )  # fmt: skip
    outline = "datum.outline != null ? datum.outline : datum.app == null ? 'var(--line)' : null"
    tooltip = [{"field": "node"}, {"field": "runs"}, *([{"field": "of", "title": "kind"}] if kinds else [])]
    fill = {"condition": {**color, "test": "datum.app != null"}, "value": SURFACE}
    return {
        "data": {"values": rows},
        "mark": {"type": "rect", "cornerRadius": 6, "stroke": {"expr": outline},
                 "strokeWidth": {"expr": "datum.outline == null ? 1 : 2.5"}},
        "encoding": {
            "x": {**x, "field": "x"}, "y": {**y, "field": "y"}, "x2": {"field": "x2"}, "y2": {"field": "y2"},
            "fill": fill, "tooltip": tooltip,
        },
    }  # fmt: skip


def _runs_on(breakdown: AppBreakdown, node: str) -> str:
    return ", ".join(run.span for run in breakdown.runs if run.node == node)


def _labels(layout: TopologyLayout, breakdowns: Sequence[AppBreakdown]) -> list[Spec]:
    """Write names of nodes and what runs there: in full where there is room, else smaller, else counted."""
    x, y = _scaled(layout)
    rows = []
    for box in layout.boxes.values():
        across, down = box.middle
        whole, brief = _contents(box, breakdowns)
        # two lines share the box; a chiplet too narrow for its position shows the order of its blocks alone
        two = bool(whole) and bool(box.label)
        step = min(8.5, (box.bottom - box.top) * 0.24)
        for text, short, shift, weight in ((box.label, box.label, -step, "600"), (whole, brief, step, "400")):
            if text:
                place = {"x": across, "y": down + (shift if two else 0.0), "room": box.right - box.left}
                size = 10.5 if box.kind == "chiplet" else 12.0
                row = {"text": text, "short": short, "weight": weight, "used": bool(whole), "size": size}
                rows.append({**place, **row})
    ink = {"condition": {"test": "datum.used", "value": "var(--on-fill)"}, "value": INK}
    room = "(datum.room * width / 100 - 6)"
    text = f"length(datum.text) * {_ADVANCE} * {_LEAST} <= {room} ? datum.text : datum.short"
    letters = f"clamp({room} / ({_ADVANCE} * max(1, length({text}))), {_LEAST}, datum.size)"
    return [
        {
            "data": {"values": [row for row in rows if row["weight"] == weight]},
            "mark": {
                "type": "text", "fontSize": {"expr": letters}, "limit": {"expr": room}, "fontWeight": int(weight),
                "tooltip": None, "text": {"expr": text},
            },
            "encoding": {"x": {**x, "field": "x"}, "y": {**y, "field": "y"}, "color": ink},
        }
        for weight in ("600", "400")
    ]  # fmt: skip


_ADVANCE, _LEAST = 0.56, 8.5
"""Mean width of a character (of the font's size), and the least size of letters (pixels)."""


def _contents(box: NodeBox, breakdowns: Sequence[AppBreakdown]) -> tuple[str, str]:
    """Return what runs on a node, in full and as counts."""
    here = [(each, [run for run in each.runs if run.node == box.name]) for each in breakdowns]
    here = [(each, runs) for each, runs in here if runs]
    if not here:
        return "", ""
    if box.kind == "chiplet":
        numbers = [str(run.number) for _, runs in here for run in runs]
        return ", ".join(numbers), numbers[0] if len(numbers) == 1 else f"{len(numbers)} runs"
    several = len(breakdowns) > 1
    whole = " · ".join(
        (f"{each.app.name}: " if several else "") + ", ".join(f"{run.number} {run.span}" for run in runs)
        for each, runs in here
    )
    blocks = sum(len(run.blocks) for _, runs in here for run in runs)
    apps = f"{len(here)} apps, " if len(here) > 1 else ""
    return whole, f"{apps}{blocks} block{'s' * (blocks != 1)}"

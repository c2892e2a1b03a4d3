"""Layout of a topology for its figure: a row per tier, packages as meshes.

Across, positions are percentages of the width; down, they are pixels. A link whose straight line would cross another
node is led around it, by a lane at the right edge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from planner.schemas.planning.topology import Package, Topology

PER_ROW = 3
"""Nodes beside each other: as many as can be read on a phone."""
MOST_IDLE = 6
"""Nodes of a tier (and packages) that are shown though nothing runs there."""
MOST_CELLS = 16
"""Rows and columns of a mesh that are shown; of a larger one, the part that is used."""
_NODE_HEIGHT, _ROW_GAP, _DIE_HEIGHT, _CELL, _SMALL_CELL, _TIER_HEIGHT = 46.0, 30.0, 30.0, 50.0, 22.0, 16.0
_WIDE, _LANE = 94.0, 97.5
"""Nodes stand left of the first; links that go round others take the second."""
LABELLED_COLUMNS = 8
"""With more columns, chiplets are too narrow for labels."""


@dataclass(frozen=True)
class NodeBox:
    """A node (or a note in place of several) as a rectangle."""

    name: str
    label: str
    kind: str
    """`node`, `die`, `chiplet` or `note`."""
    left: float
    right: float
    top: float
    bottom: float

    @property
    def middle(self) -> tuple[float, float]:
        """Its centre."""
        return (self.left + self.right) / 2.0, (self.top + self.bottom) / 2.0


@dataclass(frozen=True)
class Frame:
    """The outline of a package."""

    label: str
    left: float
    right: float
    top: float
    bottom: float


@dataclass
class TopologyLayout:
    """Boxes of nodes, frames of packages, rows of tiers, and the height of the figure."""

    boxes: dict[str, NodeBox] = field(default_factory=dict)
    frames: list[Frame] = field(default_factory=list)
    tiers: list[tuple[str, float]] = field(default_factory=list)
    """Name of each tier of nodes, and where its row begins."""
    height: float = 2.0

    def polyline(self, source: str, target: str) -> list[tuple[float, float]]:
        """Return the points that a link is drawn through: straight, or around other nodes.

        Args:
            source: Name of a drawn node.
            target: Name of another.

        Returns:
            Points as percentages of the width and pixels.
        """
        start, end = self.boxes[source], self.boxes[target]
        if {start.kind, end.kind} == {"die", "chiplet"}:
            return self._through_the_mesh(start, end)
        straight = [_joined(start, end), _joined(end, start)]
        if not any(_crosses(box, *straight) for name, box in self.boxes.items() if name not in (source, target)):
            return straight
        # beside the middle, where the straight links of other nodes arrive
        levels = [box.bottom - 0.3 * (box.bottom - box.top) for box in (start, end)]
        return [(start.right, levels[0]), (_LANE, levels[0]), (_LANE, levels[1]), (end.right, levels[1])]

    def _through_the_mesh(self, start: NodeBox, end: NodeBox) -> list[tuple[float, float]]:
        """Lead a wire of an I/O die to a gateway: straight to the first row, else between columns and from the side."""
        die, gateway = (start, end) if start.kind == "die" else (end, start)
        x, y = gateway.middle
        straight = [(x, die.bottom), (x, gateway.top)]
        if not any(_crosses(box, *straight) for box in self.boxes.values() if box.kind == "chiplet"):
            points = straight
        else:
            aisle = gateway.left - 0.125 * (gateway.right - gateway.left)  # an eighth of a box is half a gap
            points = [(aisle, die.bottom), (aisle, y), (gateway.left, y)]
        return points if start is die else points[::-1]


def _joined(box: NodeBox, other: NodeBox) -> tuple[float, float]:
    """Return where a link meets a box: the middle, but a wide I/O die right above or below the other end."""
    x, y = box.middle
    return (min(max(other.middle[0], box.left), box.right), y) if box.kind == "die" else (x, y)


def _crosses(box: NodeBox, start: tuple[float, float], end: tuple[float, float]) -> bool:
    """Tell whether a line leads through a box: some stretch of it is inside on both axes."""
    first, last = 0.0, 1.0
    for low, high, begin, stop in ((box.left, box.right, start[0], end[0]), (box.top, box.bottom, start[1], end[1])):
        if begin == stop:
            if not low < begin < high:
                return False
            continue
        near, far = sorted(((low - begin) / (stop - begin), (high - begin) / (stop - begin)))
        first, last = max(first, near), min(last, far)
    return first < last


def layout_of(topology: Topology, used: set[str]) -> TopologyLayout:
    """Place the nodes of a topology.

    Args:
        topology: The topology.
        used: Nodes that host a block or lie on a route, which are always drawn; of the others some are only counted.
    """
    layout = TopologyLayout()
    tiers: dict[str, list[str]] = {tier: [] for tier in ("mobile", "edge", "chiplet", "cloud")}
    for node in topology.nodes:
        tiers[node.tier].append(node.name)
    for tier, names in tiers.items():
        if tier == "cloud":
            _add_packages(layout, topology.packages, used)
        if names:
            layout.tiers.append((tier, layout.height))
            layout.height += _TIER_HEIGHT
            _add_row(layout, _shown(names, used, tier))
    layout.height -= _ROW_GAP - 2.0
    return layout


def _shown(names: Sequence[str], used: set[str], tier: str) -> list[tuple[str, str, str]]:
    """Return name, label and kind of what stands in a row: what is used, some of the rest, and a note of how many."""
    idle = [name for name in names if name not in used]
    hidden = set(idle[MOST_IDLE:])
    shown = [(name, name, "node") for name in names if name not in hidden]
    note = [(f"more {tier}", f"{len(hidden)} more, not used", "note")] if hidden else []
    return shown + note


def _add_row(layout: TopologyLayout, row: Sequence[tuple[str, str, str]]) -> None:
    for begin in range(0, len(row), PER_ROW):
        part = row[begin : begin + PER_ROW]
        pitch = _WIDE / len(part)
        half = min(21.0, 0.43 * pitch)
        for index, (name, label, kind) in enumerate(part):
            middle, top = (index + 0.5) * pitch, layout.height
            layout.boxes[name] = NodeBox(name, label, kind, middle - half, middle + half, top, top + _NODE_HEIGHT)
        layout.height += _NODE_HEIGHT + _ROW_GAP


def _add_packages(layout: TopologyLayout, packages: Sequence[Package], used: set[str]) -> None:
    touched = {package.name for package in packages if any(_belongs(name, package.name) for name in used)}
    idle = [package.name for package in packages if package.name not in touched]
    hidden = set(idle[1 if touched else 2 :])
    for package in packages:
        if package.name not in hidden:
            _add_package(layout, package, used)
    if hidden:
        _add_row(layout, [("more packages", f"{len(hidden)} more packages, not used", "note")])


def _belongs(node: str, package: str) -> bool:
    return node == package or node.startswith(f"{package}[")


def _add_package(layout: TopologyLayout, package: Package, used: set[str]) -> None:
    rows, columns = _window(package, used)
    labelled = len(columns) <= LABELLED_COLUMNS
    pitch_y = _CELL if labelled else _SMALL_CELL
    whole = len(rows) == package.rows and len(columns) == package.cols
    part = "" if whole else f", shown: rows {rows[0]}–{rows[-1]}, columns {columns[0]}–{columns[-1]}"
    label = f"{package.name}: {package.rows} × {package.cols} chiplets{part}"
    top = layout.height
    die_top = top + 24.0
    name = package.name
    layout.boxes[name] = NodeBox(name, f"{name} (I/O die)", "die", 2.5, _WIDE - 2.5, die_top, die_top + _DIE_HEIGHT)
    mesh_top = die_top + _DIE_HEIGHT + 16.0
    pitch_x = min((_WIDE - 4.0) / len(columns), 28.0)
    left = (_WIDE - pitch_x * len(columns)) / 2.0
    for down, row in enumerate(rows):
        for across, column in enumerate(columns):
            x, y = left + across * pitch_x, mesh_top + down * pitch_y
            chiplet = f"{name}[{row},{column}]"
            box = (x + 0.1 * pitch_x, x + 0.9 * pitch_x, y, y + 0.72 * pitch_y)
            layout.boxes[chiplet] = NodeBox(chiplet, f"{row},{column}" if labelled else "", "chiplet", *box)
    bottom = mesh_top + pitch_y * len(rows)
    layout.frames.append(Frame(label, 0.5, _WIDE, top, bottom))
    layout.height = bottom + _ROW_GAP


def _window(package: Package, used: set[str]) -> tuple[range, range]:
    """Return the rows and columns of a mesh that are shown: all, or those about what is used."""
    at = list(_positions(package.name, used))
    return (
        _about([row for row, _ in at], package.rows),
        _about([column for _, column in at], package.cols),
    )


def _positions(package: str, used: set[str]) -> Iterator[tuple[int, int]]:
    for name in used:
        if name.startswith(f"{package}["):
            row, _, column = name[len(package) + 1 : -1].partition(",")
            yield int(row), int(column)


def _about(used: Sequence[int], size: int) -> range:
    if size <= MOST_CELLS:
        return range(size)
    if not used:
        return range(MOST_CELLS)
    low, high = max(0, min(used) - 1), min(size, max(used) + 2)
    return range(low, max(high, min(size, low + MOST_CELLS)))


def drawn_links(topology: Topology, boxes: Mapping[str, NodeBox]) -> list[tuple[str, str]]:
    """Return the pairs of drawn nodes that a link or a package's wire joins, each pair once."""
    pairs = [(link.source, link.target) for link in topology.links]
    for package in topology.packages:
        name = package.name
        pairs += [(name, f"{name}[{row},{column}]") for row, column in package.gateways]
        for row in range(package.rows):
            for column in range(package.cols):
                here = f"{name}[{row},{column}]"
                if here in boxes:
                    pairs += [(here, f"{name}[{row + 1},{column}]"), (here, f"{name}[{row},{column + 1}]")]
    known: dict[frozenset[str], tuple[str, str]] = {}
    for pair in pairs:
        if pair[0] in boxes and pair[1] in boxes:
            known.setdefault(frozenset(pair), pair)
    return list(known.values())

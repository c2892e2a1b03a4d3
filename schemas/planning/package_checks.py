"""Checks of packages and of what nodes and chiplets compute, on raw data of topology.json."""

from __future__ import annotations

from collections.abc import Iterator

from planner.schemas.reading.base import Finding, field_of, items_of, number_of


def is_area(at: object) -> bool:
    """Tell whether a raw position is an area: two corners."""
    return isinstance(at, (list, tuple)) and bool(at) and all(isinstance(part, (list, tuple)) for part in at)


def check_compute(where: tuple[str | int, ...], node: object, inherited: dict[str, object]) -> Iterator[Finding]:
    """Check the figures of a node or chiplet: its speed and its energy are known, and its range of speeds is in order.

    Args:
        where: Path of the node or chiplet.
        node: Raw data.
        inherited: Fields that count where the node does not give them.

    Yields:
        What is wrong: path, value, message and fix.
    """
    if type(node) is dict and _is_plain(node):
        return

    def has(name: str) -> bool:
        return field_of(node, name) is not None or inherited.get(name) is not None

    name = field_of(node, "name")
    if not has("ops_per_s") and not has("hardware"):
        fix = "give ops_per_s (with j_per_op or active_power_w), or a hardware that the model profiles"
        yield (*where, "ops_per_s"), None, f"nothing says how fast {name or 'this chiplet'} is", fix
    elif has("ops_per_s") and not has("j_per_op") and not has("active_power_w") and not has("hardware"):
        fix = "give j_per_op or active_power_w"
        yield (*where, "j_per_op"), None, f"nothing says what energy {name or 'this chiplet'} takes", fix
    low, high = number_of(field_of(node, "speed"), "min"), number_of(field_of(node, "speed"), "max")
    if low is not None and high is not None and low > high:
        yield (*where, "speed"), [low, high], "the slowest speed is above the fastest", "swap min and max"


def _is_plain(node: dict[str, object]) -> bool:
    """Tell whether a raw node gives speed and energy and no range of speeds: most do, and nothing is missing then."""
    return node.get("ops_per_s") is not None and node.get("j_per_op") is not None and node.get("speed") is None


def check_package(index: int, package: object, node_names: set[str]) -> Iterator[Finding]:
    """Check one package: its name, the figures of its chiplet, and the positions of its chiplets and gateways.

    Args:
        index: Its place in the list of packages.
        package: Raw data.
        node_names: Names of the topology's nodes.

    Yields:
        What is wrong: path, value, message and fix.
    """
    where = ("packages", index)
    name, rows, cols = field_of(package, "name"), field_of(package, "rows"), field_of(package, "cols")
    if isinstance(name, str) and name in node_names:
        yield (*where, "name"), name, "a node has this name too", "rename the package or the node"
    chiplet = field_of(package, "chiplet")
    if chiplet is not None:
        yield from check_compute((*where, "chiplet"), chiplet, {})
    if not isinstance(rows, int) or not isinstance(cols, int):
        return
    inside = f"rows 0..{rows - 1} and columns 0..{cols - 1} exist"
    seen: dict[tuple[int, int], int] = {}
    for number, other in enumerate(items_of(package, "chiplets")):
        at, place = items_of(other, "at"), (*where, "chiplets", number, "at")
        corners = [tuple(corner) for corner in (at if is_area(at) else [at])]
        if any(len(corner) == 2 and not _inside(corner, rows, cols) for corner in corners):
            yield place, at, "outside the package", inside
            continue
        covered = list(_covered(corners))
        if not covered and len(corners) == 2:
            yield place, at, "the first corner is not the upper left one", "give the lower row and column first"
        if twice := [position for position in covered if position in seen]:
            which = f" (with chiplets[{seen[twice[0]]}]: {list(twice[0])})" if len(corners) == 2 else ""
            yield place, at, f"this position stands twice{which}", "merge the two"
        seen |= {position: seen.get(position, number) for position in covered}
    for number, gateway in enumerate(items_of(package, "gateways")):
        if isinstance(gateway, (list, tuple)) and len(gateway) == 2 and not _inside(tuple(gateway), rows, cols):
            yield (*where, "gateways", number), list(gateway), "outside the package", inside


def _covered(corners: list[tuple[object, ...]]) -> Iterator[tuple[int, int]]:
    """Yield the positions from the first corner to the last; nothing where they are no positions."""
    whole = [corner for corner in corners if len(corner) == 2 and all(type(part) is int for part in corner)]
    if len(whole) != len(corners) or len(whole) not in (1, 2):
        return
    (top, left), (bottom, right) = whole[0], whole[-1]
    for row in range(int(str(top)), int(str(bottom)) + 1):
        for column in range(int(str(left)), int(str(right)) + 1):
            yield row, column


def _inside(at: tuple[object, ...], rows: int, cols: int) -> bool:
    row, column = at
    return not isinstance(row, int) or not isinstance(column, int) or (row < rows and column < cols)


def chiplet_names(packages: list[object]) -> Iterator[str]:
    """Yield the names of all chiplets of raw packages."""
    for package in packages:
        name = field_of(package, "name")
        yield from (f"{name}[{row},{column}]" for row, column in _positions(package))


def _positions(package: object) -> Iterator[tuple[int, int]]:
    rows, cols = field_of(package, "rows"), field_of(package, "cols")
    if isinstance(rows, int) and isinstance(cols, int) and max(rows, cols) <= 256:
        yield from ((row, column) for row in range(rows) for column in range(cols))


def check_wires(links: list[object], packages: list[object]) -> Iterator[Finding]:
    """Report links that stand beside a wire of a package."""
    pairs = [(field_of(link, "source"), field_of(link, "target")) for link in links] if packages else []
    for package in packages:
        name = field_of(package, "name")
        inside = [
            (index, pair)
            for index, pair in enumerate(pairs)
            if all(isinstance(end, str) and (end == name or end.startswith(f"{name}[")) for end in pair)
        ]
        wires = set(_wires(package)) if inside else set()
        for index, pair in inside:
            if frozenset(pair) in wires:
                fix = "remove it, or change the package's interposer or gateway_link"
                yield ("links", index), list(pair), "the package has a wire between these two already", fix


def wire_pairs(packages: list[object]) -> Iterator[tuple[str, str]]:
    """Yield the ends of every wire of raw packages, in both directions."""
    for package in packages:
        for first, second in map(sorted, _wires(package)):
            yield first, second
            yield second, first


def _wires(package: object) -> Iterator[frozenset[str]]:
    name, positions = field_of(package, "name"), set(_positions(package))
    for row, column in positions:
        for beside in {(row + 1, column), (row, column + 1)} & positions:
            yield frozenset((f"{name}[{row},{column}]", f"{name}[{beside[0]},{beside[1]}]"))
    for gateway in items_of(package, "gateways"):
        if isinstance(gateway, (list, tuple)) and len(gateway) == 2:
            yield frozenset((f"{name}", f"{name}[{gateway[0]},{gateway[1]}]"))

"""Draws a fleet of any size around the sites of Melbourne: areas of a grid, nearest sites, three apps, three devices.

    python examples/melbourne/make_fleet.py out/ --users 131312

writes `fleet.json` with the tables `classes.csv` and `attach.csv`, `topology.json`, and the models that they name.
All but the positions of sites is ASSUMED: users are drawn around sites (a site at random, then a normal offset), and
devices, servers, radio levels, rates and limits are round figures. Servers get `--capacity` (0.6) of what the users
would load if all capacity were free. Cells and servers are sized for some 130,000 users; `--scale` gives them a
multiple of bandwidth and speed for more. The same arguments give the same files.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).parent
KM_PER_DEGREE = 111.32
CBD = (-37.822, -37.805, 144.948, 144.976)
"""Bounds of the central business district: latitudes, longitudes, in degrees."""

APPS: dict[str, dict[str, Any]] = {
    "photo": {"model": "vit.json", "rate_per_s": 0.2, "max_latency_s": 0.3, "latency": "mean", "min_accuracy": 0.95},
    "video": {"model": "b-alexnet-branchynet.json", "rate_per_s": 5.0, "max_latency_s": 0.03, "min_accuracy": 0.77},
    "glance": {"model": "vit.json", "rate_per_s": 0.1, "max_latency_s": 0.8, "latency": "p95", "min_accuracy": 0.9},
}
DEVICES: dict[str, dict[str, float]] = {
    "watch": {"ops_per_s": 2e9, "j_per_op": 3e-10, "memory_bytes": 2e7},
    "phone": {"ops_per_s": 1.5e10, "j_per_op": 2e-10, "memory_bytes": 4e9},
    "tablet": {"ops_per_s": 4e10, "j_per_op": 1.2e-10, "memory_bytes": 8e9},
}
APP_SHARES, DEVICE_SHARES = (0.4, 0.35, 0.25), (0.2, 0.55, 0.25)
LEVELS = (
    (0.15, 2.0e8, 1.0e-8), (0.3, 1.4e8, 1.3e-8), (0.5, 1.0e8, 1.7e-8), (0.8, 7.0e7, 2.2e-8),
    (1.2, 5.0e7, 2.8e-8), (1.8, 3.5e7, 3.6e-8), (3.0, 2.4e7, 4.6e-8), (1e9, 1.6e7, 6.0e-8),
)  # fmt: skip
"""Radio levels: distance up to which they hold (km), rate (bit/s), energy (J/bit)."""
SITE: dict[str, Any] = {"tier": "edge", "ops_per_s": 4e11, "j_per_op": 3e-11}
REGION: dict[str, Any] = {"tier": "edge", "ops_per_s": 4e12, "j_per_op": 2.2e-11}
CLOUD = {"tier": "cloud", "ops_per_s": 4e13, "j_per_op": 1.8e-11, "max_utilization": 1.0}
UP = {"bit_per_s": 1e10, "latency_s": 0.002, "j_per_bit": 3e-8}
WAN = {"bit_per_s": 1e11, "latency_s": 0.015, "j_per_bit": 6e-8}
REGIONS = 5

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Drawn:
    """Users in cells of the grid."""

    cells: Floats
    """(A, 2) kilometres north and east."""
    count: NDArray[np.int64]
    """(A, apps, devices) users."""


def site_positions(cbd: bool) -> tuple[list[str], Floats]:
    """Return names and (S, 2) kilometres north and east of the sites."""
    sites = json.loads((HERE / "sites.json").read_text(encoding="utf-8"))["sites"]
    if cbd:
        south, north, west, east = CBD
        sites = [
            each for each in sites if south <= each["latitude_deg"] <= north and west <= each["longitude_deg"] <= east
        ]
    degrees = np.array([[each["latitude_deg"], each["longitude_deg"]] for each in sites])
    scale = KM_PER_DEGREE * np.array([1.0, np.cos(np.radians(degrees[:, 0].mean()))])
    return [each["name"] for each in sites], (degrees - degrees.mean(axis=0)) * scale


def draw_users(sites: Floats, users: int, cell_km: float, spread_km: float, seed: int) -> Drawn:
    """Draw users around sites, and count them by cell, app and device."""
    random = np.random.default_rng(seed)
    place = sites[random.integers(len(sites), size=users)] + random.normal(0.0, spread_km, (users, 2))
    app = random.choice(len(APPS), users, p=APP_SHARES)
    device = random.choice(len(DEVICES), users, p=DEVICE_SHARES)
    cells, inverse = np.unique(np.floor(place / cell_km).astype(np.int64), axis=0, return_inverse=True)
    count = np.zeros((len(cells), len(APPS), len(DEVICES)), dtype=np.int64)
    np.add.at(count, (inverse.reshape(-1), app, device), 1)
    return Drawn((cells + 0.5) * cell_km, count)


def attach_rows(
    names: list[str], sites: Floats, cells: Floats, nearest: int, reach_km: float, scale: float
) -> list[dict[str, Any]]:
    """Return the links of every cell: the nearest sites, of those behind the first only such as are within reach."""
    rows = []
    for number, cell in enumerate(cells):
        distance = np.hypot(*(sites - cell).T)
        for rank, site in enumerate(np.argsort(distance, kind="stable")[:nearest].tolist()):
            if rank and distance[site] > reach_km:
                break
            _, bit_per_s, j_per_bit = next(level for level in LEVELS if distance[site] <= level[0])
            rows.append(
                {"attach": f"area-{number}", "node": names[site], "bit_per_s": scale * bit_per_s, "latency_s": 0.004,
                 "j_per_bit": j_per_bit, "medium": f"cell-{names[site]}"}
            )  # fmt: skip
    return rows


def class_rows(drawn: Drawn) -> list[dict[str, Any]]:
    """Return the classes: cell, app and device with at least one user."""
    return [
        {"name": f"area-{cell}/{app}/{device}", "count": int(drawn.count[cell, i, j]), "device": device,
         "attach": f"area-{cell}", "latency": "worst", **limits}
        for cell in range(len(drawn.cells))
        for i, (app, limits) in enumerate(APPS.items())
        for j, device in enumerate(DEVICES)
        if drawn.count[cell, i, j]
    ]  # fmt: skip


def topology(names: list[str], sites: Floats, idle_power_w: float, scale: float) -> dict[str, Any]:
    """Return sites below regions (by their bearing from the centre) below one cloud; links lead up only."""
    at_site, in_region = ({**each, "ops_per_s": scale * float(each["ops_per_s"])} for each in (SITE, REGION))
    bearing = np.arctan2(sites[:, 1], sites[:, 0])
    region = (np.argsort(np.argsort(bearing, kind="stable"), kind="stable") * REGIONS // len(names)).tolist()
    nodes = [{"name": name, **at_site, "idle_power_w": idle_power_w} for name in names]
    nodes += [{"name": f"region-{number}", **in_region, "idle_power_w": 10 * idle_power_w} for number in range(REGIONS)]
    nodes.append({"name": "cloud", **CLOUD})
    links = [{"source": name, "target": f"region-{region[i]}", **UP} for i, name in enumerate(names)]
    links += [{"source": f"region-{number}", "target": "cloud", **WAN} for number in range(REGIONS)]
    citation = "Sites: see sites.json. ASSUMED: servers, links, regions (five sectors of the city) and the cloud."
    return {"schema_version": "1", "name": "melbourne", "citation": citation, "nodes": nodes, "links": links}


def limit_capacity(folder: Path, shared: dict[str, Any], capacity: float) -> None:
    """Give servers a part of what users would load if all capacity were free; regions a third of what sites lack."""
    from planner.fleet.baselines.free import free_load
    from planner.fleet.instance.build import build_fleet
    from planner.fleet.reading.files import read_fleet
    from planner.schemas import Topology, check_document

    fleet = read_fleet(folder / "fleet.json")
    load = free_load(build_fleet(fleet.columns, fleet.models, check_document(shared, Topology)))
    for node in shared["nodes"]:
        if node["name"] != "cloud":
            node["max_utilization"] = round(min(1.0, capacity * load[node["name"]]), 9)
    missing = sum((1.0 - capacity) * load[node["name"]] * node["ops_per_s"] for node in shared["nodes"])
    for node in shared["nodes"]:
        if node["name"].startswith("region-"):
            node["max_utilization"] = round(min(1.0, missing / 3 / REGIONS / node["ops_per_s"]), 9)


def write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows as CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def main(arguments: list[str] | None = None) -> None:
    """Write a fleet into a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--users", type=int, default=131_312)
    parser.add_argument("--cell-km", type=float, default=1.35, help="width of a cell of the grid")
    parser.add_argument("--spread-km", type=float, default=0.8, help="standard deviation of users around sites")
    parser.add_argument("--nearest", type=int, default=4, help="sites that an area may attach to")
    parser.add_argument("--reach-km", type=float, default=4.0)
    parser.add_argument("--capacity", type=float, default=0.6)
    parser.add_argument(
        "--scale", type=float, default=1.0, help="times the bandwidth of cells and the speed of servers"
    )
    parser.add_argument("--idle-power-w", type=float, default=0.0, help="idle power of a site")
    parser.add_argument("--cbd", action="store_true", help="only the central business district")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    names, sites = site_positions(options.cbd)
    drawn = draw_users(sites, options.users, options.cell_km, options.spread_km, options.seed)
    write_table(folder / "classes.csv", class_rows(drawn))
    links = attach_rows(names, sites, drawn.cells, options.nearest, options.reach_km, options.scale)
    write_table(folder / "attach.csv", links)
    tables = {"classes": "classes.csv", "attach": "attach.csv"}
    fleet = {"schema_version": "1", "name": "melbourne", "devices": DEVICES, "tables": tables}
    (folder / "fleet.json").write_text(json.dumps(fleet, indent=2) + "\n", encoding="utf-8")
    for model in {app["model"] for app in APPS.values()}:
        shutil.copyfile(HERE.parent / model, folder / model)
    shared = topology(names, sites, options.idle_power_w, options.scale)
    if options.capacity > 0.0:
        limit_capacity(folder, shared, options.capacity)
    (folder / "topology.json").write_text(json.dumps(shared, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

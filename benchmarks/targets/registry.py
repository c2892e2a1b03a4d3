"""Registry of rows: every measurement of the table by its name."""

from __future__ import annotations

from benchmarks.targets import cold, joint, single
from benchmarks.targets.figures import Measure

ROWS: dict[str, Measure] = {
    "mesh-files": single.mesh_from_files,
    "mesh-peers": single.mesh_beside_peers,
    "star": single.star_of_1000,
    "tree": single.tree_of_1000,
    "grid": single.grid_of_400,
    "packages": single.five_packages,
    "mesh-400": single.mesh_of_400,
    "mesh-1000": single.mesh_of_1000,
    "designed": single.designed_points,
    "per-exit": single.per_exit_points,
    "rate": single.largest_rate,
    "metrics": single.two_metrics,
    "vit": single.vit_on_chiplets,
    "cold": cold.cold_start,
    "apps-50": joint.fifty_apps,
    "apps-120": joint.apps_of_120,
    "apps-200": joint.apps_of_200,
}
LONG = ("apps-120", "apps-200")
"""Rows of minutes, measured with `--all` or by name."""

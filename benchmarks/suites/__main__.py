"""``python -m benchmarks.suites RESULTS [--jobs N]``: print tables of the docs as markdown.

Suites run what has no row yet; what makes no rows is measured anew.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.carin import optimality
from benchmarks.fin import grid
from benchmarks.suites.tables import TABLES
from planner.bench.results.export import table
from planner.bench.runner import run_suite

HERE = Path(__file__).parent
WITHOUT_ROWS = {"fin (docs/fin.md)": grid.main, "carin (docs/carin.md)": optimality.main}
"""What prints tables without a suite, by what stands above them."""


def main() -> int:
    """Run every suite of this folder, then what prints tables without one."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.suites", description="Make the tables of the docs.")
    parser.add_argument("results", type=Path, help="folder for the rows of all suites")
    parser.add_argument("--jobs", type=int, help="cases at once (default: one per processor)")
    arguments = parser.parse_args()
    for name, lines in TABLES.items():
        summary = run_suite(HERE / f"{name}.toml", arguments.results / name, jobs=arguments.jobs)
        counts = ", ".join(f"{count} {status}" for status, count in summary.statuses.items())
        print(f"{name}: {summary.cases} cases: {counts}\n")
        print("\n".join(lines(table(arguments.results / name))), end="\n\n")
    for title, print_tables in WITHOUT_ROWS.items():
        print(f"{title}:\n")
        print_tables()
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main())

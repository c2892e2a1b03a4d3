"""``python -m benchmarks [--quick] [--markdown] [CASE ...]``: run the cases, or with ``targets`` all targets."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks.clear.traces import Traces
from benchmarks.registry import CASES
from benchmarks.report import print_markdown, print_reports


def main() -> int:
    """Run the cases that the command line names, or all."""
    if sys.argv[1:2] == ["targets"]:
        from benchmarks.targets.command import main as targets

        return targets(sys.argv[2:])
    names = [case.name for case in CASES]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure the planner against peers.",
        epilog="python -m benchmarks targets --help: one table of every speed target",
    )
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"any of {', '.join(names)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="small sizes, no targets: shows that every case runs")
    parser.add_argument("--markdown", action="store_true", help="print tables as Markdown")
    parser.add_argument("--traces", type=Path, metavar="DIR", help="measured traces for the case traces")
    arguments = parser.parse_args()
    if unknown := set(arguments.cases) - set(names):
        parser.error(f"no such case: {', '.join(sorted(unknown))}; use any of {', '.join(names)}")
    if arguments.traces is not None and not any(arguments.traces.glob("*.csv")):
        parser.error(f"no CSV files in {arguments.traces}")
    reports = []
    for case in CASES:
        if not arguments.cases or case.name in arguments.cases:
            sys.stderr.write(f"{case.name} ...\n")
            case = replace(case, folder=arguments.traces) if isinstance(case, Traces) else case  # noqa: PLW2901 - as asked
            reports.append((case.quick() if arguments.quick else case).run())
    (print_markdown if arguments.markdown else print_reports)(reports, with_targets=not arguments.quick)
    return 0


if __name__ == "__main__":
    sys.exit(main())

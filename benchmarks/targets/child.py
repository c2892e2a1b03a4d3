"""``python -m benchmarks.targets.child ROW``: measure one row in this process and print it as JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from benchmarks.targets.figures import sweep_seconds
from benchmarks.targets.registry import ROWS


def main() -> int:
    """Measure the row that the command line names, between two runs of the yardstick."""
    before = sweep_seconds()
    figures = ROWS[sys.argv[1]]()
    sweep_s = min(before, sweep_seconds())
    sys.stdout.write(json.dumps({"sweep_s": sweep_s, "figures": [asdict(each) for each in figures]}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Designed accuracy against joint runs: ``python -m benchmarks.fin.calibration FILE...`` prints a table in Markdown.

Each file holds what PORTEND (ICPADS 2023, github.com/MaryamEbr/PORTEND_Performance_Model) measured of one network, as
JSON: under `exits.test` the counts of every exit alone (`num_samples`, `thresholds_normalised_entropy`, and per exit
`block`, `exit_count`, `correct_count`), under `joint_runs_test` runs with several exits on (`exit_blocks`,
`threshold_normalised_entropy`, `exit_count`, `correct_count_total`). The project ships none of these files.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from planner.fin.instance.operating_points import OperatingPoints, operating_points
from planner.schemas import Model, check_document


@dataclass(frozen=True)
class Comparison:
    """One joint run: errors in percentage points."""

    network: str
    accuracy_error: float
    fraction_error: float
    naive_error: float


def model_of(counts: dict[str, Any], blocks: list[int]) -> Model:
    """Return a model with the calibration of some of the exits; nothing but its operating points is used."""
    rows = {row["block"]: row for row in counts["exits"]}
    return check_document(
        {
            "schema_version": "1",
            "name": "calibration",
            "input_bits": 0.0,
            "blocks": [{"name": f"b{block}", "ops": 1.0} for block in blocks],
            "exits": [{"name": f"e{block}", "after": f"b{block}"} for block in blocks],
            "calibration": {
                "samples": counts["num_samples"],
                "thresholds": counts["thresholds_normalised_entropy"],
                "exits": {
                    f"e{block}": {"exited": rows[block]["exit_count"], "correct": rows[block]["correct_count"]}
                    for block in blocks
                },
            },
        },
        Model,
    )


def compare(path: Path) -> list[Comparison]:
    """Return a comparison for every joint run of a file that has two exits on."""
    data = json.loads(path.read_text(encoding="utf-8"))
    if "joint_runs_test" not in data:
        return []
    counts = data["exits"]["test"]
    rows = {row["block"]: row for row in counts["exits"]}
    found = []
    for run in data["joint_runs_test"]:
        blocks, threshold = run["exit_blocks"], run["threshold_normalised_entropy"]
        if len(blocks) != 2:
            continue
        points = operating_points(model_of(counts, blocks))
        index = _point(points, threshold)
        samples = counts["num_samples"]
        measured = run["correct_count_total"] / samples
        level = counts["thresholds_normalised_entropy"].index(threshold)
        early, last = rows[blocks[0]], rows[blocks[1]]
        left = early["exit_count"][level] / samples
        naive = early["correct_count"][level] / samples + (1 - left) * max(last["correct_count"]) / samples
        fraction = float(points.fraction[index, 0])
        found.append(
            Comparison(
                data["model"],
                100 * abs(float(points.accuracy[index]) - measured),
                100 * abs(fraction - run["exit_count"][0] / samples),
                100 * abs(naive - measured),
            )
        )
    return found


def _point(points: OperatingPoints, threshold: float) -> int:
    both = points.on.all(axis=1) & (points.thresholds[:, 0] == threshold)
    return int(np.flatnonzero(both)[0])


def main(paths: list[str]) -> None:
    """Print the table."""
    found = [row for path in paths for row in compare(Path(path))]
    headings = ("accuracy, mean error", "worst", "fractions, worst error", "independent exits, mean", "worst")
    print(f"| network | joint runs | {' | '.join(headings)} |")
    print("|---|---|---|---|---|---|---|")
    for network in [*dict.fromkeys(row.network for row in found), "all"]:
        some = [row for row in found if network in (row.network, "all")]
        ours, naive = [row.accuracy_error for row in some], [row.naive_error for row in some]
        worst = max(row.fraction_error for row in some)
        print(
            f"| {network} | {len(some)} | {np.mean(ours):.2f} | {max(ours):.2f} | {worst:.2f} "
            f"| {np.mean(naive):.2f} | {max(naive):.2f} |"
        )


if __name__ == "__main__":
    main(sys.argv[1:])

"""Plans the 24 hours of a day of the city one after the other, each from the plan of the hour before.

    python examples/city/day.py

The curve of the day is made up: few users at night, most in the evening.
"""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from planner import plan_fleet
from planner.schemas.fleets.placement import FleetPlacement

HERE = Path(__file__).parent
DAY = (20, 14, 10, 8, 8, 12, 25, 45, 60, 66, 68, 70, 74, 72, 70, 72, 76, 84, 92, 98, 100, 88, 60, 36)
"""Users of every hour, in percent of those of the tables."""


def plan_day(hours: int = len(DAY), most_moves: int = 10) -> Iterator[FleetPlacement]:
    """Yield the placement of every hour; at most `most_moves` users move beside those who must."""
    before = None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "city"
        shutil.copytree(HERE, folder)
        for model in HERE.parent.glob("*.json"):
            shutil.copy(model, folder.parent)
        for percent in DAY[:hours]:
            write_counts(folder / "classes.csv", percent)
            moves = None if before is None else most_moves
            before = plan_fleet(folder / "fleet.json", folder / "topology.json", before=before, most_moves=moves)
            yield before


def write_counts(path: Path, percent: int) -> None:
    """Write the table of classes with a part of the users."""
    with (HERE / "classes.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["count"] = str(int(row["count"]) * percent // 100)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    for hour, placement in enumerate(plan_day()):
        if placement.total is None:
            print(f"{hour:02}:00  {placement.status}")
            continue
        moved = 0 if placement.change is None else placement.change.moved
        print(f"{hour:02}:00  {placement.total.users:4} users  {placement.total.power_w:6.3f} W  {moved:3} moved")

"""Counts of a placement: what is too large for a floating-point number is a problem of the file."""

from __future__ import annotations

import json
from pathlib import Path

from command_line import SMALL, refused, run


def test_a_count_beyond_floating_point_is_refused_by_its_field(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    assert run("plan", *SMALL, "--output", path).code == 0
    placement = json.loads(path.read_text(encoding="utf-8"))
    placement["total"]["nodes_used"] = 10**400
    path.write_text(json.dumps(placement), encoding="utf-8")
    assert "total.nodes_used" in refused("check", path, *SMALL)

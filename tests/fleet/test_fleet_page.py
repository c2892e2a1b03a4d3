"""The page of a fleet: a map drawn from the file of sites, nothing from a network, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import run

CITY = Path(__file__).parents[2] / "examples" / "city"
FILES = ("--fleet", CITY / "fleet.json", "--topology", CITY / "topology.json")


@pytest.mark.slow
def test_the_page_shows_sites_power_and_prices_and_refuses_what_does_not_stand(tmp_path: Path) -> None:
    plan, page = tmp_path / "plan.json", tmp_path / "page.html"
    assert run("fleet", CITY / "fleet.json", "--topology", CITY / "topology.json", "-o", plan).code == 0
    done = run("report", plan, *FILES, "--sites", CITY / "sites.json", "-o", page)
    assert done.code == 0, done.err
    text = page.read_text(encoding="utf-8")
    for part in ("Map of sites", "Power by tier", "Prices of capacity", "600", "north"):
        assert part in text
    assert "default-src 'none'" in text
    done = run("report", plan, "-o", page)
    assert done.code == 2
    assert "--fleet" in done.err
    done = run("report", plan, *FILES, "--rate", "3", "-o", page)
    assert done.code == 2
    data = json.loads(plan.read_text(encoding="utf-8"))
    data["groups"][0]["energy_j"] *= 2
    plan.write_text(json.dumps(data), encoding="utf-8")
    done = run("report", plan, *FILES, "-o", page)
    assert done.code == 2
    assert "does not stand" in done.err

"""Pages of policies: what they say is what the policy says, and what is no use for them is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import refused, run
from report_cases import EXAMPLES, HOSTILE, PAGES, SMALL_OPTIONS, STATES, write

import planner
from planner.files.writing import placement_json
from planner.library.pages import page_of
from planner.report.page import Figure, Table
from planner.report.policy.figures import MOST_STATES, Cell, switching_figure


def cells_of(figure: Figure) -> dict[tuple[str, str], str]:
    """Return what the figure says of every plan in every state."""
    rows = figure.spec["layer"][0]["data"]["values"]
    return {(row["state"], row["plan"]): row["meaning"] for row in rows}


def test_the_page_of_a_policy_says_what_the_policy_says(tmp_path: Path) -> None:
    policy = planner.adapt(
        EXAMPLES / "small.json", EXAMPLES / "small-topology.json", STATES, max_latency_s=0.03, min_accuracy=0.9
    )
    page = page_of(write(tmp_path / "policy.json", placement_json(policy)), {})
    switching, states, plans, _ = page.sections
    (figure,), (table,) = switching.parts, states.parts
    assert isinstance(figure, Figure)
    assert isinstance(table, Table)
    assert [row[1] for row in table.rows] == [row.plan or "-" for row in policy.policy]
    assert {row.plan is None for row in policy.policy} == {True, False}  # the source is lost in some
    said = cells_of(figure)
    for row in policy.policy:
        state = " + ".join(row.conditions) or "nothing wrong"
        for plan in policy.plan_set:
            meaning = said.get((state, plan.name))
            if row.plan == plan.name:
                assert meaning == ("used, breaks a limit" if row.degraded else "used")
            elif row.regret:
                kept = row.regret[plan.name] is not None
                assert meaning == ("keeps every limit" if kept else "breaks a limit or cannot run")
            else:
                assert meaning is None
    rows = plans.parts[-1]
    assert isinstance(rows, Table)
    assert [row[4] for row in rows.rows] == [f"{plan.kept_fixed.states_kept} of 8" for plan in policy.plan_set]


def test_the_page_of_a_device_says_what_its_policy_says(tmp_path: Path) -> None:
    policy = planner.adapt_designs(EXAMPLES / "synthetic-phone.designs.json")
    page = page_of(write(tmp_path / "policy.json", placement_json(policy)), {})
    figure, table = page.sections[0].parts
    assert isinstance(figure, Figure)
    assert isinstance(table, Table)
    assert [row[1] for row in table.rows] == [row.design for row in policy.policy]
    degraded = {row[0] for row in table.rows if row[2] == "degraded"}
    assert len(degraded) == sum(row.degraded for row in policy.policy) > 0
    said = cells_of(figure)
    assert {state for (state, _), meaning in said.items() if meaning == "used, breaks a limit"} == degraded
    assert len(said) == len(policy.policy)
    assert page.severity == "warning"


def test_the_page_of_a_device_without_a_design_says_why(tmp_path: Path) -> None:
    raw: dict[str, Any] = json.loads((EXAMPLES / "synthetic-phone.designs.json").read_text(encoding="utf-8"))
    raw["constraints"] = [{"metric": "energy_j", "max": 1e-9}]
    policy = planner.adapt_designs(raw)
    page = page_of(write(tmp_path / "policy.json", placement_json(policy)), {})
    assert (page.badge, page.severity) == ("infeasible", "bad")
    why = page.sections[0]
    assert policy.diagnosis is not None
    assert why.text == policy.diagnosis.summary
    assert why.parts


def test_of_many_states_the_first_are_drawn_and_a_long_label_has_room() -> None:
    cells = [Cell(f"state {number}", "p0", used=True, keeps_limits=True, note="") for number in range(MOST_STATES + 1)]
    figure = switching_figure(cells, "The plan of every state.")
    assert len(cells_of(figure)) == MOST_STATES
    assert f"The first {MOST_STATES} states." in figure.caption
    short, long = (
        switching_figure([Cell(name, "p0", used=True, keeps_limits=True, note="")], "The plan of every state.")
        for name in ("a", 30 * "a long name ")
    )
    assert long.spec["height"] > 3 * short.spec["height"]


def test_the_command_draws_policies_and_takes_no_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("planner.report.page.drawing_library", lambda: "/* library */")
    states = write(tmp_path / "states.json", STATES)
    policy = tmp_path / "policy.json"
    run("adapt", *SMALL_OPTIONS, "--states", states, "--max-latency", "30ms", "--min-accuracy", "0.9", "-o", policy)
    ran = run("report", policy, "-o", tmp_path / "policy.html")
    assert (ran.code, ran.out) == (0, "")
    text = (tmp_path / "policy.html").read_text(encoding="utf-8")
    assert HOSTILE not in text
    assert "a policy is drawn as it stands" in refused("report", policy, *SMALL_OPTIONS, "-o", tmp_path / "no.html")
    assert set(PAGES) >= {"policy", "device-policy"}

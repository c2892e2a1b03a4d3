"""What pages are made of: accounts of plans, layouts of topologies, trade-offs, units."""

from __future__ import annotations

from itertools import combinations, pairwise
from pathlib import Path
from random import Random

import pytest
import report_cases
import two_apps
from cases import instance_of, random_case, random_topology
from hypothesis import given
from hypothesis import strategies as st
from undiagnosed import solve_undiagnosed

from planner.commands.inputs import read_planned
from planner.commands.options import Limits
from planner.pipeline.request import Request
from planner.report.breakdown import COMPUTING, HEAD, AppBreakdown, breakdowns_of
from planner.report.layout import MOST_CELLS, MOST_IDLE, layout_of
from planner.report.quantities import axis_unit
from planner.report.tradeoff_figure import MOST_DOMINATED, PlanPoint, levels_of, non_dominated, tradeoff_figure
from planner.schemas import Placement, Topology, check_document
from planner.verifier.network import expand
from planner.verifier.verify import verify

# ---------------------------------------------------------------------------------------------------------------------
# The account of a plan


@given(st.randoms(use_true_random=False))
def test_the_parts_of_an_account_add_up_to_the_plan(random: Random) -> None:
    app, model, topology = random_case(random)
    if instance_of(app, model, topology) is None:
        return
    placement = solve_undiagnosed(Request(app, model, topology))
    if not placement.apps:
        return
    (breakdown,) = breakdowns_of(placement, [(app, model)], expand(topology))
    plan = placement.apps[0]
    assert sum(phase.expected_j for phase in breakdown.phases) == pytest.approx(plan.energy_j, rel=1e-9, abs=1e-12)
    computing = sum(phase.expected_j for phase in breakdown.phases if phase.kind in (COMPUTING, HEAD))
    assert computing == pytest.approx(plan.breakdown.compute_j, rel=1e-9, abs=1e-12)
    taken = [row for row in breakdown.exit_times if row.fraction > 0.0]
    latency_s = {
        "worst": max(row.latency_s for row in taken),
        "mean": sum(row.fraction * row.latency_s for row in taken),
    }.get(app.latency, plan.latency_s)
    assert latency_s == pytest.approx(plan.latency_s, rel=1e-9, abs=1e-12)
    assert any(row.latency_s == pytest.approx(plan.latency_s) for row in taken) or app.latency == "mean"
    assert [run.number for run in breakdown.runs] == list(range(1, len(breakdown.runs) + 1))
    assert [block for run in breakdown.runs for block in run.blocks] == [row.block for row in plan.assignments]


def two_accounts(tmp_path: Path) -> list[AppBreakdown]:
    plan, sources = report_cases.two_apps_sources(tmp_path)
    asked = read_planned(sources, Limits())
    placement = check_document(two_apps.PLACEMENT, Placement)
    assert not verify(placement, asked.topology, asked.apps)
    assert plan.is_file()
    return breakdowns_of(placement, asked.apps, expand(asked.topology))


def test_the_account_of_shared_nodes_is_that_worked_out_by_hand(tmp_path: Path) -> None:
    cam, mic = two_accounts(tmp_path)
    assert [(row.name, row.fraction) for row in cam.exit_times] == [("e1", 0.25), ("e2", 0.75)]
    assert [row.latency_s for row in cam.exit_times] == pytest.approx([1.0, 3.0 + 0.01 + 0.1 / 0.6])
    assert [row.latency_s for row in mic.exit_times] == pytest.approx(
        [1.25, 3.75 + two_apps.UP_S + two_apps.BACK_S], rel=1e-12
    )
    places = [(phase.kind, phase.place) for phase in mic.phases]
    assert places[0] == ("computing", "p2")
    assert ("transfer", "p2 → edge") in places
    assert places[-1] == ("result", "edge → p2")
    assert sum(phase.expected_j for phase in mic.phases) == pytest.approx(4.48375)


def test_phases_follow_each_other_and_results_travel_meanwhile(tmp_path: Path) -> None:
    for breakdown in two_accounts(tmp_path):
        inner = [phase for phase in breakdown.phases if phase.kind != "result"]
        for before, after in pairwise(inner):
            assert after.start_s == pytest.approx(before.end_s)
        assert inner[0].start_s == 0.0


# ---------------------------------------------------------------------------------------------------------------------
# The layout of a topology


@given(st.randoms(use_true_random=False))
def test_nodes_do_not_overlap_and_all_that_is_used_is_shown(random: Random) -> None:
    raw = random_topology(random, most_nodes=12)
    topology = check_document(raw, Topology)
    nodes = list(expand(topology).nodes)
    used = set(random.sample(nodes, random.randint(0, len(nodes))))
    layout = layout_of(topology, used)
    assert used <= set(layout.boxes)
    for one, other in combinations(layout.boxes.values(), 2):
        apart = one.right <= other.left or other.right <= one.left
        assert apart or one.bottom <= other.top or other.bottom <= one.top, (one, other)
    for box in layout.boxes.values():
        assert 0 <= box.left < box.right <= 100
        assert 0 <= box.top < box.bottom <= layout.height
    for source, target in ((link.source, link.target) for link in topology.links):
        if source in layout.boxes and target in layout.boxes:
            polyline = layout.polyline(source, target)
            assert len(polyline) in (2, 4)
            assert all(0 <= x <= 100 and 0 <= y <= layout.height for x, y in polyline)


def large_topology() -> Topology:
    node = {"ops_per_s": 1.0, "j_per_op": 1.0}
    wire = {"bit_per_s": 1.0}
    package = {"rows": 200, "cols": 40, "chiplet": node, "interposer": wire, "gateway_link": wire, "gateways": [[0, 0]]}
    raw = {
        "schema_version": "1", "name": "large",
        "nodes": [{"name": f"n{index}", "tier": "edge", **node} for index in range(300)],
        "links": [{"source": "n0", "target": f"p{index}", "bit_per_s": 1.0} for index in range(9)],
        "packages": [{"name": f"p{index}", **package} for index in range(9)],
    }  # fmt: skip
    return check_document(raw, Topology)


def test_a_large_topology_shows_what_is_used_and_says_what_it_leaves_out() -> None:
    layout = layout_of(large_topology(), {"n299", "p7", "p7[100,20]", "p7[104,21]"})
    shown = [box for box in layout.boxes.values() if box.kind == "node"]
    assert len(shown) == MOST_IDLE + 1
    assert "n299" in layout.boxes
    notes = {box.label for box in layout.boxes.values() if box.kind == "note"}
    assert notes == {f"{300 - MOST_IDLE - 1} more, not used", "7 more packages, not used"}
    cells = [box for box in layout.boxes.values() if box.kind == "chiplet" and box.name.startswith("p7")]
    assert {"p7[100,20]", "p7[104,21]"} <= {box.name for box in cells}
    assert len(cells) <= MOST_CELLS**2
    assert any("200 × 40 chiplets, shown: rows 99–" in frame.label for frame in layout.frames)
    assert layout.height < 2500


def test_a_link_behind_a_node_goes_round_it() -> None:
    asked = read_planned(report_cases.VIT, Limits())
    layout = layout_of(asked.topology, set())
    assert len(layout.polyline("phone", "edge")) == 2
    assert len(layout.polyline("edge", "cloud")) == 4  # the package stands between
    assert len(layout.polyline("mcm0[0,0]", "mcm0[0,1]")) == 2


# ---------------------------------------------------------------------------------------------------------------------
# Trade-offs and results


@given(st.lists(st.tuples(*[st.integers(0, 4)] * 3), max_size=25))
def test_non_dominated_equals_the_definition(points: list[tuple[int, int, int]]) -> None:
    def beats(one: tuple[int, int, int], other: tuple[int, int, int]) -> bool:
        return one != other and one[0] <= other[0] and one[1] <= other[1] and one[2] >= other[2]

    plans = [PlanPoint(float(energy), float(latency), float(accuracy), "") for energy, latency, accuracy in points]
    assert non_dominated(plans) == [not any(beats(other, point) for other in points) for point in points]


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=40))
def test_every_accuracy_is_in_one_level(accuracies: list[float]) -> None:
    levels = levels_of(accuracies)
    assert len(levels) == min(6, len(set(accuracies)))
    for accuracy in accuracies:
        assert sum(low <= accuracy <= high for low, high in levels) == 1


def test_few_of_many_beaten_plans_are_drawn_and_all_others() -> None:
    plans = [PlanPoint(2.0 + index, 2.0, 0.5, "") for index in range(5 * MOST_DOMINATED)]
    drawn = tradeoff_figure([*plans, PlanPoint(1.0, 1.0, 0.9, ""), PlanPoint(0.5, 3.0, 0.9, "")], "").spec["data"][
        "values"
    ]
    assert [row["best"] for row in drawn].count(True) == 2
    assert [row["best"] for row in drawn].count(False) == MOST_DOMINATED


def test_axis_units_fit_the_largest_value() -> None:
    assert axis_unit([0.0, 0.02], "s") == (1e-3, "ms")
    assert axis_unit([3.0, 0.02], "J") == (1.0, "J")
    assert axis_unit([0.0], "J") == (1.0, "J")

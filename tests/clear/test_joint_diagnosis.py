"""Why several apps have no plan: figures by hand, and each proof against what it would take."""

from __future__ import annotations

from dataclasses import replace

import pytest
from together import small_request

from planner.clear.diagnosis.diagnose import contradiction, no_room
from planner.clear.diagnosis.flow_relaxation import maximum_rates
from planner.clear.problem.instance import JointInstance
from planner.fin.deadline import Deadline
from planner.pipeline.dispatch import answer
from planner.pipeline.several_apps import joint_of

FULL_BYTES = 6.6e6
"""All blocks of the small model, without heads."""


def on_the_edge(topology, apps, **changes):
    for app in apps:
        app.update(pin={block: ["edge"] for block in "abcd"}, min_accuracy=0.92, **changes)


def found(change, limit_s=None):
    request = small_request(change=change)
    joint = joint_of(request)
    relaxed = [(app.model_copy(update={"min_accuracy": 0.0}), model) for app, model in request.apps]
    return contradiction(joint, joint_of(replace(request, apps=tuple(relaxed))).apps, until=Deadline.after(limit_s))


def test_nothing_contradicts_what_has_a_plan():
    assert found(lambda topology, apps: None) is None


def test_memory_that_two_apps_do_not_fit_together():
    def change(topology, apps):
        on_the_edge(topology, apps)
        topology["nodes"][2]["memory_bytes"] = 1e7

    diagnosis = found(change)
    (row,) = diagnosis.limits
    assert (row.kind, row.subject, row.unit) == ("memory", "all apps", "bytes")
    assert (row.demand, row.best) == (pytest.approx(2 * FULL_BYTES), 1e7)
    assert "edge" in row.message


def test_memory_that_one_app_does_not_fit_is_that_apps():
    def change(topology, apps):
        on_the_edge(topology, apps)
        topology["nodes"][2]["memory_bytes"] = 5e6

    rows = found(change).limits
    assert {row.kind for row in rows} >= {"memory"}
    assert all("camera" in row.message or "microphone" in row.message for row in rows)


def test_the_proof_stands_where_a_deadline_leaves_no_time_to_explain_it():
    def change(topology, apps):
        for app in apps:
            app.update(max_latency_s=1e-9)

    whole, stopped = found(change), found(change, 0.0)
    assert {row.kind for row in whole.limits} == {"latency"}
    assert all(row.best is not None for row in whole.limits)
    assert [(row.kind, row.demand, row.best) for row in stopped.limits] == [("latency", 1e-9, None)] * 2
    assert all("even alone; the time limit came" in row.message for row in stopped.limits)


def test_time_of_a_node_that_is_not_enough():
    """Each app loads the edge, at full speed, for 200 * 3e9 / 1e12 = 0.6 of its time; input is made small."""

    def change(topology, apps):
        on_the_edge(topology, apps, rate_per_s=200)
        for link in topology["links"]:
            link["bit_per_s"] = 1e12

    rate, node = found(change).limits
    assert (rate.kind, rate.best) == ("rate", pytest.approx(1 / 1.2))
    assert (node.kind, node.subject, node.best) == ("utilization", "edge", 1.0)
    assert node.demand == pytest.approx(1.2)


def test_a_flow_may_be_split_where_no_block_can():
    """Whatever the proof says, half of the load on each of two nodes is no plan: the program is a relaxation."""
    joint = joint_of(small_request(change=lambda topology, apps: [app.update(rate_per_s=20) for app in apps]))
    assert maximum_rates(joint).part == pytest.approx(1.0)


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0, 3.0])
def test_the_part_falls_as_rates_grow(factor):
    """The radio carries 25 raw inputs a second, and nothing else may run block a."""

    def change(topology, apps):
        for app in apps:
            app.update(pin={"a": ["edge"]}, rate_per_s=12.5 * factor)

    part = maximum_rates(joint_of(small_request(change=change))).part
    assert part == pytest.approx(min(1.0, 1.0 / factor))


def test_deadlines_that_each_keeps_alone_are_named():
    """Each app needs more than half of the radio to send its raw input in 70 ms."""

    def change(topology, apps):
        on_the_edge(topology, apps, max_latency_s=0.07)

    request = small_request(change=change)
    joint = joint_of(request)
    assert found(change) is None
    rows = no_room(joint).limits
    least_s = 0.002 + 4e6 / 1e8 + 3.001e9 / 1e12
    assert [(row.kind, row.demand, row.best) for row in rows] == [("latency", 0.07, pytest.approx(least_s))] * 2
    assert answer(request).status in ("infeasible", "unknown")


def test_one_app_alone_is_a_workload_too():
    joint = joint_of(small_request())
    alone = JointInstance(joint.network, joint.apps[:1])
    assert contradiction(alone, alone.apps) is None

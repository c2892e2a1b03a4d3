"""FIN's B-AlexNet grid: every one of the 208 points is the brute-force optimum, by arithmetic of its own."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from planner import plan
from planner.schemas import Model, Topology, read_document

EXAMPLES = Path(__file__).parents[3] / "examples"


def enumerated(model: Model, topology: Topology) -> list[tuple[float, float, float]]:
    """Return (accuracy, latency, energy) of every placement with upward links, block 1 on the device."""
    order = [node.name for node in topology.nodes]
    nodes = {node.name: node for node in topology.nodes}
    links = {(link.source, link.target): link for link in topology.links}
    rows = []
    for point in model.operating_points:
        (exit_name,) = point.exit_fractions
        last = next(head.after for head in model.exits if head.name == exit_name)
        depth = [block.name for block in model.blocks].index(last) + 1
        for rest in product(order, repeat=depth - 1):
            places = (order[0], *rest)
            energy = latency = 0.0
            for index, place in enumerate(places):
                seconds = model.blocks[index].ops / nodes[place].ops_per_s
                latency += seconds
                energy += seconds * nodes[place].active_power_w
                before = places[index - 1] if index else place
                if before == place:
                    continue
                link = links.get((before, place))
                if link is None:
                    break
                bits = model.blocks[index - 1].output_bits
                latency += bits / link.bit_per_s
                energy += bits * link.j_per_bit
            else:
                rows.append((point.accuracy, latency, energy))
    return rows


def test_all_208_points_are_optimal() -> None:
    model, _ = read_document(EXAMPLES / "b-alexnet.json", Model)
    topology, _ = read_document(EXAMPLES / "device-edge-cloud.json", Topology)
    plans = enumerated(model, topology)
    checked = 0
    for deadline_ms, accuracy in product(range(3, 16), range(10, 90, 5)):
        within = [e for a, t, e in plans if a >= accuracy / 100 and t <= deadline_ms / 1000]
        answer = plan(
            model, topology, max_latency_s=deadline_ms / 1000, min_accuracy=accuracy / 100,
            pin={model.blocks[0].name: [topology.nodes[0].name]},
        )  # fmt: skip
        if within:
            assert answer.status == "optimal"
            assert answer.apps[0].energy_j == pytest.approx(min(within), rel=1e-9)
        else:
            assert answer.status == "infeasible"
        checked += 1
    assert checked == 208

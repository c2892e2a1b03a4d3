"""The route table against all simple paths that NetworkX lists."""

from __future__ import annotations

from itertools import pairwise, product
from random import Random
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.fin.graph.routes import RouteTable, efficient_routes
from planner.fin.instance.network import Network, build_network
from planner.schemas import Topology, check_document


def network_of(size: int, links: list[dict[str, Any]]) -> Network:
    document = {
        "schema_version": "1",
        "name": "t",
        "nodes": [{"name": f"n{index}", "ops_per_s": 1.0, "j_per_op": 1.0} for index in range(size)],
        "links": links,
    }
    topology = check_document(document, Topology)
    return build_network(topology.nodes, topology.links)


def random_network(r: Random, density: float, exact: bool) -> Network:
    """Return up to 5 nodes; where `exact`, every figure is a multiple of 1/8, so that sums have no rounding."""
    size = r.randint(1, 5)

    def figure() -> float:
        return r.randint(0, 12) / 8 if exact else r.choice([0.0, 1.0, r.uniform(0, 2)])

    links = [
        {
            "source": f"n{i}",
            "target": f"n{j}",
            "bit_per_s": 2.0 ** r.randint(-2, 3) if exact else r.choice([1.0, 2.0, r.uniform(0.5, 4)]),
            "latency_s": figure(),
            "j_per_bit": figure(),
            **({"medium": r.choice("ab")} if r.random() < 0.5 else {}),
        }
        for i in range(size)
        for j in range(size)
        if i != j and r.random() < density
    ]
    return network_of(size, links)


def costs_of_path(network: Network, path: list[int], media: list[int]) -> tuple[float, ...]:
    """Return J/bit, s/bit, latency and s/bit on each tracked medium."""
    total = np.zeros(3 + len(media))
    for source, target in pairwise(path):
        link = network.link(source, target)
        per_bit = 1.0 / network.link_bit_per_s[link]
        total[:3] += (network.link_j_per_bit[link], per_bit, network.link_latency_s[link])
        total[3:] += [per_bit * (network.link_medium[link] == medium) for medium in media]
    return tuple(total)


def all_paths(network: Network, source: int, target: int) -> list[list[int]]:
    graph = nx.DiGraph()
    graph.add_nodes_from(range(network.size))
    graph.add_edges_from(zip(network.link_source.tolist(), network.link_target.tolist(), strict=True))
    return [[source]] if source == target else list(nx.all_simple_paths(graph, source, target))


def options_of(table: RouteTable, source: int, target: int) -> list[tuple[int, tuple[float, ...]]]:
    return [
        (option, (*table.metrics[:, option, source, target], *table.loads[:, option, source, target]))
        for option in range(table.options)
        if table.valid[option, source, target]
    ]


def check_pareto(network: Network, media: list[int]) -> None:
    """Check, without tolerance, that the options are the Pareto set of all paths, and that their paths exist."""
    table = efficient_routes(network, media)
    assert table.loads.shape == (len(media), table.options, network.size, network.size)
    for source, target in product(range(network.size), repeat=2):
        costs_of = {tuple(path): costs_of_path(network, path, media) for path in all_paths(network, source, target)}
        options = options_of(table, source, target)
        for option, costs in options:
            assert costs_of[table.path(option, source, target)] == costs
        every = set(costs_of.values())
        dominated = {a for a in every for b in every if a != b and all(x >= y for x, y in zip(a, b, strict=True))}
        assert {costs for _, costs in options} == every - dominated
        assert len(options) == len(every - dominated)


def some_media(r: Random, network: Network) -> list[int]:
    used = sorted(set(network.link_medium.tolist()))
    return sorted(r.sample(used, min(len(used), r.randint(1, 2))))


@given(st.randoms(use_true_random=False))
def test_sparse_networks(r: Random) -> None:
    check_pareto(random_network(r, 0.5, exact=True), [])


@given(st.randoms(use_true_random=False))
def test_complete_networks(r: Random) -> None:
    check_pareto(random_network(r, 1.0, exact=True), [])


@given(st.randoms(use_true_random=False))
def test_tracked_media(r: Random) -> None:
    network = random_network(r, 0.7, exact=True)
    check_pareto(network, some_media(r, network))


@given(st.randoms(use_true_random=False), st.floats(0, 100), st.floats(0, 100))
def test_the_best_route_of_any_message_is_held(r: Random, bits: float, price_per_s: float) -> None:
    """Whatever a message's size, and whatever a second is worth in joules, no path is cheaper than the best option."""
    network = random_network(r, 0.7, exact=False)
    media = some_media(r, network)
    table = efficient_routes(network, media)
    price = np.array([bits, price_per_s * bits, price_per_s, *[0.7 * bits] * len(media)])
    for source, target in product(range(network.size), repeat=2):
        options = [np.array(costs) @ price for _, costs in options_of(table, source, target)]
        paths = [np.array(costs_of_path(network, path, media)) @ price for path in all_paths(network, source, target)]
        assert bool(options) == bool(paths)
        assert min(options, default=0.0) == pytest.approx(min(paths, default=0.0), rel=1e-12, abs=1e-12)


def link(ends: str, bit_per_s: float, latency_s: float, j_per_bit: float, **more: str) -> dict[str, Any]:
    return {
        "source": f"n{ends[0]}", "target": f"n{ends[1]}", "bit_per_s": bit_per_s,
        "latency_s": latency_s, "j_per_bit": j_per_bit, **more,
    }  # fmt: skip


def test_cheap_and_fast_differ_and_both_are_held() -> None:
    """Direct: 10 J/bit in 1 s/bit. By the relay: 2 J/bit in 4 s/bit, and 1 s of latency. Nothing else is needed."""
    links = [link("02", 1.0, 0.0, 10.0), link("01", 0.5, 0.5, 1.0), link("12", 0.5, 0.5, 1.0)]
    network = network_of(3, links)
    table = efficient_routes(network)
    held = {table.path(option, 0, 2): costs for option, costs in options_of(table, 0, 2)}
    assert held == {(0, 1, 2): (2.0, 4.0, 1.0), (0, 2): (10.0, 1.0, 0.0)}
    assert not table.valid[:, 2, 0].any()


@pytest.mark.parametrize("direct", [(1.0, 1.0, 2.125), (1.0, 2.125, 1.0), (1 / 2.125, 1.0, 1.0)])
def test_a_relay_that_is_only_just_better_is_held(direct: tuple[float, float, float]) -> None:
    """Every link costs 1 in everything but one, which costs 2.125 in one thing: going round costs 2."""
    ends = [f"{i}{j}" for i in range(3) for j in range(3) if i != j]
    links = [link(each, *(direct if each == "02" else (1.0, 1.0, 1.0))) for each in ends]
    table = efficient_routes(network_of(3, links))
    assert {table.path(option, 0, 2) for option, _ in options_of(table, 0, 2)} == {(0, 2), (0, 1, 2)}
    assert {table.path(option, 1, 2) for option, _ in options_of(table, 1, 2)} == {(1, 2)}


def test_a_tracked_medium_keeps_a_route_that_only_avoids_it() -> None:
    ways = [link("01", 1.0, 1.0, 1.0), link("12", 1.0, 1.0, 1.0)]
    links = [link("02", 1.0, 0.0, 1.0, medium="air"), *ways]
    network = network_of(3, links)
    air = int(network.link_medium[network.link(0, 2)])
    plain, tracked = efficient_routes(network), efficient_routes(network, [air])
    assert [plain.path(option, 0, 2) for option, _ in options_of(plain, 0, 2)] == [(0, 2)]
    assert {tracked.path(option, 0, 2) for option, _ in options_of(tracked, 0, 2)} == {(0, 2), (0, 1, 2)}


def test_one_node_needs_no_link() -> None:
    table = efficient_routes(network_of(1, []))
    assert table.valid.all()
    assert table.path(0, 0, 0) == (0,)
    assert (table.metrics == 0).all()


def test_sources_in_several_batches_give_the_same_table(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = [(i, j) for i in range(5) for j in range(5) if abs(i - j) == 1]
    links = [link(f"{i}{j}", 1.0 + i, 0.1 * j, 1.0 + i * j) for i, j in ends]
    network = network_of(5, links)
    whole = efficient_routes(network)
    monkeypatch.setattr("planner.fin.graph.routes._CELLS_AT_ONCE", 1)
    parts = efficient_routes(network)
    assert whole.valid.all()
    np.testing.assert_array_equal(whole.metrics, parts.metrics)
    np.testing.assert_array_equal(whole.valid, parts.valid)
    for option, source, target in np.argwhere(whole.valid).tolist():
        assert whole.path(option, source, target) == parts.path(option, source, target)

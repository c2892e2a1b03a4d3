"""What the tests of pages draw: plans, fronts and results, each with something that is easy to get wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import two_apps

import planner
from planner.bench.case import Case, CaseRow
from planner.bench.results.folder import FORMAT, FolderIdentity
from planner.bench.results.store import Store
from planner.commands.inputs import asked_for, read_planned
from planner.commands.options import Limits, Sources
from planner.files.writing import placement_json
from planner.fin.method import Options
from planner.library.pages import page_of as checked_page
from planner.library.requests import request_for, single_app_request
from planner.pipeline.one_app import solve
from planner.pipeline.pareto import pareto
from planner.report.page import Page
from planner.report.results.page import results_page
from planner.report.results.reading import read_results
from planner.version import __version__

EXAMPLES = Path(__file__).parents[3] / "examples"
VIT = Sources(EXAMPLES / "mcm.json", [EXAMPLES / "vit.json"])
SMALL = Sources(EXAMPLES / "small-topology.json", [EXAMPLES / "small.json"])
SMALL_OPTIONS = ("--model", str(EXAMPLES / "small.json"), "--topology", str(SMALL.topology))
ALEX = Sources(EXAMPLES / "device-edge-cloud.json", [EXAMPLES / "b-alexnet-branchynet.json"])
HOSTILE = "</script><script>alert(1)</script>&\"'<b>"
"""A name that must stay a text wherever it is written."""

ROWS: list[dict[str, Any]] = [
    {"method": "exact", "max_latency_s": 0.02, "status": "optimal", "energy_j": 0.1, "latency_s": 0.02,
     "accuracy": 0.9, "lower_bound": 0.1, "relative_gap": 0.0, "search_s": 0.004},
    {"method": "exact", "max_latency_s": 0.01, "status": "infeasible", "search_s": 0.0, "message": "too early"},
    {"method": "exact", "max_latency_s": 0.03, "status": "optimal", "energy_j": 0.08, "latency_s": 0.025,
     "accuracy": 0.9, "lower_bound": 0.08, "relative_gap": 0.0, "search_s": 0.002},
    {"method": "rival", "max_latency_s": 0.02, "status": "feasible", "energy_j": 0.15, "latency_s": 0.02,
     "accuracy": 0.9, "lower_bound": 0.0, "relative_gap": 1.0, "search_s": 0.001},
    {"method": "rival", "max_latency_s": 0.01, "status": "unknown", "whole_s": 5.0, "message": "killed"},
    {"method": "rival", "max_latency_s": 0.03, "status": "feasible", "energy_j": 0.1, "latency_s": 0.03,
     "accuracy": 0.8, "lower_bound": 0.0, "relative_gap": 1.0, "search_s": 0.0005},
]  # fmt: skip
"""Two methods on three requests for each of two networks; of the second, everything takes twice."""


def write(path: Path, document: object) -> Path:
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def records() -> list[dict[str, Any]]:
    twice = ("energy_j", "latency_s", "lower_bound")
    return [
        {"topology": "net.json", "model": model, **row, "objective": "energy_j" if "energy_j" in row else None,
         **{name: row[name] * factor for name in twice if name in row}}
        for model, factor in (("one.json", 1.0), ("two.json", 2.0))
        for row in ROWS
    ]  # fmt: skip


def results_folder(folder: Path, rows: Iterable[Mapping[str, Any]], cases: int) -> Path:
    """Write a results folder as `planner bench` does."""
    settings = ("topology", "model", "method", "max_latency_s")
    folder.mkdir()
    identity = FolderIdentity(FORMAT, __version__, "duel", 600.0, cases, "x")
    write(folder / "suite.json", asdict(identity))
    made = [
        (Case(number, {(name,): row[name] for name in settings}, {"net.json": "sha256:aa"}), row)
        for number, row in enumerate(rows)
    ]
    with Store(folder) as store:
        store.set_cases([case for case, _ in made])
        for case, row in made:
            store.save(CaseRow(case.digest, **{name: value for name, value in row.items() if name not in settings}))
    return folder


def planned(folder: Path, sources: Sources, limits: Limits) -> Path:
    placement = solve(single_app_request(request_for(read_planned(sources, limits), "auto", Options(), False)))
    return write(folder / "plan.json", placement_json(placement))


def page_of(path: Path, sources: Sources, limits: Limits) -> Page:
    return checked_page(path, asked_for(sources, limits))


def _chiplets(folder: Path) -> Page:
    return page_of(planned(folder, VIT, Limits()), VIT, Limits())


def _exits(folder: Path) -> Page:
    limits = Limits(figures={"max_latency": "4ms"}, min_accuracy="0.79", destination="cloud")
    return page_of(planned(folder, ALEX, limits), ALEX, limits)


def _rate(folder: Path) -> Page:
    limits = Limits(objective="rate", min_accuracy="0.9")
    return page_of(planned(folder, SMALL, limits), SMALL, limits)


def two_apps_sources(folder: Path) -> tuple[Path, Sources]:
    write(folder / "net.json", two_apps.MODEL)
    workload = write(folder / "workload.json", two_apps.WORKLOAD)
    topology = write(folder / "topology.json", two_apps.TOPOLOGY)
    return write(folder / "plan.json", two_apps.PLACEMENT), Sources(topology, None, workload)


def _two_apps(folder: Path) -> Page:
    plan, sources = two_apps_sources(folder)
    return page_of(plan, sources, Limits())


def _infeasible(folder: Path) -> Page:
    limits = Limits(figures={"max_latency": "1us"})
    return page_of(planned(folder, SMALL, limits), SMALL, limits)


def hostile_sources(folder: Path) -> Sources:
    """Return files whose every name would be a script if it were not escaped."""
    node = {"ops_per_s": 1e9, "j_per_op": 1e-9}
    topology = {
        "schema_version": "1", "name": HOSTILE,
        "nodes": [{"name": HOSTILE, "tier": "mobile", **node}, {"name": f"{HOSTILE}2", **node, "ops_per_s": 1e12}],
        "links": [{"source": HOSTILE, "target": f"{HOSTILE}2", "bit_per_s": 1e9, "j_per_bit": 1e-12}],
    }  # fmt: skip
    model = {
        "schema_version": "1", "name": HOSTILE, "input_bits": 1e3,
        "blocks": [{"name": HOSTILE, "ops": 1e9, "output_bits": 10.0}, {"name": f"{HOSTILE}2", "ops": 1e9}],
        "exits": [{"name": HOSTILE + "3", "after": f"{HOSTILE}2"}],
        "operating_points": [{"name": HOSTILE, "exit_fractions": {HOSTILE + "3": 1.0}, "accuracy": 0.9}],
    }  # fmt: skip
    return Sources(write(folder / "topology.json", topology), [write(folder / "model.json", model)])


def _hostile(folder: Path) -> Page:
    sources = hostile_sources(folder)
    return page_of(planned(folder, sources, Limits(objective="latency")), sources, Limits(objective="latency"))


def front_file(folder: Path, sources: Sources, most: int | None = None) -> Path:
    front = pareto(single_app_request(request_for(read_planned(sources, Limits()), "auto", Options(), False)), most)
    return write(folder / "front.json", placement_json(front))


def _front(folder: Path) -> Page:
    return page_of(front_file(folder, ALEX, 60), ALEX, Limits())


def _results(folder: Path) -> Page:
    return results_page(read_results(results_folder(folder / "results", records(), 13)))


PRICED: dict[str, Any] = {
    "schema_version": "1", "name": "priced",
    "nodes": [{"name": "phone", "tier": "mobile", "ops_per_s": 5e10, "j_per_op": 2e-10},
              {"name": "cloud", "tier": "cloud", "ops_per_s": 1e12, "j_per_op": 1e-11}],
    "links": [{"source": "phone", "target": "cloud", "bit_per_s": 5e7, "latency_s": 0.02, "j_per_bit": 4e-8,
               "bidirectional": True}],
    "metrics": [{"name": "money.now", "unit": "USD", "nodes": {"cloud": {"per_s": 3.4e-4}}}],
}  # fmt: skip
"""A topology with a metric whose name holds a dot, which figures must not take for a path."""


def two_axes(folder: Path, axes: Sequence[str]) -> Page:
    """Return the page of a front of two figures, whose plans are verified."""
    topology = write(folder / "priced.json", PRICED)
    front = planner.pareto(EXAMPLES / "small.json", topology, axes=list(axes), min_accuracy=0.9)
    return page_of(write(folder / "front.json", placement_json(front)), Sources(topology, SMALL.model), Limits())


def _two_axes(folder: Path) -> Page:
    return two_axes(folder, ("energy", "money.now"))


def _comparison(folder: Path) -> Page:
    compared = planner.compare(EXAMPLES / "small.json", SMALL.topology, max_latency_s=0.03, methods=["exact", "mcp"])
    rows = [{**row, "seconds": 0.02} for row in compared.to_json()]  # pages of two runs are compared
    return checked_page(write(folder / "compared.json", rows), {})


WEAK = {"source": "phone", "target": "edge", "bandwidth_factor": 1e-6}
STATES: dict[str, Any] = {
    "schema_version": "1", "name": HOSTILE,
    "conditions": [{"name": f"weak {HOSTILE}", "links": [WEAK]}, {"name": "lost", "lost_nodes": ["edge", "cloud"]},
                   {"name": "gone", "lost_nodes": ["phone"]}],
}  # fmt: skip
"""Conditions of the small topology: a link that is of no use, servers that are lost, and the source itself."""


def _policy(folder: Path) -> Page:
    limits = {"max_latency_s": 0.03, "min_accuracy": 0.9}
    policy = planner.adapt(EXAMPLES / "small.json", SMALL.topology, STATES, **limits)
    return checked_page(write(folder / "policy.json", placement_json(policy)), {})


def _device_policy(folder: Path) -> Page:
    designs, other = (EXAMPLES / f"synthetic-{name}.designs.json" for name in ("phone", "tablet"))
    policy = planner.adapt_designs(designs, max_designs=4, transfer_from=other)
    return checked_page(write(folder / "policy.json", placement_json(policy)), {})


PAGES: dict[str, Callable[[Path], Page]] = {
    "chiplets": _chiplets, "exits": _exits, "two-apps": _two_apps, "infeasible": _infeasible, "hostile": _hostile,
    "rate": _rate, "front": _front, "results": _results,
    "two-axes": _two_axes, "comparison": _comparison, "policy": _policy, "device-policy": _device_policy,
}  # fmt: skip

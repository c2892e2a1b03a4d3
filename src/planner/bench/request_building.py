"""Request building: from a case's settings and files to the request that the planner answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from planner.bench.case import Case, Scalar
from planner.bench.loaded_inputs import LoadedInputs, path_beside
from planner.files.reading import single_app
from planner.fin.method import ALL_METHODS, Options
from planner.pipeline.request import AUTO, PROVING, AnyRequest
from planner.pipeline.request import request_of as request_for
from planner.schemas.planning.model import Model
from planner.schemas.planning.topology import Link, Node, Topology
from planner.schemas.planning.variants import variants_of
from planner.schemas.planning.workload import MAXIMISED, POWER, App, Workload
from planner.schemas.reading.files import check_document
from planner.schemas.reading.problems import input_error

_OF_APPS = tuple(name for name in App.model_fields if name not in ("name", "model", "pin"))


def request_of(case: Case, loaded: LoadedInputs) -> AnyRequest:
    """Return the request of a case: all apps of its workload together, or the one that is chosen.

    Args:
        case: The case.
        loaded: The files that it names.

    Raises:
        InputError: The workload has no app of that name; there is no such method, or none for so many apps; a link or
            a node that is set does not exist; or an app's field is out of range.
    """
    apps, topology = apps_of(case, loaded), topology_of(case, loaded)
    objective = _objective_of(case, loaded)
    if objective in MAXIMISED:
        fix = "sweep min_accuracy instead, or use planner plan or compare"
        raise input_error("suites do not maximise", fix, path="objective", value=objective)
    return request_for(apps, topology, method_of(case), _options(case), _per_exit(case), case.inputs, objective)


def _objective_of(case: Case, loaded: LoadedInputs) -> str:
    """Return what all apps of a case together are planned for: what the suite says, else the workload."""
    workload = case.text("workload")
    if workload is None or case.text("app") is not None:
        return POWER
    read = loaded.workloads[workload]
    return (case.text("objective") or read.objective) if len(read.apps) > 1 else read.objective


def method_of(case: Case) -> str:
    """Return the name of the method that a case asks for."""
    return case.text("method") or AUTO


def solver_of(case: Case, loaded: LoadedInputs) -> tuple[str, bool]:
    """Return the method that answers a case, with `auto` resolved, and whether it is a joint one.

    Args:
        case: The case.
        loaded: The files that it names.
    """
    name, workload = method_of(case), case.text("workload")
    several = workload is not None and case.text("app") is None and len(loaded.workloads[workload].apps) > 1
    joint = several or name not in (AUTO, *ALL_METHODS)
    return (PROVING if joint else "exact") if name == AUTO else name, joint


def apps_of(case: Case, loaded: LoadedInputs) -> list[tuple[App, Model]]:
    """Return the apps of a case with their models, each of several in turn; settings replace those of a workload."""
    given: dict[str, Any] = {name: value for name in _OF_APPS if (value := case.settings.get((name,))) is not None}
    if "batch" in given:
        given["batch"] = [given["batch"]]
    if limits := {path[1]: value for path, value in case.settings.items() if len(path) == 2 and path[0] == "limits"}:
        given["limits"] = limits
    workload, chosen = case.text("workload"), case.text("app")
    if workload is not None and chosen is None and len(loaded.workloads[workload].apps) > 1:
        given.pop("objective", None)  # of all apps together
    if workload is None:
        path = case.text("model") or ""
        return [(single_app({"model": path, **given}), loaded.models[path])]
    names = [app.name for app in loaded.workloads[workload].apps]
    if chosen is not None and chosen not in names:
        message = f"the workload {workload} has no app of this name"
        raise input_error(message, f"use one of {', '.join(names)}", path="app", value=chosen)
    kept = [app for app in loaded.workloads[workload].apps if chosen in (None, app.name)]
    return [
        pair
        for app in kept
        for pair in variants_of(
            _changed(app, given), [loaded.models[path_beside(workload, name)] for name in app.models]
        )
    ]


def topology_of(case: Case, loaded: LoadedInputs) -> Topology:
    """Return the topology of a case, with the figures of links and nodes that the suite sets."""
    topology = loaded.topologies[case.text("topology") or ""]
    changes: dict[tuple[str, ...], dict[str, Scalar]] = {}
    for path, value in case.settings.items():
        if len(path) == 3:
            changes.setdefault(path[:2], {})[path[2]] = value
    return _with_changes(topology, changes) if changes else topology


def _with_changes(topology: Topology, changes: Mapping[tuple[str, ...], Mapping[str, Scalar]]) -> Topology:
    used: set[tuple[str, ...]] = set()

    def changed_link(link: Link) -> Link:
        keys = [("links", name) for name in link_names(link)]
        used.update(keys)
        fields = {field: value for key in keys for field, value in changes.get(key, {}).items()}
        if len(fields) < sum(len(changes.get(key, {})) for key in keys):
            names = " and ".join(name for _, name in keys)
            raise input_error(f"{names} are one link, and it is set twice", "keep one of the two names", path="links")
        return link.model_copy(update=fields) if fields else link

    def changed_node(node: Node) -> Node:
        used.add(("nodes", node.name))
        fields = changes.get(("nodes", node.name))
        return node.model_copy(update=dict(fields)) if fields else node

    links, nodes = tuple(map(changed_link, topology.links)), tuple(map(changed_node, topology.nodes))
    if missing := [key for key in changes if key not in used]:
        kind, name = missing[0]
        known = sorted(found for of, found in used if of == kind)
        message = f"the topology {topology.name} has no {kind[:-1]} of this name"
        raise input_error(message, f"use one of {', '.join(known[:20])}", path=".".join(missing[0]), value=name)
    return topology.model_copy(update={"links": links, "nodes": nodes})


def link_names(link: Link) -> list[str]:
    """Return the names that a suite may use for a link: its ends, either way round where it leads both ways."""
    ends = [f"{link.source}->{link.target}", f"{link.target}->{link.source}"]
    return ends if link.bidirectional else ends[:1]


def _changed(app: App, given: Mapping[str, Any]) -> App:
    raw = {**app.model_dump(mode="json", exclude_none=True), **given}
    raw["limits"] = {**app.limits, **given.get("limits", {})}
    return check_document({"schema_version": "1", "apps": [raw]}, Workload, "limits").apps[0]


def _options(case: Case) -> Options:
    given = {name: case.settings[name,] for name in ("gap", "time_limit_s", "gamma") if (name,) in case.settings}
    return Options(**given)  # type: ignore[arg-type] # the schema has checked their types


def _per_exit(case: Case) -> bool:
    return case.text("thresholds") == "per-exit"

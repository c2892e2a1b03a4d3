"""Names of a fleet against its topology and models; every name that is not there is a problem."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from planner.fin.instance.network import Ints, Network
from planner.fleet.reading.findings import Findings
from planner.schemas.fleets.columns import FleetColumns
from planner.schemas.fleets.fleet import DEVICE
from planner.schemas.planning.model import Model
from planner.schemas.reading.base import LONGEST_NAME


def check_names(columns: FleetColumns, models: Mapping[str, Model], network: Network) -> None:
    """Check that all names are there, and that somebody is to be served.

    Args:
        columns: The classes.
        models: Models by name.
        network: The shared network.

    Raises:
        InputError: With the first ten problems and the number of the others.
    """
    found = Findings(columns.file)
    known = set(network.names)
    if DEVICE in known:
        message = "the topology has a node of this name, which means the user's own node in fleets"
        found.add("topology", DEVICE, message, "rename the node")
    if columns.users == 0:
        found.add("classes", None, "no class has a user", "give a count above 0")
    _long_names(found, columns)
    _unknown(found, columns, known)
    for index, name in enumerate(columns.models):
        if name not in models:
            rows = np.flatnonzero(columns.model == index)
            found.add_rows(_paths(columns, rows, "model", name), len(rows), "this model was not read", "give its file")
    _unknown_accuracy(found, columns, models)
    _no_capacity(found, columns, network)
    _unknown_metrics(found, columns, network)
    found.raise_any()


def _long_names(found: Findings, columns: FleetColumns) -> None:
    lengths = np.fromiter(map(len, columns.class_names), np.int64, len(columns.class_names))
    rows = np.flatnonzero(lengths > LONGEST_NAME)
    paths = ((f"class {row}.name", columns.class_names[row]) for row in rows.tolist())
    found.add_rows(paths, len(rows), f"the name has more than {LONGEST_NAME} characters", "shorten it")


def _unknown(found: Findings, columns: FleetColumns, known: set[str]) -> None:
    some = ", ".join(repr(name) for name in sorted(known)[:5]) + (", ..." if len(known) > 5 else "")
    strange = np.array([name not in known for name in columns.nodes], dtype=bool)
    links = np.flatnonzero(strange[columns.link_node]) if strange.any() else np.zeros(0, dtype=np.int64)
    if len(links):
        owner = _class_of_group(columns)[np.searchsorted(columns.first_link, links, side="right") - 1]
        rows = (
            (f"class {columns.class_names[each]}.attach.node", columns.nodes[columns.link_node[link]])
            for each, link in zip(owner.tolist(), links.tolist(), strict=True)
        )
        found.add_rows(rows, len(links), "the topology has no node of this name", f"use one of {some}")
    goals = [-1 if name in known or name == DEVICE else index for index, name in enumerate(columns.destinations)]
    for index in (goal for goal in goals if goal >= 0):
        bad = np.flatnonzero(columns.destination == index)
        paths = _paths(columns, bad, "destination", columns.destinations[index])
        found.add_rows(paths, len(bad), "the topology has no node of this name", f"use {DEVICE!r} or one of {some}")


def _class_of_group(columns: FleetColumns) -> Ints:
    """(G,) one class that refers to each group of links."""
    owner = np.zeros(len(columns.first_link) - 1, dtype=np.int64)
    owner[columns.group[::-1]] = np.arange(len(columns.group))[::-1]
    return owner


def _paths(columns: FleetColumns, rows: Ints, field: str, value: str) -> Iterator[tuple[str, str]]:
    return ((f"class {columns.class_names[row]}.{field}", value) for row in rows.tolist())


def _unknown_accuracy(found: Findings, columns: FleetColumns, models: Mapping[str, Model]) -> None:
    """Report limits on the accuracy of models that do not say how accurate they are."""
    for index, name in enumerate(columns.models):
        if name in models and not models[name].accuracy_known:
            rows = np.flatnonzero((columns.model == index) & ~np.isnan(columns.min_accuracy))
            message = "the model does not say how accurate it is"
            found.add_rows(
                _paths(columns, rows, "min_accuracy", name), len(rows), message, "give the model an accuracy"
            )


def _unknown_metrics(found: Findings, columns: FleetColumns, network: Network) -> None:
    """Report names of metrics that the topology does not define, with the classes in which they stand."""
    known = network.metrics.names
    fix = f"use one of {', '.join(known)}" if known else "define it in the topology (metrics), or remove it"
    for field, name, rows in _metric_uses(columns):
        if name not in known:
            paths = _paths(columns, rows, f"{field}.{name}", name) if len(rows) else [(f"classes.{field}.{name}", name)]
            found.add_rows(paths, max(len(rows), 1), "the topology has no metric of this name", fix)


def _metric_uses(columns: FleetColumns) -> Iterator[tuple[str, str, Ints]]:
    """Yield every field and name of a metric in it, and the classes where it says something; none for empty columns."""
    for name, most in columns.limits.items():
        yield "limits", name, np.flatnonzero(np.isfinite(most))
    for name, per_bit in columns.link_metrics.items():
        groups = np.searchsorted(columns.first_link, np.flatnonzero(per_bit), side="right") - 1
        yield "attach.metrics", name, np.flatnonzero(np.isin(columns.group, groups))
    for index, device in enumerate(columns.devices):
        for name in device.metrics:
            yield "device.metrics", name, np.flatnonzero(columns.device == index)


def _no_capacity(found: Findings, columns: FleetColumns, network: Network) -> None:
    """Report a network in which no shared node can be used at all, though nothing is wrong with any one of them."""
    if network.hosts.any() and not (network.max_utilization[network.hosts] > 0.0).any():
        message = "no shared node has any capacity (max_utilization is 0 everywhere)"
        found.add("topology.nodes", 0.0, message, "give nodes a max_utilization above 0")

"""Columns of a fleet from two tables: classes, and links by the name that classes refer to."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from planner.fin.instance.network import Floats, Ints
from planner.fleet.reading.findings import Findings
from planner.fleet.reading.table import NumberRule, TableReader
from planner.schemas.fleets.columns import FleetColumns
from planner.schemas.fleets.fleet import MOST_USERS, Fleet
from planner.schemas.reading.base import LEAST
from planner.schemas.reading.problems import InputError

_STATISTIC = re.compile(r"worst|mean|p(?:100|\d{1,2}(?:\.\d+)?)")
CLASS_NUMBERS = {
    "count": NumberRule(0.0, float(MOST_USERS), whole=True),
    "rate_per_s": NumberRule(missing=0.0),
    "max_latency_s": NumberRule(LEAST, missing=np.inf),
    "max_energy_j": NumberRule(missing=np.inf),
    "min_accuracy": NumberRule(0.0, 1.0, missing=np.nan),
}
CLASS_TEXTS = {
    "name": False, "model": False, "device": False, "attach": False, "latency": True, "destination": True,
}  # fmt: skip
"""Columns of texts of the table of classes, and whether a cell may be empty."""
LINK_NUMBERS = {
    "bit_per_s": NumberRule(LEAST),
    "down_bit_per_s": NumberRule(LEAST, missing=np.nan),
    "latency_s": NumberRule(missing=0.0),
    "j_per_bit": NumberRule(missing=0.0),
}
LIMITS = ("limits.", NumberRule(missing=np.inf))
LINK_METRICS = ("metrics.", NumberRule(missing=0.0))
"""Prefix of columns that end with the name of a metric, and what they may hold."""
LINK_TEXTS = {"attach": False, "node": False, "medium": True}


def columns_of_tables(fleet: Fleet, folder: Path, file: str) -> FleetColumns:
    """Read the tables of a fleet.

    Args:
        fleet: The fleet file.
        folder: Folder that the paths in it are relative to.
        file: The fleet file's path, for messages.

    Returns:
        The columns.

    Raises:
        InputError: With the first ten problems of a table and the number of the others.
    """
    if fleet.tables is None:
        raise AssertionError("only called for fleets with tables")
    classes_file, links_file = folder / fleet.tables.classes, folder / fleet.tables.attach
    found, link_found = Findings(str(classes_file)), Findings(str(links_file))
    classes = TableReader(classes_file, CLASS_NUMBERS, CLASS_TEXTS, found, LIMITS)
    links = TableReader(links_file, LINK_NUMBERS, LINK_TEXTS, link_found, LINK_METRICS)
    classes.read()
    links.read()
    group = _groups(classes, links, found)
    _check_classes(fleet, classes, found)
    _raise_both(found, link_found)
    order = np.argsort(links.code("attach"), kind="stable")
    groups = np.unique(links.code("attach"))
    first = np.searchsorted(links.code("attach")[order], groups)
    up, down = links.number("bit_per_s")[order], links.number("down_bit_per_s")[order]
    return FleetColumns(
        name=fleet.name,
        class_names=_names(classes),
        count=classes.number("count").astype(np.int64),
        rate_per_s=classes.number("rate_per_s"),
        max_latency_s=classes.number("max_latency_s"),
        max_energy_j=classes.number("max_energy_j"),
        min_accuracy=classes.number("min_accuracy"),
        model=classes.code("model") - 1,
        statistic=np.maximum(classes.code("latency"), 0),
        destination=classes.code("destination") - 1,
        device=_devices(fleet, classes),
        group=np.searchsorted(groups, group),
        first_link=np.concatenate([first, [len(order)]]),
        link_node=links.code("node")[order] - 1,
        link_bit_per_s=up,
        link_down_bit_per_s=np.where(np.isnan(down), up, down),
        link_latency_s=links.number("latency_s")[order],
        link_j_per_bit=links.number("j_per_bit")[order],
        link_medium=links.code("medium")[order] - 1,
        models=classes.codes["model"].texts()[1:],
        statistics=("worst", *classes.codes["latency"].texts()[1:]),
        destinations=classes.codes["destination"].texts()[1:],
        devices=tuple(fleet.devices.values()),
        nodes=links.codes["node"].texts()[1:],
        media=links.codes["medium"].texts()[1:],
        limits=classes.by_metric(),
        link_metrics={name: values[order] for name, values in links.by_metric().items()},
        file=file,
    )


def _raise_both(*parts: Findings) -> None:
    problems = []
    for each in parts:
        try:
            each.raise_any()
        except InputError as error:
            problems += list(error.problems)
    if problems:
        raise InputError(problems)


def _names(classes: TableReader) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    texts = np.array(classes.codes["name"].texts(), dtype=object)
    return texts[classes.code("name")]


def _devices(fleet: Fleet, classes: TableReader) -> Ints:
    position = {name: index for index, name in enumerate(fleet.devices)}
    number = np.array([position.get(name, 0) for name in classes.codes["device"].texts()], dtype=np.int64)
    return number[classes.code("device")]


def _groups(classes: TableReader, links: TableReader, found: Findings) -> Ints:
    """Return the group of links of each class; a name without links is a problem."""
    known = {name: code for code, name in enumerate(links.codes["attach"].texts()) if name}
    number = np.array([known.get(name, 0) for name in classes.codes["attach"].texts()], dtype=np.int64)
    group = number[classes.code("attach")]
    _report(found, classes, "attach", (group == 0) & (classes.code("attach") > 0),
            "the table of links has no row for it", "add a row with this name in its column attach")  # fmt: skip
    return np.asarray(group, dtype=np.int64)


def _check_classes(fleet: Fleet, classes: TableReader, found: Findings) -> None:
    names = classes.code("name")
    first = np.zeros(len(classes.codes["name"]), dtype=np.int64)
    first[names[::-1]] = np.arange(len(names))[::-1]
    again = (first[names] != np.arange(len(names))) & (names > 0)
    _report(found, classes, "name", again, "this name is used twice", "give each class a name of its own")
    strange = np.array([bool(name) and name not in fleet.devices for name in classes.codes["device"].texts()])
    known = ", ".join(repr(name) for name in list(fleet.devices)[:8])
    _report(found, classes, "device", strange[classes.code("device")],
            "the fleet file has no device of this name", f"use one of {known}")  # fmt: skip
    texts = classes.codes["latency"].texts()
    bad = np.array([bool(name) and (not _STATISTIC.fullmatch(name) or _is_zeroth(name)) for name in texts])
    _report(found, classes, "latency", bad[classes.code("latency")], "not a statistic",
            "use worst, mean or a percentile such as p95")  # fmt: skip


def _is_zeroth(statistic: str) -> bool:
    return statistic.startswith("p") and float(statistic[1:]) == 0.0


def _report(found: Findings, table: TableReader, name: str, wrong: Floats, message: str, fix: str) -> None:
    where = np.flatnonzero(wrong)
    if len(where):
        texts = table.codes[name].texts()
        code = table.code(name)
        rows = ((f"row {index + 2:,}, {name}", texts[code[index]]) for index in where.tolist())
        found.add_rows(rows, len(where), message, fix)

"""Columns of a fleet from its list of classes; equal links of several classes are stored once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from planner.fin.instance.network import Floats, Ints
from planner.schemas.fleets.columns import FleetColumns
from planner.schemas.fleets.fleet import Attach, Fleet, UserDevice
from planner.schemas.reading.problems import input_error


class Codes:
    """Distinct values in the order of their first appearance."""

    def __init__(self, values: Iterable[Hashable] = ()) -> None:
        self._index: dict[Hashable, int] = {value: code for code, value in enumerate(values)}

    def code(self, value: Hashable) -> int:
        """Return the number of a value; a new one gets the next."""
        return self._index.setdefault(value, len(self._index))

    def numbers(self, values: Sequence[str]) -> Ints:
        """(n,) numbers of many values; new ones get the next."""
        index = self._index
        for value in dict.fromkeys(values):
            if value not in index:
                index[value] = len(index)
        return np.fromiter(map(index.__getitem__, values), dtype=np.int64, count=len(values))

    def texts(self) -> tuple[str, ...]:
        """Return all values as texts, by number."""
        return tuple(str(value) for value in self._index)

    def __len__(self) -> int:
        return len(self._index)


def columns_of(fleet: Fleet, file: str = "") -> FleetColumns:
    """Return the columns of a fleet whose classes are listed.

    Raises:
        InputError: The fleet has tables, which only the reader of files follows.
    """
    if fleet.tables is not None:
        fix = "give the path of the fleet file, so that the tables beside it are found"
        raise input_error("the classes of this fleet stand in tables", fix, file=file, path="tables")
    models, statistics, destinations, devices, groups = Codes(), Codes(), Codes(), Codes(), Codes()
    distinct_devices: list[UserDevice] = []
    distinct_groups: list[tuple[Attach, ...]] = []
    rows: list[tuple[int, ...]] = []
    for each in fleet.classes:
        device, group = devices.code(each.device.model_dump_json()), groups.code(tuple(map(_key, each.attach)))
        if device == len(distinct_devices):
            distinct_devices.append(each.device)
        if group == len(distinct_groups):
            distinct_groups.append(each.attach)
        destination = -1 if each.destination is None else destinations.code(each.destination)
        rows.append((each.count, models.code(each.model), statistics.code(each.latency), destination, device, group))
    table = np.array(rows, dtype=np.int64).reshape(-1, 6)
    return FleetColumns(
        name=fleet.name,
        class_names=np.array([each.name for each in fleet.classes], dtype=object),
        count=table[:, 0],
        rate_per_s=np.array([each.rate_per_s for each in fleet.classes], dtype=np.float64),
        max_latency_s=_limits(each.max_latency_s for each in fleet.classes),
        max_energy_j=_limits(each.max_energy_j for each in fleet.classes),
        min_accuracy=_limits((each.min_accuracy for each in fleet.classes), np.nan),
        model=table[:, 1],
        statistic=table[:, 2],
        destination=table[:, 3],
        device=table[:, 4],
        group=table[:, 5],
        models=models.texts(),
        statistics=statistics.texts(),
        destinations=destinations.texts(),
        devices=tuple(distinct_devices),
        limits=_by_metric([each.limits for each in fleet.classes], np.inf),
        file=file,
        **_links(distinct_groups),
    )


def _key(attach: Attach) -> tuple[Hashable, ...]:
    return (
        attach.node, attach.bit_per_s, attach.latency_s, attach.j_per_bit, attach.down_bit_per_s, attach.medium,
        tuple(sorted(attach.metrics.items())),
    )  # fmt: skip


def _limits(values: Iterable[float | None], missing: float = np.inf) -> Floats:
    return np.array([missing if value is None else value for value in values], dtype=np.float64)


def _by_metric(rows: Sequence[Mapping[str, float]], missing: float) -> dict[str, Floats]:
    """Return a column for each metric that some row names."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: np.array([row.get(name, missing) for row in rows], dtype=np.float64) for name in names}


def _links(groups: list[tuple[Attach, ...]]) -> dict[str, Any]:
    """Return the columns of links."""
    links = [attach for group in groups for attach in group]
    nodes, media = Codes(), Codes()
    up = np.array([attach.bit_per_s for attach in links], dtype=np.float64)
    down = _limits((attach.down_bit_per_s for attach in links), np.nan)
    return {
        "first_link": np.concatenate([[0], np.cumsum([len(group) for group in groups], dtype=np.int64)]),
        "link_node": np.array([nodes.code(attach.node) for attach in links], dtype=np.int64),
        "link_bit_per_s": up,
        "link_down_bit_per_s": np.where(np.isnan(down), up, down),
        "link_latency_s": np.array([attach.latency_s for attach in links], dtype=np.float64),
        "link_j_per_bit": np.array([attach.j_per_bit for attach in links], dtype=np.float64),
        "link_medium": np.array(
            [-1 if attach.medium is None else media.code(attach.medium) for attach in links], dtype=np.int64
        ),
        "link_metrics": _by_metric([attach.metrics for attach in links], 0.0),
        "nodes": nodes.texts(),
        "media": media.texts(),
    }

"""From the rows of a suite to the lines of a markdown table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from statistics import mean
from typing import Any

Record = Mapping[str, Any]

EQUAL = 1e-9
"""Relative difference up to which a plan counts as optimal."""
_RATE = "links.device->edge.bit_per_s"


def markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table."""
    yield f"| {' | '.join(columns)} |"
    yield "|" + "---|" * len(columns)
    for row in rows:
        yield f"| {' | '.join(row)} |"


def label(record: Record) -> str:
    """Return a method's name, with the depth where it has one."""
    return f"gamma, {record['gamma']} levels" if record["method"] == "gamma" else str(record["method"])


def fin(records: Sequence[Record]) -> Iterator[str]:
    """Yield FIN's two tables: methods against enumeration, and the least energy by deadline and accuracy."""
    yield from fin_methods(records)
    yield ""
    yield from fin_energies(records)


def fin_methods(records: Sequence[Record]) -> Iterator[str]:
    """Yield how often each method finds a plan and the optimum, and how its energy compares where it finds one."""
    best = {_request(record): record["energy_j"] for record in records if record["method"] == "brute"}
    rows = []
    for name in dict.fromkeys(label(record) for record in records if record["method"] != "brute"):
        ratios = [
            record["energy_j"] / best[_request(record)]
            for record in records if label(record) == name and record["energy_j"] is not None
        ]  # fmt: skip
        optimal = sum(ratio <= 1.0 + EQUAL for ratio in ratios)
        rows.append((name, str(len(ratios)), str(optimal), f"{mean(ratios):.3f}", f"{max(ratios):.3f}"))
    yield from markdown(("method", "solved", "optimal", "mean energy / optimum", "worst"), rows)


def fin_energies(records: Sequence[Record]) -> Iterator[str]:
    """Yield the least energy in millijoules: a row per accuracy (those that agree are one), a column per deadline."""
    exact = {_request(record): record["energy_j"] for record in records if record["method"] == "exact"}
    deadlines_s = sorted({deadline_s for deadline_s, _ in exact})
    rows: dict[tuple[str, ...], list[float]] = {}
    for accuracy in sorted({accuracy for _, accuracy in exact}):
        cells = tuple(_milli(exact[deadline_s, accuracy]) for deadline_s in deadlines_s)
        rows.setdefault(cells, []).append(accuracy)
    heads = ("least accuracy", *(f"{1000 * deadline_s:g} ms" for deadline_s in deadlines_s))
    yield from markdown(heads, ((_span(accuracies), *cells) for cells, accuracies in rows.items()))


def portend(records: Sequence[Record]) -> Iterator[str]:
    """Yield the least mean latency in milliseconds: a row per model, accuracy and rate, a column per method."""
    methods = list(dict.fromkeys(str(record["method"]) for record in records))
    found: dict[tuple[str, str, str], dict[str, Record]] = {}
    for record in records:
        model = PurePath(record["model"]).stem
        key = (model, f"{record['min_accuracy']:g}", f"{record[_RATE] / 1e6:g} Mb/s")
        found.setdefault(key, {})[record["method"]] = record
    heads = ("model", "least accuracy", "radio link", *(f"{name}, ms" for name in methods), "operating point")
    rows = (
        (
            *key,
            *(_milli(by_method[name]["latency_s"]) for name in methods),
            by_method["exact"]["operating_point"] or "-",
        )
        for key, by_method in found.items()
    )
    yield from markdown(heads, rows)


def together(records: Sequence[Record]) -> Iterator[str]:
    """Yield what every method makes of one workload: power, what it holds, and its bound."""
    ours = next((record["power_w"] for record in records if record["method"] == "clear"), None)
    heads = ("method", "power, mW", "clear saves", "nodes", "node shares", "media shares", "bound, mW")
    yield from markdown(heads, (_side_by_side(record, ours) for record in records))


def _side_by_side(record: Record, ours_w: float | None) -> tuple[str, ...]:
    power_w, bound = record["power_w"], _milli(record["lower_bound"])
    if power_w is None:
        return record["method"], record["status"], "", "", "", "", bound
    saves = "" if ours_w is None or record["method"] == "clear" else f"{100 * (1.0 - ours_w / power_w):.0f} %"
    shares = (f"{record[name]:.3g}" for name in ("node_share_sum", "media_share_sum"))
    return record["method"], _milli(power_w), saves, str(record["nodes_used"]), *shares, bound


def three_apps(records: Sequence[Record]) -> Iterator[str]:
    """Yield the power in milliwatts: a row per accuracy and deadline, a column per method, then clear's bound."""
    methods = list(dict.fromkeys(record["method"] for record in records))
    found: dict[tuple[float, float], dict[str, Record]] = {}
    for record in records:
        found.setdefault((record["min_accuracy"], record["max_latency_s"]), {})[record["method"]] = record
    heads = ("least accuracy", "deadline", *(f"{name}, mW" for name in methods), "bound of clear, mW")
    rows = (
        (
            f"{100 * accuracy:g} %",
            f"{1000 * deadline_s:g} ms",
            *(_power(by_method[name]) for name in methods),
            _milli(by_method["clear"]["lower_bound"]),
        )
        for (accuracy, deadline_s), by_method in sorted(found.items())
    )
    yield from markdown(heads, rows)


def _power(record: Record) -> str:
    """Tell proofs that there is no plan from methods that find none."""
    return "infeasible" if record["status"] == "infeasible" else _milli(record["power_w"])


def _request(record: Record) -> tuple[float, float]:
    return record["max_latency_s"], record["min_accuracy"]


def _milli(value: float | None) -> str:
    return "-" if value is None else f"{1000 * value:.4g}"


def _span(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{100 * low:g} %" if low == high else f"{100 * low:g}-{100 * high:g} %"


TABLES: dict[str, Callable[[Sequence[Record]], Iterator[str]]] = {
    "fin-b-alexnet": fin,
    "fin-three-apps": three_apps,
    "portend-aws": portend,
    "clear-mobile": together,
}
"""What makes the tables of a suite, by the name of its file."""

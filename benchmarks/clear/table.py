"""The tables of docs/clear.md: every joint method on the example workload, with what it saves and what it holds.

``python -m benchmarks.clear.table [SECONDS [TRACES]]`` prints them, with a time limit for each method (default 30 s).
With a folder of measured traces (see `benchmarks.traces`) the same follows for each of them, at the rates that nine
tenths of its samples hold.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.clear.traces import Traces
from planner.clear.method import JOINT_METHODS
from planner.commands.inputs import read_planned
from planner.commands.options import Limits, Sources
from planner.fin.instance.packages import expand
from planner.fin.method import Options
from planner.pipeline.compare import Row, compare
from planner.pipeline.request import JointRequest
from planner.schemas import InputError, Model, Placement, Topology, Workload, read_document
from planner.schemas.planning.traces import read_traces, with_planned_rates
from planner.units import format_quantity

EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True)
class Held:
    """What all apps of a plan keep for themselves."""

    compute_ops_per_s: float
    """Shares of nodes times their rate at the speed that they run at."""
    radio: float
    """Shares of media that have a name, summed (no unit)."""
    nodes: int


def example(workload: str = "mobile.workload.json", topology: str = "mobile-mcm.json") -> JointRequest:
    """Return a workload of the examples as a request."""
    apps = read_document(EXAMPLES / workload, Workload)[0].apps
    models = {app.model: read_document(EXAMPLES / app.model, Model)[0] for app in apps}
    pairs = tuple((app, models[app.model]) for app in apps)
    return JointRequest(pairs, read_document(EXAMPLES / topology, Topology)[0])


def held(placement: Placement, topology: Topology) -> Held:
    """Sum up what a plan keeps."""
    expansion = expand(topology)
    rate = {node.name: node.ops_per_s or 0.0 for node in expansion.nodes}
    named = {link.medium for link in expansion.links if link.medium is not None}
    speed: Mapping[str, float] = placement.node_speeds
    shares = [(name, share) for app in placement.apps for name, share in app.shares.nodes.items()]
    media = [(name, share) for app in placement.apps for name, share in app.shares.media.items()]
    return Held(
        compute_ops_per_s=sum(share * rate[name] * speed.get(name, 1.0) for name, share in shares),
        radio=sum(share for name, share in media if name in named),
        nodes=len({name for name, _ in shares}),
    )


def table(request: JointRequest, rows: list[Row]) -> Iterator[str]:
    """Yield the lines; what clear saves is in proportion to the row's own figure."""
    headings = ("method", "power", "clear saves", "compute held", "clear saves", "radio held", "nodes", "bound", "time")
    yield f"| {' | '.join(headings)} |"
    yield "|---" * len(headings) + "|"
    ours = rows[0]
    for row in rows:
        total, certificate = row.placement.total, row.placement.certificate
        bound = "" if certificate is None else format_quantity(certificate.lower_bound, "W")
        taken = format_quantity(row.seconds, "s")
        if total is None:
            yield f"| {row.method} | {row.placement.status} | | | | | | {bound} | {taken} |"
            continue
        kept, own = held(row.placement, request.topology), held(ours.placement, request.topology)
        less_power = _less(ours.value, total.power_w) if row is not ours else ""
        less_compute = _less(own.compute_ops_per_s, kept.compute_ops_per_s) if row is not ours else ""
        compute = format_quantity(kept.compute_ops_per_s, "op/s")
        yield (
            f"| {row.method} | {format_quantity(total.power_w, 'W')} | {less_power} | {compute} | {less_compute} | "
            f"{kept.radio:.3g} | {kept.nodes} | {bound} | {taken} |"
        )


def _less(ours: float | None, other: float) -> str:
    return "" if ours is None or other == 0.0 else f"{100 * (1.0 - ours / other):.0f} %"


def measured(folder: Path, options: Options) -> Iterator[str]:
    """Yield the name of every trace of a folder that leaves a rate to plan for, and its table."""
    for name, topology, place, workload in Traces(folder=folder).cases():
        asked = read_planned(Sources(EXAMPLES / "mobile-mcm.json", workload=workload), Limits())
        try:
            planned = with_planned_rates(topology, read_traces(topology, place))
        except InputError as error:
            yield f"{name}: left out: {error.problems[0].message}"
            continue
        request = JointRequest(asked.apps, planned, options=options)
        yield from ("", name, "")
        yield from table(request, list(compare(request, JOINT_METHODS)))


def main() -> None:
    """Print the tables."""
    options = Options(time_limit_s=float(sys.argv[1]) if len(sys.argv) > 1 else 30.0)
    request = example()
    limited = JointRequest(request.apps, request.topology, options=options)
    for line in table(limited, list(compare(limited, JOINT_METHODS))):
        print(line)
    for line in measured(Path(sys.argv[2]), options) if len(sys.argv) > 2 else ():
        print(line, flush=True)


if __name__ == "__main__":
    main()

"""Predicted beside measured over links shaped by the kernel: network namespaces, veth and ``tc ... tbf``.

``python -m benchmarks.system.shaped_links [NET.onnx DIM=SIZE,... UP DOWN]...`` needs root. Every split of a network
over two nodes is run; links are calibrated by round trips and blocks are profiled before. Rates are in Mbit/s. What is
measured runs at the lowest real-time priority, so that other jobs of the machine do not delay it; load and wall time
stand beside.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from planner.running.agents.keys import Keys
    from planner.running.agents.outcome import Outcome
    from planner.running.graph.bundle import Bundle
    from planner.running.pieces.reading import Pieces
    from planner.running.timing.links import LinkFit

SAMPLES, ROUNDS = 31, 9
"""Samples of every split, and rounds of the profile before and behind it: medians are compared."""
RATE_PER_S = 100.0
"""Samples start at most this often: links and blocks are measured after pauses, and caches are warmer without."""
PIECE_S = 0.005
"""Pieces of at least this length are what the target on relative errors is about."""
_BURST_BYTES = 3200
"""Burst of the token bucket: two packets, the least that keeps the rate at 500 Mbit/s."""
PHONE, EDGE = "10.77.0.1", "10.77.0.2"


def main(arguments: list[str]) -> None:
    """Run the benchmark, or one of its halves inside of a namespace."""
    if arguments[:1] == ["--inside"]:
        inside(*arguments[1:])
        return
    if os.geteuid() != 0 or shutil.which("tc") is None:
        sys.exit("this benchmark needs root and tc: it makes network namespaces and shapes their links")
    for index in range(0, len(arguments), 4):
        shaped(*arguments[index : index + 4])


def shaped(net: str, dims: str, up: str, down: str) -> None:
    """Measure one network over a link of given rates."""
    from planner.running.agents.keys import make_keys

    names = [f"planner-{side}-{os.getpid()}" for side in ("phone", "edge")]
    started: list[subprocess.Popen[str]] = []
    with tempfile.TemporaryDirectory(prefix="planner-") as folder:
        keys = Path(folder) / "keys"
        make_keys(keys)
        try:
            _link(names, up, down)
            with undelayed():
                for name, address in zip(names, (PHONE, EDGE), strict=True):
                    command = ["ip", "netns", "exec", name, sys.executable, "-m", "planner", "agent"]
                    command += ["--listen", f"{address}:7070", "--keys", str(keys)]
                    started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            for process in started:
                assert process.stdout is not None
                process.stdout.readline()
            inner = ["ip", "netns", "exec", names[0], sys.executable, "-m", "benchmarks.system.shaped_links"]
            subprocess.run([*inner, "--inside", net, dims, folder, f"{up}/{down}"], check=True)
        finally:
            for process in started:
                process.terminate()
                process.wait()
            for name in names:
                subprocess.run(["ip", "netns", "del", name], check=False)


@contextmanager
def undelayed() -> Iterator[None]:
    """Run this thread, and what it starts, at the lowest real-time priority."""
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def _link(names: list[str], up: str, down: str) -> None:
    """Join two namespaces by a pair of interfaces, each shaped where it sends."""

    def ip(*arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True)

    for name in names:
        ip("netns", "add", name)
    ends = ["pl-a", "pl-b"]
    ip("-n", names[0], "link", "add", ends[0], "type", "veth", "peer", "name", ends[1], "netns", names[1])
    for name, end, address, rate in zip(names, ends, (PHONE, EDGE), (up, down), strict=True):
        ip("-n", name, "addr", "add", f"{address}/24", "dev", end)
        ip("-n", name, "link", "set", end, "up")
        ip("-n", name, "link", "set", "lo", "up")
        # one packet at a time: larger ones would need a larger burst, and a burst lets small messages through at once
        ip("-n", name, "link", "set", end, "gso_max_segs", "1", "gso_max_size", str(_BURST_BYTES // 2))
        shape = ["root", "tbf", "rate", f"{rate}mbit", "burst", f"{_BURST_BYTES}b", "latency", "400ms"]
        subprocess.run(["tc", "-n", name, "qdisc", "add", "dev", end, *shape], check=True)


@dataclass(frozen=True)
class Calibrated:
    """A network with the times of its blocks, and the fits of both directions of its link."""

    bundle: Bundle
    times_s: Mapping[str, float]
    start_s: float
    """What a second piece costs beside its blocks."""
    up: LinkFit
    down: LinkFit

    @property
    def blocks(self) -> list[str]:
        """Names of the blocks."""
        return [block.name for block in self.bundle.cuts.blocks]

    def predicted_s(self, split: int) -> float:
        """Return the predicted latency where blocks from number `split` on run on the edge."""
        crossing = [sum(t.bits for t in self.bundle.cuts.inputs)]
        crossing += [block.output_bits for block in self.bundle.model.blocks[:-1]]
        compute_s = sum(self.times_s[name] for name in self.blocks) + (self.start_s if split else 0.0)
        result_bits = self.bundle.model.exits[-1].result_bits
        return compute_s + self.up.time_s(crossing[split]) + self.down.time_s(result_bits)

    def least_piece_s(self, split: int) -> float:
        """Return the predicted time of the shorter of the two pieces (of the only one, where there is one)."""
        parts = (self.blocks[:split], self.blocks[split:])
        return min(sum(self.times_s[name] for name in names) for names in parts if names)


@dataclass(frozen=True)
class Row:
    """One split: predicted, measured and wall time, and the time of its shorter piece, in seconds."""

    predicted_s: float
    measured_s: float
    wall_s: float
    least_piece_s: float

    @property
    def error(self) -> float:
        """Relative error of the prediction."""
        return abs(self.measured_s - self.predicted_s) / self.predicted_s


def inside(net: str, dims: str, folder: str, rates: str) -> None:
    """Calibrate the links, profile the blocks, and run every split, from the phone's namespace."""
    from planner.running.agents.keys import read_keys

    keys = read_keys(Path(folder) / "keys")
    found = _calibrated(Path(net), dims, keys)
    rows = []
    before = _profiled(found)
    for split in range(len(before.blocks)):
        outcomes = _run_split(found, split, Path(folder) / f"pieces{split}", keys)
        behind = _profiled(found)
        rows.append(_row(_mean(before, behind), split, outcomes))
        before = behind
        named = zip(("predicted", "measured", "wall", "least piece"), astuple(rows[-1]), strict=True)
        text = ", ".join(f"{name} {time_s * 1e3:.2f} ms" for name, time_s in named)
        print(f"  split {split}: {text}, load {os.getloadavg()[0]:.1f}", flush=True)
    print(json.dumps({"network": found.bundle.model.name, "rates_mbit_per_s": rates, **_summary(before, rows)}))


def _calibrated(net: Path, dims: str, keys: Keys) -> Calibrated:
    """Import a network, and measure the link to the edge by round trips."""
    import zmq

    from planner.running.agents.connections import open_connections
    from planner.running.graph.importing import import_onnx
    from planner.running.graph.options import ImportOptions
    from planner.running.timing.links import measure_link

    sizes = {key: int(value) for key, _, value in (each.partition("=") for each in dims.split(",") if each)}
    bundle = import_onnx(net, ImportOptions(dims=sizes, chain=True))
    with undelayed():
        context: Any = zmq.Context()
        opened = open_connections(context, {"edge": f"{EDGE}:7070"}, keys)
        up, down = measure_link(opened["edge"], 7)
        for each in opened.values():
            each.close()
        context.term()
    return Calibrated(bundle, {}, 0.0, up, down)


def _profiled(found: Calibrated) -> Calibrated:
    """Profile the blocks: other jobs change the speed of the machine from one split to the next."""
    from planner.running.pieces.times import time_networks
    from planner.running.timing.profile import profile

    with undelayed():
        profiled = profile(found.bundle, lambda parts: time_networks(parts, 1, ROUNDS))
    return replace(found, times_s=profiled.times_s, start_s=profiled.start_s)


def _mean(one: Calibrated, other: Calibrated) -> Calibrated:
    """Return the mean of the profiles before and behind a split."""
    times_s = {name: (time_s + other.times_s[name]) / 2 for name, time_s in one.times_s.items()}
    return replace(one, times_s=times_s, start_s=(one.start_s + other.start_s) / 2)


def _run_split(found: Calibrated, split: int, folder: Path, keys: Keys) -> Sequence[Outcome]:
    """Run samples one by one with blocks from number `split` on at the edge."""
    from planner.running.agents.coordinator import Coordinator
    from planner.running.agents.outcome import RunOptions
    from planner.running.network.sessions import random_inputs

    inputs = [random_inputs(found.bundle.cuts.inputs, seed) for seed in range(SAMPLES)]
    pieces = _pieces(found.bundle, split, folder)
    addresses = {"phone": f"{PHONE}:7070", "edge": f"{EDGE}:7070"}
    with undelayed(), Coordinator(pieces, addresses, RunOptions(keys=keys, rate_per_s=RATE_PER_S)) as coordinator:
        coordinator.warm_up(inputs[0])
        return coordinator.run(inputs)


def _row(found: Calibrated, split: int, outcomes: Sequence[Outcome]) -> Row:
    from planner.running.results.summary import net_s

    return Row(
        predicted_s=found.predicted_s(split),
        measured_s=statistics.median(net_s(outcome) for outcome in outcomes),
        wall_s=statistics.median((outcome.end - outcome.start) * 1e-9 for outcome in outcomes),
        least_piece_s=found.least_piece_s(split),
    )


def _summary(found: Calibrated, rows: Sequence[Row]) -> dict[str, object]:
    """Return medians and largest errors over all splits, and over those of long pieces."""
    long = [row.error for row in rows if row.least_piece_s >= PIECE_S]
    compared = long or [row.error for row in rows]
    errors_s = [abs(row.measured_s - row.predicted_s) for row in rows]
    return {
        "splits": len(rows),
        "start_ms": round(1e3 * found.start_s, 2),
        "compute_ms": round(1e3 * sum(found.times_s[name] for name in found.blocks), 2),
        "error_median_percent": round(100 * statistics.median(row.error for row in rows), 2),
        "error_worst_percent": round(100 * max(row.error for row in rows), 2),
        "error_median_ms": round(1e3 * statistics.median(errors_s), 2),
        "error_worst_ms": round(1e3 * max(errors_s), 2),
        "splits_within_0.3_ms": sum(error_s <= 0.0003 for error_s in errors_s),
        "splits_of_long_pieces": len(long),
        "long_median_percent": round(100 * statistics.median(compared), 2),
        "long_worst_percent": round(100 * max(compared), 2),
        "wall_over_measured": round(statistics.median(row.wall_s / row.measured_s for row in rows), 3),
        "fitted_mbit_per_s": [round(fit.bit_per_s / 1e6, 2) for fit in (found.up, found.down)],
        "at": time.strftime("%Y-%m-%d"),
    }


def _pieces(bundle: Bundle, split: int, folder: Path) -> Pieces:
    """Split a network with its first blocks on the phone and the rest on the edge."""
    from planner.running.pieces.reading import read_pieces
    from planner.running.pieces.splitting import PlanToSplit, split_plans, write_pieces
    from planner.schemas.planning.placement import AppPlacement
    from planner.schemas.reading.files import check_document

    last = bundle.model.exits[-1].name
    route = {"after": bundle.cuts.blocks[split - 1].name if split else None, "path": ["phone", "edge"], "bits": 1.0}
    nodes = ["phone" if index < split else "edge" for index in range(len(bundle.cuts.blocks))]
    plan = check_document(
        {
            "name": "app", "operating_point": "full", "exit_fractions": {last: 1.0},
            "assignments": [{"block": b.name, "node": n} for b, n in zip(bundle.cuts.blocks, nodes, strict=True)],
            "routes": [route], "energy_j": 0.0, "latency_s": 0.0, "accuracy": None,
            "breakdown": {"compute_j": 0.0, "transfer_j": 0.0, "compute_s": 0.0, "transfer_s": 0.0},
        },
        AppPlacement,
    )  # fmt: skip
    _, files = split_plans([PlanToSplit("app", bundle, plan)], "sha256:" + "0" * 64)
    write_pieces(files, folder)
    return read_pieces(folder)


if __name__ == "__main__":
    main(sys.argv[1:])

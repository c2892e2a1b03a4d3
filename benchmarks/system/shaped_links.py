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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SAMPLES = 15
PIECE_S = 0.005
"""Pieces of at least this length are what the target on relative errors is about."""
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
        # large offloaded packets would need a large burst, which lets small messages through at once
        subprocess.run(
            ["ip", "netns", "exec", name, "ethtool", "-K", end, "tso", "off", "gso", "off"],
            check=False, capture_output=True,
        )  # fmt: skip
        shape = ["root", "tbf", "rate", f"{rate}mbit", "burst", "70kb", "latency", "400ms"]
        subprocess.run(["tc", "-n", name, "qdisc", "add", "dev", end, *shape], check=True)


def inside(net: str, dims: str, folder: str, rates: str) -> None:
    """Calibrate the links, profile the blocks, and run every split, from the phone's namespace."""
    import zmq

    from planner.running.agents.connections import open_connections
    from planner.running.agents.coordinator import Coordinator
    from planner.running.agents.keys import read_keys
    from planner.running.agents.outcome import RunOptions
    from planner.running.graph.importing import import_onnx
    from planner.running.graph.options import ImportOptions
    from planner.running.graph.sessions import random_inputs
    from planner.running.results.summary import net_s
    from planner.running.timing.blocks import time_networks
    from planner.running.timing.links import measure_link
    from planner.running.timing.profile import profile

    keys = read_keys(Path(folder) / "keys")
    sizes = {key: int(value) for key, _, value in (each.partition("=") for each in dims.split(",") if each)}
    bundle = import_onnx(Path(net), ImportOptions(dims=sizes, chain=True))
    with undelayed():
        context: Any = zmq.Context()
        opened = open_connections(context, {"edge": f"{EDGE}:7070"}, keys)
        up, down = measure_link(opened["edge"], 7)
        for each in opened.values():
            each.close()
        context.term()
        times = profile(bundle, lambda parts: time_networks(parts, 1, 15)).times_s
    blocks = [block.name for block in bundle.cuts.blocks]
    bits = [sum(t.bits for t in bundle.cuts.inputs), *(block.output_bits for block in bundle.model.blocks[:-1])]
    result_bits = bundle.model.exits[-1].result_bits
    inputs = [random_inputs(bundle.cuts.inputs, seed) for seed in range(SAMPLES)]
    rows: list[tuple[float, float, float, bool]] = []
    compute_s = sum(times[name] for name in blocks)
    for split in range(len(blocks)):
        pieces = _pieces(bundle, split, Path(folder) / f"pieces{split}")
        addresses = {"phone": f"{PHONE}:7070", "edge": f"{EDGE}:7070"}
        with undelayed(), Coordinator(pieces, addresses, RunOptions(keys=keys)) as coordinator:
            coordinator.warm_up(inputs[0])
            outcomes = coordinator.run(inputs)
        found = statistics.median(net_s(outcome) for outcome in outcomes)
        wall_s = statistics.median((outcome.end - outcome.start) * 1e-9 for outcome in outcomes)
        predicted = compute_s + up.time_s(bits[split]) + down.time_s(result_bits)
        parts_s = [sum(times[name] for name in names) for names in (blocks[:split], blocks[split:]) if names]
        rows.append((predicted, found, wall_s, min(parts_s) >= PIECE_S))
        figures = {"predicted": predicted, "measured": found, "wall": wall_s, "least piece": min(parts_s)}
        text = ", ".join(f"{name} {time_s * 1e3:.2f} ms" for name, time_s in figures.items())
        print(f"  split {split}: {text}, load {os.getloadavg()[0]:.1f}", flush=True)
    errors = [abs(found - predicted) / predicted for predicted, found, _, _ in rows]
    long = [error for error, row in zip(errors, rows, strict=True) if row[3]] or errors
    print(
        json.dumps(
            {
                "network": bundle.model.name, "rates_mbit_per_s": rates, "splits": len(errors),
                "compute_ms": round(compute_s * 1e3, 2),
                "error_median_percent": round(100 * statistics.median(errors), 2),
                "error_worst_percent": round(100 * max(errors), 2),
                "error_worst_ms": round(1e3 * max(abs(found - predicted) for predicted, found, _, _ in rows), 2),
                "splits_of_long_pieces": sum(row[3] for row in rows),
                "long_median_percent": round(100 * statistics.median(long), 2),
                "long_worst_percent": round(100 * max(long), 2),
                "wall_over_measured": round(statistics.median(wall / found for _, found, wall, _ in rows), 3),
                "fitted_mbit_per_s": [round(up.bit_per_s / 1e6, 2), round(down.bit_per_s / 1e6, 2)],
                "at": time.strftime("%Y-%m-%d"),
            }
        )
    )  # fmt: skip


def _pieces(bundle: Any, split: int, folder: Path) -> Any:  # noqa: ANN401 - planner's own types
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

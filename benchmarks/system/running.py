"""Case `running`: what the runner costs beside pieces and transfers, with a small network over three processes.

Transfers are those of plain ZeroMQ: as many messages of the same size between two processes, in the same run.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.report import Report, at_least, at_most, seconds_text

_NODES = ("phone", "edge", "cloud")
_MESSAGES = 4
"""Messages of a sample: input, two hops, result."""
_MOST_S, _LEAST_PER_S = 0.0003, 200.0


@dataclass(frozen=True)
class Running:
    """Samples one by one, and many in flight."""

    name: str = "running"
    samples: int = 600
    in_flight: int = 16

    def quick(self) -> Running:
        """Return a version of a few samples."""
        return replace(self, samples=10)

    def run(self) -> Report:
        """Run samples, and take off the pieces' processor time and what plain ZeroMQ takes for as many messages."""
        rows, overheads, rates = [], [], []
        with tempfile.TemporaryDirectory() as folder:
            pieces, inputs = _pieces(Path(folder)), _inputs(self.samples)
            for in_flight in (1, self.in_flight):
                cpu_s, wall_s, rate = _measure(pieces, inputs, in_flight)
                plain_s = _plain_zeromq_s(self.samples * _MESSAGES, in_flight)
                overheads.append(cpu_s - plain_s)
                rates.append(rate)
                seconds = (cpu_s, plain_s, cpu_s - plain_s, wall_s)
                rows.append((str(in_flight), *map(seconds_text, seconds), f"{rate:.0f}"))
        targets = (
            at_most("processor time per message beyond pieces and ZeroMQ", max(overheads), _MOST_S, "s"),
            at_least("samples per second", max(rates), _LEAST_PER_S, "1/s"),
        )
        columns = ("in flight", "CPU per message", "plain ZeroMQ", "beyond it", "latency (wall)", "samples/s (wall)")
        note = "per message beyond the pieces: all processes and sockets, four messages a sample"
        return Report("running: overhead of the runner", columns, tuple(rows), (note,), targets)


def _measure(pieces: Any, inputs: Sequence[Any], in_flight: int) -> tuple[float, float, float]:  # noqa: ANN401
    """Return processor time and wall latency per message beyond the pieces, and samples per second."""
    from planner.running.agents.coordinator import Coordinator
    from planner.running.agents.outcome import RunOptions

    with (
        _agents() as (addresses, processes),
        Coordinator(pieces, addresses, RunOptions(in_flight=in_flight)) as coordinator,
    ):
        coordinator.warm_up(inputs[0])
        before, began = _used_s(processes), time.perf_counter()
        outcomes = coordinator.run(inputs)
        used_s, wall_s = _used_s(processes) - before, time.perf_counter() - began
    pieces_s = sum(cpu for outcome in outcomes for *_, cpu, _ in outcome.trace) * 1e-9
    beyond = [
        outcome.end - outcome.start - sum(end - start for _, start, end, _, _ in outcome.trace) for outcome in outcomes
    ]
    messages = _MESSAGES * len(outcomes)
    return (used_s - pieces_s) / messages, statistics.median(beyond) * 1e-9 / _MESSAGES, len(outcomes) / wall_s


_ECHO = """
import zmq
socket = zmq.Context().socket(zmq.ROUTER)
print(socket.bind_to_random_port("tcp://127.0.0.1"), flush=True)
while True:
    socket.send_multipart(socket.recv_multipart())
"""


def _plain_zeromq_s(messages: int, in_flight: int) -> float:
    """Return the processor time of one message of 1 kB between two processes, by ZeroMQ alone."""
    import zmq

    process = subprocess.Popen([sys.executable, "-c", _ECHO], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    context = zmq.Context()
    socket = context.socket(zmq.DEALER)
    try:
        socket.connect(f"tcp://127.0.0.1:{process.stdout.readline().strip()}")
        frames = [bytes(200), bytes(1024)]
        for _ in range(in_flight):
            socket.send_multipart(frames)
        before = _used_s([process])
        for _ in range(messages // 2):
            socket.recv_multipart()
            socket.send_multipart(frames)
        return (_used_s([process]) - before) / (messages // 2 * 2)
    finally:
        socket.close(linger=0)
        context.term()
        process.terminate()
        process.communicate(timeout=20)


def _used_s(processes: Sequence[subprocess.Popen[str]]) -> float:
    """Return the processor time of this process and some others so far."""
    ticks = 0
    for process in processes:
        fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def _agents() -> Iterator[tuple[dict[str, str], list[subprocess.Popen[str]]]]:
    command = [sys.executable, "-m", "planner", "agent", "--listen", "127.0.0.1:0"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in _NODES]
    try:
        lines = [process.stdout.readline() for process in processes if process.stdout is not None]
        yield {node: line.split()[-1] for node, line in zip(_NODES, lines, strict=True)}, processes
    finally:
        for process in processes:
            process.terminate()
            process.communicate(timeout=20)


def _inputs(samples: int) -> list[Any]:
    import numpy as np

    return [{"x": np.full((1, 256), index, np.float32)} for index in range(samples)]


def _pieces(folder: Path) -> Any:  # noqa: ANN401 - planner's own types
    """Return a network of three layers, one on each node."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper, save_model

    from planner.running.graph.importing import import_onnx
    from planner.running.graph.options import ImportOptions
    from planner.running.pieces.reading import read_pieces
    from planner.running.pieces.splitting import PlanToSplit, split_plans, write_pieces
    from planner.schemas.planning.placement import AppPlacement
    from planner.schemas.reading.files import check_document

    weights = [numpy_helper.from_array(np.eye(256, dtype=np.float32) * 0.5, f"w{layer}") for layer in range(3)]
    nodes = [helper.make_node("MatMul", [f"x{layer}" if layer else "x", f"w{layer}"], [f"x{layer + 1}"])
             for layer in range(3)]  # fmt: skip
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 256]) for name in ("x", "x3")]
    graph = helper.make_graph(nodes, "layers", ends[:1], ends[1:], weights)
    save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), folder / "n.onnx")
    bundle = import_onnx(folder / "n.onnx", ImportOptions(accuracy=1.0, blocks=3))
    plan = {
        "name": "app", "operating_point": "full", "exit_fractions": {"output": 1.0},
        "assignments": [{"block": f"block{index + 1}", "node": node} for index, node in enumerate(_NODES)],
        "energy_j": 0.0, "latency_s": 0.0, "accuracy": 1.0,
        "breakdown": {"compute_j": 0.0, "transfer_j": 0.0, "compute_s": 0.0, "transfer_s": 0.0},
    }  # fmt: skip
    split = PlanToSplit("app", bundle, check_document(plan, AppPlacement))
    write_pieces(split_plans([split], "sha256:" + "0" * 64)[1], folder / "pieces")
    return read_pieces(folder / "pieces")

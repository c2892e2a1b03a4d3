"""Case `running`: what the runner costs beside pieces and transfers, with a small network over three processes.

Transfers are those of plain ZeroMQ: as many messages of the same size through a ring of as many processes, in turns.
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
from typing import TYPE_CHECKING, Any

from benchmarks.report import Report, at_least, at_most, seconds_text

if TYPE_CHECKING:
    from planner.running.pieces.reading import Pieces

Process = subprocess.Popen[str]

_NODES = ("phone", "edge", "cloud")
_MESSAGES = 4
"""Messages of a sample: input, two hops, result."""
_MOST_S, _LEAST_PER_S = 0.0003, 200.0


@dataclass(frozen=True)
class Running:
    """Samples one by one, and many in flight, in rounds with plain ZeroMQ."""

    name: str = "running"
    samples: int = 150
    in_flight: int = 16
    rounds: int = 5

    def quick(self) -> Running:
        """Return a version of a few samples."""
        return replace(self, samples=10, rounds=1)

    def run(self) -> Report:
        """Run samples, and take off the pieces' processor time and what plain ZeroMQ takes for as many messages."""
        rows, overheads, rates = [], [], []
        with tempfile.TemporaryDirectory() as folder, _agents() as (addresses, agents), _ring() as ring:
            pieces, inputs = _pieces(Path(folder)), _inputs(self.samples)
            for in_flight in (1, self.in_flight):
                rounds = [_round(pieces, addresses, agents, ring, inputs, in_flight) for _ in range(self.rounds)]
                cpu_s, plain_s, beyond_s, wall_s, rate = (statistics.median(each) for each in zip(*rounds, strict=True))
                overheads.append(beyond_s)
                rates.append(rate)
                rows.append((str(in_flight), *map(seconds_text, (cpu_s, plain_s, beyond_s, wall_s)), f"{rate:.0f}"))
        targets = (
            at_most("processor time per message beyond pieces and ZeroMQ", max(overheads), _MOST_S, "s"),
            at_least("samples per second", max(rates), _LEAST_PER_S, "1/s"),
        )
        columns = ("in flight", "CPU per message", "plain ZeroMQ", "beyond it", "latency (wall)", "samples/s (wall)")
        note = f"per message beyond the pieces: all processes, four messages a sample, medians of {self.rounds} rounds"
        load = f"load of the machine {os.getloadavg()[0]:.1f}"
        return Report("running: overhead of the runner", columns, tuple(rows), (note, load), targets)


def _round(
    pieces: Pieces,
    addresses: dict[str, str],
    agents: Sequence[Process],
    ring: Ring,
    inputs: Sequence[Any],
    in_flight: int,
) -> tuple[float, float, float, float, float]:
    """Measure the runner, then plain ZeroMQ.

    Returns:
        Processor time per message beyond the pieces, that of plain ZeroMQ, their difference, wall latency per message
        beyond the pieces, all in seconds, and samples per second.
    """
    from planner.running.agents.coordinator import Coordinator
    from planner.running.agents.outcome import RunOptions

    with Coordinator(pieces, addresses, RunOptions(in_flight=in_flight)) as coordinator:
        coordinator.warm_up(inputs[0])
        before, began = _used_s(agents), time.perf_counter()
        outcomes = coordinator.run(inputs)
        used_s, wall_s = _used_s(agents) - before, time.perf_counter() - began
    pieces_s = sum(cpu for outcome in outcomes for *_, cpu, _ in outcome.trace) * 1e-9
    beyond = [
        outcome.end - outcome.start - sum(end - start for _, start, end, _, _ in outcome.trace) for outcome in outcomes
    ]
    cpu_s, plain_s = (used_s - pieces_s) / (_MESSAGES * len(outcomes)), ring.message_s(len(outcomes), in_flight)
    return cpu_s, plain_s, cpu_s - plain_s, statistics.median(beyond) * 1e-9 / _MESSAGES, len(outcomes) / wall_s


_RELAY = """
import sys, zmq
context = zmq.Context()
source, target = context.socket(zmq.PULL), context.socket(zmq.PUSH)
print(source.bind_to_random_port("tcp://127.0.0.1"), flush=True)
target.connect("tcp://127.0.0.1:" + sys.stdin.readline().strip())
while True:
    target.send_multipart(source.recv_multipart())
"""


@dataclass(frozen=True)
class Ring:
    """As many processes as the runner has, which hand on messages by ZeroMQ alone."""

    processes: Sequence[Process]
    target: Any
    source: Any

    def message_s(self, samples: int, in_flight: int) -> float:
        """Return the processor time of one message of 1 kB from one process to the next, in seconds."""
        frames = [bytes(400), bytes(1024)]
        for _ in range(in_flight):
            self.target.send_multipart(frames)
        before = _used_s(self.processes)
        for _ in range(samples):
            self.source.recv_multipart()
            self.target.send_multipart(frames)
        used_s = _used_s(self.processes) - before
        for _ in range(in_flight):
            self.source.recv_multipart()
        return used_s / samples / _MESSAGES


@contextmanager
def _ring() -> Iterator[Ring]:
    import zmq

    context = zmq.Context()
    source, target = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    here = source.bind_to_random_port("tcp://127.0.0.1")
    command = [sys.executable, "-c", _RELAY]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(_MESSAGES - 1)
    ]
    try:
        ports = [process.stdout.readline().strip() for process in processes if process.stdout is not None]
        for process, port in zip(processes, [*ports[1:], str(here)], strict=True):
            assert process.stdin is not None
            process.stdin.write(port + "\n")
            process.stdin.flush()
        target.connect(f"tcp://127.0.0.1:{ports[0]}")
        yield Ring(processes, target, source)
    finally:
        for process in processes:
            process.terminate()
            process.communicate(timeout=20)
        for socket in (source, target):
            socket.close(linger=0)
        context.term()


def _used_s(processes: Sequence[Process]) -> float:
    """Return the processor time of this process and some others so far."""
    ticks = 0
    for process in processes:
        fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def _agents() -> Iterator[tuple[dict[str, str], list[Process]]]:
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

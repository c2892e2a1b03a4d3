"""Measurements by the library: profiles of bundles, links to agents, and inputs corrected by the record of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planner.running.ranges import MOST_REPEATS, MOST_THREADS
from planner.schemas.planning.model import Model
from planner.schemas.planning.topology import Topology
from planner.schemas.reading.files import check_document, is_folder
from planner.schemas.reading.problems import input_error

if TYPE_CHECKING:
    from planner.running.timing.measuring import MeasuredLink
    from planner.running.timing.profile import Profiled


def profile(
    network: str | Path,
    hardware: str,
    *,
    threads: int = 1,
    repeats: int = 30,
    power_w: float | None = None,
    agent: str | None = None,
    keys: str | Path | None = None,
) -> Profiled:
    """Time the blocks of a bundle here or on an agent, and write them into its model.json under a name of hardware.

    Every block and head is timed as a piece of its own by median processor time, in turns with the whole network, and
    blocks are scaled to sum to the whole.

    Args:
        network: Folder of the bundle.
        hardware: Name of the profile: the `hardware` field of nodes.
        threads: Threads of ONNX Runtime; with several, wall time is used.
        repeats: Rounds to take the median of.
        power_w: Power while it runs, in watts, for energies.
        agent: HOST:PORT of the agent to profile on (default: this machine).
        keys: Folder of keys, if the agent has them.

    Returns:
        Times in seconds by block and exit, and notes on how they were measured.

    Raises:
        InputError: The bundle, the address or the keys cannot be used, or an option is out of range.
        RunFailedError: The agent refuses, is lost or does not answer.

    Example:
        >>> found = planner.profile("net", "phone", agent="127.0.0.1:7101")  # doctest: +SKIP
        >>> found.times_s["block1"]  # doctest: +SKIP
        0.00123
    """
    from planner.files.writing import whole_file
    from planner.running.graph.bundle import MODEL, read_bundle
    from planner.running.requirements import require
    from planner.running.timing.measuring import measure_profile
    from planner.running.timing.profile import ProfileOptions

    require("onnx", "onnxruntime", "pyzmq", doing="profiling")
    _check_range("threads", threads, 1, MOST_THREADS)
    _check_range("repeats", repeats, 1, MOST_REPEATS)
    if power_w is not None:
        _check_range("power_w", power_w, 0.0, 1e9)
    folder, options = Path(network), ProfileOptions(hardware, threads, repeats, power_w)
    bundle = read_bundle(folder)
    with whole_file(folder / MODEL, may_replace_input=True) as file:
        found, model = measure_profile(bundle, options, agent, None if keys is None else Path(keys))
        file.write(model.decode())
    return found


def _check_range(name: str, value: float, least: float, most: float) -> None:
    if isinstance(value, bool) or not least <= value <= most:
        raise input_error("out of range", f"give a value from {least:g} to {most:g}", path=name, value=value)


def measure_links(
    agents: Mapping[str, str], hardware: str, *, keys: str | Path | None = None
) -> tuple[MeasuredLink, ...]:
    """Measure both directions of the links to agents by round trips of 1 kB to 2.4 MB.

    Args:
        agents: HOST:PORT of every agent, by the name of its node.
        hardware: Name of the node at this end.
        keys: Folder of keys, if the agents have them.

    Returns:
        One link for each direction; `fields` are those of a link of a topology: rate in bit/s and latency in seconds.

    Raises:
        InputError: An address or the keys cannot be used.
        RunFailedError: An agent refuses, is lost or does not answer.

    Example:
        >>> links = planner.measure_links({"edge": "10.0.0.2:7070"}, "phone")  # doctest: +SKIP
        >>> [link.fields for link in links]  # doctest: +SKIP
    """
    from planner.running.requirements import require
    from planner.running.timing import measuring

    require("onnx", "onnxruntime", "pyzmq", doing="measuring links")
    return tuple(measuring.measure_links(agents, hardware, None if keys is None else Path(keys)))


@dataclass(frozen=True)
class Calibrated:
    """A model and a topology, corrected by what a run measured."""

    model: Model
    topology: Topology
    documents: Mapping[str, Mapping[str, Any]]
    """JSON data of both by file name."""
    bundle: Path | None = None
    """Bundle that was corrected; None where a model file was."""

    def write(self, folder: str | Path) -> None:
        """Write model.json and topology.json, of a bundle its network too: the folder is then a bundle itself.

        Args:
            folder: Folder for the files, made where it is missing.

        Raises:
            InputError: The folder cannot be written.
        """
        from planner.files.writing import made_folder, whole_file

        made_folder(Path(folder))
        for name, document in self.documents.items():
            with whole_file(Path(folder) / name) as file:
                json.dump(document, file, indent=1)
                file.write("\n")
        if self.bundle is not None:
            from planner.running.graph.bundle import copy_network

            copy_network(self.bundle, Path(folder))


def calibrate(run: str | Path, model: str | Path, topology: str | Path) -> Calibrated:
    """Put the times that a run measured into its model, and the rates of links into its topology.

    Args:
        run: Record of the run.
        model: The model that ran: a model file or a bundle.
        topology: The topology that was planned.

    Returns:
        The corrected model and topology, which can be planned or written.

    Raises:
        InputError: A file cannot be used, or the run is not of this model and topology.

    Example:
        >>> corrected = planner.calibrate("run.json", "net", "topology.json")  # doctest: +SKIP
        >>> planner.plan(corrected.model, corrected.topology)  # doctest: +SKIP
    """
    from planner.running.results import calibrating

    documents = calibrating.calibrate(Path(run), Path(model), Path(topology))
    return Calibrated(
        model=check_document(documents["model.json"], Model, "model.json"),
        topology=check_document(documents["topology.json"], Topology, "topology.json"),
        documents=documents,
        bundle=Path(model) if is_folder(Path(model)) else None,
    )

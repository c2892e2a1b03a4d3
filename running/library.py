"""Functions of the library: networks in, pieces out, runs beside predictions."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from planner.running.graph.bundle import Bundle
from planner.running.graph.importing import import_onnx
from planner.running.graph.options import CutChoice, ImportOptions
from planner.running.requirements import require
from planner.schemas.bundles.cuts import Confidence
from planner.schemas.bundles.manifest import Manifest


def from_onnx(
    path: str | Path,
    *,
    dims: Mapping[str, int] | None = None,
    values: Mapping[str, float] | None = None,
    exits: Sequence[str] = (),
    final: Sequence[str] = (),
    blocks: int = 12,
    data: str | Path | None = None,
    accuracy: float | None = None,
    confidence: Confidence = "softmax",
    cuts: CutChoice = "auto",
    chain: bool = False,
    name: str | None = None,
) -> Bundle:
    """Make a bundle of an ONNX file: blocks with their costs, crossing tensors, exits, operating points.

    Args:
        path: The ONNX file.
        dims: Sizes of open dimensions, by name or as ``x[0]``.
        values: Values of inputs that never change: they become constants, and an `If` that they decide is replaced by
            the branch that runs.
        exits: Outputs that are early exits.
        final: Final outputs (default: those that are no exits).
        blocks: Most blocks.
        data: An .npz of labelled samples to calibrate exits on.
        accuracy: Accuracy of the final output, where no data are given.
        confidence: `softmax` or `entropy`.
        cuts: Boundaries that blocks may end at: `single` (those that one tensor crosses), `any`, or `auto`.
        chain: Each block hands on all that crosses behind it, and memory is a sum over blocks: for planning of several
            apps and of fleets.
        name: Name of the model (default: that of the file).

    Returns:
        The bundle: `model` can be planned; `write(folder)` saves it.

    Raises:
        InputError: The file, the dimensions, the exits or the data cannot be used.

    Example:
        >>> bundle = planner.from_onnx("net.onnx", accuracy=0.76)  # doctest: +SKIP
        >>> placement = planner.plan(bundle.model, "topology.json")  # doctest: +SKIP
        >>> bundle.write("net")  # doctest: +SKIP
    """
    require("onnx", "onnxruntime", doing="importing networks")
    options = ImportOptions(
        dims=dict(dims or {}),
        values=dict(values or {}),
        exits=tuple(exits),
        final=tuple(final),
        blocks=blocks,
        data=None if data is None else Path(data),
        accuracy=accuracy,
        confidence=confidence,
        cuts=cuts,
        chain=chain,
        name=name,
    )
    return import_onnx(Path(path), options)


def from_torch(module: Any, example: Any, *, output_names: Sequence[str] | None = None, **options: Any) -> Bundle:  # noqa: ANN401 - torch is no dependency
    """Make a bundle of a PyTorch module through PyTorch's own ONNX exporter.

    The module is exported in evaluation mode, whatever mode it is in, and what the exporter wrote is run on the example
    and compared with the module.

    Args:
        module: A `torch.nn.Module`.
        example: Example inputs, whose shapes are those of the bundle: a tensor, a tuple of positional arguments, or a
            dict of named ones.
        output_names: Names of the outputs, in order, for `exits` and `final`.
        options: As for `from_onnx`.

    Returns:
        The bundle: model, cuts and network.

    Raises:
        InputError: PyTorch is missing, its exporter refuses the module or changes what it computes, or as `from_onnx`.

    Example:
        >>> example, names = torch.randn(1, 3, 224, 224), ["early", "late"]  # doctest: +SKIP
        >>> bundle = planner.from_torch(net, example, output_names=names, exits=["early"])  # doctest: +SKIP
    """
    from planner.running.exporting import export_module

    with tempfile.TemporaryDirectory(prefix="planner-") as folder:
        path = Path(folder) / f"{type(module).__name__.lower()}.onnx"
        export_module(module, example, output_names, path)
        return from_onnx(path, **options)


def split(network: str | Path, plan: str | Path, output: str | Path) -> Manifest:
    """Cut a network into the pieces of a plan, check them against the whole, and write them to a folder.

    Args:
        network: A bundle (or an ONNX file, or a workload of bundles).
        plan: The placement, or the policy of placements.
        output: Folder for the pieces.

    Returns:
        The manifest.

    Raises:
        InputError: The plan does not fit the network, or a file cannot be used.
    """
    from planner.running.pieces.plans import read_plans
    from planner.running.pieces.splitting import split_plans, write_pieces

    require("onnx", "onnxruntime", doing="splitting networks")
    manifest, files = split_plans(*read_plans(Path(network), Path(plan)))
    write_pieces(files, Path(output))
    return manifest

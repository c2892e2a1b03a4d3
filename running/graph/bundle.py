"""Bundles: a network as model.json, graph.onnx and cuts.json, written to a folder and read back with checks."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from planner.schemas.bundles.cuts import Cuts
from planner.schemas.planning.model import Model
from planner.schemas.reading.files import digest_of, is_file, is_folder, read_bytes, read_document
from planner.schemas.reading.problems import input_error

MODEL, GRAPH, CUTS = "model.json", "graph.onnx", "cuts.json"


@dataclass(frozen=True)
class Bundle:
    """A network that can be planned, cut and run."""

    model: Model
    model_json: bytes
    cuts: Cuts
    graph: bytes
    """ONNX."""
    notes: tuple[str, ...] = ()
    """What a reader of the figures must know."""

    def write(self, folder: str | Path) -> None:
        """Write model.json, graph.onnx and cuts.json to a folder, as ``planner import`` does.

        Args:
            folder: The folder; it is made where it does not exist.

        Raises:
            InputError: The folder cannot be written.
        """
        write_bundle(self, Path(folder))


def write_bundle(bundle: Bundle, folder: Path) -> None:
    """Write a bundle's three files; raise InputError where the folder cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in (
            (GRAPH, bundle.graph),
            (CUTS, bundle.cuts.model_dump_json(indent=1).encode() + b"\n"),
            (MODEL, bundle.model_json),
        ):
            temporary = folder / f".{name}.part"
            temporary.write_bytes(data)
            temporary.replace(folder / name)
    except OSError as error:
        message = f"cannot write the bundle ({error.strerror or error})"
        raise input_error(message, "give another folder, or mend its permissions", file=str(folder)) from None


def copy_network(source: Path, folder: Path) -> None:
    """Copy the network of a bundle and its cuts beside another model.json.

    Args:
        source: Folder of the bundle.
        folder: Folder that is to be a bundle; it exists.

    Raises:
        InputError: A file cannot be read or written.
    """
    try:
        for name in (GRAPH, CUTS):
            if (source / name).resolve() != (folder / name).resolve():
                temporary = folder / f".{name}.part"
                shutil.copyfile(source / name, temporary)
                temporary.replace(folder / name)
    except OSError as error:
        message = f"cannot copy the network of the bundle ({error.strerror or error})"
        raise input_error(message, "give another folder, or mend its permissions", file=str(folder)) from None


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle, and check that its files belong together.

    Raises:
        InputError: A file is missing or does not fit, or graph.onnx is not the one that was cut.
    """
    if not is_file(folder / CUTS):
        message = "this is no bundle" if is_folder(folder) else "there is no such folder"
        raise input_error(message, "give the folder that planner import wrote", file=str(folder))
    cuts, _ = read_document(folder / CUTS, Cuts)
    model, _ = read_document(folder / MODEL, Model)
    graph = _graph_bytes(folder / GRAPH)
    if digest_of(graph) != cuts.graph:
        raise input_error(
            "not the network that was cut (its hash differs)", "import it again", file=str(folder / GRAPH)
        )
    if [block.name for block in model.blocks] != [block.name for block in cuts.blocks]:
        fix = "keep both files of one import"
        raise input_error("its blocks are not those of model.json", fix, file=str(folder / CUTS))
    return Bundle(model, read_bytes(folder / MODEL), cuts, graph)


def _graph_bytes(path: Path) -> bytes:
    from planner.running.network.reading import MOST_BYTES

    try:
        if path.stat().st_size > MOST_BYTES:
            raise input_error("the network has more than 2 GB", "import it again", file=str(path))
        return path.read_bytes()
    except OSError as error:
        message = f"cannot read the file ({error.strerror or error})"
        raise input_error(message, "a bundle has model.json, graph.onnx and cuts.json", file=str(path)) from None

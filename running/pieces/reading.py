"""Folders of pieces read back: hashes, names and sizes checked, nothing outside of the folder touched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from planner.running.pieces.splitting import MANIFEST
from planner.schemas.bundles.manifest import Manifest
from planner.schemas.planning.model import Model
from planner.schemas.reading.files import digest_of, is_file, read_document
from planner.schemas.reading.problems import input_error

MOST_BYTES = 2_000_000_000


@dataclass(frozen=True)
class Pieces:
    """A folder of pieces."""

    folder: Path
    manifest: Manifest
    files: dict[str, bytes]
    """ONNX bytes by file name."""
    models: dict[str, Model]
    """Models by file name."""


def read_pieces(folder: Path) -> Pieces:
    """Read the pieces of a folder, and check every file against its hash.

    Raises:
        InputError: The folder has no manifest, or a file is missing or not the one that was written.
    """
    if not is_file(folder / MANIFEST):
        raise input_error("no folder of pieces", "make one with planner split", file=str(folder))
    manifest, _ = read_document(folder / MANIFEST, Manifest)
    hashes = {piece.file: piece.sha256 for plan in manifest.plans for piece in plan.pieces}
    total, files = 0, {}
    for name, digest in hashes.items():
        files[name] = _read(folder / name, digest, total)
        total += len(files[name])
    models = {}
    for plan in manifest.plans:
        if plan.model not in models:
            _read(folder / plan.model, plan.model_sha256, total)
            models[plan.model], _ = read_document(folder / plan.model, Model)
    return Pieces(folder, manifest, files, models)


def _read(path: Path, digest: str, before: int) -> bytes:
    """Read a file of the folder; links that lead out of it are refused."""
    fix = "split the plan again"
    try:
        if path.resolve().parent != path.parent.resolve():
            raise input_error("the file is a link that leads out of the folder", fix, file=str(path))
        if path.stat().st_size + before > MOST_BYTES:
            raise input_error("the pieces have more than 2 GB", "split a smaller network", file=str(path))
        data = path.read_bytes()
    except OSError as error:
        raise input_error(f"cannot read the piece ({error.strerror or error})", fix, file=str(path)) from None
    if digest_of(data) != digest:
        raise input_error("not the file that was split (its hash differs)", fix, file=str(path))
    return data

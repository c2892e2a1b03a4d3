"""The inputs of a placement, found by the names and hashes that the placement holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from planner.commands.options import PartialSources, Sources
from planner.commands.output import say
from planner.schemas.planning.placement import Placement
from planner.schemas.reading.files import digest_of, read_bytes, read_json
from planner.schemas.reading.printable import printable
from planner.schemas.reading.problems import input_error


def sources_of(placement: Placement, path: Path, files: PartialSources) -> Sources:
    """Return the files of a placement: those given, else those that it names.

    Files are looked up beside the placement and in the current folder: of two with one name, the one with the hash
    that the placement holds counts. A changed file is used, and said.

    Args:
        placement: The placement, whose provenance names its inputs.
        path: Where the placement was read.
        files: What the user gave; with any of them none is looked up.

    Raises:
        InputError: A file is nowhere, or the placement names none.
    """
    if (given := files.whole()) is not None:
        return given
    named = placement.provenance.inputs if placement.provenance is not None else {}
    kinds: dict[str, Path] = {}
    for name, digest in named.items():
        found = _found(name, digest, path)
        kind = None if found is None else _kind(found)
        if found is not None and kind is not None:
            kinds.setdefault(kind, found)
    missing = [name for name in named if _found(name, "", path) is None]
    if "topology" not in kinds or not kinds.keys() & {"model", "workload"} or missing:
        looked = f"not found beside it: {', '.join(missing)}" if missing else "it does not name them all"
        fix = "give --topology and --model (or --workload)"
        raise input_error(f"the inputs of the placement are needed ({looked})", fix, file=str(path))
    workload = kinds.get("workload")
    return Sources(kinds["topology"], None if workload else kinds["model"], workload)


def _found(name: str, digest: str, path: Path) -> Path | None:
    """Return the file of that name, rather one that is unchanged; say it where only a changed one is there."""
    held = [place for place in _places(name, path) if place.is_file()]
    if not held or not digest:
        return held[0] if held else None
    for place in held:
        if digest_of(read_bytes(place)) == digest:
            return place
    say(f"note: {printable(str(held[0]))} has changed since the plan was made", err=True)
    return held[0]


def _places(name: str, path: Path) -> Iterator[Path]:
    yield path.parent / name
    yield Path(name)


def _kind(path: Path) -> str | None:
    """Return what an input is by the fields that only such files have; None for traces and the like."""
    if path.suffix.lower() != ".json":
        return None
    raw = read_json(path)
    fields = {"nodes": "topology", "packages": "topology", "blocks": "model", "apps": "workload"}
    return next((kind for field, kind in fields.items() if isinstance(raw, dict) and field in raw), None)

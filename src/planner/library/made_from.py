"""The inputs of a placement, found by the names and hashes that the placement holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import cast

from planner.library.inputs import Asked
from planner.schemas.planning.placement import Placement
from planner.schemas.reading.files import digest_of, is_file, read_bytes, read_json
from planner.schemas.reading.kinds import kind_of
from planner.schemas.reading.problems import input_error

Note = Callable[[str], None]
"""Takes what the user should know, in one line."""
_IN_BUNDLE = "model.json"
"""Name of the model within the folder of a bundle."""
_ARGUMENTS = {"Topology": "topology", "Model": "model", "Workload": "workload"}


def completed(asked: Asked, placement: Placement, path: Path | None, note: Note) -> Asked:
    """Complete what is asked for by what a placement was made for.

    Files are looked up where the plan was made from (from the current folder, and from that of the placement), beside
    the placement and in the current folder: of several, the one with the hash that the placement holds counts. A
    changed file is used, and said.

    Args:
        asked: Files and limits that are given; each overrides what the placement names.
        placement: The placement, whose provenance names its inputs.
        path: Where the placement was read; None for a placement from no file.
        note: Told of every file that has changed.

    Returns:
        The given files and limits, and those that the placement names for what is left open.

    Raises:
        InputError: A file is nowhere, or the placement names none.
    """
    given: Asked = {key: value for key, value in asked.items() if value is not None}  # type: ignore[assignment] # the same keys
    apps_given = "model" in given or "workload" in given
    made_of = placement.provenance
    if "topology" in given and apps_given:
        recorded = {} if made_of is None or "workload" in given else dict(made_of.limits)
        recorded.pop("app", None)  # that of a workload, and a model is given
        return cast(Asked, {**recorded, **given})
    named, files = ({}, {}) if made_of is None else (made_of.inputs, made_of.files)
    places = {name: list(_places(name, files.get(name, name), path)) for name in named}
    kinds = _kinds(named, places, note, {name for name in _ARGUMENTS.values() if name in given})
    if not apps_given and "workload" in kinds:
        given["workload"] = kinds["workload"][0]
    elif not apps_given and "model" in kinds:
        models = _as_named(kinds["model"], placement)
        given["model"] = models if len(models) > 1 else models[0]
    if "topology" not in given and "topology" in kinds:
        given["topology"] = kinds["topology"][0]
    if "topology" not in given or not ("model" in given or "workload" in given):
        missing = [files.get(name, name) for name in named if not places[name]]
        looked = f"not found: {', '.join(missing)}" if missing else "it does not name them all"
        fix = "give --topology and --model (or --workload)"
        raise input_error(f"the inputs of the placement are needed ({looked})", fix, file=_file(path))
    if "workload" not in given and made_of is not None:
        given = cast(Asked, {**made_of.limits, **given})
    elif "workload" in given and not apps_given and made_of is not None:
        beside = {name: made_of.limits[name] for name in ("app", "objective") if name in made_of.limits}
        given = cast(Asked, {**beside, **given})
    return given


def _as_named(models: list[Path], placement: Placement) -> list[Path]:
    """Return bundles by their folders where the placement chose one of them by the name of its folder."""
    bundles = [path.parent if path.name == _IN_BUNDLE else path for path in models]
    return bundles if {path.name for path in bundles} & {app.model for app in placement.apps} else models


def changed_inputs(placement: Placement, inputs: Mapping[str, str]) -> Iterator[str]:
    """Yield what differs between the inputs given and those that a placement says it was made of.

    Args:
        placement: The placement.
        inputs: Hashes of the files given, by name.
    """
    made_of = {} if placement.provenance is None else placement.provenance.inputs
    for name, digest in inputs.items():
        if name not in made_of:
            yield f"{name} is not among the inputs that the plan was made of"
        elif made_of[name] != digest:
            yield f"{name} has changed since the plan was made ({digest}, then {made_of[name]})"
    for name in sorted(set(made_of) - set(inputs)):
        yield f"the plan was also made of {name}, which is not given"


def _kinds(
    named: Mapping[str, str], places: Mapping[str, list[Path]], note: Note, given: set[str]
) -> dict[str, list[Path]]:
    """Return the files that a placement names, by the argument that they belong to; none that is given anyway.

    There are several models where one of them was chosen, or a workload names them.
    """
    kinds: dict[str, list[Path]] = {}
    for name, digest in named.items():
        held = places[name]
        kind = _argument(held[0]) if held else None
        if kind is None or kind in given or (kind in kinds and kind != "model"):
            continue
        same = next((place for place in held if _digest(place) == digest), None)
        kinds.setdefault(kind, []).append(same or held[0])
        if same is None and digest:
            note(f"{held[0]} has changed since the plan was made")
    return kinds


def _places(name: str, file: str, path: Path | None) -> Iterator[Path]:
    """Yield every place where an input of this name, given by this path, is found."""
    beside = [] if path is None else [path.parent / file, path.parent / name]
    for place in dict.fromkeys((Path(file), *beside, Path(name))):
        if is_file(place):
            yield place


def _digest(path: Path) -> str:
    return digest_of(read_bytes(path))


def _argument(path: Path) -> str | None:
    """Return the argument that a file belongs to; None for traces and the like."""
    if path.suffix.lower() == ".onnx":
        return "model"
    kind = kind_of(read_json(path)) if path.suffix.lower() == ".json" else None
    return None if kind is None else _ARGUMENTS.get(kind.schema)


def _file(path: Path | None) -> str:
    return "" if path is None else str(path)

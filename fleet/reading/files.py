"""A fleet file with its tables and models, read and checked; the hash of every file is noted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from planner.fleet.reading.document import columns_of
from planner.fleet.reading.tables import columns_of_tables
from planner.schemas.fleets.columns import FleetColumns
from planner.schemas.fleets.fleet import Fleet
from planner.schemas.planning.model import Model
from planner.schemas.reading.files import read_document
from planner.schemas.reading.problems import input_error


@dataclass(frozen=True)
class ReadFleet:
    """A fleet as columns, its models by the name that classes give them, and hashes of the files."""

    columns: FleetColumns
    models: dict[str, Model]
    inputs: dict[str, str] = field(default_factory=dict)


def read_fleet(path: Path, models: Mapping[str, Model] | None = None) -> ReadFleet:
    """Read a fleet.

    Args:
        path: The fleet file; tables and models are found relative to it.
        models: Models that need not be read, by name.

    Raises:
        InputError: With every problem of the first file that has any (ten and a count for tables).
    """
    if path.suffix.lower() in (".csv", ".parquet"):
        fix = 'give a JSON file that names both tables, such as "tables": {"classes": "classes.csv", "attach": ...}'
        raise input_error("a fleet is a JSON file; this is a table", fix, file=str(path))
    fleet, digest = read_document(path, Fleet)
    inputs = {path.name: digest}
    if fleet.tables is None:
        columns = columns_of(fleet, str(path))
    else:
        columns = columns_of_tables(fleet, path.parent, str(path))
        for table in (fleet.tables.classes, fleet.tables.attach):
            inputs[table] = file_digest(path.parent / table)
    known = dict(models or {})
    for name in columns.models:
        if name not in known:
            known[name], inputs[name] = read_document(path.parent / name, Model)
    return ReadFleet(columns, known, inputs)


def file_digest(path: Path) -> str:
    """Return the hash of a file of any size."""
    import hashlib

    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()

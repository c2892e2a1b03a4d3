"""Fleet placements as files: JSON, one group a line, or the groups as a Parquet table."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from pydantic_core import to_json

from planner.files.writing import whole_file
from planner.schemas.fleets.placement import FleetPlacement, Group
from planner.schemas.reading.problems import input_error

Write = Callable[[FleetPlacement], None]


def group_json(group: Group) -> dict[str, Any]:
    """Return a group as JSON data, without the optional fields that say nothing."""
    data: dict[str, Any] = {
        "class": group.class_name, "count": group.count, "attach": group.attach,
        "operating_point": group.operating_point, "exit_fractions": group.exit_fractions,
        "assignments": [{"block": each.block, "node": each.node} for each in group.assignments],
        "routes": [
            {"after": each.after, "path": list(each.path), "bits": each.bits}
            | ({} if each.result_of is None else {"result_of": each.result_of})
            for each in group.routes
        ],
        "energy_j": group.energy_j, "latency_s": group.latency_s, "accuracy": group.accuracy,
    }  # fmt: skip
    if group.thresholds is not None:
        data["thresholds"] = group.thresholds
    if group.metrics:
        data["metrics"] = group.metrics
    return data


def _head(placement: FleetPlacement) -> dict[str, Any]:
    """Return everything but the groups as JSON data; metrics are left out where the topology has none."""
    data = placement.model_dump(mode="json", by_alias=True, exclude={"groups"}, exclude_none=True)
    for part in (data, data.get("total", {})):
        for name in ("metric_units", "metrics"):
            if part.get(name) == {}:
                del part[name]
    return data


def fleet_json(placement: FleetPlacement) -> dict[str, Any]:
    """Return a fleet placement as JSON data."""
    data = _head(placement)
    data["groups"] = [group_json(group) for group in placement.groups]
    return data


@contextmanager
def fleet_file(path: Path | None) -> Iterator[Write]:
    """Hand out what writes a placement; a place that cannot be written shows before any work is done.

    Raises:
        InputError: The file cannot be written, or its format needs a package that is missing.
    """
    if path is None:
        yield lambda _placement: None
    elif path.suffix.lower() == ".parquet":
        yield from _parquet(path)
    else:
        with whole_file(path) as file:
            yield lambda placement: _write_json(placement, file)


def _write_json(placement: FleetPlacement, file: IO[str]) -> None:
    """Write everything but the groups first, then one group a line."""
    file.write("{\n")
    for name, value in _head(placement).items():
        file.write(f"  {json.dumps(name)}: {json.dumps(value)},\n")
    file.write('  "groups": [')
    for index, group in enumerate(placement.groups):
        file.write((",\n    " if index else "\n    ") + to_json(group_json(group)).decode())
    file.write("\n  ]\n}\n" if placement.groups else "]\n}\n")


def _parquet(path: Path) -> Iterator[Write]:
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        fix = "install it from the checkout: pip install '.[parquet]', or write JSON"
        raise input_error("writing Parquet needs the package pyarrow", fix, file=str(path)) from None

    def write(placement: FleetPlacement) -> None:
        rows = [group_json(group) for group in placement.groups]
        for row in rows:
            for field in ("exit_fractions", "assignments", "routes", "thresholds", "metrics"):
                row[field] = json.dumps(row[field]) if field in row else None
        names = list(rows[0]) if rows else ["class"]
        table = arrow.table({name: [row.get(name) for row in rows] for name in names})
        table = table.replace_schema_metadata({"planner": json.dumps(_head(placement))})
        parquet.write_table(table, temporary)

    try:
        with tempfile.NamedTemporaryFile(prefix=".planner-", dir=path.resolve().parent, delete=False) as held:
            temporary = Path(held.name)
    except OSError as error:
        message = f"cannot write the output ({error.strerror or error})"
        raise input_error(message, "give another path, or mend its permissions", file=str(path)) from None
    try:
        yield write
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)

"""Measured designs as a table of plain text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from planner.units import format_quantity

_HEADINGS = ("task", "design", "mean", "std", "p95", "max", "memory", "energy", "accuracy")


def designs_text(document: Mapping[str, Any]) -> str:
    """Return the data of a designs.json as a table."""
    rows = [_HEADINGS, *(_cells(task["name"], row) for task in document["tasks"] for row in task["designs"])]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def _cells(task: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    latencies = [format_quantity(row["latency_s"][name], "s") for name in ("mean", "std", "p95", "max")]
    energy = format_quantity(row["energy_j"], "J") if "energy_j" in row else "-"
    memory = format_quantity(row["memory_bytes"], "B")
    return task, row["name"], *latencies, memory, energy, f"{row['accuracy']:.4g}"

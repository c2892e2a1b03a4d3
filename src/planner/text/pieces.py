"""Pieces of plans as plain text."""

from __future__ import annotations

from collections.abc import Mapping

from planner.schemas.bundles.manifest import Manifest
from planner.schemas.reading.printable import printable
from planner.units import format_quantity


def pieces_text(manifest: Manifest, sizes: Mapping[str, int]) -> str:
    """Return a line for every piece, and for every plan how its pieces compare to the whole network.

    Args:
        manifest: The pieces.
        sizes: Sizes of files by name, in bytes.
    """
    lines = []
    for plan in manifest.plans:
        lines.append(f"{plan.name}: {len(plan.pieces)} piece{'s' * (len(plan.pieces) != 1)} ({plan.operating_point})")
        for piece in plan.pieces:
            way = ""
            if piece.exit is not None:
                sure = "all that remain" if piece.exit.threshold is None else f"confidence {piece.exit.threshold:g}"
                way = f", exit {piece.exit.name} ({sure})"
            size = format_quantity(sizes.get(piece.file, 0), "B")
            lines.append(f"  {piece.node}: {piece.name} ({size}{way})")
        equal = "equal bit by bit" if plan.check.bit_equal else "NOT equal"
        error = f"relative error {plan.check.relative_error:.1g} with optimisation"
        lines.append(f"  checked on {plan.check.samples} random inputs: {equal} without graph optimisation, {error}")
    return "\n".join(map(printable, lines))

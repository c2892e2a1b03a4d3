"""`planner check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planner.commands.command import command
from planner.commands.exits import EXIT_OTHER
from planner.commands.options import Gap, Limits, Sources
from planner.commands.output import say
from planner.schemas.reading.printable import printable
from planner.units import parse_fraction

_MOST_SHOWN = 50
"""Violations shown; a count stands for the others."""


@command
def check_command(
    placement: Annotated[Path, typer.Argument(help="The placement file to check.")],
    sources: Sources,
    limits: Limits,
    gap: Gap = "1e-6",
) -> int:
    """Check a placement against its inputs, with code that shares nothing with the solvers."""
    from planner.commands.inputs import read_checked
    from planner.schemas.planning.placement import Placement
    from planner.schemas.reading.files import read_document
    from planner.verifier.verify import verify

    asked = read_checked(sources, limits)
    held, _ = read_document(placement, Placement)
    violations = verify(held, asked.topology, asked.apps, parse_fraction(gap, "--gap"))
    for violation in violations[:_MOST_SHOWN]:
        where = ": ".join(part for part in (violation.app, violation.what) if part)
        say(f"broken: {printable(where)}: {printable(violation.message)}")
    if (more := len(violations) - _MOST_SHOWN) > 0:
        say(f"and {more:,} more are broken")
    name = printable(str(placement))
    if not violations and held.apps:
        say(f"{name}: stands ({held.status}); energy, latency, accuracy and every limit recomputed")
    elif not violations:
        say(f"{name}: holds no plan to check ({held.status})")
    return EXIT_OTHER if violations else 0

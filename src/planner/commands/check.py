"""`planner check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planner.commands.command import command
from planner.commands.exits import EXIT_OTHER
from planner.commands.options import Gap, Limits, Sources
from planner.units import parse_fraction


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
    for violation in violations:
        where = ": ".join(part for part in (violation.app, violation.what) if part)
        typer.echo(f"broken: {where}: {violation.message}")
    if not violations and held.apps:
        typer.echo(f"{placement}: stands ({held.status}); energy, latency, accuracy and every limit recomputed")
    elif not violations:
        typer.echo(f"{placement}: holds no plan to check ({held.status})")
    return EXIT_OTHER if violations else 0

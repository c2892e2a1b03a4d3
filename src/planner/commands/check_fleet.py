"""`planner check --fleet`: a fleet placement against its files."""

from __future__ import annotations

from pathlib import Path

import typer

from planner.commands.exit_codes import EXIT_OTHER
from planner.commands.options import Limits, Sources
from planner.schemas.reading.problems import input_error
from planner.units import parse_fraction


def check_fleet(placement: Path, fleet: Path, sources: Sources, limits: Limits, gap: str | None, solves: bool) -> int:
    """Check a fleet placement with code that shares nothing with the solvers; return the exit code."""
    _refuse_limits(sources, limits, solves)
    from planner.fleet.reading.files import read_fleet
    from planner.pipeline.fleet import read_shared
    from planner.schemas.fleets.placement import FleetPlacement
    from planner.schemas.reading.files import read_document
    from planner.verifier.fleet import verify_fleet

    held, _ = read_document(placement, FleetPlacement)
    read = read_fleet(fleet)
    network = read_shared(sources.topology, {})
    violations = verify_fleet(held, network, read.columns, read.models, parse_fraction(gap or "1%", "--gap"))
    for violation in violations:
        where = ": ".join(part for part in (violation.app, violation.what) if part)
        typer.echo(f"broken: {where}: {violation.message}")
    if not violations and held.groups:
        typer.echo(f"{placement}: stands ({held.status}); every user, limit, capacity and sum recomputed")
    elif not violations:
        typer.echo(f"{placement}: holds no plan to check ({held.status})")
    return EXIT_OTHER if violations else 0


def _refuse_limits(sources: Sources, limits: Limits, solves: bool) -> None:
    """Raise InputError for options that a fleet file makes meaningless."""
    options = {"--model": sources.model, "--workload": sources.workload, "--app": sources.app}
    given = [name for name, value in options.items() if value is not None] + limits.given()
    given += ["--prove and --strict"] if solves else []
    if given:
        raise input_error(
            "a fleet states its models and limits itself", f"leave out {', '.join(given)}", path="--fleet"
        )

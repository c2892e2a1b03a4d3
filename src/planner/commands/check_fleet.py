"""`planner check --fleet`: a fleet placement against its files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from planner.commands.exit_codes import EXIT_OTHER
from planner.commands.options import Limits, PartialSources
from planner.schemas.reading.problems import input_error
from planner.units import parse_fraction


def check_fleet(
    placement: Path,
    fleet: Path,
    files: PartialSources,
    limits: Limits,
    gap: str | None,
    solves: bool,
    output: Path | None,
    as_json: bool,
) -> int:
    """Check a fleet placement with code that shares nothing with the solvers; return the exit code.

    Args:
        placement: The fleet placement.
        fleet: The fleet file.
        files: Other files given; the topology is needed, and no more.
        limits: Limits given; there must be none.
        gap: Largest relative gap that counts as proved, as text; None for 1 %.
        solves: Whether options are given that only placements of apps have.
        output: File for what is found, as JSON.
        as_json: Print what is found as JSON.

    Returns:
        The exit code.
    """
    _refuse_limits(files, limits, solves)
    from planner.collection import collection_paused
    from planner.commands.results import written
    from planner.fleet.reading.files import read_fleet
    from planner.pipeline.fleet import read_shared
    from planner.schemas.fleets.placement import FleetPlacement
    from planner.schemas.reading.files import read_document
    from planner.verifier.fleet import verify_fleet

    if files.topology is None:
        raise input_error("the plan of a fleet needs --topology", "give it too", path="--fleet", value=str(fleet))
    with collection_paused(), written(output, as_json) as give:
        held, _ = read_document(placement, FleetPlacement)
        read = read_fleet(fleet)
        network = read_shared(files.topology, {})
        broken = verify_fleet(held, network, read.columns, read.models, parse_fraction(gap or "1%", "--gap"))
        lines = [
            f"broken: {': '.join(part for part in (each.app, each.what, each.message) if part)}" for each in broken
        ]
        if not broken:
            stands = f"stands ({held.status}); every user, limit, capacity and sum recomputed"
            lines = [f"{placement}: {stands if held.groups else f'holds no plan to check ({held.status})'}"]
        rows = [asdict(each) for each in broken]
        data = {"status": held.status, "stands": not broken, "violations": rows, "proof": None}
        give(lambda: data, "\n".join(lines), True)
    return EXIT_OTHER if broken else 0


def _refuse_limits(files: PartialSources, limits: Limits, solves: bool) -> None:
    """Raise InputError for options that a fleet file makes meaningless."""
    options = {"--model": files.model, "--workload": files.workload, "--app": files.app}
    given = [name for name, value in options.items() if value] + limits.given()
    given += ["--prove and --strict"] if solves else []
    if given:
        raise input_error(
            "a fleet states its models and limits itself", f"leave out {', '.join(given)}", path="--fleet"
        )

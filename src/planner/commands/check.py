"""`planner check`: verification of a placement from its inputs alone, and on demand a proof by solving again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.commands.command import command
from planner.commands.exit_codes import EXIT_OTHER, EXIT_UNKNOWN
from planner.commands.options import (
    AsJson,
    Limits,
    Output,
    PartialSources,
    Thresholds,
    TimeLimit,
    per_exit,
    time_limit_s,
)
from planner.commands.output import note
from planner.schemas.reading.printable import printable
from planner.units import parse_fraction

if TYPE_CHECKING:
    from planner.pipeline.prove import Proof
    from planner.schemas.planning.placement import Placement
    from planner.verifier.verify import Violation

_MOST_SHOWN = 50
"""Violations shown; a count stands for the others."""
Prove = Annotated[bool, typer.Option("--prove", help="Solve again, to see whether the plan is what it claims to be.")]
Strict = Annotated[bool, typer.Option("--strict", help="Refuse inputs that differ from those the plan was made of.")]

GapOption = Annotated[
    str | None, typer.Option("--gap", help="Relative gap that counts as proved (default: 1e-6, for fleets 1%).")
]
FleetPath = Annotated[Path | None, typer.Option("--fleet", help="Check a fleet placement against this fleet file.")]


@command
def check_command(
    placement: Annotated[Path, typer.Argument(help="The placement file to check.")],
    files: PartialSources,
    limits: Limits,
    gap: GapOption = None,
    thresholds: Thresholds = "common",
    time_limit: TimeLimit = None,
    prove: Prove = False,
    strict: Strict = False,
    fleet: FleetPath = None,
    output: Output = None,
    as_json: AsJson = False,
) -> int:
    """Check a placement against its inputs, with code that shares nothing with the solvers."""
    from planner.commands.inputs import asked_for
    from planner.commands.results import written
    from planner.library.checking import made_for
    from planner.library.checking import prove as solve_again
    from planner.library.made_from import changed_inputs
    from planner.progress import waiting
    from planner.schemas.planning.placement import Placement
    from planner.schemas.reading.files import check_document, read_json
    from planner.verifier.verify import Violation, verify

    if fleet is not None:
        from planner.commands.check_fleet import check_fleet

        return check_fleet(placement, fleet, files, limits, gap, prove or strict, output, as_json)
    largest_gap, separate, limit_s = (
        parse_fraction(gap or "1e-6", "--gap"),
        per_exit(thresholds),
        time_limit_s(time_limit),
    )
    with written(output, as_json) as give:
        _refuse_fleet(raw := read_json(placement), placement)
        held = check_document(raw, Placement, str(placement))
        planned = made_for(placement, held, asked_for(files, limits), note=note)
        broken = verify(held, planned.topology, planned.apps, largest_gap, separate, planned.objective)
        if strict:
            changed = changed_inputs(held, planned.inputs)
            broken += [Violation("", "provenance", None, None, "", text) for text in changed]
        proof = None
        if prove and not broken:
            with waiting("solving again"):
                proof = solve_again(held, planned, gap=largest_gap, time_limit_s=limit_s, per_exit_thresholds=separate)
        give(lambda: _result(held, broken, proof), "\n".join(_lines(str(placement), held, broken, proof)), True)
    return EXIT_OTHER if broken else _exit_code(proof)


def _refuse_fleet(raw: object, path: Path) -> None:
    """Raise InputError for the placement of a fleet, which needs the fleet's own file."""
    from planner.schemas.reading.kinds import kind_of
    from planner.schemas.reading.problems import input_error

    kind = kind_of(raw)
    if kind is not None and kind.schema == "FleetPlacement":
        fix = "give --fleet and --topology too"
        raise input_error("the file is the placement of a fleet, checked with its fleet", fix, file=str(path))


def _result(held: Placement, broken: Sequence[Violation], proof: Proof | None) -> dict[str, object]:
    """Return what was found as JSON data."""
    rows = [asdict(each) for each in broken]
    return {"status": held.status, "stands": not broken, "violations": rows, "proof": proof and asdict(proof)}


def _lines(name: str, held: Placement, broken: Sequence[Violation], proof: Proof | None) -> list[str]:
    """Return what was found as text."""
    if broken:
        texts = [": ".join(part for part in (each.app, each.what, each.message) if part) for each in broken]
        lines = [f"broken: {printable(text)}" for text in texts[:_MOST_SHOWN]]
        more = len(broken) - _MOST_SHOWN
        return [*lines, f"and {more:,} more are broken"] if more > 0 else lines
    stands = f"stands ({held.status}); energy, latency, accuracy and every limit recomputed"
    lines = [f"{printable(name)}: {stands if held.apps else f'holds no plan to check ({held.status})'}"]
    if proof is not None:
        head = {"proved": "", "refuted": "broken: ", "open": "not proved: "}[proof.verdict]
        return [*lines, head + printable(proof.message)]
    claims = {
        "optimal": "that no plan is better",
        "feasible": "that no plan is below the bound",
        "infeasible": "that there is no plan",
    }
    if held.status in claims:
        lines.append(f"not checked: {claims[held.status]} (--prove solves again to see)")
    return lines


def _exit_code(proof: Proof | None) -> int:
    return 0 if proof is None else {"proved": 0, "refuted": EXIT_OTHER, "open": EXIT_UNKNOWN}[proof.verdict]

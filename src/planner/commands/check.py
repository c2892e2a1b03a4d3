"""`planner check`: verification of a placement from its inputs alone, and on demand a proof by solving again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.commands.command import command
from planner.commands.exit_codes import EXIT_OTHER, EXIT_UNKNOWN
from planner.commands.options import Limits, PartialSources, Thresholds, TimeLimit, per_exit, time_limit_s
from planner.commands.output import say
from planner.schemas.reading.printable import printable
from planner.schemas.reading.problems import input_error
from planner.units import parse_fraction

if TYPE_CHECKING:
    from planner.commands.inputs import Asked
    from planner.schemas.planning.placement import Placement

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
) -> int:
    """Check a placement against its inputs, with code that shares nothing with the solvers."""
    from planner.commands.inputs import read_checked
    from planner.commands.made_from import sources_of
    from planner.schemas.planning.placement import Placement
    from planner.schemas.reading.files import read_document
    from planner.verifier.verify import verify

    if fleet is not None:
        from planner.commands.check_fleet import check_fleet

        given = files.whole()
        if given is None:
            raise input_error("the plan of a fleet needs --topology", "give it too", path="--fleet", value=str(fleet))
        return check_fleet(placement, fleet, given, limits, gap, prove or strict)
    largest_gap, per_exit_thresholds = parse_fraction(gap or "1e-6", "--gap"), per_exit(thresholds)
    limit_s = time_limit_s(time_limit)
    held, _ = read_document(placement, Placement)
    sources = sources_of(held, placement, files)
    asked = read_checked(sources, limits)
    broken = [
        ": ".join(part for part in (violation.app, violation.what, violation.message) if part)
        for violation in verify(held, asked.topology, asked.apps, largest_gap, per_exit_thresholds)
    ]
    broken += list(_changed_inputs(held, asked.inputs)) if strict else []
    for line in broken[:_MOST_SHOWN]:
        say(f"broken: {printable(line)}")
    if (more := len(broken) - _MOST_SHOWN) > 0:
        say(f"and {more:,} more are broken")
    if broken:
        return EXIT_OTHER
    name = printable(str(placement))
    if held.apps:
        say(f"{name}: stands ({held.status}); energy, latency, accuracy and every limit recomputed")
    else:
        say(f"{name}: holds no plan to check ({held.status})")
    if prove:
        return _prove(held, asked, largest_gap, per_exit_thresholds, limit_s)
    _say_what_is_open(held)
    return 0


def _changed_inputs(held: Placement, inputs: Mapping[str, str]) -> Iterator[str]:
    """Yield what differs between the inputs given and those that a placement says it was made of."""
    made_of = {} if held.provenance is None else held.provenance.inputs
    for name, digest in inputs.items():
        if name not in made_of:
            yield f"provenance: {name} is not among the inputs that the plan was made of"
        elif made_of[name] != digest:
            yield f"provenance: {name} has changed since the plan was made ({digest}, then {made_of[name]})"
    for name in sorted(set(made_of) - set(inputs)):
        yield f"provenance: the plan was also made of {name}, which is not given"


def _say_what_is_open(held: Placement) -> None:
    """Say what recomputing cannot tell."""
    claims = {
        "optimal": "that no plan is better",
        "feasible": "that no plan is below the bound",
        "infeasible": "that there is no plan",
    }
    if held.status in claims:
        say(f"not checked: {claims[held.status]} (--prove solves again to see)")


def _prove(held: Placement, asked: Asked, gap: float, per_exit_thresholds: bool, limit_s: float | None) -> int:
    """Solve again and say what that proves; return the exit code."""
    from planner.fin.method import Options
    from planner.pipeline.prove import prove
    from planner.pipeline.request import AUTO, PROVING, request_of
    from planner.progress import waiting

    by_power = held.certificate is not None and held.certificate.objective == "power_w"
    method, options = PROVING if by_power else AUTO, Options(time_limit_s=limit_s)
    request = request_of(asked.apps, asked.topology, method, options, per_exit_thresholds, asked.inputs)
    with waiting("solving again"):
        proof = prove(held, request, gap)
    say({"proved": "", "refuted": "broken: ", "open": "not proved: "}[proof.verdict] + printable(proof.message))
    return {"proved": 0, "refuted": EXIT_OTHER, "open": EXIT_UNKNOWN}[proof.verdict]

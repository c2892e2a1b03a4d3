"""`planner adapt` for placements on a changing topology."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from planner.commands.exits import EXIT_INFEASIBLE, EXIT_UNKNOWN
from planner.commands.options import AUTO

if TYPE_CHECKING:
    from fin.method import Options
    from planner.inputs import Limits, Sources
    from schemas.placement_policy import PlacementPolicy


def adapt_placement(
    sources: Sources,
    limits: Limits,
    states_path: Path,
    options: Options,
    per_exit_thresholds: bool,
    output: Path | None,
    as_json: bool,
) -> int:
    """Plan for every state of a topology, and report the policy."""
    from planner.api import read_input
    from planner.continuum import adapt
    from planner.inputs import read_request
    from planner.output import placement_json, whole_file
    from planner.progress import waiting
    from planner.render_policy import policy_text
    from schemas.states import States

    with ExitStack() as stack:
        file = stack.enter_context(whole_file(output)) if output is not None else None
        request = read_request(sources, limits, AUTO, options, per_exit_thresholds)
        inputs = dict(request.inputs)
        states = read_input(states_path, States, inputs)
        with waiting("planning for every state"):
            policy = adapt(request, states, str(states_path), inputs)
        if file is not None:
            json.dump(placement_json(policy), file, indent=2)
            file.write("\n")
    typer.echo(json.dumps(placement_json(policy), indent=2) if as_json else policy_text(policy))
    return _exit_code(policy)


def _exit_code(policy: PlacementPolicy) -> int:
    """Return 0 if any state has a plan within the limits, else whether that is proved."""
    kinds = {row.status for row in policy.policy}
    if kinds & {"optimal", "feasible"}:
        return 0
    return EXIT_UNKNOWN if "unknown" in kinds else EXIT_INFEASIBLE

"""`planner adapt` for placements on a changing topology."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from planner.commands.exit_codes import EXIT_INFEASIBLE, EXIT_UNKNOWN
from planner.commands.options import AUTO

if TYPE_CHECKING:
    from planner.commands.options import Limits, Sources
    from planner.fin.method import Options
    from planner.schemas.adaptation.placement_policy import PlacementPolicy


def adapt_placement(
    sources: Sources,
    limits: Limits,
    states_path: Path,
    options: Options,
    per_exit_thresholds: bool,
    output: Path | None,
    as_json: bool,
) -> int:
    """Plan for every state of a topology, write the policy and print it; return the exit code."""
    from planner.adaptation.placement_policy import plan_for_states
    from planner.commands.inputs import read_request
    from planner.commands.results import written
    from planner.files.reading import read_input
    from planner.files.writing import placement_json
    from planner.progress import waiting
    from planner.schemas.adaptation.states import States
    from planner.text.placement_policy import policy_text

    with written(output, as_json) as give:
        request = read_request(sources, limits, AUTO, options, per_exit_thresholds)
        inputs = dict(request.inputs)
        states = read_input(states_path, States, inputs)
        with waiting("planning for every state"):
            policy = plan_for_states(request, states, str(states_path), inputs)
        give(placement_json(policy), policy_text(policy), True)
    return _exit_code(policy)


def _exit_code(policy: PlacementPolicy) -> int:
    """Return 0 if any state has a plan within the limits, else whether that is proved."""
    kinds = {row.status for row in policy.policy}
    if kinds & {"optimal", "feasible"}:
        return 0
    return EXIT_UNKNOWN if "unknown" in kinds else EXIT_INFEASIBLE

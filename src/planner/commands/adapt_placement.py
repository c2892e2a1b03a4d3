"""`planner adapt` for placements on a changing topology."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from planner.commands.exit_codes import EXIT_INFEASIBLE, EXIT_UNKNOWN

if TYPE_CHECKING:
    from planner.commands.options import Limits, PartialSources, Search
    from planner.schemas.adaptation.placement_policy import PlacementPolicy


def adapt_placement(
    files: PartialSources, limits: Limits, states: Path, search: Search, output: Path | None, as_json: bool
) -> int:
    """Plan for every state of a topology, write the policy and print it; return the exit code.

    Args:
        files: Files, as options.
        limits: Limits, as options.
        states: The states file.
        search: Gap, time limit and kind of thresholds, as options.
        output: File for the policy as JSON.
        as_json: Print the policy as JSON.

    Returns:
        The exit code.
    """
    from planner.commands.inputs import asked_for
    from planner.commands.results import written
    from planner.files.writing import placement_json
    from planner.library.adapting import adapt
    from planner.progress import waiting
    from planner.text.placement_policy import policy_text

    asked, given = asked_for(files, limits), search.arguments()
    with written(output, as_json) as give:
        with waiting("planning for every state"):
            policy = adapt(**asked, **given, states=states)
        give(lambda: placement_json(policy), policy_text(policy), True)
    return _exit_code(policy)


def _exit_code(policy: PlacementPolicy) -> int:
    """Return 0 if any state has a plan within the limits, else whether that is proved."""
    kinds = {row.status for row in policy.policy}
    if kinds & {"optimal", "feasible"}:
        return 0
    return EXIT_UNKNOWN if "unknown" in kinds else EXIT_INFEASIBLE

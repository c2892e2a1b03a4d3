"""Policies and replays of one device, from the paths of their files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from planner.files.reading import read_input
from planner.schemas.adaptation.designs import Designs
from planner.schemas.adaptation.policy import Policy, engines_of
from planner.schemas.planning.placement import Provenance
from planner.schemas.reading.files import check_document, read_json
from planner.schemas.reading.problems import InputError, input_error
from planner.version import __version__

if TYPE_CHECKING:
    from planner.carin.replay import Replay


def policy_of(designs: Path, max_designs: int | None = None, transfer_from: Path | None = None) -> Policy:
    """Design the policy of a designs file.

    Args:
        designs: The designs file.
        max_designs: Most joint designs that the policy may name (default: what the file says).
        transfer_from: Designs file of another device, whose best design is tried on this one.

    Returns:
        The policy; without rows, but with a diagnosis, where no joint design meets every constraint.

    Raises:
        InputError: A file cannot be used; the error holds every problem found.
    """
    from planner.carin.adapt import adapt

    inputs: dict[str, str] = {}
    here = read_input(designs, Designs, inputs)
    other = None if transfer_from is None else read_input(transfer_from, Designs, inputs)
    provenance = Provenance(planner=__version__, method="rass", inputs=inputs)
    return adapt(here, max_designs=max_designs, transfer_from=other, provenance=provenance)


def replay_of(
    policy: Path,
    trace: Path,
    *,
    designs: Path | None = None,
    enter_load: float,
    leave_load: float,
    dwell_s: float,
    memory_enter_bytes: float | None = None,
    memory_leave_bytes: float | None = None,
) -> Replay:
    """Run a recorded trace through the runtime manager of a policy; see `carin.manager` for the thresholds.

    With the designs file that the policy was made of, an oracle solves anew at every sample.

    Args:
        policy: Policy file.
        trace: CSV of loads and available memory.
        designs: Designs file of the policy; None leaves the oracle out.
        enter_load: Load in [0, 1] from which an engine counts as overloaded.
        leave_load: Load in [0, 1] down to which it no longer does.
        dwell_s: Least time between two switches in seconds.
        memory_enter_bytes: Available memory below which it counts as tight (default: the policy's budget).
        memory_leave_bytes: Available memory from which it no longer does.

    Returns:
        Figures of the manager, of every fixed design and of the oracles, and the switches.

    Raises:
        InputError: A file cannot be used, or a threshold is out of range.
    """
    from planner.carin.manager import RuntimeManager
    from planner.carin.replay import replay
    from planner.carin.scored_designs import score_designs
    from planner.carin.trace import read_load_trace

    held = _read_policy(policy)
    if not held.design_set:
        raise input_error("the policy has no design to run", "loosen the constraints", file=str(policy))
    try:
        manager = RuntimeManager(
            held.model_dump(mode="json"), enter_load=enter_load, leave_load=leave_load, dwell_s=dwell_s,
            memory_enter_bytes=memory_enter_bytes, memory_leave_bytes=memory_leave_bytes,
        )  # fmt: skip
    except ValueError as error:
        raise input_error(str(error), "change the thresholds (see planner replay --help)") from None
    samples = read_load_trace(trace, manager.engines)
    scored = None if designs is None else score_designs(_designs_of(held, designs))
    try:
        return replay(held, samples, manager, scored)
    except InputError as error:  # what the metrics of a design do not say
        raise error.in_file(str(policy)) from None


def _read_policy(path: Path) -> Policy:
    raw = read_json(path)
    if isinstance(raw, dict) and "design_set" not in raw:
        fix = "make one of a designs file: planner adapt designs.json -o policy.json"
        raise input_error("this is no policy of designs", fix, file=str(path))
    return check_document(raw, Policy, str(path))


def _designs_of(policy: Policy, path: Path) -> Designs:
    """Read the designs file of a policy; raise InputError where it is another's."""
    designs = read_input(path, Designs, {})
    if not _made_of(policy, designs):
        fix = "give the file that planner adapt made the policy of"
        raise input_error("the policy was not made of these designs", fix, path="--designs", value=str(path))
    return designs


def _made_of(policy: Policy, designs: Designs) -> bool:
    """Tell whether a policy asks what the designs file asks, and its designs cost what that says."""
    from planner.carin.metrics import metrics_of

    asked = [(each.metric, each.task, each.weight) for each in designs.objectives]
    if [(each.metric, each.task, each.weight) for each in policy.objectives] != asked:
        return False
    if list(designs.engines) != engines_of(policy) or designs.constraints != policy.constraints:
        return False
    known = {task.name: {design.name for design in task.designs} for task in designs.tasks}
    return all(
        known.keys() == design.choice.keys()
        and all(name in known[task] for task, name in design.choice.items())
        and metrics_of(designs, design.choice) == design.metrics
        for design in policy.design_set
    )

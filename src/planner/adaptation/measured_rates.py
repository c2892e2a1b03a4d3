"""Plans on measured rates: one plan kept against replanning at every step of the media's rate traces."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from planner.clear.allocation.evaluation import PlanEvaluation, evaluate_plan, with_all_shares
from planner.clear.allocation.plan import Plan
from planner.clear.problem.instance import JointInstance
from planner.clear.replan import Replanner, with_medium_rates
from planner.errors import InternalError
from planner.fin.instance.network import Floats
from planner.fin.outcome import Outcome
from planner.pipeline.joint_placement import joint_placement_of
from planner.pipeline.request import JointRequest
from planner.pipeline.several_apps import joint_of
from planner.schemas.planning.placement import Provenance
from planner.schemas.planning.traces import RateTrace, with_rates
from planner.schemas.reading.problems import input_error
from planner.schemas.reading.quantities import format_quantity
from planner.verifier.verify import verify
from planner.version import __version__

ONCE, ONCE_ALL_SHARES, REPLANNED = "planned once", "planned once, all shares given out", "planned anew"
POLICIES = (ONCE, ONCE_ALL_SHARES, REPLANNED)
LEAST_BIT_PER_S = 1.0
"""Taken where a trace says 0: nothing gets through in time, and no time is infinite."""
MOST_STEPS = 100_000


@dataclass(frozen=True)
class RateStep:
    """An interval of time with constant rates."""

    time_s: float
    duration_s: float
    bit_per_s: Mapping[str, float]
    """By medium."""


@dataclass(frozen=True)
class StepOutcome:
    """What each policy does in a step."""

    step: RateStep
    served: Mapping[str, PlanEvaluation]
    """By policy."""
    found: bool
    """Whether planning anew found a plan; where it did not, the last one is kept, with all shares given out."""
    replan_s: float
    cold_power_w: float | None = None
    """Power of a plan made from scratch, where one was made and found."""
    cold_s: float | None = None


@dataclass(frozen=True)
class PolicyTotals:
    """Sums of a policy over all steps."""

    energy_j: float
    inferences: float
    late: float
    """Inferences of apps that were late."""
    missing_share: float
    """Share of time in which an app was late."""


@dataclass
class RateTraceComparison:
    """One pass through the traces. Making it plans for the rates at the percentiles; `rows` does the steps."""

    request: JointRequest
    """The topology has the rates at the percentiles."""
    traces: Mapping[str, RateTrace]
    step_s: float
    cold_steps: int = 0
    """Steps, evenly spread, at which a plan is made from scratch as well."""
    steps: Sequence[RateStep] = field(init=False)

    def __post_init__(self) -> None:
        self.steps = steps_of(self.traces, self.step_s)
        self._joint = joint_of(self.request)
        limit_s = self.request.options.time_limit_s
        self._limit_s = math.inf if limit_s is None else limit_s
        accurate = all(app.possible for app in self._joint.apps)
        self._planner = Replanner(self._joint, self.request.options.gap, self._limit_s) if accurate else None

    @property
    def planned(self) -> bool:
        """Whether there is a plan to begin with."""
        return self._planner is not None and self._planner.plan is not None

    def rows(self) -> Iterator[StepOutcome]:
        """Go through the steps; every plan made anew is verified.

        Raises:
            InternalError: A plan does not stand before the verifier.
        """
        planner = self._planner
        if planner is None or planner.plan is None:
            return
        once = planner.plan
        fixed = {ONCE: once, ONCE_ALL_SHARES: with_all_shares(self._joint, once)}
        sampled = _evenly(len(self.steps), self.cold_steps)
        for number, step in enumerate(self.steps):
            joint = with_medium_rates(self._joint, step.bit_per_s)
            began = time.perf_counter()
            outcome = planner.replan(joint)
            replan_s = time.perf_counter() - began
            self._verify(joint, outcome, step)
            held = planner.plan or once
            plans = {**fixed, REPLANNED: held if outcome.plan is not None else with_all_shares(joint, held)}
            did = {name: evaluate_plan(joint, plan) for name, plan in plans.items()}
            row = StepOutcome(step, did, outcome.plan is not None, replan_s)
            yield self._with_cold(row, joint) if number in sampled else row

    def totals_of(self, rows: Iterable[StepOutcome], policy: str) -> PolicyTotals:
        """Sum a policy over steps.

        Args:
            rows: Outcomes of steps.
            policy: One of `POLICIES`.
        """
        rates = np.array([app.inferences_per_s for app in self._joint.apps])
        energy_j = inferences = late = missing_s = total_s = 0.0
        for row in rows:
            duration_s, did = row.step.duration_s, row.served[policy]
            energy_j += did.power_w * duration_s
            inferences += float(rates.sum()) * duration_s
            late += float(rates[did.late].sum()) * duration_s
            missing_s += duration_s if did.late.any() else 0.0
            total_s += duration_s
        return PolicyTotals(energy_j, inferences, late, missing_s / total_s if total_s else 0.0)

    def late_inferences(self, row: StepOutcome, policy: str) -> float:
        """Return the inferences of a step that were late."""
        return self.totals_of([row], policy).late

    def _verify(self, joint: JointInstance, outcome: Outcome[Plan], step: RateStep) -> None:
        if outcome.plan is None:
            return
        provenance = Provenance(planner=__version__, method="clear", inputs={})
        placement = joint_placement_of(joint, outcome, provenance, 0.0, None)
        if violations := verify(placement, with_rates(self.request.topology, step.bit_per_s), self.request.apps):
            raise InternalError(violations)

    def _with_cold(self, row: StepOutcome, joint: JointInstance) -> StepOutcome:
        """Add what a plan from scratch takes, without a proof."""
        began = time.perf_counter()
        plan = Replanner(joint, self.request.options.gap, self._limit_s).plan
        cold_s = time.perf_counter() - began
        return replace(row, cold_power_w=None if plan is None else plan.power_w, cold_s=cold_s)


def steps_of(traces: Mapping[str, RateTrace], step_s: float) -> list[RateStep]:
    """Cut the time that all traces cover into steps, each with the rates of the last samples at or before its begin.

    Args:
        traces: Rate traces by medium.
        step_s: Length of a step in seconds; the last may be shorter.

    Raises:
        InputError: There is no trace, the step is not above 0 or too short, or the traces have no time in common.
    """
    if not traces:
        fix = "give the topology a list media with a trace (planner schema topology)"
        raise input_error("no medium of the topology has a trace to step through", fix, path="--trace")
    if not 0.0 < step_s < math.inf:
        raise input_error("a step must be longer than 0", "write it as 10s", path="--step", value=step_s)
    begin = max(trace.time_s[0] for trace in traces.values())
    end = min(trace.time_s[-1] for trace in traces.values())
    if begin > end:
        fix = "let time_s of all traces count from the same moment"
        raise input_error("the traces have no time in common", fix, path="media", value=sorted(traces))
    if (end - begin) / step_s > MOST_STEPS:
        message = f"more than {MOST_STEPS:,} steps in the {format_quantity(end - begin, 's')} that the traces cover"
        raise input_error(message, "take longer steps", path="--step", value=step_s)
    count = max(math.ceil((end - begin) / step_s - 1e-9), 1)
    starts = begin + step_s * np.arange(count, dtype=np.float64)
    rates = {name: _held(trace, starts) for name, trace in traces.items()}
    durations = np.minimum(step_s, end - starts) if end > begin else np.array([step_s])
    return [
        RateStep(float(start), float(duration), {name: float(held[number]) for name, held in rates.items()})
        for number, (start, duration) in enumerate(zip(starts, durations, strict=True))
    ]


def _held(trace: RateTrace, at_s: Floats) -> Floats:
    """Return the rate of the last sample at or before each moment."""
    last = np.searchsorted(np.array(trace.time_s), at_s, side="right") - 1
    return np.asarray(np.maximum(np.array(trace.bit_per_s)[last], LEAST_BIT_PER_S))


def _evenly(count: int, wanted: int) -> frozenset[int]:
    """Return the numbers of steps, evenly spread."""
    wanted = min(max(wanted, 0), count)
    return frozenset(int((number + 0.5) * count / wanted) for number in range(wanted))

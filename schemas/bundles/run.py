"""run.json: what a run of pieces measured, beside what was predicted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from planner.schemas.bundles.cuts import Confidence
from planner.schemas.reading.base import Document, Fraction, Name, NonNegative, Strict, Version

Count = Annotated[int, Field(ge=0)]


class Latency(Strict):
    """A latency as it was predicted and measured, seen from the source."""

    predicted_s: NonNegative | None = Field(None, description="Predicted latency in seconds (null: no topology given).")
    median_s: NonNegative | None = Field(
        None, description="Measured median in seconds, without the time that other processes took (null: no sample)."
    )
    p95_s: NonNegative | None = Field(None, description="The same, 95th percentile in seconds.")
    wall_median_s: NonNegative | None = Field(None, description="Median of the wall time in seconds.")
    wall_p95_s: NonNegative | None = Field(None, description="95th percentile of the wall time in seconds.")


class ExitRun(Strict):
    """One exit of the run."""

    name: Name = Field(description="Name of the exit.")
    predicted_share: Fraction = Field(description="Fraction of samples planned to leave here (no unit).")
    samples: Count = Field(description="Samples that left here (count).")
    share: Fraction = Field(description="Fraction of samples that left here (no unit).")
    latency: Latency = Field(description="Latency of the samples that left here.")
    latencies_s: tuple[NonNegative, ...] = Field((), description="Measured latencies in seconds, at most 1000 of them.")


class PieceRun(Strict):
    """One piece of the run."""

    name: Name = Field(description="Name of the piece.")
    node: Name = Field(description="Node that ran it.")
    blocks: tuple[Name, ...] = Field(description="Its blocks.")
    exit: Name | None = Field(None, description="Exit whose head it runs, if any.")
    runs: Count = Field(description="Samples that it ran (count).")
    predicted_s: NonNegative | None = Field(None, description="Predicted time of one sample, in seconds.")
    cpu_median_s: NonNegative | None = Field(None, description="Median processor time of one sample, in seconds.")
    wall_median_s: NonNegative | None = Field(None, description="Median wall time of one sample, in seconds.")


class HopRun(Strict):
    """One transfer of the run."""

    after: Name | None = Field(None, description="Piece whose output is carried; null for the input.")
    to: Name | None = Field(None, description="Piece that the tensors are for (null: the next one).")
    result_of: Name | None = Field(None, description="Exit whose result is carried back to the source.")
    path: tuple[Name, ...] = Field(min_length=1, description="Nodes passed, both ends included.")
    bits: NonNegative = Field(description="Size of the tensors, in bits.")
    messages: Count = Field(description="Transfers (count).")
    predicted_s: NonNegative | None = Field(None, description="Predicted time, in seconds.")
    median_s: NonNegative | None = Field(None, description="Measured median, in seconds.")


class Step(Strict):
    """One step of the time line of one sample."""

    kind: Literal["transfer", "wait", "compute", "result"] = Field(description="What happens.")
    what: str = Field(description="Piece, or piece whose output is carried.")
    where: str = Field(description="Node, or nodes at both ends.")
    start_s: NonNegative = Field(description="Start, in seconds from the start of the sample.")
    time_s: NonNegative = Field(description="Duration, in seconds.")


class Energy(Strict):
    """Energy of one inference."""

    predicted_j: NonNegative | None = Field(None, description="Predicted by the plan, in joules (null: unknown).")
    measured_j: NonNegative | None = Field(None, description="Measured, in joules (null: not measured).")
    source: str = Field("not measured", description="Where the measured figure comes from, or why there is none.")


class Verdict(Strict):
    """One figure of the plan beside the run."""

    figure: str = Field(description="What is compared.")
    predicted: float = Field(description="Planned value, in `unit`.")
    measured: float = Field(description="Measured value, in `unit`.")
    unit: str = Field(description="Unit of both (empty: no unit).")
    verdict: Literal["as predicted", "better", "worse", "links not emulated"] = Field(
        description="How they compare; `links not emulated`: the plan counts links that no message of the run took."
    )
    tolerance: NonNegative = Field(description="Largest difference that counts as predicted, in `unit`.")


class PlanRun(Strict):
    """What one plan did in the run."""

    name: Name = Field(description="Name of the plan.")
    app: Name = Field(description="Name of the app.")
    model: Name | None = Field(None, description="Name of the model (null: not recorded).")
    operating_point: Name = Field(description="Operating point.")
    samples: Count = Field(description="Samples that ended under this plan (count).")
    exits: tuple[ExitRun, ...] = Field(description="Every exit that is on.")
    latency: Latency = Field(description="Latency over all samples; predicted is the mean.")
    pieces: tuple[PieceRun, ...] = Field(description="Every piece.")
    hops: tuple[HopRun, ...] = Field((), description="Every transfer.")
    predicted_accuracy: Fraction | None = Field(None, description="Accuracy of the operating point (fraction).")
    accuracy: Fraction | None = Field(None, description="Accuracy on the labels (null: no labels).")
    energy: Energy | None = Field(None, description="Energy of one inference.")
    timeline: tuple[Step, ...] = Field((), description="The sample of median latency, step by step.")
    predicted_timeline: tuple[Step, ...] = Field((), description="The same exit as it was predicted.")
    verdicts: tuple[Verdict, ...] = Field((), description="Figures of the plan beside those of the run.")


class Switch(Strict):
    """A change of plan during the run."""

    at_s: NonNegative = Field(description="Time from the start of the run, in seconds.")
    conditions: tuple[Name, ...] = Field(description="Conditions that held.")
    plan: Name = Field(description="Plan used from then on.")
    reason: str = Field(description="What was observed.")


class Run(Document):
    """What a run measured, beside what was predicted."""

    schema_version: Version = "1"
    planner: str = Field(description="Version of the planner.")
    onnxruntime: str = Field(description="Version of ONNX Runtime.")
    confidence: Confidence = Field("softmax", description="Measure of confidence.")
    rate_per_s: NonNegative | None = Field(None, description="Samples started per second (null: as they end).")
    in_flight: Annotated[int, Field(ge=1)] = Field(description="Most samples under way at once (count).")
    wall_s: NonNegative = Field(description="Duration of the run, in seconds.")
    throughput_per_s: NonNegative = Field(description="Samples that ended per second.")
    emulated_links: bool = Field(description="Messages were held as the topology's links would hold them.")
    slow_down: dict[str, NonNegative] = Field(
        default_factory=dict, description="Emulated factor on computing times, by node (1: none; no unit)."
    )
    plans: tuple[PlanRun, ...] = Field(min_length=1, description="What every plan did.")
    switches: tuple[Switch, ...] = Field((), description="Changes of plan, in order.")
    notes: tuple[str, ...] = Field((), description="What a reader of the figures must know.")

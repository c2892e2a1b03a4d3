"""Optimality of CARIn's policy against other ways of choosing. Prints markdown.

Run ``python -m benchmarks.carin.optimality``.
The first table is about the state where nothing is wrong, with the weights of
the files; the second about the same with weights drawn at random, all weightings being equally likely.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from numpy.random import default_rng

from planner.carin.adapt import adapt
from planner.schemas import Designs, Policy, read_document
from planner.schemas.adaptation.policy import Baseline

EXAMPLES = Path(__file__).parents[2] / "examples"
WEIGHTINGS, SEED = 100, 1
BASELINES = {
    "oodin": "OODIn",
    "single_model_most_accurate": "single model, most accurate",
    "single_model_smallest": "single model, smallest",
    "best_per_task": "best per task alone",
    "transferred": "transferred",
}


@dataclass(frozen=True)
class Device:
    """A designs file, and that of the device whose best design is tried on it."""

    title: str
    file: str
    other: str | None = None

    def designs(self) -> Designs:
        """Read the designs file."""
        return _read(self.file)

    def policy(self, designs: Designs) -> Policy:
        """Return the policy of this device's designs."""
        return adapt(designs, transfer_from=None if self.other is None else _read(self.other))


DEVICES = (
    Device("synthetic phone", "synthetic-phone.designs.json", "synthetic-tablet.designs.json"),
    Device("synthetic tablet", "synthetic-tablet.designs.json", "synthetic-phone.designs.json"),
    Device("measured processor", "measured-cpu.designs.json"),
)


def _read(file: str) -> Designs:
    return read_document(EXAMPLES / file, Designs)[0]


def as_they_are() -> Iterator[str]:
    """Yield the lines of the table with the weights of the files."""
    yield "| device | joint designs | within the SLOs | distance of d0 | " + " | ".join(BASELINES.values()) + " |"
    yield "|---|" + "---|" * (3 + len(BASELINES))
    for device in DEVICES:
        policy = device.policy(device.designs())
        cells = [_ratio(policy.baselines.get(name)) for name in BASELINES]
        counts = f"{policy.joint_designs:,} | {policy.feasible_joint_designs:,} | {policy.design_set[0].distance:.3f}"
        yield f"| {device.title} | {counts} | {' | '.join(cells)} |"


def _ratio(baseline: Baseline | None) -> str:
    if baseline is None:
        return "-"
    if baseline.choice is None:
        return "no design"
    if not baseline.feasible:
        return "breaks an SLO"
    return "infinite" if baseline.optimality_ratio is None else f"{baseline.optimality_ratio:.2f} x"


def with_random_weights(weightings: int = WEIGHTINGS) -> Iterator[str]:
    """Yield the lines of the table over random weights: median and largest ratio, and how often there is one."""
    yield "| device | " + " | ".join(BASELINES.values()) + " |"
    yield "|---|" + "---|" * len(BASELINES)
    for device in DEVICES:
        found = list(_policies(device, weightings))
        cells = [_spread([policy.baselines.get(name) for policy in found]) for name in BASELINES]
        yield f"| {device.title} | {' | '.join(cells)} |"


def _policies(device: Device, weightings: int) -> Iterator[Policy]:
    random, designs = default_rng(SEED), device.designs()
    for weights in random.dirichlet([1.0] * len(designs.objectives), weightings).tolist():
        asked = zip(designs.objectives, weights, strict=True)
        objectives = tuple(each.model_copy(update={"weight": weight}) for each, weight in asked)
        yield device.policy(designs.model_copy(update={"objectives": objectives}))


def _spread(baselines: list[Baseline | None]) -> str:
    known = [each.optimality_ratio for each in baselines if each is not None]
    ratios = [ratio for ratio in known if ratio is not None]
    if not ratios:
        return "-" if not known else "never"
    often = "" if len(ratios) == len(baselines) else f" ({100 * len(ratios) / len(baselines):.0f} %)"
    return f"{median(ratios):.2f} x, up to {max(ratios):.2f} x{often}"


def main() -> None:
    """Print both tables."""
    print("\n".join(as_they_are()))
    print(f"\nOver {WEIGHTINGS} random weightings:\n")
    print("\n".join(with_random_weights()))


if __name__ == "__main__":
    main()

"""One app of a joint instance: an instance of arrays for each of its models and batch sizes, of which one is chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from planner.fin.instance.decision import Decision
from planner.fin.instance.instance import Instance
from planner.fin.instance.network import Bools


@dataclass(frozen=True, eq=False)
class JointApp:
    """An app with its variants: they differ in model and batch size, and share source, destination, rate and limits."""

    variants: tuple[Instance, ...]
    """At least one; their decisions bear its number."""

    def each(self, change: Callable[[Instance], Instance]) -> JointApp:
        """Return the app with every variant changed."""
        return JointApp(tuple(change(variant) for variant in self.variants))

    def only_points(self, masks: Sequence[Bools]) -> JointApp:
        """Return the app with some operating points of every variant: a mask (K,) for each."""
        pairs = zip(self.variants, masks, strict=True)
        return JointApp(tuple(variant.only_points(mask) for variant, mask in pairs))

    def chosen_by(self, decision: Decision) -> Instance:
        """Return the variant that a decision is of."""
        return self.variants[decision.variant]

    @cached_property
    def possible(self) -> tuple[tuple[int, Instance], ...]:
        """Variants that may have a plan, with their numbers: a point is accurate enough, and batches fill in time."""
        return tuple(
            (number, variant)
            for number, variant in enumerate(self.variants)
            if variant.points.count and variant.filling_s <= variant.limits.latency_s
        )

    @property
    def name(self) -> str:
        """Name of the app."""
        return self.variants[0].name

    @property
    def source(self) -> int:
        """Node where its data begins."""
        return self.variants[0].source

    @property
    def most_s(self) -> float:
        """Latency limit in seconds; infinite where there is none."""
        return self.variants[0].limits.latency_s

    @property
    def inferences_per_s(self) -> float:
        """Samples per second."""
        return self.variants[0].inferences_per_s


def of_variant(decision: Decision, variant: int) -> Decision:
    """Return a decision of an instance as one of a variant of its app.

    Args:
        decision: What was decided of the variant alone.
        variant: Number of the variant.
    """
    return replace(decision, variant=variant) if variant else decision

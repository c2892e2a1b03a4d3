"""Interface of planning methods for one app: options, the protocol, and the registry of methods by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from planner.fin.registry import load

if TYPE_CHECKING:  # the command line needs the names of methods, not all that they work with
    from planner.fin.instance.decision import Decision
    from planner.fin.instance.instance import Instance
    from planner.fin.outcome import Outcome


@dataclass(frozen=True)
class Options:
    """What a caller may ask of any method."""

    gap: float = 0.0
    """Relative gap at which an answer counts as proved."""
    time_limit_s: float | None = None
    gamma: int = 100
    """Latency levels of the method `gamma`."""
    most_labels: int | None = None
    """Labels of a layer that the exact search keeps at most: a limit on effort that does not depend on the clock.

    What it leaves unproved is said as for any limit. None: as many as the method thinks fit.
    """
    jobs: int = 1
    """Threads that price apps which are planned together; the answer does not depend on their number."""


class Method(Protocol):
    """A way to place one app. An answer's decision keeps every limit, or there is none."""

    name: str
    description: str

    def solve(self, instance: Instance, options: Options) -> Outcome[Decision]:
        """Place the app."""


_CLASSES = {
    "exact": "planner.fin.exact.method:Exact",
    "gamma": "planner.fin.methods.gamma:Gamma",
    "mcp": "planner.fin.methods.constrained_path:MultiConstrainedPath",
    "ilp": "planner.fin.methods.integer_program:IntegerProgram",
    "brute": "planner.fin.methods.enumeration:BruteForce",
    "source-only": "planner.fin.methods.single_cut:SourceOnly",
    "edge-only": "planner.fin.methods.single_cut:EdgeOnly",
    "cloud-only": "planner.fin.methods.single_cut:CloudOnly",
    "neurosurgeon": "planner.fin.methods.single_cut:Neurosurgeon",
}

_FOR_RATE = {
    "exact": "planner.fin.maximise.rate:LargestRate",
    "ilp": "planner.fin.maximise.integer_program:LargestRateByProgram",
    "brute": "planner.fin.methods.enumeration:BruteForce",
    "best-split": "planner.fin.maximise.splits:BestSplit",
    "by-work": "planner.fin.maximise.splits:SplitByWork",
    "by-memory": "planner.fin.maximise.splits:SplitByMemory",
}
_FOR_ACCURACY = {
    "exact": "planner.fin.maximise.accuracy:BestAccuracy",
    "ilp": "planner.fin.maximise.accuracy:BestAccuracyByProgram",
    "brute": "planner.fin.methods.enumeration:BruteForce",
}
_CLASSES_FOR = {"rate": _FOR_RATE, "accuracy": _FOR_ACCURACY}

METHODS = tuple(_CLASSES)
"""Methods of objectives that are minimised."""
ALL_METHODS = tuple(dict.fromkeys((*_CLASSES, *_FOR_RATE, *_FOR_ACCURACY)))
"""Methods of any objective."""
GENERAL_METHODS = ("exact", "ilp", "brute", "source-only", "edge-only", "cloud-only", "neurosurgeon")
"""Those that know networks that are no chains, working memory and shared parameters."""
METHODS_WITH_METRICS = ("exact", "ilp", "brute")
"""Methods that keep limits of metrics, and minimise them."""


def methods_of(objective: str) -> tuple[str, ...]:
    """Return the names of the methods that know an objective.

    Args:
        objective: `energy`, `latency`, `rate`, `accuracy` or a metric.
    """
    return tuple(_CLASSES_FOR.get(objective, _CLASSES))


def method(name: str, objective: str = "energy") -> Method:
    """Return a method by its name; its module (and what that needs) loads now.

    Args:
        name: Name of the method.
        objective: What it is asked to minimise or maximise.

    Raises:
        InputError: There is no such method, or it does not know the objective.
    """
    classes = _CLASSES_FOR.get(objective, _CLASSES)
    missing = (
        f"the method does not know the objective {objective}" if name in ALL_METHODS else "there is no such method"
    )
    found: Method = load(name, classes, missing)
    return found

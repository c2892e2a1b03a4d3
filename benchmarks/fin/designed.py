"""Case `designed`: all operating points that a calibration designs, searched for the best."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.report import Report, at_most, median_seconds, seconds_text
from planner.fin.exact.method import Exact
from planner.fin.instance.instance import Instance, build_instance
from planner.fin.instance.network import build_network
from planner.fin.instance.packages import expand
from planner.fin.method import Options
from planner.schemas import App, Model, Topology, read_document

EXAMPLES = Path(__file__).parents[2] / "examples"
_MOST_S = 1.0


@dataclass(frozen=True)
class Designed:
    """EfficientNet-B0 with measured exits on four AWS instances."""

    name: str = "designed"
    model: str = "efficientnet-b0-aws.json"
    topology: str = "aws-four-tiers.json"
    min_accuracy: float = 0.6
    max_latency_s: float = 0.1
    repeats: int = 5

    def quick(self) -> Designed:
        """Return a version that runs once."""
        return replace(self, repeats=1)

    def run(self) -> Report:
        """Time design and search together, from the parsed files on."""
        model, _ = read_document(EXAMPLES / self.model, Model)
        topology, _ = read_document(EXAMPLES / self.topology, Topology)
        app = App(name="app", model=self.model, min_accuracy=self.min_accuracy, max_latency_s=self.max_latency_s)

        def build() -> Instance:
            return build_instance(app, model, build_network(*expand(topology)))

        seconds = median_seconds(lambda: Exact().solve(build(), Options()), self.repeats)
        outcome, points = Exact().solve(build(), Options()), build().points.count
        rows = ((str(points), seconds_text(seconds), outcome.status),)
        target = at_most("design and search", seconds, _MOST_S, "s")
        title = f"designed: {self.model}, accuracy {self.min_accuracy:g}, {self.max_latency_s * 1e3:g} ms"
        return Report(title, ("operating points", "design and search", "status"), rows, targets=(target,))

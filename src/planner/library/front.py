"""Fronts by the library: every trade-off of one app that no other plan beats, as text and rows."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any, Unpack

from planner.fin.method import Options
from planner.library.inputs import ModelsLike, TopologyLike, WorkloadLike, planning_inputs
from planner.library.requests import request_for, single_app_request
from planner.pipeline.request import AUTO
from planner.schemas.planning.front import Front as FrontFile
from planner.schemas.planning.model import Model
from planner.schemas.planning.workload import AppLimits

if TYPE_CHECKING:
    from planner.pipeline.pareto import Watch


class Front(FrontFile):
    """Every trade-off between energy, latency and accuracy that no other plan beats; fields as in front.json."""

    @classmethod
    def of(cls, front: FrontFile) -> Front:
        """Return a front with the methods of the library."""
        fields = {name: getattr(front, name) for name in type(front).model_fields}
        return cls.model_construct(front.model_fields_set, **fields)

    def __eq__(self, other: object) -> bool:
        """Compare the fields: a front read from its file equals the one that was written."""
        return isinstance(other, FrontFile) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment] # fields hold dicts

    def summary(self) -> str:
        """Return the front as the text that the command line prints."""
        from planner.text.front import front_text

        return front_text(self)

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        return f"<Front {self.status}: {len(self.points)} points>"

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.summary())}</pre>"

    def to_rows(self) -> list[dict[str, Any]]:
        """Return a row per point: `energy_j`, `latency_s`, `accuracy`, metrics, `operating_point` and `nodes`."""
        rows = []
        for point in self.points:
            plan = point.placement.apps[0]
            figures: dict[str, Any] = {
                "energy_j": point.energy_j,
                "latency_s": point.latency_s,
                "accuracy": point.accuracy,
            }
            nodes = list(dict.fromkeys(each.node for each in plan.assignments))
            figures |= {} if plan.model is None else {"model": plan.model}
            figures |= {} if plan.batch == 1 else {"batch": plan.batch}
            rows.append({**figures, **plan.metrics, "operating_point": plan.operating_point, "nodes": nodes})
        return rows


def pareto(
    model: ModelsLike | None = None,
    topology: TopologyLike | None = None,
    *,
    workload: WorkloadLike | None = None,
    models: Mapping[str, Model] | None = None,
    axes: tuple[str, ...] | None = None,
    max_points: int | None = None,
    time_limit_s: float | None = None,
    per_exit_thresholds: bool = False,
    watch: Watch = lambda found, accuracy: None,
    **limits: Unpack[AppLimits],
) -> Front:
    """Find every plan of one app that no other one beats in energy, latency and accuracy (epsilon-constraint method).

    Args:
        model: As for `plan`.
        topology: As for `plan`.
        workload: A workload of one app.
        models: As for `plan`.
        axes: Two of energy, latency, accuracy and the metrics of the topology (default: energy, latency and accuracy).
        max_points: Stop with a partial front after this number of points.
        time_limit_s: Stop with a partial front after this time, in seconds.
        per_exit_thresholds: Design operating points with one threshold per exit.
        watch: Told of the points found and the accuracy searched, before every search.
        **limits: `source`, `max_latency_s` and the other limits of one app, as for `plan`; without `min_accuracy`, all
            accuracies are of interest.

    Returns:
        The front, each point a verified placement; `status` tells whether it is proved complete.

    Raises:
        InputError: An input cannot be used, or there are several apps.
    """
    from planner.pipeline.pareto import pareto as walk

    planned = planning_inputs(model, topology, workload, models, limits)
    request = single_app_request(request_for(planned, AUTO, Options(time_limit_s=time_limit_s), per_exit_thresholds))
    if axes is not None:
        from planner.pipeline.front_of_two import front_of_two

        return Front.of(front_of_two(request, tuple(axes), max_points, time_limit_s, watch))
    return Front.of(walk(request, max_points, time_limit_s, watch))

"""A front that prints as the command line does and turns into rows."""

from __future__ import annotations

from html import escape
from typing import Any

from planner.schemas.planning.front import Front as FrontFile


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

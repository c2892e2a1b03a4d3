"""A placement that prints as the command line does, draws itself in a notebook, and turns into rows and graphs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pydantic import PrivateAttr
from pydantic_core import to_jsonable_python

from planner.library.inputs import PlanningInputs
from planner.schemas.planning.placement import AppPlacement, Route
from planner.schemas.planning.placement import Placement as PlacementFile

if TYPE_CHECKING:
    import networkx


def _received(plan: AppPlacement) -> list[list[Route]]:
    """Return the routes that bring every block what it reads: by default, a route goes to the next block."""
    names = [each.block for each in plan.assignments]
    following = dict(zip([None, *names], names, strict=False))
    received: dict[str, list[Route]] = {name: [] for name in names}
    for route in plan.routes:
        if route.result_of is None:
            received[route.to or following[route.after]].append(route)
    return list(received.values())


class Placement(PlacementFile):
    """The result of planning; the fields are those of placement.json.

    `print(placement)` prints what the command line prints; in a notebook a placement shows the figures of its page.

    Example:
        >>> placement = planner.plan("examples/small.json", "examples/small-topology.json")
        >>> placement.status, placement.apps[0].assignments[0].node
        ('optimal', 'phone')
        >>> planner.Placement.model_validate_json(placement.model_dump_json()) == placement
        True
    """

    _planned: PlanningInputs | None = PrivateAttr(None)

    @classmethod
    def of(cls, placement: PlacementFile, planned: PlanningInputs | None = None) -> Placement:
        """Return a placement with the methods of the library; `planned` is what it was made for, if known."""
        fields = {name: getattr(placement, name) for name in type(placement).model_fields}
        if planned is not None and placement.provenance is not None:
            given = {"files": dict(planned.files), "limits": to_jsonable_python(dict(planned.limits))}
            update = {name: value for name, value in given.items() if value}
            fields["provenance"] = placement.provenance.model_copy(update=update)
        result = cls.model_construct(placement.model_fields_set, **fields)
        result._planned = planned
        return result

    @property
    def planned(self) -> PlanningInputs | None:
        """What the placement was made for; None for one that was read from a file."""
        return self._planned

    def __eq__(self, other: object) -> bool:
        """Compare the fields: a placement read from its file equals the one that was written."""
        return isinstance(other, PlacementFile) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment] # fields hold dicts

    def summary(self) -> str:
        """Return the placement as the text that the command line prints."""
        from planner.text.placement import placement_text

        planned = self._planned
        if planned is None:
            return placement_text(self)
        return placement_text(self, planned.apps, planned.topology, planned.objective)

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        return f"<Placement {self.summary().partition(chr(10))[0]}>"

    def to_rows(self) -> list[dict[str, Any]]:
        """Return a row per block in order of execution, for a table such as ``pandas.DataFrame(rows)``.

        Returns:
            Rows with `app`, `operating_point`, `block`, `node`, `speed` (relative clock speed, 1 = nominal), `share`
            (the app's share of the node, 1 where it is alone), `received_from` (the routes on which other nodes send
            what the block reads, as ``phone > edge``; empty for none) and `received_bits` (their sum).
        """
        return [
            {
                "app": plan.name,
                "operating_point": plan.operating_point,
                "block": each.block,
                "node": each.node,
                "speed": self.node_speeds.get(each.node, 1.0),
                "share": plan.shares.nodes.get(each.node, 1.0),
                "received_from": "; ".join(" > ".join(route.path) for route in received),
                "received_bits": sum((route.bits for route in received), 0.0),
            }
            for plan in self.apps
            for each, received in zip(plan.assignments, _received(plan), strict=True)
        ]

    def to_csv(self) -> str:
        """Return `to_rows` as CSV, in SI units."""
        from planner.text.table import csv_text

        return csv_text(self.to_rows(), ("app", "block", "node"))

    def to_networkx(self) -> networkx.DiGraph:
        """Return the placement as a graph: nodes that compute or relay, and the links that routes take.

        Returns:
            A directed graph. Nodes have `blocks`, the names of blocks by app. Edges have `bits`, the sum over all
            routes that pass (of one inference of every app in which each output is sent), and `routes`, pairs of the
            app and what is carried.
        """
        import networkx

        graph = networkx.DiGraph()
        for row in self.to_rows():
            graph.add_node(row["node"])
            blocks = graph.nodes[row["node"]].setdefault("blocks", {})
            blocks.setdefault(row["app"], []).append(row["block"])
        for source, target, bits, carried in self._hops():
            if not graph.has_edge(source, target):
                graph.add_edge(source, target, bits=0.0, routes=[])
            graph.edges[source, target]["bits"] += bits
            graph.edges[source, target]["routes"].append(carried)
        for name in graph:
            graph.nodes[name].setdefault("blocks", {})
        return graph

    def _hops(self) -> Iterator[tuple[str, str, float, tuple[str, str]]]:
        """Yield every link that a route takes: its ends, what is carried in bits, and the app with what that is."""
        for plan in self.apps:
            for route in plan.routes:
                what = f"result of {route.result_of}" if route.result_of else route.after or "input"
                for source, target in zip(route.path, route.path[1:], strict=False):
                    yield source, target, route.bits, (plan.name, what)

    def _repr_html_(self) -> str:
        """Return the figures of the placement's page for a notebook; the text where they cannot be drawn."""
        from planner.library.notebook import placement_html

        return placement_html(self)

    def write_report(self, path: Any, **options: Any) -> None:  # noqa: ANN401 - as planner.write_report takes them
        """Write the page of the placement; see `planner.write_report`."""
        from planner.library.pages import write_report

        write_report(self, path, **options)

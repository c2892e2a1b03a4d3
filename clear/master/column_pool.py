"""Column pool: the columns known of each app, and the priced columns that the restricted master chooses among."""

from __future__ import annotations

from planner.clear.master.priced_column import PricedColumn
from planner.clear.problem.column import Column, Key, key_of
from planner.clear.problem.instance import JointInstance
from planner.fin.instance.decision import Decision


class ColumnPool:
    """Columns that pricing and heuristics found so far."""

    def __init__(self, joint: JointInstance) -> None:
        self._joint = joint
        self._known: list[dict[Key, Column]] = [{} for _ in range(joint.count)]
        self.priced: list[PricedColumn] = []
        """Variables of the restricted master, in the order in which they were found."""

    def column(self, app: int, decision: Decision) -> Column:
        """Return the column of a decision of an app, and keep it."""
        key = key_of(decision)
        if key not in self._known[app]:
            self._known[app][key] = self._joint.column(app, decision)
        return self._known[app][key]

    def keep(self, column: Column) -> None:
        """Keep a column that was made elsewhere."""
        self._known[column.app].setdefault(column.key, column)

    def columns(self, app: int) -> list[Column]:
        """Return the columns known of an app."""
        return list(self._known[app].values())

    def add(self, priced: PricedColumn) -> None:
        """Add a variable to the restricted master."""
        self.priced.append(priced)

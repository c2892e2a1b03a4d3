"""Switching of plans during a run: results and probes are observed, and the manager's plan takes the next samples."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from planner.running.agents.coordinator import Coordinator
from planner.running.agents.errors import RunFailedError
from planner.running.agents.outcome import Outcome
from planner.running.pieces.hops import PlanHops
from planner.running.pieces.links import LinkTable
from planner.running.policies.manager import Manager
from planner.schemas.bundles.run import Switch

_PROBE_S = 0.25
_PROBE_BYTES = 16_384


@dataclass
class Switcher:
    """Observer of a coordinator that changes its plan by a policy."""

    manager: Manager
    links: LinkTable
    plans: Mapping[str, PlanHops]
    pieces_s: Mapping[str, tuple[float, ...]]
    """Predicted time of every piece, by plan."""
    switches: list[Switch] = field(default_factory=list)
    _probed_s: float = 0.0

    def __call__(self, coordinator: Coordinator, outcome: Outcome | None) -> None:
        """Look at a result (None: an agent was lost), and change the plan where the state has changed."""
        for node in coordinator.lost - self.manager.lost:
            self.manager.observe_loss(node)
        if outcome is not None:
            self._observe(outcome)
        self._read_probes(coordinator)
        self._send_probes(coordinator)
        self._switch(coordinator)

    def _observe(self, outcome: Outcome) -> None:
        """Take note of a sample: one observation for each link and each node, so that one delay counts once."""
        flow, found = self.plans[outcome.plan], dict[str, list[float]]()
        for path, (time_s, bits) in link_times(flow, outcome).items():
            self._observe_link(path, time_s, bits)
        for index, _, _, cpu, slow in outcome.trace:
            times = found.setdefault(flow.plan.pieces[int(index)].node, [0.0, 0.0])
            times[0] += cpu * slow * 1e-9
            times[1] += self.pieces_s[outcome.plan][int(index)]
        for node, (taken_s, predicted_s) in found.items():
            if predicted_s > 0:
                self.manager.observe_node(node, taken_s / predicted_s)

    def _observe_link(self, path: tuple[str, ...], time_s: float, bits: float) -> None:
        nominal_s = self.links.time_s(path, bits)
        self.manager.observe_link(path, time_s, nominal_s, self.links.path_rates(path)[0])

    def _read_probes(self, coordinator: Coordinator) -> None:
        for notice in coordinator.notices:
            via, sent, arrived = (notice.fields.get(key) for key in ("via", "sent_ns", "arrived_ns"))
            bits = notice.fields.get("bits")
            if isinstance(via, str) and isinstance(sent, int) and isinstance(arrived, int) and isinstance(bits, int):
                path = tuple(via.split("/"))
                self._observe_link(path, (arrived - sent) * 1e-9, bits)
        coordinator.notices.clear()

    def _send_probes(self, coordinator: Coordinator) -> None:
        """Probe the links that conditions change, for the plan of now may not use them."""
        now = time.monotonic()
        if now - self._probed_s < _PROBE_S:
            return
        self._probed_s = now
        source = self.plans[coordinator.plan].source
        ends = {
            (each.source, each.target)
            for condition in self.manager.states.conditions
            for each in (*condition.links, *condition.lost_links)
        }
        for start, end in sorted(ends & self.links.links.keys()):
            if end in coordinator.connections and (start == source or start in coordinator.connections):
                coordinator.probe(source, (start, end), _PROBE_BYTES)

    def _switch(self, coordinator: Coordinator) -> None:
        """Change the plan for the samples that start next.

        Raises:
            RunFailedError: Nothing can run in this state.
        """
        wanted = self.manager.plan()
        conditions = self.manager.conditions
        if wanted is None:
            raise RunFailedError(f"no plan of the policy runs in this state ({', '.join(conditions)})")
        if wanted == coordinator.plan:
            return
        coordinator.plan = wanted
        reason = f"observed: {', '.join(conditions)}" if conditions else "nothing is wrong any more"
        at_s = (time.monotonic_ns() - coordinator.started_ns) * 1e-9
        self.switches.append(Switch(at_s=at_s, conditions=conditions, plan=wanted, reason=reason))


def link_times(flow: PlanHops, outcome: Outcome) -> dict[tuple[str, ...], tuple[float, float]]:
    """Return the time of the largest transfer of a sample over every path.

    Tensors that a node sends to another one at the same time share the path, and are one transfer: from the first that
    is sent to the last that arrives.

    Args:
        flow: The transfers of the plan.
        outcome: The sample.

    Returns:
        Time in seconds and size in bits, by path.
    """
    groups: dict[tuple[tuple[str, ...], int, int | None], list[float]] = {}
    for number, sent, arrived in outcome.moved:
        hop = flow.hops[int(number)]
        if hop.via is not None:
            group = groups.setdefault((hop.path, hop.after, hop.gate), [sent, arrived, 0.0])
            group[:] = min(group[0], sent), max(group[1], arrived), group[2] + hop.bits
    found: dict[tuple[str, ...], tuple[float, float]] = {}
    for (path, _, _), (sent, arrived, bits) in groups.items():
        if bits > found.get(path, (0.0, -1.0))[1]:
            found[path] = (arrived - sent) * 1e-9, bits
    return found

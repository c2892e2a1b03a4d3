"""Runtime manager: hysteresis on load and memory gives the state, and a table gives its joint design.

It needs nothing beyond the standard library, so that any program can hold it:

    manager = RuntimeManager.from_file("policy.json")
    design = manager.observe(time_s, [0.9, 0.1], memory_available_bytes)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import Any

ENTER_LOAD, LEAVE_LOAD, DWELL_S = 0.8, 0.6, 1.0
"""Defaults: an engine is overloaded from this load on, until it falls to that; least time in a design."""
MEMORY_HEADROOM = 1.1
"""Default: memory is tight until there is this much more than the designs need."""


class RuntimeManager:
    """Holds a policy and the state of the device; one look-up in a table per sample.

    An engine counts as overloaded from the sample on whose load is at least `enter_load`, until one is at most
    `leave_load`. Memory counts as tight from the sample on that leaves the tasks less than `memory_enter_bytes`,
    until one leaves them `memory_leave_bytes`. A design is kept for at least `dwell_s` seconds.
    """

    def __init__(
        self,
        policy: Mapping[str, Any],
        *,
        enter_load: float = ENTER_LOAD,
        leave_load: float = LEAVE_LOAD,
        dwell_s: float = DWELL_S,
        memory_enter_bytes: float | None = None,
        memory_leave_bytes: float | None = None,
    ) -> None:
        """Take the content of a policy.json.

        Args:
            policy: The policy.
            enter_load: Load in [0, 1] from which on an engine is overloaded.
            leave_load: Load at which it no longer is; at most `enter_load`.
            dwell_s: Least time between two switches, in seconds.
            memory_enter_bytes: Memory available to the tasks below which memory is tight (default: the most that a
                design needs of those which the policy runs while memory is not tight).
            memory_leave_bytes: Memory available at which it no longer is (default: a tenth more).

        Raises:
            ValueError: A state has no row, a row names no design, or a threshold is out of range.
        """
        if not 0.0 <= leave_load <= enter_load <= 1.0:
            raise ValueError(f"thresholds of load need 0 <= leave <= enter <= 1, not {leave_load} and {enter_load}")
        if not 0.0 <= dwell_s < float("inf"):
            raise ValueError(f"the least dwell time is a number of seconds from 0 on, not {dwell_s}")
        self.engines, self.designs, self.choices, self._table, self._degraded = _read(policy)
        enter = _need_bytes(policy) if memory_enter_bytes is None else memory_enter_bytes
        leave = MEMORY_HEADROOM * enter if memory_leave_bytes is None else memory_leave_bytes
        if not 0.0 <= enter <= leave:
            raise ValueError(f"thresholds of memory need 0 <= enter <= leave, not {enter} and {leave}")
        self._enter_load, self._leave_load, self._dwell_s = enter_load, leave_load, dwell_s
        self._enter_bytes, self._leave_bytes = enter, leave
        self._bits = tuple(1 << place for place in range(len(self.engines)))
        self._memory_bit = 1 << len(self.engines)
        self._state = 0
        self._current = self._table[0]
        self._since_s = float("-inf")

    @classmethod
    def from_file(cls, path: str | PathLike[str], **thresholds: float) -> RuntimeManager:
        """Read a policy.json; see the class for thresholds.

        Raises:
            OSError: The file cannot be read.
            ValueError: It is no policy.
        """
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib would be one more import
            policy = json.load(file)
        if not isinstance(policy, dict):
            raise ValueError("a policy is a JSON object")
        return cls(policy, **thresholds)

    def step(self, time_s: float, loads: Sequence[float], memory_available_bytes: float) -> int:
        """Take a sample, and return the place of the design to run in `designs`.

        Args:
            time_s: Time of the sample in seconds; never falls.
            loads: Load of every engine in [0, 1], in the order of `engines`.
            memory_available_bytes: Memory that the tasks may use, what they use already included.

        Returns:
            Index into `designs`.

        Raises:
            ValueError: There is not one load for each engine.
        """
        if len(loads) != len(self._bits):
            raise ValueError(f"{len(loads)} loads for {len(self._bits)} engines")
        state, enter, leave = self._state, self._enter_load, self._leave_load
        for bit, load in zip(self._bits, loads):  # noqa: B905 - compared above; this line runs on every sample
            if load >= enter:
                state |= bit
            elif load <= leave:
                state &= ~bit
        if memory_available_bytes < self._enter_bytes:
            state |= self._memory_bit
        elif memory_available_bytes >= self._leave_bytes:
            state &= ~self._memory_bit
        self._state = state
        wanted = self._table[state]
        if wanted != self._current and time_s - self._since_s >= self._dwell_s:
            self._current, self._since_s = wanted, time_s
        return self._current

    def observe(self, time_s: float, loads: Sequence[float], memory_available_bytes: float) -> str:
        """Take a sample as `step` does, and return the name of the design to run.

        Args:
            time_s: Time of the sample in seconds; never falls.
            loads: Load of every engine in [0, 1], in the order of `engines`.
            memory_available_bytes: Memory that the tasks may use, in bytes.

        Returns:
            Name of the design.

        Raises:
            ValueError: There is not one load for each engine.
        """
        return self.designs[self.step(time_s, loads, memory_available_bytes)]

    def look_up(self, state: int) -> int:
        """Return the position of a state's design in `designs`; bit i is engine i, the next bit is memory."""
        return self._table[state]

    def design_for(self, overloaded: Iterable[str], memory_tight: bool) -> str:
        """Return the name of the design of a state.

        Args:
            overloaded: Names of the overloaded engines.
            memory_tight: Whether memory is tight.

        Raises:
            ValueError: There is no such engine.
        """
        return self.designs[self._table[_state_of(self.engines, overloaded, memory_tight)]]

    @property
    def design(self) -> str:
        """Name of the design to run now."""
        return self.designs[self._current]

    @property
    def choice(self) -> dict[str, str]:
        """Name of the design of every task to run now."""
        return self.choices[self._current]

    @property
    def overloaded(self) -> list[str]:
        """Engines that count as overloaded now."""
        return [name for name, bit in zip(self.engines, self._bits, strict=True) if self._state & bit]

    @property
    def memory_tight(self) -> bool:
        """Whether memory counts as tight now."""
        return bool(self._state & self._memory_bit)

    @property
    def degraded(self) -> bool:
        """Whether no design suits the state of the device now."""
        return self._degraded[self._state]


_PolicyTable = tuple[tuple[str, ...], tuple[str, ...], tuple[dict[str, str], ...], list[int], list[bool]]
"""Engines, designs, choices of each design, and by state the place of its design and whether it is degraded."""


def _read(policy: Mapping[str, Any]) -> _PolicyTable:
    """Return engines, designs, their choices, and by state the design's place and whether it is degraded."""
    try:
        rows = [(list(row["overloaded"]), bool(row["memory_tight"]), row) for row in policy["policy"]]
        designs = tuple(str(design["name"]) for design in policy["design_set"])
        choices = tuple(dict(design["choice"]) for design in policy["design_set"])
        all_overloaded = max([overloaded for overloaded, _, _ in rows], key=len)
        engines = tuple(map(str, all_overloaded))
        places = {name: place for place, name in enumerate(designs)}
        table, degraded = [-1] * 2 ** (len(engines) + 1), [False] * 2 ** (len(engines) + 1)
        for overloaded, tight, row in rows:
            state = _state_of(engines, overloaded, tight)
            table[state], degraded[state] = places[row["design"]], bool(row.get("degraded", False))
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a policy: {error!r}") from None
    except ValueError as error:
        raise ValueError(f"not a policy: {error}") from None
    if -1 in table:
        raise ValueError(f"not a policy: {table.count(-1)} of {len(table)} states have no row")
    return engines, designs, choices, table, degraded


def _state_of(engines: Sequence[str], overloaded: Iterable[str], memory_tight: bool) -> int:
    state = int(memory_tight) << len(engines)
    for name in overloaded:
        if name not in engines:
            raise ValueError(f"there is no engine {name!r}; there are {', '.join(engines)}")
        state |= 1 << engines.index(name)
    return state


def _need_bytes(policy: Mapping[str, Any]) -> float:
    """Return the most memory of the designs that are run while memory is not tight."""
    names = {row["design"] for row in policy["policy"] if not row["memory_tight"]}
    try:
        return max(float(each["metrics"]["memory_bytes"]) for each in policy["design_set"] if each["name"] in names)
    except (KeyError, TypeError, ValueError):
        raise ValueError("a design says nothing of its memory_bytes; give memory_enter_bytes") from None

"""`planner replay`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planner.carin.manager import DWELL_S, ENTER_LOAD, LEAVE_LOAD
from planner.commands.command import command
from planner.commands.options import AsJson, Output
from planner.units import format_quantity, parse_fraction, parse_quantity

EnterLoad = Annotated[str, typer.Option(help="Load from which on an engine is overloaded, such as 0.8 or 80%.")]
LeaveLoad = Annotated[str, typer.Option(help="Load at which an engine no longer is overloaded.")]
Dwell = Annotated[str, typer.Option(help="Least time between two switches, such as 500ms.")]
MemoryEnter = Annotated[float | None, typer.Option(help="Memory below which it is tight, in bytes (default: need).")]
MemoryLeave = Annotated[float | None, typer.Option(help="Memory at which it no longer is tight (default: 10% more).")]

_DWELL = format_quantity(DWELL_S, "s")

DesignsPath = Annotated[
    Path | None, typer.Option("--designs", help="The policy's designs file: an oracle solves anew at every sample.")
]


@command
def replay_command(
    policy: Annotated[Path, typer.Argument(help="A policy made by planner adapt.")],
    trace: Annotated[Path, typer.Argument(help="CSV: time_s, a column of load per engine, memory_available_bytes.")],
    designs: DesignsPath = None,
    enter_load: EnterLoad = str(ENTER_LOAD),
    leave_load: LeaveLoad = str(LEAVE_LOAD),
    dwell: Dwell = _DWELL,
    memory_enter_bytes: MemoryEnter = None,
    memory_leave_bytes: MemoryLeave = None,
    output: Output = None,
    as_json: AsJson = False,
) -> int:
    """Run a recorded load trace through the runtime manager, fixed designs and an oracle."""
    from dataclasses import asdict

    from planner.adaptation.designs import replay_of
    from planner.commands.results import written
    from planner.progress import waiting
    from planner.text.designs import replay_text

    with written(output, as_json) as give:
        with waiting("replaying"):
            done = replay_of(
                policy, trace, designs=designs,
                enter_load=parse_fraction(enter_load, "--enter-load"),
                leave_load=parse_fraction(leave_load, "--leave-load"),
                dwell_s=parse_quantity(dwell, "s", "--dwell"),
                memory_enter_bytes=memory_enter_bytes,
                memory_leave_bytes=memory_leave_bytes,
            )  # fmt: skip
        give(lambda: {"schema_version": "1", **asdict(done)}, replay_text(done), True)
    return 0

"""`planner profile`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from planner.commands.command import command
from planner.commands.exit_codes import EXIT_OTHER
from planner.commands.options import AsJson, Output
from planner.commands.output import json_text, say
from planner.running.ranges import MOST_REPEATS, MOST_THREADS
from planner.schemas.reading.problems import input_error

if TYPE_CHECKING:
    from planner.running.timing.profile import Profiled

AgentAddress = Annotated[str | None, typer.Option("--agent", help="HOST:PORT of an agent to profile on.")]
LinkAddresses = Annotated[
    list[str] | None, typer.Option("--links", help="[NAME=]HOST:PORT of an agent to measure the link to. Repeatable.")
]


@command
def profile_command(
    network: Annotated[Path, typer.Argument(help="A bundle, from planner import.")],
    hardware: Annotated[str, typer.Option(help="Name of the profile: the hardware field of nodes.")],
    threads: Annotated[int, typer.Option(min=1, max=MOST_THREADS, help="Threads of ONNX Runtime.")] = 1,
    repeats: Annotated[int, typer.Option(min=1, max=MOST_REPEATS, help="Rounds to take the median of.")] = 30,
    power_w: Annotated[float | None, typer.Option(min=0.0, help="Power while it runs, in watts, for energy.")] = None,
    agent: AgentAddress = None,
    links: LinkAddresses = None,
    keys: Annotated[Path | None, typer.Option(help="Folder of keys, if the agents have them.")] = None,
    output: Output = None,
    as_json: AsJson = False,
) -> int:
    """Measure the blocks of a bundle here or on an agent; or measure links to agents."""
    from planner.commands.results import written
    from planner.library.measuring import profile
    from planner.progress import waiting
    from planner.running.agents.errors import RunFailedError

    try:
        with written(output, as_json) as give:
            if links:
                data: dict[str, Any] = {"links": _links(links, hardware, keys)}
                give(lambda: data, json_text(data), True)
            else:
                with waiting("profiling"):
                    found = profile(
                        network, hardware, threads=threads, repeats=repeats, power_w=power_w, agent=agent, keys=keys
                    )
                give(lambda: _document(hardware, found), _text(hardware, found), True)
    except RunFailedError as error:
        say(f"error: {error}", err=True)
        return EXIT_OTHER
    return 0


def _document(hardware: str, found: Profiled) -> dict[str, Any]:
    return {"hardware": hardware, "times_s": dict(found.times_s), "notes": list(found.notes)}


def _text(hardware: str, found: Profiled) -> str:
    from planner.units import format_quantity

    times_s = {name: time_s for name, time_s in found.times_s.items() if time_s > 0}  # some exits compute nothing
    times_s["all"] = sum(times_s.values())
    lines = [f"{name}  {format_quantity(time_s, 's')}" for name, time_s in times_s.items()]
    return "\n".join([f"profile {hardware}", *lines, *(f"note: {note}" for note in found.notes)])


def _links(addresses: list[str], hardware: str, keys: Path | None) -> list[dict[str, Any]]:
    """Return link fields of a topology for both directions to every agent, and say how each was fitted."""
    from planner.library.measuring import measure_links

    found = measure_links(dict(_named(text) for text in addresses), hardware, keys=keys)
    for link in found:
        say(f"{link.source} > {link.target}: {link.fit.text}", err=True)
    return [link.fields for link in found]


def _named(text: str) -> tuple[str, str]:
    from planner.schemas.bundles.nodes import parse_address

    name, separator, address = text.rpartition("=")
    parse_address(address, "--links")
    if separator and not name:
        raise input_error("the node has no name", "write it as edge=HOST:PORT", path="--links", value=text)
    return (name or address), address

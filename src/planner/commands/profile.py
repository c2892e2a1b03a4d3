"""`planner profile`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from planner.commands.command import command
from planner.commands.exit_codes import EXIT_OTHER
from planner.commands.options import AsJson, Output
from planner.commands.output import json_text, say
from planner.schemas.reading.problems import input_error

if TYPE_CHECKING:
    from planner.running.timing.profile import ProfileOptions

AgentAddress = Annotated[str | None, typer.Option("--agent", help="HOST:PORT of an agent to profile on.")]
LinkAddresses = Annotated[
    list[str] | None, typer.Option("--links", help="[NAME=]HOST:PORT of an agent to measure the link to. Repeatable.")
]


@command
def profile_command(
    network: Annotated[Path, typer.Argument(help="A bundle, from planner import.")],
    hardware: Annotated[str, typer.Option(help="Name of the profile: the hardware field of nodes.")],
    threads: Annotated[int, typer.Option(min=1, max=256, help="Threads of ONNX Runtime.")] = 1,
    repeats: Annotated[int, typer.Option(min=1, max=10_000, help="Rounds to take the median of.")] = 30,
    power_w: Annotated[float | None, typer.Option(min=0.0, help="Power while it runs, in watts, for energy.")] = None,
    agent: AgentAddress = None,
    links: LinkAddresses = None,
    keys: Annotated[Path | None, typer.Option(help="Folder of keys, if the agents have them.")] = None,
    output: Output = None,
    as_json: AsJson = False,
) -> int:
    """Measure the blocks of a bundle here or on an agent; or measure links to agents."""
    from planner.commands.results import written
    from planner.running.agents.errors import RunFailedError
    from planner.running.requirements import require

    require("onnx", "onnxruntime", "pyzmq", doing="profiling")
    try:
        with written(output, as_json) as give:
            if links:
                data: dict[str, Any] = {"links": _links(links, hardware, keys)}
                give(lambda: data, json_text(data), True)
            else:
                data, text = _profile(network, _options(hardware, threads, repeats, power_w), agent, keys)
                give(lambda: data, text, True)
    except RunFailedError as error:
        say(f"error: {error}", err=True)
        return EXIT_OTHER
    return 0


def _options(hardware: str, threads: int, repeats: int, power_w: float | None) -> ProfileOptions:
    from planner.running.timing.profile import ProfileOptions

    return ProfileOptions(hardware, threads, repeats, power_w)


def _profile(
    network: Path, options: ProfileOptions, agent: str | None, keys: Path | None
) -> tuple[dict[str, Any], str]:
    from planner.files.writing import whole_file
    from planner.progress import waiting
    from planner.running.graph.bundle import MODEL, read_bundle
    from planner.running.timing.measuring import measure_profile
    from planner.units import format_quantity

    bundle = read_bundle(network)
    with whole_file(network / MODEL, may_replace_input=True) as file, waiting("profiling"):
        found, model = measure_profile(bundle, options, agent, keys)
        file.write(model.decode())
    lines = [f"{name}  {format_quantity(time_s, 's')}" for name, time_s in found.times_s.items()]
    text = "\n".join([f"profile {options.hardware}", *lines, *(f"note: {note}" for note in found.notes)])
    return {"hardware": options.hardware, "times_s": dict(found.times_s), "notes": list(found.notes)}, text


def _links(addresses: list[str], hardware: str, keys: Path | None) -> list[dict[str, Any]]:
    """Return link fields of a topology for both directions to every agent, and say how each was fitted."""
    from planner.running.timing.measuring import measure_links
    from planner.units import format_quantity

    found = measure_links(dict(_named(text) for text in addresses), hardware, keys)
    for link in found:
        fit = link.fit
        small, offset = format_quantity(fit.small_s, "s"), format_quantity(fit.offset_s, "s")
        line = f"{offset} + bits / ({format_quantity(fit.bit_per_s, 'bit/s')})"
        say(f"{link.source} > {link.target}: 1 kB takes {small}, larger messages {line}", err=True)
    return [link.fields for link in found]


def _named(text: str) -> tuple[str, str]:
    from planner.schemas.bundles.nodes import parse_address

    name, separator, address = text.rpartition("=")
    parse_address(address, "--links")
    if separator and not name:
        raise input_error("the node has no name", "write it as edge=HOST:PORT", path="--links", value=text)
    return (name or address), address

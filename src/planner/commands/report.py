"""`planner report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.commands.command import command
from planner.commands.options import Limits, PartialSources
from planner.commands.output import PAGE, note, say
from planner.schemas.reading.files import is_folder
from planner.schemas.reading.printable import printable
from planner.schemas.reading.problems import input_error

if TYPE_CHECKING:
    from planner.report.page import Page

Shown = Annotated[
    Path, typer.Argument(help="A placement, front, policy, comparison, run, or a folder (or CSV) of results.")
]
FleetFile = Annotated[
    Path | None, typer.Option("--fleet", metavar="FILE", help="Fleet that a fleet placement was made for.")
]
SitesFile = Annotated[
    Path | None, typer.Option("--sites", metavar="FILE", help="Positions of sites, for the map of a fleet.")
]
PageOutput = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="File for the page (.html)."), PAGE]


@command
def report_command(
    shown: Shown,
    files: PartialSources,
    limits: Limits,
    output: PageOutput,
    fleet: FleetFile = None,
    sites: SitesFile = None,
) -> int:
    """Draw a plan, a front, a policy, a fleet, a run or results as one HTML page that needs no network."""
    from planner.commands.inputs import asked_for
    from planner.files.writing import whole_file
    from planner.library.pages import page_of
    from planner.progress import waiting
    from planner.report.page import page_html

    with whole_file(output) as file:
        if fleet is not None or sites is not None:
            page = _fleet_page(shown, fleet, sites, files, limits)
        else:
            page = page_of(shown, asked_for(files, limits), note=note)
        with waiting("drawing"):
            file.write(page_html(page))
    say(f"wrote {printable(str(output))}", err=True)
    return 0


def _fleet_page(shown: Path, fleet: Path | None, sites: Path | None, files: PartialSources, limits: Limits) -> Page:
    """Return the page of a fleet placement; options that mean nothing for fleets are refused."""
    from planner.pipeline.fleet import fleet_page_of

    if fleet is None:
        _refuse_sites(shown)
    if fleet is None or files.topology is None:
        raise input_error(
            "a fleet placement is drawn with the files it was made for", "give --fleet and --topology", path="--fleet"
        )
    if given := [each for each in [*files.given(), *limits.given()] if each != "--topology"]:
        fix = f"leave out {', '.join(given)}"
        raise input_error("a fleet states its models and limits itself", fix, path="--fleet")
    return fleet_page_of(shown, fleet, files.topology, sites)


def _refuse_sites(shown: Path) -> None:
    """Raise InputError for sites of what is no fleet."""
    from planner.schemas.reading.files import read_json
    from planner.schemas.reading.kinds import kind_of

    results = is_folder(shown) or shown.suffix.lower() == ".csv"
    kind = None if results else kind_of(read_json(shown))
    if kind is None or kind.schema != "FleetPlacement":
        what = "the file holds results" if results else f"the file is {'no fleet' if kind is None else kind.words}"
        message = f"{what}, and only fleets have sites"
        raise input_error(message, "leave --sites out", file=str(shown), path="--sites")

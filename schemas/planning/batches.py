"""Batches: how many samples run together, and measured figures by batch size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from planner.schemas.reading.base import Finding, Quantity, number_of
from planner.schemas.reading.forms import BATCH_SIZE
from planner.schemas.reading.one_or_many import BY_FORM, MANY, ONE
from planner.schemas.reading.problems import InputError, Problem

if TYPE_CHECKING:
    from planner.schemas.planning.model import Model
    from planner.schemas.planning.topology import Topology
    from planner.schemas.planning.workload import App

MOST_BATCH = 1_000_000
BatchSize = Annotated[int, Field(ge=1, le=MOST_BATCH)]
_SizeKey = Annotated[str, Field(pattern=BATCH_SIZE.pattern)]
ByBatch = Annotated[
    Annotated[Quantity, ONE] | Annotated[Annotated[dict[_SizeKey, Quantity], Field(min_length=1)], MANY], BY_FORM
]
"""A figure of one inference, or figures of whole batches by their size: ``{"1": 0.0016, "8": 0.0075}``."""


def of_batch(figure: float | Mapping[str, float] | None, batch: int) -> float | None:
    """Return a measured figure of a whole batch; None where nobody measured that size.

    Args:
        figure: Figure of one inference, or figures by batch size.
        batch: Number of samples.

    Example:
        >>> of_batch({"1": 2.0, "8": 9.0}, 8), of_batch(2.0, 1), of_batch(2.0, 8)
        (9.0, 2.0, None)
    """
    if figure is None or isinstance(figure, (int, float)):
        return figure if batch == 1 else None
    return figure.get(str(batch))


def check_profile(where: tuple[str | int, ...], profile: object) -> Iterator[Finding]:
    """Report energies whose batch sizes are not those of the times.

    Args:
        where: Where the profile stands.
        profile: Raw profile of a block or head.

    Yields:
        What is wrong.
    """
    if not isinstance(profile, Mapping):
        return
    time_s, energy_j = profile.get("time_s"), profile.get("energy_j")
    if energy_j is None or not (isinstance(time_s, Mapping) or isinstance(energy_j, Mapping)):
        return
    sizes = [set(each) if isinstance(each, Mapping) else {"1"} for each in (time_s, energy_j)]
    if sizes[0] != sizes[1]:
        shown = " and ".join(", ".join(sorted(map(str, each))) for each in sizes)
        fix = "give both for the same batch sizes, or leave energy_j out"
        yield (*where, "energy_j"), energy_j, f"time and energy are of different batch sizes ({shown})", fix


def check_batch(where: tuple[str | int, ...], sizes: list[object], app: object) -> Iterator[Finding]:
    """Report sizes that stand twice, and batches of an app that has no rate.

    Args:
        where: Where the sizes stand.
        sizes: Raw batch sizes.
        app: Raw app.

    Yields:
        What is wrong.
    """
    for index, size in enumerate(sizes):
        if size in sizes[:index]:
            yield (*where, index), size, "this batch size stands twice", "give each size once"
    larger = [size for size in sizes if isinstance(size, int) and size > 1]
    if larger and not number_of(app, "rate_per_s"):
        fix = "give a rate (rate_per_s, --rate), or leave batches out"
        yield where, sizes, "a batch fills at a rate, and the app has none", fix


def refuse_unprofiled(app: App, model: Model, topology: Topology) -> None:
    """Refuse batch sizes for which a block that always runs has no costs anywhere.

    Args:
        app: The app with its batch sizes.
        model: Its model with profiles.
        topology: Nodes and packages.

    Raises:
        InputError: With every such size.
    """
    if app.batch == (1,):
        return
    chiplets = [part for package in topology.packages for part in (package.chiplet, *package.chiplets)]
    nodes = [*(node for node in topology.nodes if node.hosts), *chiplets]
    profiles = [(model.profiles.get(node.hardware or "", {}), node.ops_per_s is not None) for node in nodes]
    first = {head.after for head in model.exits}
    always = []
    for block in model.blocks:
        always.append(block)
        if block.name in first:
            break
    problems = []
    for size in app.batch:
        for block in always:
            entries = [(rows.get(block.name), analytic) for rows, analytic in profiles]
            if size > 1 and not any(
                (analytic or block.ops == 0.0) if entry is None else entry.time_of(size) is not None
                for entry, analytic in entries
            ):
                message = f"no node has a time of block {block.name!r} in batches of {size}"
                fix = f'give its time_s for that size in a profile ({{"1": ..., "{size}": ...}}), or leave the size out'
                problems.append(Problem("", f"app {app.name}: batch", str(size), message, fix))
                break
    if problems:
        raise InputError(problems)

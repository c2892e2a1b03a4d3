"""Options that several commands share.

The options of limits on figures are those of `LIMITED_FIGURES`; any other constraint of an app is one field of
`Constraints`, with the field of the app that it sets and how its text is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypedDict, cast

import typer

from planner.clear.method import ALL_JOINT_METHODS
from planner.commands.option_groups import OptionGroup, SeveralOptions, annotations_of
from planner.commands.output import DOCUMENT, TABLE
from planner.fin.method import ALL_METHODS, Options
from planner.schemas.planning.workload import LIMITED_FIGURES, LimitedFigure
from planner.schemas.reading.base import MOST_COUNT
from planner.schemas.reading.problems import input_error
from planner.units import parse_count, parse_fraction, parse_limits, parse_quantity, parse_sizes

if TYPE_CHECKING:
    from planner.schemas.planning.workload import AppLimits

AUTO = "auto"
_ALONE = ", ".join(ALL_METHODS)
_TOGETHER = ", ".join(ALL_JOINT_METHODS)


@dataclass(frozen=True)
class AppField:
    """The field of an app that an option sets, and how the option's text is read."""

    name: str
    read: Callable[[Any, str], object] = lambda value, _: value


def _figure_field(row: LimitedFigure) -> AppField:
    """Return the field that the option of a limited figure sets: a quantity in its unit, or a count."""
    if not row.unit:
        return AppField(row.field, lambda text, option: parse_count(text, option, MOST_COUNT))
    return AppField(row.field, lambda text, option: parse_quantity(text, row.unit, option))


_FIGURES = {row.option: row for row in LIMITED_FIGURES}
_FIGURE_OPTIONS = SeveralOptions({
    name: typer.Option(metavar=row.metavar, help=row.help) for name, row in _FIGURES.items()
})  # fmt: skip


@dataclass(frozen=True)
class Constraints(OptionGroup):
    """What one app is asked for, as the user wrote it; None where nothing was given."""

    source: Annotated[
        str | None,
        typer.Option(metavar="NODE", help="Node that holds the input (default: the first mobile node)."),
        AppField("source"),
    ] = None
    destination: Annotated[
        str | None,
        typer.Option(metavar="NODE", help="Node that needs the results (default: none)."),
        AppField("destination"),
    ] = None
    rate: Annotated[
        float | None,
        typer.Option(metavar="NUMBER", help="Inferences per second (default: 0, a single one)."),
        AppField("rate_per_s"),
    ] = None
    figures: Annotated[Mapping[str, str], _FIGURE_OPTIONS] = field(default_factory=dict)
    """Limits of `LIMITED_FIGURES`, by the name of the option: ``{"max_latency": "50ms"}``."""
    latency: Annotated[
        str | None,
        typer.Option(metavar="STATISTIC", help="Which latency counts: worst, mean, p95, ..."),
        AppField("latency"),
    ] = None
    min_accuracy: Annotated[
        str | None,
        typer.Option(metavar="FRACTION", help="Least accuracy, such as 0.8 or 80% (default: the best)."),
        AppField("min_accuracy", parse_fraction),
    ] = None
    limit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC=VALUE",
            help="Largest value of a metric of the topology, such as cost=0.001 or battery=50mJ. May be repeated.",
        ),
        AppField("limits", parse_limits),
    ] = None
    batch: Annotated[
        str | None,
        typer.Option(metavar="SIZE[,SIZE]", help="Samples that run together; of several sizes one is chosen."),
        AppField("batch", parse_sizes),
    ] = None
    pin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="BLOCK=NODE[,NODE]",
            help="Nodes that a block may run on; encoder* and b1..b4 stand for several blocks. May be repeated.",
        ),
        AppField("pin"),
    ] = None
    private_until: Annotated[
        str | None,
        typer.Option(
            metavar="BLOCK", help="No data leave the source before this block has run: blocks up to it stay there."
        ),
        AppField("private_until"),
    ] = None

    def app_fields(self) -> AppLimits:
        """Return what the options set, by the names that the library has for them.

        Raises:
            InputError: A text is no number, or names no unit.
        """
        set_by = _app_fields(type(self))
        values = {**self.figures, **{each.name: getattr(self, each.name) for each in fields(self)}}
        found = {
            note.name: note.read(values[name], f"--{name.replace('_', '-')}")
            for name, note in set_by.items()
            if values.get(name) is not None
        }
        return cast("AppLimits", found)  # a test compares the names


@dataclass(frozen=True)
class Limits(Constraints):
    """Constraints of one app, and what is minimised."""

    objective: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Least energy, latency or a metric by its name; largest rate; best accuracy. Of a workload: least "
            "power, latency (over its limit) or a metric; best accuracy.",
        ),
        AppField("objective"),
    ] = None


def _app_fields(group: type[Constraints]) -> dict[str, AppField]:
    """Return the field of an app that each option of a group sets, by the name of the option's parameter."""
    hints = annotations_of(group)
    own = {
        each.name: note
        for each in fields(group)
        for note in getattr(hints[each.name], "__metadata__", ())
        if isinstance(note, AppField)
    }
    return {**{name: _figure_field(row) for name, row in _FIGURES.items()}, **own}


def option_of(field: str) -> str | None:
    """Return the option that sets a field of an app, such as ``--max-latency`` for `max_latency_s`; None for none."""
    found = (name for name, note in _app_fields(Limits).items() if note.name == field)
    return next((f"--{name.replace('_', '-')}" for name in found), None)


ModelPaths = Annotated[
    list[Path] | None,
    typer.Option(
        "--model",
        metavar="FILE",
        help="The DNN: a model file, a bundle or ONNX. Repeated: alternatives, of which one is chosen.",
    ),
]
WorkloadPath = Annotated[
    Path | None, typer.Option("--workload", metavar="FILE", help="Apps with their limits: a workload file.")
]
AppName = Annotated[
    str | None, typer.Option("--app", metavar="NAME", help="App of the workload to take alone (default: all).")
]


@dataclass(frozen=True)
class Sources(OptionGroup):
    """The files to read."""

    topology: Annotated[Path, typer.Option("--topology", metavar="FILE", help="Nodes and links: a topology file.")]
    model: ModelPaths = None
    workload: WorkloadPath = None
    app: AppName = None


@dataclass(frozen=True)
class PartialSources(OptionGroup):
    """The files to read, where a command may do without any."""

    topology: Annotated[
        Path | None,
        typer.Option("--topology", metavar="FILE", help="Nodes and links that it was made for: a topology file."),
    ] = None
    model: ModelPaths = None
    workload: WorkloadPath = None
    app: AppName = None

    def whole(self) -> Sources | None:
        """Return the files with a topology, or None where no file was given.

        Raises:
            InputError: There are files, and no topology.
        """
        if self.topology is not None:
            return Sources(self.topology, self.model, self.workload, self.app)
        if given := self.given():
            raise input_error(f"{', '.join(given)} needs --topology", "give it too, or leave the option out")
        return None


Gap = Annotated[str, typer.Option(metavar="FRACTION", help="Relative gap that counts as proved, such as 0.01 or 1%.")]
TimeLimit = Annotated[
    str | None, typer.Option(metavar="TIME", help="Time after which the best plan so far is given, such as 10s.")
]
Thresholds = Annotated[
    str, typer.Option(metavar="KIND", help="Designed operating points: common threshold, or one per-exit.")
]


class SearchArguments(TypedDict):
    """What every search of the library may be asked."""

    gap: float
    time_limit_s: float | None
    per_exit_thresholds: bool


@dataclass(frozen=True)
class Search(OptionGroup):
    """How long to search, for which proof, over which designed operating points."""

    gap: Gap = "0"
    time_limit: TimeLimit = None
    thresholds: Thresholds = "common"

    def options(self, gamma: int = Options.gamma, jobs: int = Options.jobs) -> Options:
        """Return what every method may be asked; raise InputError for what is not a number."""
        gap = parse_fraction(self.gap, "--gap")
        return Options(gap=gap, time_limit_s=time_limit_s(self.time_limit), gamma=gamma, jobs=jobs)

    def arguments(self) -> SearchArguments:
        """Return the arguments of functions of the library; raise InputError for what cannot be read."""
        return {
            "gap": parse_fraction(self.gap, "--gap"),
            "time_limit_s": time_limit_s(self.time_limit),
            "per_exit_thresholds": self.per_exit(),
        }

    def per_exit(self) -> bool:
        """Tell whether designed points have a threshold per exit; raise InputError for another word."""
        return per_exit(self.thresholds)


DEFAULT_SEARCH = Search()

MethodName = Annotated[
    str,
    typer.Option(
        "--method", metavar="NAME", help=f"auto; for one app {', '.join(ALL_METHODS)}; for several {_TOGETHER}."
    ),
]
Gamma = Annotated[int, typer.Option(metavar="COUNT", min=1, max=100_000, help="Latency levels of the method gamma.")]
Jobs = Annotated[
    int,
    typer.Option(
        metavar="COUNT", min=1, max=1024,
        help="Threads that plan several apps together; the plan does not depend on their number.",
    ),
]  # fmt: skip
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="File for the result as JSON."), DOCUMENT
]
PlanOutput = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="File for the plan: JSON, or blocks as CSV by suffix."),
    TABLE,
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def time_limit_s(text: str | None) -> float | None:
    """Return a time limit in seconds; raise InputError for what is no time."""
    return None if text is None else parse_quantity(text, "s", "--time-limit")


def per_exit(thresholds: str) -> bool:
    """Tell whether designed points have a threshold per exit; raise InputError for another word."""
    if thresholds not in ("common", "per-exit"):
        raise input_error("no such choice", "use common or per-exit", path="--thresholds", value=thresholds)
    return thresholds == "per-exit"

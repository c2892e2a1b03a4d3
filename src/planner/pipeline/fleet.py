"""From a fleet to its verified placement: files to arrays, a fleet method, the placement, the verifier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from planner.collection import collection_paused
from planner.errors import InternalError
from planner.fin.deadline import DeadlineReachedError
from planner.fleet.method import FleetOptions, fleet_method
from planner.schemas.fleets.fleet import Fleet
from planner.schemas.fleets.placement import FleetPlacement
from planner.schemas.planning.model import Model
from planner.schemas.planning.placement import Provenance
from planner.schemas.planning.topology import Topology
from planner.schemas.reading.files import digest_of, document_of, is_file, read_bytes, read_document
from planner.schemas.reading.problems import input_error
from planner.version import __version__

if TYPE_CHECKING:
    from planner.fleet.again.memory import Memory
    from planner.fleet.instance.fleet_instance import FleetInstance
    from planner.fleet.method import Before
    from planner.report.page import Page
    from planner.schemas.fleets.columns import FleetColumns
    from planner.schemas.fleets.sites import Site

DEFAULT_METHOD, DEFAULT_HOSTS = "fleet", 6


@dataclass(frozen=True)
class FleetRequest:
    """A fleet with its network, and what is asked of the method."""

    columns: FleetColumns
    models: Mapping[str, Model]
    topology: Topology
    method: str = DEFAULT_METHOD
    options: FleetOptions = field(default_factory=FleetOptions)
    most_hosts: int = DEFAULT_HOSTS
    inputs: Mapping[str, str] = field(default_factory=dict)
    before: FleetPlacement | Earlier | None = None
    """The placement to plan again from."""


@dataclass(frozen=True)
class Earlier:
    """A placement in a file, with what was kept beside it."""

    path: Path
    data: bytes
    memory: Memory

    def placement(self) -> FleetPlacement:
        """Return the placement.

        Raises:
            InputError: The file holds none.
        """
        return _with_plan(document_of(self.data, FleetPlacement, self.path), self.path)


@dataclass(frozen=True)
class FleetAnswer:
    """A verified placement, and what planning again from it need not compute."""

    placement: FleetPlacement
    memory: Memory | None


def plan_fleet(
    fleet: Fleet | str | Path,
    topology: Topology | str | Path,
    *,
    models: Mapping[str, Model] | None = None,
    method: str = DEFAULT_METHOD,
    gap: float = 0.01,
    time_limit_s: float | None = None,
    serve_most: bool = False,
    jobs: int = 1,
    most_hosts: int = DEFAULT_HOSTS,
    engine: str = "local",
    address: str | None = None,
    before: FleetPlacement | str | Path | None = None,
    most_moves: int | None = None,
) -> FleetPlacement:
    """Plan all users of a fleet together: least power within the limits of every user and the shared capacity.

    Args:
        fleet: The fleet, or the path of its file (tables are found beside it).
        topology: The shared network, or the path of its file.
        models: Models by the name that classes give them (default: files beside the fleet's, or in this folder).
        method: Name of a method (`planner.fleet.method.FLEET_METHODS`).
        gap: Relative gap to the bound at which a plan counts as proved.
        time_limit_s: Seconds after which the best plan so far is returned with its gap.
        serve_most: Where not all users can be served, plan as many as can be.
        jobs: Threads (or actors) that price classes.
        most_hosts: Shared nodes considered at most from one attach node.
        engine: Where classes are priced: `local`, or `ray` (actors; the same answer).
        address: Address of a running Ray cluster (default: one is started on this machine).
        before: A placement to plan again from, or the path of its file: plans are kept where that closes the gap, and
            `change` counts who moves.
        most_moves: Users of `before` whose plan may change at most, beside those whose plan is not possible any more.

    Returns:
        The placement, verified. `status` tells optimal, feasible, infeasible (with a `diagnosis`) and unknown apart.

    Raises:
        InputError: An input cannot be used.
        InternalError: The plan does not stand before the verifier.

    Example:
        >>> from planner import plan_fleet
        >>> placement = plan_fleet("examples/city/fleet.json", "examples/city/topology.json")
        >>> placement.status, placement.total.served
        ('optimal', 600)
    """
    options = FleetOptions(
        gap=gap, time_limit_s=time_limit_s, serve_most=serve_most, jobs=jobs, engine=engine, address=address,
        most_moves=most_moves,
    )  # fmt: skip
    with collection_paused():
        inputs: dict[str, str] = {}
        columns, known = _classes_of(fleet, models, inputs)
        if not isinstance(topology, Topology):
            topology = read_shared(Path(topology), inputs)
        held = before if before is None or isinstance(before, FleetPlacement) else read_before(Path(before), inputs)
        request = FleetRequest(columns, known, topology, method, options, most_hosts, inputs, held)
        return answer_fleet(request).placement


def _classes_of(
    fleet: Fleet | str | Path, models: Mapping[str, Model] | None, inputs: dict[str, str]
) -> tuple[FleetColumns, dict[str, Model]]:
    """Return the classes and models of a fleet, and note the hashes of files."""
    from planner.fleet.reading.document import columns_of
    from planner.fleet.reading.files import read_fleet

    if not isinstance(fleet, Fleet):
        read = read_fleet(Path(fleet), models)
        inputs |= read.inputs
        return read.columns, read.models
    columns, known = columns_of(fleet), dict(models or {})
    for name in columns.models:
        if name not in known:
            known[name], inputs[name] = read_document(Path(name), Model)
    return columns, known


def read_before(path: Path, inputs: dict[str, str]) -> FleetPlacement | Earlier:
    """Read the placement to plan again from and note its hash; it need not be parsed where its memory lies beside it.

    Raises:
        InputError: It cannot be read, or holds no plan.
    """
    from planner.fleet.again.memory import memory_path, read_memory

    data = read_bytes(path)
    inputs[f"from {path.name}"] = digest_of(data)
    memory = read_memory(memory_path(path), data, __version__)
    if memory is not None:
        return Earlier(path, data, memory)
    return _with_plan(document_of(data, FleetPlacement, path), path)


def _with_plan(placement: FleetPlacement, path: Path) -> FleetPlacement:
    if not placement.groups:
        message = f"the placement holds no plan ({placement.status})"
        raise input_error(message, "plan without --from", file=str(path), path="groups")
    return placement


def keep_memory(path: Path, memory: Memory | None) -> None:
    """Leave what planning again need not compute beside the file of a placement."""
    from planner.fleet.again.memory import memory_path, write_memory

    if memory is not None and is_file(path):
        write_memory(memory_path(path), memory, path.read_bytes(), __version__)


def read_shared(path: Path, inputs: dict[str, str]) -> Topology:
    """Read the shared network and note its hash; rates of media with traces are filled in."""
    from planner.files.reading import read_topology

    return read_topology(path, inputs)


def answer_fleet(request: FleetRequest) -> FleetAnswer:
    """Plan a request and verify the plan.

    Raises:
        InputError: A name or a figure that the request needs is missing, or there is no such method.
        InternalError: The plan does not stand before the verifier.
    """
    from planner.fleet.again.memory import memory_of
    from planner.fleet.again.moves import change_of
    from planner.fleet.answer.document import fleet_placement, nothing_placed
    from planner.fleet.budget import TimeBudget
    from planner.fleet.instance.build import build_fleet
    from planner.fleet.plans.known import KnownPlans
    from planner.fleet.quick import quick_outcome
    from planner.verifier.fleet import verify_fleet

    budget = TimeBudget.begin(request.options.time_limit_s, len(request.columns.count))
    chosen = fleet_method(request.method)
    provenance = Provenance(planner=__version__, method=chosen.name, inputs=dict(request.inputs))
    known = KnownPlans(request.before.memory.sets if isinstance(request.before, Earlier) else None)
    if budget.hopeless:
        return FleetAnswer(nothing_placed(request.columns.name, provenance, budget.spent_s, budget.needed_s), None)
    try:
        instance = build_fleet(
            request.columns, request.models, request.topology, request.most_hosts, known, budget.latest,
            budget.all_plans,
        )  # fmt: skip
    except DeadlineReachedError:
        return FleetAnswer(nothing_placed(request.columns.name, provenance, budget.spent_s, budget.needed_s), None)
    build_s = budget.spent_s
    seconds, latest = budget.search()
    options = replace(request.options, time_limit_s=seconds, latest=latest)
    if request.before is not None:
        options = replace(options, before=_before_of(instance, request.before))
    elif options.most_moves is not None:
        raise input_error("moves count against a placement", "give one (--from)", path="--most-moves")
    if options.before is not None and chosen.name != DEFAULT_METHOD:
        message = f"method {chosen.name} does not plan again from a placement"
        raise input_error(message, f"use --method {DEFAULT_METHOD}", path="--from")
    outcome = chosen.solve(instance, options) if instance.all_plans else quick_outcome(instance, options)
    change = None
    if options.before is not None and outcome.solution is not None:
        change = change_of(instance, options.before, outcome.solution)
    placement = fleet_placement(instance, outcome, provenance, build_s, change)
    gap = max(1e-6, request.options.gap)
    if violations := verify_fleet(placement, request.topology, request.columns, request.models, gap):
        raise InternalError(violations)
    solution = outcome.solution
    if solution is None or not instance.all_plans:
        return FleetAnswer(placement, None)
    return FleetAnswer(placement, memory_of(instance, known, solution, placement))


def _before_of(instance: FleetInstance, before: FleetPlacement | Earlier) -> Before:
    """Return what a placement means for a fleet, from its memory where all its plans are still the same."""
    from planner.fleet.again.matching import before_of
    from planner.fleet.again.memory import before_of_memory

    if not isinstance(before, Earlier):
        return before_of(instance, before)
    kept = before_of_memory(instance, before.memory)
    return before_of(instance, before.placement()) if kept is None else kept


def fleet_page_of(placement: Path, fleet: Path, topology: Path, sites: Path | None = None) -> Page:
    """Build the page of a fleet placement that has passed the verifier.

    Args:
        placement: File of the placement.
        fleet: The fleet file; tables and models are found beside it.
        topology: The topology file.
        sites: File with positions of shared nodes, for a map.

    Returns:
        The page, ready to be written as HTML.

    Raises:
        InputError: A file cannot be used, or the plan does not stand before the verifier.
    """
    from planner.fleet.reading.files import read_fleet
    from planner.report.fleet_page import fleet_page
    from planner.schemas.fleets.sites import Sites
    from planner.verifier.fleet import verify_fleet

    held, _ = read_document(placement, FleetPlacement)
    read = read_fleet(fleet)
    network = read_shared(topology, read.inputs)
    if violations := verify_fleet(held, network, read.columns, read.models):
        first = violations[0]
        message = f"the plan does not stand before the verifier: {first.app or first.what}: {first.message}"
        raise input_error(message, "give the files that it was made for", file=str(placement))
    positions: tuple[Site, ...] = ()
    if sites is not None:
        found, read.inputs[sites.name] = read_document(sites, Sites)
        known = {node.name for node in network.nodes}
        positions = tuple(site for site in found.sites if site.name in known)
        if not positions:
            raise input_error("no site is a node of the topology", "give the sites of this topology", file=str(sites))
    return fleet_page(held, positions, read.inputs)

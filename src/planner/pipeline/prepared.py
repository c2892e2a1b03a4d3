"""Arrays of a topology that are kept between plans: packages expanded once, nodes and links as columns."""

from __future__ import annotations

from dataclasses import dataclass, field

from planner.fin.instance.network import Network, build_network
from planner.fin.instance.packages import expand
from planner.schemas.planning.topology import Topology


@dataclass(frozen=True)
class PreparedTopology:
    """A topology with its arrays."""

    topology: Topology
    network: Network = field(repr=False)
    inputs: tuple[tuple[str, str], ...] = ()
    """Names and hashes of the files that it was read from."""


def prepared(topology: Topology, inputs: tuple[tuple[str, str], ...] = ()) -> PreparedTopology:
    """Expand the packages of a topology and turn it into arrays."""
    return PreparedTopology(topology, build_network(*expand(topology)), inputs)


def network_of(topology: Topology, kept: PreparedTopology | None) -> Network:
    """Return the arrays of a topology: those that were prepared, if they are of this very topology."""
    if kept is not None and kept.topology is topology:  # a degraded copy of a request has another topology
        return kept.network
    return build_network(*expand(topology))

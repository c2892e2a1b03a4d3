"""Scored designs of a device: its design space, objectives standardised, and the grid of undominated designs."""

from __future__ import annotations

from dataclasses import dataclass

from planner.carin.design_space import DesignSpace, Floats, build_design_space
from planner.carin.dominance import undominated_designs
from planner.carin.scoring import DesignGrid, Standardisation, distances, standardise
from planner.schemas.adaptation.designs import Designs


@dataclass(frozen=True)
class ScoredDesigns:
    """A design space with the standardisation of its objectives and the grid of undominated designs."""

    designs: Designs
    space: DesignSpace
    standardisation: Standardisation
    grid: DesignGrid
    """Joint designs among which every least distance is found."""

    def distance(self, values: list[Floats]) -> Floats:
        """Return the distances of joint designs to the utopia point.

        Args:
            values: Every measure of the joint designs, shape (n,) each, in the order of the design space.

        Returns:
            Distances in weighted standard deviations, shape (n,).
        """
        return distances(self.space, self.standardisation, values)


def score_designs(designs: Designs) -> ScoredDesigns:
    """Build the design space of a designs file and standardise its objectives.

    Args:
        designs: The checked designs file.

    Returns:
        The scored designs; where no joint design is feasible, distances have no meaning.
    """
    space = build_design_space(designs)
    return ScoredDesigns(designs, space, standardise(space), undominated_designs(space))


def choice_of(space: DesignSpace, number: int) -> dict[str, str]:
    """Return the name of the design of every task in a joint design, given its number."""
    indices = space.indices_of(number)
    return {task: names[index] for task, names, index in zip(space.tasks, space.design_names, indices, strict=True)}

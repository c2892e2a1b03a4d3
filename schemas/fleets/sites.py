"""sites.json: where shared nodes stand, for maps and for drawing fleets around them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from planner.schemas.reading.base import Document, Finding, Name, Strict, Version, duplicate_names, items_of


class Site(Strict):
    """Position of one node."""

    name: Name = Field(description="Name of the node, as in the topology.")
    latitude_deg: Annotated[float, Field(ge=-90.0, le=90.0)] = Field(description="Latitude in degrees (WGS 84).")
    longitude_deg: Annotated[float, Field(ge=-180.0, le=180.0)] = Field(description="Longitude in degrees (WGS 84).")


def _check_sites(data: object) -> Iterator[Finding]:
    yield from duplicate_names("sites", items_of(data, "sites"))


class Sites(Document):
    """Positions of nodes."""

    cross_checks: ClassVar = _check_sites

    schema_version: Version
    name: Name = Field(description="Name of the set of sites.")
    citation: str = Field("", description="Where the positions come from, and their licence.")
    sites: tuple[Site, ...] = Field(min_length=1, description="Sites.")

"""JSON Schema files of all documents: ``python -m planner.schemas.export`` writes ``schemas/json``."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel

from planner.schemas.adaptation.designs import Designs
from planner.schemas.adaptation.placement_policy import PlacementPolicy
from planner.schemas.adaptation.policy import Policy
from planner.schemas.adaptation.states import States
from planner.schemas.batch.suite import Suite
from planner.schemas.bundles.cuts import Cuts
from planner.schemas.bundles.manifest import Manifest
from planner.schemas.bundles.nodes import Nodes
from planner.schemas.bundles.run import Run
from planner.schemas.fleets.fleet import Fleet
from planner.schemas.fleets.placement import FleetPlacement
from planner.schemas.fleets.sites import Sites
from planner.schemas.planning.front import Front
from planner.schemas.planning.model import Model
from planner.schemas.planning.placement import Placement
from planner.schemas.planning.topology import Topology
from planner.schemas.planning.workload import Workload

JSON_SCHEMAS = Path(__file__).parent / "json"

DOCUMENTS: dict[str, type[BaseModel]] = {
    "model": Model,
    "topology": Topology,
    "workload": Workload,
    "placement": Placement,
    "states": States,
    "placement-policy": PlacementPolicy,
    "designs": Designs,
    "policy": Policy,
    "front": Front,
    "suite": Suite,
    "cuts": Cuts,
    "manifest": Manifest,
    "nodes": Nodes,
    "run": Run,
    "fleet": Fleet,
    "fleet-placement": FleetPlacement,
    "sites": Sites,
}


def json_schema(name: str) -> str:
    """Return the JSON Schema of a document, as the text of its file.

    Raises:
        KeyError: There is no document of this name.
    """
    return json.dumps(DOCUMENTS[name].model_json_schema(), indent=2) + "\n"


def main() -> None:
    """Write every schema file."""
    for name in DOCUMENTS:
        (JSON_SCHEMAS / f"{name}.schema.json").write_text(json_schema(name), encoding="utf-8")


if __name__ == "__main__":
    main()

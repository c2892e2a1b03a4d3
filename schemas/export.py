"""JSON Schema files, generated from the contracts: ``python -m schemas.export`` writes them beside this file."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel

from schemas.designs import Designs
from schemas.front import Front
from schemas.model import Model
from schemas.placement import Placement
from schemas.placement_policy import PlacementPolicy
from schemas.policy import Policy
from schemas.states import States
from schemas.suite import Suite
from schemas.topology import Topology
from schemas.workload import Workload

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
        Path(__file__).with_name(f"{name}.schema.json").write_text(json_schema(name), encoding="utf-8")


if __name__ == "__main__":
    main()

"""What kind of file a JSON document is, by the fields that no other kind has."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of file: the name of its schema, what messages call it, and fields by which it is known."""

    schema: str
    words: str
    fields: tuple[str, ...]
    """Fields that every document of the kind has."""

    def known_by(self, raw: dict[str, object]) -> bool:
        """Tell whether a document has all fields of the kind."""
        return all(field in raw for field in self.fields)


KINDS = (
    Kind("Front", "a front", ("points",)),
    Kind("Front", "a front", ("searches",)),
    Kind("Run", "the record of a run", ("plans", "in_flight")),
    Kind("FleetPlacement", "the placement of a fleet", ("groups", "fleet", "status")),
    Kind("Fleet", "a fleet", ("classes",)),
    Kind("Fleet", "a fleet", ("tables", "devices")),
    Kind("Cuts", "the cuts of a bundle", ("boundaries",)),
    Kind("Manifest", "the manifest of pieces", ("plans", "schema_version")),
    Kind("Placement", "a placement", ("status", "apps")),
    Kind("Placement", "a placement", ("status", "diagnosis")),
    Kind("Workload", "a workload", ("apps",)),
    Kind("Model", "a model", ("blocks",)),
    Kind("Topology", "a topology", ("nodes",)),
    Kind("Topology", "a topology", ("packages",)),
    Kind("States", "states of a topology", ("conditions",)),
    Kind("PlacementPolicy", "a policy of placements", ("plan_set",)),
    Kind("Policy", "a policy of a device", ("design_set",)),
    Kind("Designs", "designs of a device", ("tasks",)),
)
"""All kinds that can be told; the first that fits counts."""


def kind_of(raw: object) -> Kind | None:
    """Return the kind of a document, None where no field tells.

    Args:
        raw: Data as `json.loads` returns it.

    Example:
        >>> kind_of({"nodes": []}).words
        'a topology'
    """
    return next((kind for kind in KINDS if kind.known_by(raw)), None) if isinstance(raw, dict) else None


def other_kind(raw: object, schema: str) -> Kind | None:
    """Return the kind of a document that is certainly not of the named schema.

    Args:
        raw: Data as `json.loads` returns it.
        schema: Name of the schema that it should fit.

    Returns:
        None where it is of that schema, has a field by which that is known, or no field tells.
    """
    found, wanted = kind_of(raw), [kind for kind in KINDS if kind.schema == schema]
    if found is None or not isinstance(raw, dict) or not wanted or found.schema == schema:
        return None
    telling = {field for kind in wanted for field in kind.fields} - {"schema_version", *found.fields}
    return None if telling & raw.keys() else found


def named(schema: str) -> str:
    """Return what messages call documents of a schema."""
    return next((kind.words for kind in KINDS if kind.schema == schema), schema)

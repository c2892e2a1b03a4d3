"""Placements by state of the topology, measured rates, and designs of one device."""

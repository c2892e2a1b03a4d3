"""Allocation of node speeds and shares of nodes and media to chosen columns."""

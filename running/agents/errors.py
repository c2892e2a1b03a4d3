"""Error of a run that cannot go on: an agent is lost, refuses a piece or does not answer."""

from __future__ import annotations


class RunFailedError(Exception):
    """A run cannot go on: an agent is lost, refuses a piece or does not answer."""

"""What ends a run without being the user's mistake."""

from __future__ import annotations


class RunFailedError(Exception):
    """A run cannot go on: an agent is lost, refuses a piece or does not answer."""

"""Chiplet packages."""

from clear.packages import Expansion, expand

__all__ = ["Expansion", "expand"]

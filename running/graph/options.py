"""What the user says of a network that is imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from planner.schemas.bundles.cuts import Confidence

CutChoice = Literal["auto", "single", "any"]
"""Boundaries that blocks may end at: those that one tensor crosses, any, or the former unless blocks get uneven."""


@dataclass(frozen=True)
class ImportOptions:
    """What the user says of a network."""

    dims: Mapping[str, int] = field(default_factory=dict)
    """Sizes of open dimensions."""
    values: Mapping[str, float] = field(default_factory=dict)
    """Values of inputs that are constant."""
    exits: tuple[str, ...] = ()
    """Outputs that are early exits."""
    final: tuple[str, ...] = ()
    """Final outputs; none: those that are no exits."""
    blocks: int = 12
    """Most blocks."""
    cuts: CutChoice = "auto"
    """Boundaries that blocks may end at."""
    chain: bool = False
    """Write a chain: each block hands on all that crosses behind it; no working memory, parameters counted once."""
    data: Path | None = None
    """Labelled samples to calibrate on."""
    accuracy: float | None = None
    """Accuracy of the final output, as stated."""
    confidence: Confidence = "softmax"
    name: str | None = None
    """Name of the model; none: that of the file."""

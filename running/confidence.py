"""Confidence of a classification: largest softmax probability, or one minus the normalised entropy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from planner.schemas.bundles.cuts import Activation, Confidence

if TYPE_CHECKING:
    from numpy.typing import NDArray


def confidence(output: NDArray[Any], activation: Activation, measure: Confidence) -> float:
    """Measure how sure an output is of its class, by the largest probability or the entropy of all.

    Args:
        output: Scores of the classes, of any shape; all elements are classes.
        activation: What the scores have been through already.
        measure: `softmax` for the largest probability, `entropy` for 1 - entropy / log(classes).

    Returns:
        The confidence in [0, 1] (no unit), where 1 is certain.
    """
    import numpy as np

    scores = np.asarray(output, dtype=np.float64).ravel()
    if activation == "softmax":
        shares = scores
    else:  # a softmax of logarithms of probabilities gives back the probabilities
        powers = np.exp(scores - scores.max())
        shares = powers / powers.sum()
    if measure == "softmax" or len(shares) < 2:
        return float(shares.max())
    positive = shares[shares > 0]
    return float(1.0 + (positive * np.log(positive)).sum() / math.log(len(shares)))

"""Fixtures: one network, and samples of which it gets 7 of 10 right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from measured_networks import WEIGHTS, save


@pytest.fixture
def net(tmp_path: Path) -> Path:
    return save(tmp_path / "net.onnx", [1, 3])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Samples of which the network gets 7 of 10 right."""
    inputs = np.random.default_rng(5).standard_normal((10, 3)).astype(np.float32)
    labels = np.argmax(inputs @ WEIGHTS, axis=1)
    labels[:3] = 1 - labels[:3]
    np.savez(tmp_path / "data.npz", inputs=inputs, labels=labels)
    return tmp_path / "data.npz"

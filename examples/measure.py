"""Two small networks and labelled samples for `planner measure`: nothing is downloaded, and nothing is left to chance.

``python examples/measure.py FOLDER`` writes ``small.onnx``, ``wide.onnx`` and ``glyphs.npz``. The samples are ten
glyphs of 16 x 16 pixels, shifted and buried in noise. The hidden layers are random and only the last one is fitted, by
ridge regression (random features: Rahimi and Recht, NIPS 2007), so the accuracies on the samples are real ones.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

try:
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ModuleNotFoundError:
    sys.exit("this example needs onnx; install it from the checkout: pip install '.[measure]'")

SIDE, CLASSES = 16, 10
NETWORKS = {"small": (256,), "wide": (1024, 2048)}
"""Widths of the hidden layers."""

Array = NDArray[np.float32]


def samples(count: int, seed: int) -> tuple[Array, NDArray[np.int64]]:
    """Return (count, 256) pixels and their labels."""
    shapes = np.random.default_rng(0).standard_normal((CLASSES, SIDE, SIDE))
    for axis in (1, 2):  # neighbours alike, so that a shifted glyph still looks like itself
        shapes = sum(np.roll(shapes, step, axis) for step in (-2, -1, 0, 1, 2)) / np.sqrt(5)
    random = np.random.default_rng(seed)
    labels = random.integers(0, CLASSES, count)
    shifts = random.integers(-2, 3, (count, 2))
    glyphs = np.stack([np.roll(shapes[label], shift, (0, 1)) for label, shift in zip(labels, shifts, strict=True)])
    noisy = glyphs + 1.6 * random.standard_normal(glyphs.shape)
    return noisy.reshape(count, -1).astype(np.float32), labels


def weights(widths: tuple[int, ...], inputs: Array, labels: NDArray[np.int64]) -> list[Array]:
    """Return the weights of every layer: random ones, and a last one fitted to the samples."""
    random = np.random.default_rng(1)
    layers: list[Array] = []
    hidden = inputs
    for width in widths:
        scale = np.sqrt(2.0 / hidden.shape[1])
        layers.append((scale * random.standard_normal((hidden.shape[1], width))).astype(np.float32))
        hidden = np.maximum(hidden @ layers[-1], 0.0)
    gram = hidden.T.astype(np.float64) @ hidden + 1e2 * np.eye(hidden.shape[1])
    targets = np.eye(CLASSES)[labels] - 1.0 / CLASSES
    layers.append(np.linalg.solve(gram, hidden.T @ targets).astype(np.float32))
    return layers


def network(name: str, layers: list[Array]) -> onnx.ModelProto:
    """Return an ONNX network of one sample at a time."""
    nodes, value = [], "pixels"
    for index in range(len(layers)):
        last = index + 1 == len(layers)
        nodes.append(helper.make_node("MatMul", [value, f"w{index}"], ["scores" if last else f"sum{index}"]))
        if not last:
            value = f"hidden{index}"
            nodes.append(helper.make_node("Relu", [f"sum{index}"], [value]))
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [1, SIDE * SIDE])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, CLASSES])],
        [numpy_helper.from_array(layer, f"w{index}") for index, layer in enumerate(layers)],
    )
    # versions that ONNX Runtime has read for long
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def main() -> None:
    """Write the networks and the samples into the folder that is named."""
    if len(sys.argv) != 2:
        sys.exit("usage: python examples/measure.py FOLDER")
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    inputs, labels = samples(6000, seed=2)
    for name, widths in NETWORKS.items():
        onnx.save(network(name, weights(widths, inputs, labels)), folder / f"{name}.onnx")
    inputs, labels = samples(2000, seed=3)
    np.savez(folder / "glyphs.npz", inputs=inputs, labels=labels)


if __name__ == "__main__":
    main()

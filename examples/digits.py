"""Train a small CNN with three exits on scikit-learn's digits, and export it with labelled samples.

Makes `examples/digits/`: `digits.onnx` (outputs `early`, `middle` and `final`, one after the other in depth),
`calibration.npz` and `held-out.npz` (`inputs` of shape (samples, 1, 8, 8) and `labels`). Needs PyTorch and
scikit-learn, which the planner itself does not: `pip install torch scikit-learn onnx onnxscript`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

EPOCHS, BATCH, SEED = 60, 64, 7


def _layer(before: int, after: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=False)
    )


def _head(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * channels, 10))


class Digits(nn.Module):
    """Three stages of convolutions, with a linear classifier behind each."""

    def __init__(self) -> None:
        super().__init__()
        self.first = _layer(1, 12)
        self.second = nn.Sequential(_layer(12, 24, 2), _layer(24, 24))
        self.third = nn.Sequential(_layer(24, 64), _layer(64, 64), _layer(64, 64))
        self.early, self.middle, self.final = _head(12), _head(24), _head(64)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the logits of every exit."""
        first = self.first(image)
        second = self.second(first)
        return self.early(first), self.middle(second), self.final(self.third(second))


def train(network: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> None:
    """Minimise the sum of the exits' cross entropies by Adam."""
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(images)).split(BATCH):
            losses = [nn.functional.cross_entropy(logits, labels[rows]) for logits in network(images[rows])]
            optimiser.zero_grad()
            torch.stack(losses).sum().backward()
            optimiser.step()
        schedule.step()


def main(folder: Path) -> None:
    """Train, export and write the samples: half for training, a quarter for calibration, a quarter held out."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    data: Any = load_digits()
    images = (data.images / 16.0).astype(np.float32)[:, None]
    order = np.random.default_rng(SEED).permutation(len(images))
    parts = np.split(order, [len(order) // 2, 3 * len(order) // 4])
    network = Digits()
    train(network, torch.from_numpy(images[parts[0]]), torch.from_numpy(data.target[parts[0]]))
    network.eval()
    folder.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        network,
        (torch.zeros(1, 1, 8, 8),),
        str(folder / "digits.onnx"),
        input_names=["image"],
        output_names=["early", "middle", "final"],
        opset_version=18,
        external_data=False,
    )
    for name, rows in zip(("calibration", "held-out"), parts[1:], strict=True):
        samples = {"inputs": images[rows], "labels": data.target[rows].astype(np.int64)}
        np.savez_compressed(folder / f"{name}.npz", **samples)
        with torch.no_grad():
            found = [logits.argmax(1).numpy() for logits in network(torch.from_numpy(images[rows]))]
        print(name, [round(float((each == samples["labels"]).mean()), 4) for each in found])


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "digits")

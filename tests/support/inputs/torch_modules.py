"""Modules of PyTorch of several kinds, with example inputs; torch is handed in, for tests that have it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Example = tuple[Any, Any, dict[str, Any]]
"""A module in training mode, its example inputs, and options of `from_torch`."""


def exits(torch: Any) -> Example:
    """A CNN with two early exits, batch normalisation and dropout."""
    nn = torch.nn

    class Exits(nn.Module):  # type: ignore[misc] # torch is not typed here
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 16, 3, padding=1)
            self.third, self.norm, self.drop = nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(16), nn.Dropout(0.5)
            self.heads = nn.ModuleList(nn.Linear(width, 10) for width in (8, 16, 32))

        def forward(self, x: Any) -> tuple[Any, ...]:
            one = torch.relu(self.first(x))
            two = torch.max_pool2d(torch.relu(self.norm(self.second(one))), 2)
            three = torch.relu(self.third(two))
            levels = zip(self.heads, (one, two, three), strict=True)
            return tuple(head(self.drop(level.mean((2, 3)))) for head, level in levels)

    return Exits(), torch.randn(1, 1, 8, 8), {"output_names": ["e1", "e2", "y"], "exits": ["e1", "e2"]}


def transformer(torch: Any) -> Example:
    """A vision transformer: patches, a class token, and `nn.TransformerEncoder`."""
    nn = torch.nn

    class Transformer(nn.Module):  # type: ignore[misc] # torch is not typed here
        def __init__(self) -> None:
            super().__init__()
            layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, activation="gelu")
            self.patches, self.token = nn.Conv2d(3, 32, 4, 4), nn.Parameter(torch.zeros(1, 1, 32))
            self.places = nn.Parameter(torch.randn(1, 17, 32) * 0.02)
            self.encoder, self.head = nn.TransformerEncoder(layer, 2), nn.Linear(32, 10)

        def forward(self, x: Any) -> Any:
            patches = self.patches(x).flatten(2).transpose(1, 2)
            tokens = torch.cat([self.token.expand(x.shape[0], -1, -1), patches], 1) + self.places
            return self.head(self.encoder(tokens)[:, 0])

    return Transformer(), torch.randn(1, 3, 16, 16), {}


def recurrent(torch: Any) -> Example:
    """An embedding of tokens and a bidirectional LSTM of two layers."""
    nn = torch.nn

    class Recurrent(nn.Module):  # type: ignore[misc] # torch is not typed here
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.head = nn.Embedding(100, 16), nn.Linear(48, 5)
            self.lstm = nn.LSTM(16, 24, 2, batch_first=True, bidirectional=True)

        def forward(self, tokens: Any) -> Any:
            states, _ = self.lstm(self.embedding(tokens))
            return self.head(states[:, -1])

    return Recurrent(), torch.randint(0, 100, (1, 12)), {}


def two_inputs(torch: Any) -> Example:
    """Two named inputs of different widths that meet."""
    nn = torch.nn

    class Meeting(nn.Module):  # type: ignore[misc] # torch is not typed here
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right, self.head = nn.Linear(8, 16), nn.Linear(4, 16), nn.Linear(16, 3)

        def forward(self, x: Any, y: Any) -> Any:
            return self.head(torch.relu(self.left(x) + self.right(y)))

    return Meeting(), {"x": torch.randn(1, 8), "y": torch.randn(1, 4)}, {}


EXAMPLES: dict[str, Callable[[Any], Example]] = {
    "early-exits": exits,
    "transformer": transformer,
    "recurrent": recurrent,
    "two-inputs": two_inputs,
}

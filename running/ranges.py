"""Ranges of what a measurement may be asked for: by the command line, by the library and by messages to agents."""

from __future__ import annotations

MOST_THREADS = 256
"""Most threads of ONNX Runtime (count)."""
MOST_REPEATS = 10_000
"""Most rounds that a median is taken of (count)."""

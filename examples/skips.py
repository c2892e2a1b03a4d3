"""Write models of networks that are no chains, from the sizes of their published architectures.

Usage: python examples/skips.py [FOLDER]. Activations have 16 bits, inputs 8; one multiply-accumulate is 2 operations.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

BITS = 16


def conv(size: int, channels_in: int, channels_out: int, kernel: int = 3) -> tuple[float, float]:
    """Return operations and bytes of parameters of a convolution.

    Args:
        size: Rows and columns of its output.
        channels_in: Channels of its input.
        channels_out: Channels of its output.
        kernel: Rows and columns of its kernel.
    """
    weights = kernel * kernel * channels_in * channels_out
    return 2.0 * weights * size * size, weights * BITS / 8


def block(name: str, parts: list[tuple[float, float]], size: int, channels: int, reads: list[str]) -> dict[str, Any]:
    """Return a block of several layers whose output has `size` x `size` x `channels` values."""
    bits = float(size * size * channels * BITS)
    return {
        "name": name,
        "ops": sum(ops for ops, _ in parts),
        "param_bytes": sum(held for _, held in parts),
        "working_bytes": 2.0 * bits / 8,
        "output_bits": bits,
        "inputs": [{"block": read} for read in reads],
    }


def unet(size: int = 256) -> dict[str, Any]:
    """Return the U-Net: four levels down, four up, a skip on each."""
    blocks, before, channels = [], "input", 3
    for level in range(4):
        wide, here = 64 * 2**level, size // 2**level
        blocks.append(
            block(f"enc{level + 1}", [conv(here, channels, wide), conv(here, wide, wide)], here, wide, [before])
        )
        before, channels = f"enc{level + 1}", wide
    here = size // 16
    blocks.append(block("mid", [conv(here, 512, 1024), conv(here, 1024, 1024)], here, 1024, [before]))
    before = "mid"
    for level in range(3, -1, -1):
        wide, here = 64 * 2**level, size // 2**level
        parts = [conv(here, 2 * wide, wide, 2), conv(here, 2 * wide, wide), conv(here, wide, wide)]
        blocks.append(block(f"dec{level + 1}", parts, here, wide, [before, f"enc{level + 1}"]))
        before = f"dec{level + 1}"
    blocks.append(block("mask", [conv(size, 64, 2, 1)], size, 2, [before]))
    citation = "U-Net: Ronneberger, Fischer and Brox, MICCAI 2015, doi 10.1007/978-3-319-24574-4_28; padded, 256 x 256."
    return _model("u-net", citation, 8.0 * size * size * 3, blocks)


def inception() -> dict[str, Any]:
    """Return the cell `inception (3a)` of GoogLeNet: four branches that read one tensor, and their concatenation."""
    size = 28
    blocks = [
        block("one", [conv(size, 192, 64, 1)], size, 64, ["input"]),
        block("three-reduce", [conv(size, 192, 96, 1)], size, 96, ["input"]),
        block("three", [conv(size, 96, 128)], size, 128, ["three-reduce"]),
        block("five-reduce", [conv(size, 192, 16, 1)], size, 16, ["input"]),
        block("five", [conv(size, 16, 32, 5)], size, 32, ["five-reduce"]),
        block("pool", [conv(size, 192, 32, 1)], size, 32, ["input"]),
        block("concat", [], size, 256, ["one", "three", "five", "pool"]),
    ]
    citation = "GoogLeNet, table 1, inception (3a): Szegedy et al., CVPR 2015, doi 10.1109/CVPR.2015.7298594."
    return _model("inception-3a", citation, float(size * size * 192 * BITS), blocks)


def resnet() -> dict[str, Any]:
    """Return ResNet-18, a block for each convolution; the second one of a pair adds what the first one read."""
    blocks = [block("conv1", [conv(112, 3, 64, 7)], 56, 64, ["input"])]
    before, channels = "conv1", 64
    for stage in range(4):
        wide, size = 64 * 2**stage, 56 // 2**stage
        for pair in ("a", "b"):
            name, skip = f"conv{stage + 2}{pair}", before
            if wide != channels:
                blocks.append(block(f"down{stage + 2}", [conv(size, channels, wide, 1)], size, wide, [before]))
                skip = f"down{stage + 2}"
            blocks.append(block(f"{name}1", [conv(size, channels, wide)], size, wide, [before]))
            blocks.append(block(f"{name}2", [conv(size, wide, wide)], size, wide, [f"{name}1", skip]))
            before, channels = f"{name}2", wide
    blocks.append(block("fc", [conv(1, 512, 1000, 1)], 1, 1000, [before]))
    citation = "ResNet-18, table 1: He et al., CVPR 2016, doi 10.1109/CVPR.2016.90."
    return _model("resnet-18", citation, 8.0 * 224 * 224 * 3, blocks)


def language_model(context: int = 65_536) -> dict[str, Any]:
    """Return one generated token of MPT-7B: 32 layers, tied embeddings, a KV cache for a context.

    Generating is bound by reading weights and cache, so times are bytes over the bandwidth of the memory.
    """
    width, layers, words = 4096, 32, 50_432
    weights, cache, table = 2.0 * 12 * width**2, 2.0 * 2 * width * context, 2.0 * words * width
    bandwidth = {"rtx-3090": 936e9, "ddr4": 90e9}
    each = {
        "ops": weights + 4.0 * width * context, "param_bytes": weights, "state_bytes": cache,
        "working_bytes": 4.0 * 32 * context, "output_bits": float(width * BITS),
    }  # fmt: skip
    blocks: list[dict[str, Any]] = [{"name": "embed", "ops": 0.0, "params": ["table"], "output_bits": width * BITS}]
    blocks += [{"name": f"layer{number}", **each} for number in range(1, layers + 1)]
    logits = {"ops": table, "params": ["table"], "working_bytes": 4.0 * words, "output_bits": 32.0}
    blocks.append({"name": "logits", **logits})
    profiles = {}
    for name, rate in bandwidth.items():
        rows = {row["name"]: {"time_s": (weights + cache) / rate} for row in blocks[1:-1]}
        profiles[name] = rows | {"embed": {"time_s": 2.0 * width / rate}, "logits": {"time_s": table / rate}}
    citation = "MPT-7B (32 layers, width 4096, 32 heads, 50,432 words, tied): MosaicML, 2023; context of 65,536 tokens."
    model = _model("mpt-7b", citation, 32.0, blocks)
    return {**model, "params": {"table": table}, "profiles": profiles}


def _model(name: str, citation: str, input_bits: float, blocks: list[dict[str, Any]]) -> dict[str, Any]:
    return {"schema_version": "1", "name": name, "citation": citation, "input_bits": input_bits, "blocks": blocks}


MODELS = {"u-net.json": unet, "inception-3a.json": inception, "resnet-18.json": resnet, "mpt-7b.json": language_model}


def main() -> None:
    """Write every model to the folder that is named, else to this one."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for name, make in MODELS.items():
        (folder / name).write_text(json.dumps(make(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

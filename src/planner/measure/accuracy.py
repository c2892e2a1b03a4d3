"""Accuracies of variants: stated by the user, or measured on labelled samples; none is assumed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planner.schemas.reading.files import is_file
from planner.schemas.reading.problems import input_error
from planner.schemas.reading.quantities import format_quantity

if TYPE_CHECKING:
    from planner.measure.networks import OnnxNetwork


MAX_DATA_BYTES = 4_000_000_000
"""Labelled samples are held in memory."""


def stated_accuracies(texts: Sequence[str]) -> dict[str, float]:
    """Return accuracies by variant, from ``NAME=0.93`` or paths of JSON files that hold such pairs.

    Raises:
        InputError: Something is neither, is no fraction, or is stated twice.
    """
    from planner.units import parse_fraction

    stated: dict[str, float] = {}
    for text in texts:
        name, separator, value = text.rpartition("=")
        if not separator and not is_file(Path(text)):
            fix = "write it as NET-PRECISION=0.93, or name a JSON file of such pairs"
            raise input_error("neither an accuracy nor a file", fix, path="--accuracy", value=text)
        pairs = {name: parse_fraction(value, "--accuracy")} if separator else _from_file(Path(text))
        for name, accuracy in pairs.items():
            if name in stated:
                fix = "state one accuracy for each network and precision"
                raise input_error("this accuracy is stated twice", fix, path="--accuracy", value=name)
            stated[name] = accuracy
    return stated


def _from_file(path: Path) -> dict[str, float]:
    from planner.schemas.reading.files import read_json

    raw = read_json(path)
    fix = 'write it as {"net-float32": 0.93, "net-int8": 0.92}'
    if not isinstance(raw, dict):
        raise input_error("not an object of accuracies", fix, file=str(path))
    for name, value in raw.items():
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0.0 <= value <= 1.0:
            raise input_error("not a fraction in [0, 1]", fix, file=str(path), path=name, value=value)
    return {name: float(value) for name, value in raw.items()}


def stated_for(stated: Mapping[str, float], network: str, precision: str) -> float | None:
    """Look up what is stated for a variant; a network's own name stands for its float32 variant alone.

    Args:
        stated: Accuracies in [0, 1] by network or variant.
        network: Name of the network.
        precision: Precision of the variant, such as `int8`.

    Returns:
        Accuracy of the variant in [0, 1]; None where none is stated.
    """
    own = stated.get(f"{network}-{precision}")
    return stated.get(network) if own is None and precision == "float32" else own


def check_data(path: Path, networks: Sequence[OnnxNetwork]) -> int:
    """Check labelled samples against the networks that are to run on them; return how many there are.

    Raises:
        InputError: The file cannot be read, its arrays do not fit together, or a network takes other inputs.
    """
    from zipfile import BadZipFile
    from zlib import error as ZlibError  # noqa: N812 - a name of its own

    import numpy as np

    fix = "save it with numpy.savez(path, inputs=..., labels=...)"
    try:
        if (size := _stated_bytes(path)) > MAX_DATA_BYTES:
            message = f"the arrays have {format_quantity(size, 'B')}, more than {format_quantity(MAX_DATA_BYTES, 'B')}"
            raise input_error(message, "give fewer samples", file=str(path))
        with path.open("rb") as file, np.load(file) as data:
            inputs, labels = data["inputs"], data["labels"]
    except OSError as error:
        raise input_error(f"cannot read the file ({error.strerror or error})", fix, file=str(path)) from None
    except (KeyError, ValueError, TypeError, EOFError, AttributeError, IndexError, BadZipFile, ZlibError, MemoryError):
        # numpy raises any of these for what is no archive of plain arrays named inputs and labels
        raise input_error("not an .npz with the arrays inputs and labels", fix, file=str(path)) from None
    if inputs.dtype.kind not in "fiu" or labels.dtype.kind not in "iu":
        kinds = f"{inputs.dtype} and {labels.dtype}"
        raise input_error("inputs must be numbers and labels integers", fix, file=str(path), value=kinds)
    if labels.ndim != 1 or len(labels) != len(inputs) or not len(labels):
        shapes: Any = [list(inputs.shape), list(labels.shape)]
        raise input_error("there must be one label for each sample", fix, file=str(path), value=shapes)
    if not np.isfinite(inputs).all():
        raise input_error("inputs must be finite numbers", "leave out samples with NaN or infinity", file=str(path))
    if (labels < 0).any():
        fix = "number the classes from 0, in the order of the network's outputs"
        raise input_error("labels must be classes from 0 on", fix, file=str(path), value=int(labels.min()))
    for network in networks:
        shapes = list(network.inputs.values())
        sample = tuple(inputs.shape[1:])
        if len(shapes) != 1 or shapes[0] not in (sample, (1, *sample)):
            advice = "state its accuracy with --accuracy, or give samples of that shape (one at a time)"
            message = f"{network.path} takes inputs of shape {[list(each) for each in shapes]}, the samples have"
            raise input_error(message, advice, file=str(path), value=list(sample))
    return len(labels)


def _stated_bytes(path: Path) -> int:
    """Return the size of the arrays `inputs` and `labels` by the headers of an .npz, before either is loaded.

    Raises:
        OSError: The file cannot be read.
        ValueError: A header states another size than the archive holds.
        KeyError, EOFError, BadZipFile: The file is no archive with these arrays.
    """
    from zipfile import ZipFile

    from numpy.lib import format as npy

    total = 0
    with ZipFile(path) as archive:
        for name in ("inputs.npy", "labels.npy"):
            with archive.open(name) as file:
                version = npy.read_magic(file)
                read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
                shape, _, kind = read_header(file)
                stated = math.prod(shape) * kind.itemsize
                if stated != archive.getinfo(name).file_size - file.tell():
                    message = f"the header of {name} states {stated} bytes"
                    raise ValueError(message)
                total += stated
    return total

"""Labelled samples from .npz files: sizes checked before anything is read, then shapes and types."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from planner.schemas.bundles.tensors import Tensor
from planner.schemas.reading.problems import InputError, input_error

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_BYTES = 2_000_000_000
LABELS, INPUTS = "labels", "inputs"
_FIX = "save it with numpy.savez(path, inputs=..., labels=...), or one array for each input of the network"


@dataclass(frozen=True)
class Samples:
    """Samples of a network, and their classes where they are known."""

    inputs: tuple[dict[str, NDArray[Any]], ...]
    """For every sample the inputs of the network by name, in its shapes and types."""
    labels: NDArray[Any] | None
    """(samples,) class of every sample."""

    @property
    def count(self) -> int:
        """Number of samples."""
        return len(self.inputs)


def read_samples(path: Path, inputs: Sequence[Tensor], with_labels: bool = False) -> Samples:
    """Read samples for a network.

    The array `inputs` holds the samples of a network with one input; otherwise arrays bear the inputs' names. The
    first axis counts samples; a network's own batch axis of 1 may be left out.

    Args:
        path: An .npz file of plain arrays.
        inputs: Inputs of the network.
        with_labels: Labels are needed.

    Returns:
        The samples, each as arrays by input name, with labels where the file has some.

    Raises:
        InputError: The file cannot be read, is too large, or its arrays do not fit the network.
    """
    arrays = _arrays(path)
    if with_labels and LABELS not in arrays:
        raise input_error("there are no labels", "add an array `labels` with the class of every sample", file=str(path))
    names = [INPUTS] if INPUTS in arrays and len(inputs) == 1 else [tensor.name for tensor in inputs]
    if missing := [name for name in names if name not in arrays]:
        raise input_error(f"no array for the input {', '.join(missing)}", _FIX, file=str(path))
    counts = {len(arrays[name]) if arrays[name].ndim else 0 for name in names}
    if counts == {0}:
        raise input_error("there are no samples", "give at least one", file=str(path))
    if len(counts) != 1 or 0 in counts:
        raise input_error("the arrays do not hold the same number of samples", _FIX, file=str(path))
    (count,) = counts
    columns = [_column(arrays[name], tensor, path) for name, tensor in zip(names, inputs, strict=True)]
    rows = tuple(
        {tensor.name: column[index] for tensor, column in zip(inputs, columns, strict=True)} for index in range(count)
    )
    return Samples(rows, _labels(arrays.get(LABELS), count, path))


def check_labels(samples: Samples, classes: int, file: str) -> None:
    """Raise InputError where a label is no class of the network's output.

    Args:
        samples: Samples, with or without labels.
        classes: Number of classes of the output.
        file: Data file, to name in the message.
    """
    if samples.labels is not None and int(samples.labels.max(initial=0)) >= classes:
        fix = f"number the classes from 0 to {classes - 1}"
        message = f"a label is out of range: the output has {classes} classes"
        raise input_error(message, fix, file=file, value=int(samples.labels.max()))


def _column(array: NDArray[Any], tensor: Tensor, path: Path) -> NDArray[Any]:
    """Return an array as samples in the network's shape and type; raise InputError where it does not fit."""
    import numpy as np

    sample, wanted = array.shape[1:], tensor.shape
    if sample not in (wanted, wanted[1:]) or (sample != wanted and wanted[:1] != (1,)):
        message = f"{tensor.name} takes the shape {list(wanted)}, the samples have"
        raise input_error(message, "give samples of that shape", file=str(path), value=list(sample))
    kind = np.dtype(tensor.dtype)
    if not np.can_cast(array.dtype, kind, "same_kind") and not (array.dtype.kind in "iu" and kind.kind == "f"):
        message = f"{tensor.name} takes {tensor.dtype}, the samples are"
        raise input_error(message, "give samples of that type", file=str(path), value=str(array.dtype))
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise input_error("samples must be finite numbers", "leave out those with NaN or infinity", file=str(path))
    return np.ascontiguousarray(array.astype(kind).reshape(len(array), *wanted))


def _labels(labels: NDArray[Any] | None, count: int, path: Path) -> NDArray[Any] | None:
    if labels is None:
        return None
    if labels.dtype.kind not in "iu" or labels.shape != (count,):
        message = "there must be one whole number as the label of each sample"
        raise input_error(message, _FIX, file=str(path), value=f"{labels.dtype} {list(labels.shape)}")
    if count and int(labels.min()) < 0:
        fix = "number the classes from 0, in the order of the network's outputs"
        raise input_error("labels must be classes from 0 on", fix, file=str(path), value=int(labels.min()))
    return labels


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read every array; what the headers promise is added up before any memory is taken for it."""
    import numpy as np

    try:
        with path.open("rb") as file:
            archive = zipfile.ZipFile(file)
            entries = [entry for entry in archive.infolist() if entry.filename.endswith(".npy")]
            promised = 0
            for entry in entries:
                with archive.open(entry) as stream:
                    promised += _promised_bytes(stream)
                    if promised > MOST_BYTES:
                        raise input_error("the arrays have more than 2 GB", "give fewer samples", file=str(path))
            with np.load(path, allow_pickle=False) as data:
                return {entry.filename.removesuffix(".npy"): data[entry.filename[:-4]] for entry in entries}
    except InputError:
        raise
    except OSError as error:
        message = f"cannot read the file ({error.strerror or error})"
        raise input_error(message, "check the path and its permissions", file=str(path)) from None
    except Exception:  # numpy and zipfile raise what they like for what is no archive of plain arrays
        raise input_error("not an .npz file of plain arrays", _FIX, file=str(path)) from None


def _promised_bytes(stream: IO[bytes]) -> int:
    """Return the size that the header of an array promises; objects are refused."""
    from numpy.lib import format as layout

    version = layout.read_magic(stream)
    read = layout.read_array_header_1_0 if version == (1, 0) else layout.read_array_header_2_0
    shape, _, dtype = read(stream)
    if dtype.hasobject:
        raise ValueError
    return math.prod(shape) * dtype.itemsize

"""Tensors as bundles and manifests name them, and the names of files that may stand beside them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from planner.schemas.reading.base import Name, Quantity, Strict
from planner.schemas.reading.forms import DIGEST, FILE_NAME

Dtype = Literal[
    "float32", "float64", "float16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"
]
"""Element types that are carried between nodes: those that NumPy has, none of them an object."""

Digest = Annotated[str, Field(pattern=DIGEST.pattern)]
FileName = Annotated[str, Field(pattern=FILE_NAME.pattern)]
"""A file in the same folder: a plain name, so that no path leads out of it."""
Size = Annotated[int, Field(ge=0, le=2**40)]


class Tensor(Strict):
    """One tensor with its static shape."""

    name: Name = Field(description="Name in the network's graph.")
    dtype: Dtype = Field(description="Element type.")
    shape: tuple[Size, ...] = Field(description="Size of every dimension (elements).")
    bits: Quantity = Field(description="Size, in bits.")

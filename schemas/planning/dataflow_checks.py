"""Checks of model.json that concern several blocks: the tensors that they read, and the parameters that they share."""

from __future__ import annotations

from collections.abc import Iterator

from planner.schemas.reading.base import Finding, field_of, items_of, mapping_of, names_of, number_of
from planner.schemas.reading.quantities import format_quantity

INPUT = "input"
"""What blocks call the input of the model."""


def check_inputs(data: object) -> Iterator[Finding]:
    """Check what blocks read: earlier blocks or the input, each tensor once, and one size for each tensor.

    Args:
        data: The model as read.

    Returns:
        What is wrong: path, value, message and fix.
    """
    blocks = items_of(data, "blocks")
    if all(field_of(block, "inputs") is None for block in blocks):
        return
    names = names_of(blocks)
    given = {
        name: number_of(block, "output_bits") for block in blocks if isinstance(name := field_of(block, "name"), str)
    }
    given[INPUT] = number_of(data, "input_bits")
    sizes = _sizes_by_default(data, blocks)
    for index, block in enumerate(blocks):
        where = ("blocks", index)
        if field_of(block, "name") == INPUT:
            fix = "rename the block"
            yield (*where, "name"), INPUT, "blocks that name their inputs call the model's input so", fix
        inputs = field_of(block, "inputs")
        if isinstance(inputs, (list, tuple)) and not inputs:
            fix = 'name what it reads, such as [{"block": "input"}], or leave inputs out (the block before)'
            yield (*where, "inputs"), [], "the block reads nothing", fix
        earlier = (INPUT, *names_of(blocks[:index]))
        seen: set[tuple[str, object]] = set()
        for place, row in enumerate(items_of(block, "inputs")):
            yield from _check_input((*where, "inputs", place), row, earlier, names, seen)
            yield from _check_size((*where, "inputs", place), row, given, sizes)


def _check_input(
    where: tuple[str | int, ...],
    row: object,
    earlier: tuple[str, ...],
    names: list[str],
    seen: set[tuple[str, object]],
) -> Iterator[Finding]:
    name, tensor = field_of(row, "block"), field_of(row, "tensor")
    if not isinstance(name, str):
        return
    if name not in earlier:
        known = name in names
        message = "this block runs no earlier" if known else "there is no block of this name"
        fix = "list the blocks in an order of execution" if known else f"use one of {_some(earlier)}"
        yield (*where, "block"), name, message, fix
    elif (name, _hashable(tensor)) in seen:
        yield where, name, "the same tensor is named twice", "name each tensor once"
    seen.add((name, _hashable(tensor)))


def _sizes_by_default(data: object, blocks: list[object]) -> dict[tuple[str, object], float]:
    """Return the sizes of what blocks without `inputs` read: all of what the block before puts out."""
    sizes: dict[tuple[str, object], float] = {}
    name: object = INPUT
    bits = number_of(data, "input_bits")
    for block in blocks:
        if field_of(block, "inputs") is None and isinstance(name, str) and bits is not None:
            sizes[name, None] = bits
        name, bits = field_of(block, "name"), number_of(block, "output_bits") or 0.0
    return sizes


def _check_size(
    where: tuple[str | int, ...],
    row: object,
    given: dict[str, float | None],
    sizes: dict[tuple[str, object], float],
) -> Iterator[Finding]:
    name, bits = field_of(row, "block"), number_of(row, "bits")
    if not isinstance(name, str):
        return
    if bits is None:
        bits = given.get(name)
    key = (name, _hashable(field_of(row, "tensor")))
    bits = 0.0 if bits is None else bits
    if sizes.setdefault(key, bits) != bits:
        fix = "give it one size, or another tensor a name of its own"
        yield where, bits, f"the same tensor has {format_quantity(sizes[key], 'bit')} elsewhere", fix


def check_params(data: object) -> Iterator[Finding]:
    """Check shared parameters: every name that a block or head uses is defined, and every one defined is used.

    Args:
        data: The model as read.

    Returns:
        What is wrong: path, value, message and fix.
    """
    defined = mapping_of(data, "params")
    used: set[str] = set()
    for kind in ("blocks", "exits"):
        for index, row in enumerate(items_of(data, kind)):
            named = [name for name in items_of(row, "params") if isinstance(name, str)]
            for place, name in enumerate(named):
                where = (kind, index, "params", place)
                if name not in defined:
                    fix = f'use one of {_some(tuple(defined))}, or give its size in the model\'s "params"'
                    yield where, name, "there are no parameters of this name", fix
                elif name in named[:place]:
                    yield where, name, "the parameters are named twice", "name them once"
            used.update(named)
    for name in defined:
        if name not in used:
            fix = "name them where they are used, or leave them out"
            yield ("params", name), name, "no block or exit uses these parameters", fix


def _hashable(tensor: object) -> object:
    return tensor if isinstance(tensor, str) or tensor is None else repr(tensor)


def _some(names: tuple[str, ...], most: int = 8) -> str:
    shown = ", ".join(repr(name) for name in names[:most])
    return (shown + (", ..." if len(names) > most else "")) or "the names (there are none yet)"

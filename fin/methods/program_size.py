"""Size of integer programs: small ones are solved where labels of networks that are no chains would be many."""

from __future__ import annotations

from planner.fin.instance.instance import Instance

SMALL = 3_000
"""Blocks times links of programs that the solver mostly ends in a second or two."""


def has_small_program(instance: Instance) -> bool:
    """Tell whether an app that is no plain chain has small integer programs.

    Args:
        instance: The app.
    """
    size = len(instance.block_names) * len(instance.network.link_source)
    return not instance.is_plain and size <= SMALL

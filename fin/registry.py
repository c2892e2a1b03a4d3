"""Registry of classes by name, whose modules (and what those need) load on first use."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from planner.schemas.reading.problems import advice_for, input_error


def load(name: str, places: Mapping[str, str], missing: str, *arguments: object, path: str = "method") -> Any:  # noqa: ANN401 - the caller knows its Protocol
    """Load the module of the class that a name stands for, and make an instance.

    Args:
        name: What is asked for.
        places: For every name where its class is, as ``module:class``.
        missing: What to say where there is no such name.
        *arguments: What the class is made with.
        path: What the user calls the choice.

    Returns:
        The instance; callers know its Protocol.

    Raises:
        InputError: There is no such name.
    """
    if name not in places:
        raise input_error(missing, advice_for(name, places), path=path, value=name)
    module, _, attribute = places[name].partition(":")
    return getattr(importlib.import_module(module), attribute)(*arguments)

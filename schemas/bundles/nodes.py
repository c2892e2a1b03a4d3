"""nodes.json: where the agent of every node listens, ``{"phone": "127.0.0.1:7070"}``."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, RootModel

from planner.schemas.reading.base import Name
from planner.schemas.reading.forms import ADDRESS
from planner.schemas.reading.problems import input_error

Address = Annotated[str, Field(pattern=ADDRESS.pattern, description="HOST:PORT of an agent.")]


class Nodes(RootModel[dict[Name, Address]]):
    """Addresses of agents, by node of the topology."""


def parse_address(text: str, where: str, loose: bool = False) -> tuple[str, int]:
    """Split an address ``HOST:PORT`` into its parts, and check their form and the range of the port.

    Args:
        text: What the user wrote.
        where: Option or file to name in messages.
        loose: Port 0 stands for a free port of the machine's choice.

    Returns:
        Host and port; an IPv6 address keeps its brackets.

    Raises:
        InputError: Not a host and a port from 1 to 65535.
    """
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9.-]{0,252}):([0-9]{1,5})", text)
    if match is None or not (0 if loose else 1) <= int(match.group(2)) <= 65535:
        raise input_error("not an address", "write it as HOST:PORT, such as 127.0.0.1:7070", path=where, value=text)
    return match.group(1), int(match.group(2))

"""`planner agent`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planner.commands.command import command
from planner.commands.output import say
from planner.running.ranges import MOST_THREADS
from planner.schemas.reading.problems import input_error


@command
def agent_command(
    listen: Annotated[str, typer.Option(help="HOST:PORT to listen on; port 0: a free one.")] = "127.0.0.1:7070",
    keys: Annotated[Path | None, typer.Option(help="Folder of keys; needed beyond this machine.")] = None,
    new_keys: Annotated[bool, typer.Option("--new-keys", help="Make keys in the folder, and end.")] = False,
    slow_down: Annotated[float, typer.Option(min=1.0, max=10_000, help="Emulated factor on computing times.")] = 1.0,
    threads: Annotated[int, typer.Option(min=1, max=MOST_THREADS, help="Threads of ONNX Runtime.")] = 1,
    optimisation: Annotated[str, typer.Option(help="Graph optimisation of ONNX Runtime: off, basic or all.")] = "all",
) -> int:
    """Serve pieces of networks on this machine until interrupted."""
    from planner.running.agents.agent import Agent, AgentOptions
    from planner.running.agents.keys import make_keys, read_keys
    from planner.running.network.sessions import LEVELS
    from planner.running.requirements import require

    require("onnx", "onnxruntime", "pyzmq", doing="an agent")
    if new_keys:
        if keys is None:
            raise input_error("nothing says where the keys go", "give --keys FOLDER", path="--new-keys")
        say(f"wrote {make_keys(keys)}: copy the folder to every machine, and keep it secret", err=True)
        return 0
    if optimisation not in LEVELS:
        fix = f"use one of {', '.join(LEVELS)}"
        raise input_error("no such level of optimisation", fix, path="--optimisation", value=optimisation)
    agent = Agent(AgentOptions(listen, read_keys(keys), slow_down, threads, optimisation))
    try:
        say(f"listening on {agent.address}{'' if keys is None else ', with keys'}")
        agent.serve()
    except KeyboardInterrupt:
        say("ended", err=True)
    finally:
        agent.close()
    return 0

"""Table of all commands: where each is defined, and one line of help; modules load when a command is called."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Registered:
    """A command by name, and the place of the function that runs it."""

    name: str
    place: str
    """``module:function``; the function is decorated with `planner.commands.command.command`."""
    summary: str
    """What the list of commands says, in one sentence."""

    def load(self) -> Callable[..., None]:
        """Import the module and return the function."""
        module, _, function = self.place.partition(":")
        loaded: Callable[..., None] = getattr(importlib.import_module(module), function)
        return loaded


COMMANDS = (
    Registered("plan", "planner.commands.plan:plan_command", "Place a DNN, or all apps of a workload, with proof."),
    Registered("compare", "planner.commands.compare:compare_command", "Run every method on the same inputs."),
    Registered("pareto", "planner.commands.pareto:pareto_command", "Compute the front of energy, latency, accuracy."),
    Registered("report", "planner.commands.report:report_command", "Draw a plan, a front or results as a page."),
    Registered("check", "planner.commands.check:check_command", "Verify a placement with independent code."),
    Registered("measure", "planner.commands.measure:measure_command", "Measure ONNX networks on this machine."),
    Registered("import", "planner.commands.import_network:import_command", "Turn an ONNX network into a model."),
    Registered("profile", "planner.commands.profile:profile_command", "Measure blocks of a network, or links."),
    Registered("split", "planner.commands.split:split_command", "Cut a network into the pieces of a plan."),
    Registered("agent", "planner.commands.agent:agent_command", "Serve pieces of networks on this machine."),
    Registered("run", "planner.commands.run:run_command", "Run pieces on agents, beside what was predicted."),
    Registered("calibrate", "planner.commands.calibrate:calibrate_command", "Correct profiles and links by a run."),
    Registered("fleet", "planner.commands.fleet:fleet_command", "Plan all users of a fleet together, with a bound."),
    Registered("adapt", "planner.commands.adapt:adapt_command", "Plan for every state of a device or topology."),
    Registered("replay", "planner.commands.replay:replay_command", "Run a policy on a recorded load trace."),
    Registered("bench", "planner.commands.bench:bench_command", "Run a suite of requests; restartable."),
    Registered("export", "planner.commands.export:export_command", "Write the rows of a suite as CSV or Parquet."),
    Registered("schema", "planner.commands.schema:schema_command", "Print the JSON Schema of a file format."),
)
"""All commands in the order of the help page. A new command is one row here and one module."""

"""The table of commands, and groups of options."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from dataclasses import dataclass, fields
from typing import Annotated

import pytest
import typer
from command_line import refused, run
from typer.testing import CliRunner

from planner.commands.command import command
from planner.commands.option_groups import OptionGroup
from planner.commands.options import Constraints, Limits
from planner.commands.registry import COMMANDS
from planner.schemas import App
from planner.schemas.planning.workload import LIMITED_FIGURES, AppLimits


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_every_row_of_the_table_is_a_command(row) -> None:
    assert callable(row.load())
    assert run(row.name, "--help").out == run(row.name, "-h").out


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_every_option_says_what_it_is(row) -> None:
    """Parameters of commands are documented here, and not in docstrings, which are the help pages."""
    for parameter in inspect.signature(row.load()).parameters.values():
        helps = [getattr(note, "help", None) for note in parameter.annotation.__metadata__]
        assert any(helps), parameter.name


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_every_option_names_its_value(row) -> None:
    """Help pages speak of files, counts and times, not of types."""
    options = run(row.name, "--help").out.split("Options:")[1]
    assert not re.search(r"^  \S.*<\w", options, flags=re.MULTILINE), options


def test_the_list_of_commands_is_whole_and_imports_none_of_them() -> None:
    listed = run("--help").out
    for row in COMMANDS:
        assert f"  {row.name} " in listed
        assert row.summary in listed, "summaries fit into 80 columns"
    program = (
        "import sys\nfrom planner.cli import main\nsys.argv = ['planner', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([name for name in sys.modules if name.startswith(('numpy', 'planner.fin', 'planner.schemas'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_constraint_sets_a_field_of_an_app() -> None:
    texts = {
        "rate": 2.0, "min_accuracy": "40%", "latency": "mean",
        "objective": "latency", "limit": ["cost=1"], "batch": "1,4",
    }  # fmt: skip
    figures = {"max_latency": "3ms", "max_energy": "5mJ", "max_nodes": "2"}
    own = [each.name for each in fields(Limits) if each.name != "figures"]
    limits = Limits(figures=figures, **{name: texts.get(name, "n") for name in own})
    read = limits.app_fields()
    assert set(read) <= {*App.model_fields, "private_until"}, "blocks up to one become pins once the model is read"
    assert set(read) <= AppLimits.__optional_keys__
    assert len(read) == len(own) + len(LIMITED_FIGURES)
    assert read["max_latency_s"] == pytest.approx(0.003)
    assert read["min_accuracy"] == pytest.approx(0.4)
    assert read["max_energy_j"] == pytest.approx(0.005)
    assert read["max_nodes"] == 2
    assert Constraints().app_fields() == {}


@dataclass(frozen=True)
class _Group(OptionGroup):
    many: Annotated[list[str] | None, typer.Option(help="Several.")] = None
    number: Annotated[int, typer.Option(help="A number.")] = 3


_SEVEN = _Group(number=7)


def test_a_group_is_spread_out_and_put_together_again() -> None:
    met: list[object] = []

    @command
    def show(name: Annotated[str, typer.Argument()], group: _Group = _SEVEN, loud: bool = False) -> int:
        met.append((name, group, loud, group.given()))
        return 4

    app = typer.Typer()
    app.command()(show)
    runner = CliRunner()
    assert runner.invoke(app, ["me"]).exit_code == 4
    runner.invoke(app, ["me", "--many", "a", "--many", "b", "--loud", "--number", "3"])
    assert met == [
        ("me", _Group(None, 7), False, ["--number"]),
        ("me", _Group(["a", "b"], 3), True, ["--many"]),
    ]


def test_options_of_placements_beside_a_designs_file_are_all_named() -> None:
    message = refused("adapt", "examples/synthetic-phone.designs.json", "--rate", "1", "--gap", "1%", "--states", "s")
    assert "keep --states, --rate, --gap" in message

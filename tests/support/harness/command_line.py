"""Running commands as tests do: in this process or apart, with what they leave behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from typer.testing import CliRunner

from planner.commands.root import app

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples"
MODEL, TOPOLOGY = EXAMPLES / "small.json", EXAMPLES / "small-topology.json"
SMALL = ("--model", str(MODEL), "--topology", str(TOPOLOGY))
Json = dict[str, Any]


class Ran(NamedTuple):
    """What a run left behind."""

    code: int
    out: str
    err: str


def run(*arguments: object) -> Ran:
    """Run a command in this process; an exception that gets out is a failure."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.stdout + result.stderr
    return Ran(result.exit_code, result.stdout, result.stderr)


def run_apart(*arguments: object, cwd: Path = ROOT, stdout: Any = subprocess.PIPE) -> Ran:
    """Run ``python -m planner`` as users do."""
    command = [sys.executable, "-m", "planner", *map(str, arguments)]
    environment = dict(os.environ)
    done = subprocess.run(
        command, cwd=cwd, env=environment, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )
    ran = Ran(done.returncode, done.stdout or "", done.stderr)
    assert "Traceback" not in ran.out + ran.err
    return ran


def write(path: Path, document: object) -> Path:
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def without_timing(text: str) -> Json:
    raw: Json = json.loads(text)
    assert raw.pop("timing")
    return raw


def refused(*arguments: object) -> str:
    """Run a command that must be refused, and return its message."""
    ran = run(*arguments)
    assert ran.code == 2, ran.err
    assert ran.out == ""
    assert ran.err
    return ran.err


def one_block_per_chiplet(folder: Path, blocks: int) -> tuple[object, ...]:
    """Write a package of nine chiplets that hold one block each: without a search nobody knows what fits."""
    model = {
        "schema_version": "1", "name": "chain", "input_bits": 8.0,
        "blocks": [{"name": f"b{i}", "ops": 10.0, "param_bytes": 1.0, "output_bits": 8.0} for i in range(blocks)],
        "exits": [{"name": "out", "after": f"b{blocks - 1}"}],
        "operating_points": [{"name": "all", "exit_fractions": {"out": 1.0}, "accuracy": 0.9}],
    }  # fmt: skip
    package = {
        "name": "p", "rows": 3, "cols": 3, "gateways": [[0, 0]],
        "chiplet": {"ops_per_s": 10.0, "j_per_op": 0.1, "memory_bytes": 1.0},
        "interposer": {"bit_per_s": 80.0, "j_per_bit": 0.01},
        "gateway_link": {"bit_per_s": 80.0, "j_per_bit": 0.01},
    }  # fmt: skip
    topology = {"schema_version": "1", "name": "p", "packages": [package]}
    model_path, topology_path = write(folder / "chain.json", model), write(folder / "package.json", topology)
    return "--model", model_path, "--topology", topology_path, "--source", "p[0,0]"

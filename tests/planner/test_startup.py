"""What a small plan on the command line may load: start-up takes most of its time, and every module adds to it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from command_line import SMALL

MOST_MODULES = 135
"""Modules of the planner that a plan of one app may load."""
NEVER = (
    *("ortools", "scipy", "networkx", "clarabel", "highspy", "onnx", "onnxruntime", "zmq", "ray", "pyarrow"),
    *("rich", "vl_convert", "matplotlib", "tomllib", "multiprocessing", "concurrent.futures"),
    *("planner.carin", "planner.running", "planner.fleet", "planner.adaptation", "planner.measure"),
    *("planner.report", "planner.bench", "planner.fin.methods", "planner.fin.maximise", "planner.fin.solvers"),
    *("planner.fin.dataflow", "planner.fin.diagnosis", "planner.fin.presolve.narrowing", "planner.fin.presolve.starts"),
    *("planner.schemas.adaptation", "planner.schemas.batch", "planner.schemas.bundles", "planner.schemas.fleets"),
    *("planner.schemas.planning.front", "planner.schemas.planning.traces"),
    *("planner.library.checking", "planner.library.comparison", "planner.library.front", "planner.library.pages"),
    *("planner.pipeline.compare", "planner.pipeline.pareto", "planner.pipeline.prove", "planner.pipeline.several_apps"),
    *("planner.pipeline.variants", "planner.text.joint_placement", "planner.text.front", "planner.text.table"),
)
"""Packages and modules that it must not load, with all that is below them."""
PROGRAM = """
import json, sys
from planner.cli import main
try:
    main()
except SystemExit as ended:
    sys.stderr.write(json.dumps([ended.code, sorted(sys.modules)]))
"""


@pytest.fixture(scope="module")
def loaded() -> list[str]:
    command = [sys.executable, "-c", PROGRAM, "plan", *map(str, SMALL)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    code, names = json.loads(done.stderr)
    assert code == 0
    assert done.stdout.startswith("optimal: ")
    return names


@pytest.mark.parametrize("package", NEVER)
def test_a_small_plan_does_not_load(package: str, loaded: list[str]) -> None:
    assert not [name for name in loaded if name == package or name.startswith(f"{package}.")]


def test_of_joint_planning_it_loads_the_names_of_methods_alone(loaded: list[str]) -> None:
    assert [name for name in loaded if name.startswith("planner.clear")] == ["planner.clear", "planner.clear.method"]


def test_a_small_plan_loads_few_modules(loaded: list[str]) -> None:
    own = [name for name in loaded if name.partition(".")[0] == "planner"]
    assert len(own) <= MOST_MODULES

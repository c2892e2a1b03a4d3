"""Arrows never run upwards, and the verifier shares nothing with solvers.

schemas <- fin <- clear <- planner, schemas <- carin <- planner.
"""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path
from types import ModuleType

import pytest

import planner

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "schemas": {"schemas"},
    "fin": {"schemas", "fin"},
    "clear": {"schemas", "fin", "clear"},
    "carin": {"schemas", "carin"},
    "planner": {"schemas", "fin", "clear", "carin", "planner"},
}
OWN = set(MAY_IMPORT)
VERIFIER = ("verifier", "structure", "sharing", "recompute", "points", "expansion", "violations")


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_packages_import_only_what_is_below_them(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    for path in files:
        tops = {name.partition(".")[0] for name in imported(path)} & OWN
        assert tops <= MAY_IMPORT[package], f"{path.name} imports {tops - MAY_IMPORT[package]}"


def test_the_verifier_reaches_no_solver() -> None:
    """Follow its imports through the project: only schemas and its own modules may be met."""
    waiting = [ROOT / "planner" / f"{name}.py" for name in VERIFIER]
    seen: set[Path] = set()
    while waiting:
        path = waiting.pop()
        seen.add(path)
        for name in imported(path):
            assert name.partition(".")[0] not in ("fin", "clear"), f"{path.name} imports {name}"
            target = ROOT / Path(*name.split(".")).with_suffix(".py")
            if target.exists() and target not in seen:
                waiting.append(target)
    assert {path.stem for path in seen if path.parent.name == "planner"} == set(VERIFIER)


def test_schemas_hold_no_solver_library() -> None:
    for path in sorted((ROOT / "schemas").rglob("*.py")):
        assert not {"numpy", "networkx", "ortools"} & {name.partition(".")[0] for name in imported(path)}


def test_no_module_grows_into_a_house_of_its_own() -> None:
    for package in MAY_IMPORT:
        for path in (ROOT / package).rglob("*.py"):
            assert path.read_text(encoding="utf-8").count("\n") < 400, path


def test_no_public_name_is_hidden_by_a_module_of_that_name() -> None:
    for name in planner.__all__:
        importlib.import_module(vars(planner)["_HOMES"].get(name, "schemas"))
        assert not isinstance(getattr(planner, name), ModuleType), name


@pytest.mark.parametrize("package", ["fin", "clear", "carin"])
def test_every_module_has_its_room(package: str) -> None:
    rooms = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    modules = [path.stem for path in (ROOT / package).glob("*.py") if path.stem != "__init__"]
    assert [name for name in modules if not re.search(rf"\b{name}\b", rooms)] == []

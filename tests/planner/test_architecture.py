"""Arrows never run upwards, and the verifier shares nothing with solvers.

schemas <- fin <- clear <- planner, schemas <- carin <- planner.
"""

from __future__ import annotations

import ast
import importlib
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import ModuleType

import pytest

import planner

ROOT = Path(__file__).parents[2]
MAY_IMPORT = {
    "schemas": {"schemas"},
    "fin": {"schemas", "fin"},
    "clear": {"schemas", "fin", "clear"},
    "carin": {"schemas", "carin"},
    "running": {"schemas", "running"},
    "fleet": {"schemas", "fin", "fleet"},
}
"""What each package at the top level may import; `planner` itself (in src/) may import all of them."""
FOLDERS = {name: ROOT / name for name in MAY_IMPORT if (ROOT / name).is_dir()} | {"planner": ROOT / "src" / "planner"}


def package_of(module: str) -> str | None:
    """Return the package at the top level that a module belongs to, None for foreign ones."""
    top, _, rest = module.partition(".")
    if top != "planner":
        return None
    below = rest.partition(".")[0]
    return below if below in MAY_IMPORT else "planner"


def path_of(module: str) -> Path:
    """Return the file of a module of the project."""
    package = package_of(module)
    assert package is not None
    parts = module.split(".")
    inside = parts[1:] if package == "planner" else parts[2:]
    return FOLDERS[package].joinpath(*inside).with_suffix(".py")


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("package", sorted(FOLDERS.keys() & MAY_IMPORT.keys()))
def test_packages_import_only_what_is_below_them(package: str) -> None:
    files = sorted(FOLDERS[package].rglob("*.py"))
    assert files
    for path in files:
        met = {package_of(name) for name in imported(path)} - {None}
        assert met <= MAY_IMPORT[package], f"{path.name} imports {met - MAY_IMPORT[package]}"


def test_documents_import_only_reading_and_planning() -> None:
    """Documents of one wing of schemas import their own wing, and those below it: reading, then planning."""
    for path in sorted(FOLDERS["schemas"].rglob("*/*.py")):
        wing = path.parent.name
        below = {"reading": set(), "planning": {"reading"}}.get(wing, {"reading", "planning"}) | {wing}
        met = {name.split(".")[2] for name in imported(path) if name.startswith("planner.schemas.")}
        assert met <= below, f"{wing}/{path.name} imports {met - below}"


def test_the_verifier_reaches_no_solver() -> None:
    """Follow its imports through the project: only schemas and its own modules may be met."""
    rooms = sorted((FOLDERS["planner"] / "verifier").glob("*.py"))
    waiting = list(rooms)
    seen: set[Path] = set()
    while waiting:
        path = waiting.pop()
        seen.add(path)
        for name in imported(path):
            if (package := package_of(name)) is None:
                continue
            assert package in ("schemas", "planner"), f"{path.name} imports {name}"
            target = path_of(name)
            if target.exists() and target not in seen:
                waiting.append(target)
    assert {path for path in seen if FOLDERS["planner"] in path.parents} == set(rooms)


def test_schemas_hold_no_solver_library() -> None:
    for path in sorted((ROOT / "schemas").rglob("*.py")):
        assert not {"numpy", "networkx", "ortools"} & {name.partition(".")[0] for name in imported(path)}


MOST_LINES, MOST_STATEMENTS, MOST_MODULES = 350, 60, 15
"""Lines of a module; lines of a function without its docstring; modules of a folder (one per command is no limit)."""


def modules() -> list[Path]:
    """Return every module of the product."""
    return sorted(path for folder in FOLDERS.values() for path in folder.rglob("*.py"))


def test_modules_folders_and_functions_stay_small() -> None:
    for path in modules():
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= MOST_LINES, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                assert length_without_docstring(node) <= MOST_STATEMENTS, f"{path}: {node.name}"
    for folder in {path.parent for path in modules()} - {FOLDERS["planner"] / "commands"}:
        names = [path.name for path in folder.glob("*.py") if path.name != "__init__.py"]
        assert len(names) <= MOST_MODULES, folder


def test_modules_of_tests_stay_small() -> None:
    long = [
        path for path in (ROOT / "tests").rglob("*.py") if path.read_text(encoding="utf-8").count("\n") > MOST_LINES
    ]
    assert not long, "split them by subject"


def length_without_docstring(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    lines = (function.end_lineno or 0) - function.lineno + 1
    if ast.get_docstring(function) is None:
        return lines
    first = function.body[0]
    return lines - ((first.end_lineno or 0) - first.lineno + 1)


def test_no_imports_run_in_circles() -> None:
    """Follow the imports at module level; imports inside functions are deferred on purpose."""
    graph = {path: {path_of(name) for name in imported_at_once(path) if package_of(name)} for path in modules()}
    order = TopologicalSorter({path: targets & graph.keys() - {path} for path, targets in graph.items()})
    try:
        order.prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {error.args[1]}")
    assert order.is_active()


def test_folders_of_running_import_downwards() -> None:
    floors = ("network", "graph", "pieces", "agents", "timing", "policies", "results")
    for path in FOLDERS["running"].rglob("*/*.py"):
        names = {
            node.module or ""
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.ImportFrom)
        }
        found = {name.split(".")[2] for name in names if name.startswith("planner.running.")} & set(floors)
        assert all(floors.index(each) <= floors.index(path.parent.name) for each in found), path


def imported_at_once(path: Path) -> set[str]:
    names: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        for node in ast.iter_child_nodes(waiting.pop()):
            if isinstance(node, ast.ImportFrom):
                names.add(node.module or "")
            elif isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not is_for_types(node):
                waiting.append(node)
    return names


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def test_no_public_name_is_hidden_by_a_module_of_that_name() -> None:
    for name in planner.__all__:
        importlib.import_module(vars(planner)["_HOMES"].get(name, "planner.schemas"))
        assert not isinstance(getattr(planner, name), ModuleType), name


def test_every_wing_is_on_the_page_and_says_its_purpose() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for package, folder in FOLDERS.items():
        for face in folder.rglob("__init__.py"):
            purpose = ast.get_docstring(ast.parse(face.read_text(encoding="utf-8")))
            assert purpose, face
            wing = "/".join(part for part in (package, *face.parent.relative_to(folder).parts))
            assert f"`{wing}/`" in page, wing


def test_every_file_that_a_page_for_developers_names_is_there() -> None:
    for page, least in ((ROOT / "docs" / "architecture.md", 30), (ROOT / "CONTRIBUTING.md", 15)):
        named = re.findall(r"`([\w./-]+\.(?:py|md))`", page.read_text(encoding="utf-8"))
        named = [name for name in named if "/" in name and "NAME" not in name]
        assert len(named) >= least, page
        for name in named:
            inside = name.removeprefix("planner/") if name.startswith("planner/") else None
            assert (ROOT / name).is_file() or (inside and (ROOT / "src" / "planner" / inside).is_file()), name

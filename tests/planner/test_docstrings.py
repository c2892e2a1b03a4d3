"""Public functions of three or more parameters say what each is, with units, and what they return."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DONE = ("carin", "clear", "fin", "fleet", "running", "schemas", "src/planner")
"""Wings whose docstrings are whole. Every wing belongs here once its functions say what they take and return."""
_MANY = 3
_AS_ELSEWHERE = re.compile(r"as `\w+\.\w+` says")
"""How the method of an implementation refers to the Protocol that describes it."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def public_functions(path: Path) -> Iterator[Function]:
    """Yield the public functions and methods of a module that take many parameters, but no commands."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for owner in ast.walk(tree):
        if not isinstance(owner, (ast.Module, ast.ClassDef)):
            continue
        if isinstance(owner, ast.ClassDef) and owner.name.startswith("_"):
            continue
        for node in owner.body:
            if is_command(node):
                continue
            if isinstance(node, Function) and not node.name.startswith("_") and len(parameters(node)) >= _MANY:
                yield node


def is_command(node: ast.AST) -> bool:
    """Tell whether a function is a command.

    Its docstring is shown by ``--help``, sections included, and each option has a help text of its own.
    """
    decorators = node.decorator_list if isinstance(node, Function) else []
    return any(isinstance(each, ast.Name) and each.id == "command" for each in decorators)


def parameters(node: Function) -> list[str]:
    """Return the names of the parameters without the receiver, starred ones included."""
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    starred = [each for each in (node.args.vararg, node.args.kwarg) if each is not None]
    return [each.arg for each in (*given, *starred) if each.arg not in ("self", "cls")]


def faults(node: Function) -> Iterator[str]:
    """Yield what a docstring leaves out."""
    text = ast.get_docstring(node) or ""
    if _AS_ELSEWHERE.search(text):
        return
    if "Args:" not in text:
        yield "no Args"
    else:
        yield from (f"nothing on {name}" for name in parameters(node) if f"{name}:" not in text)
    returns = node.returns is not None and ast.unparse(node.returns) not in ("None", "NoReturn")
    if returns and not any(section in text for section in ("Returns:", "Yields:")):
        yield "no Returns"


def modules(wing: str) -> list[Path]:
    """Return the modules of a wing, which may be a single one."""
    path = ROOT / wing
    return [path] if path.suffix == ".py" else sorted(path.rglob("*.py"))


@pytest.mark.parametrize("wing", DONE)
def test_docstrings_say_what_functions_take_and_return(wing: str) -> None:
    assert modules(wing)
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {fault}"
        for path in modules(wing)
        for node in public_functions(path)
        for fault in faults(node)
    ]
    assert found == []


@pytest.mark.parametrize("first", ["Add.", "Return a sum.", "Yield sums.", "Tell whether there is a sum."])
def test_a_fault_is_found(first: str) -> None:
    (node,) = ast.parse(
        f'def f(a, b, *, c) -> int:\n    """{first}\n\n    Args:\n        a: First.\n        b: Second.\n    """'
    ).body
    assert isinstance(node, ast.FunctionDef)
    assert list(faults(node)) == ["nothing on c", "no Returns"]

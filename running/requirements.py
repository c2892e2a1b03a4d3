"""Check of the optional packages that real networks need."""

from __future__ import annotations

from importlib.util import find_spec

from planner.schemas.reading.problems import input_error

INSTALL = "install them from the checkout: pip install '.[onnx]'"
_IMPORT_NAMES = {"onnx": "onnx", "onnxruntime": "onnxruntime", "pyzmq": "zmq"}


def require(*packages: str, doing: str) -> None:
    """Raise InputError where a package is missing.

    Args:
        packages: Names of packages as pip knows them.
        doing: What needs them, to begin the message with.
    """
    missing = [name for name in packages if find_spec(_IMPORT_NAMES[name]) is None]
    if missing:
        raise input_error(f"{doing} needs {' and '.join(missing)}", INSTALL)


def runtime_version() -> str:
    """Return the version of ONNX Runtime."""
    from importlib.metadata import version

    return version("onnxruntime")


def planner_version() -> str:
    """Return the version of the planner."""
    from importlib.metadata import version

    return version("planner")

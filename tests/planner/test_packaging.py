"""The distribution: every package is listed, and sdist and wheel hold all of them and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
TOP = {name: ROOT / folder for name, folder in PROJECT["tool"]["setuptools"]["package-dir"].items()}
DATA = ("*.json", "*.css", "py.typed")


def package_folders() -> Iterator[tuple[str, Path]]:
    """Yield the import name of every folder that holds a package."""
    for top, folder in TOP.items():
        for face in sorted(folder.rglob("__init__.py")):
            yield ".".join((top, *face.parent.relative_to(folder).parts)), face.parent


def files_of_packages() -> set[str]:
    """Return what a wheel must hold, as paths inside it."""
    held = set()
    for name, folder in package_folders():
        below = PurePosixPath(*name.split("."))
        held |= {str(below / path.name) for path in folder.glob("*.py")}
    for top, folder in TOP.items():
        below = PurePosixPath(*top.split("."))
        for pattern in DATA:
            held |= {str(below / path.relative_to(folder).as_posix()) for path in folder.rglob(pattern)}
    return held


def test_every_package_is_listed() -> None:
    listed = PROJECT["tool"]["setuptools"]["packages"]
    assert listed == sorted(listed)
    assert listed == sorted(name for name, _ in package_folders())


def test_every_folder_of_modules_is_a_package() -> None:
    for folder in TOP.values():
        for path in folder.rglob("*.py"):
            assert (path.parent / "__init__.py").exists(), path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Build an sdist from a copy of the tracked folders, and the wheel from what the sdist holds."""
    source = tmp_path_factory.mktemp("source") / "planner"
    hidden = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "site")
    shutil.copytree(ROOT, source, ignore=hidden)
    out = tmp_path_factory.mktemp("dist")
    sdist = out / build(source, f"build_sdist({str(out)!r})")
    with tarfile.open(sdist) as archive:
        archive.extractall(out / "unpacked", filter="data")
    (unpacked,) = (out / "unpacked").iterdir()
    return sdist, out / build(unpacked, f"build_wheel({str(out)!r})")


def build(folder: Path, call: str) -> str:
    program = f"from setuptools import build_meta\nname = build_meta.{call}\nprint('built', name)"
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1].removeprefix("built ")


def test_the_wheel_holds_every_module_and_nothing_else(built: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(built[1]) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
        folders = {name.split("/")[0] for name in wheel.namelist()}
        licenses = [name for name in wheel.namelist() if name.endswith("licenses/LICENSE")]
    assert names == files_of_packages()
    assert {folder.partition("-")[0] for folder in folders} == {"planner"}
    assert len(licenses) == 1


def test_the_sdist_holds_sources_tests_and_documents(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[0]) as archive:
        names = {PurePosixPath(*PurePosixPath(member.name).parts[1:]) for member in archive if member.isfile()}
    for folder in ("src", "fin", "clear", "carin", "schemas", "tests", "docs", "examples", "benchmarks"):
        expected = {
            PurePosixPath(path.relative_to(ROOT).as_posix())
            for path in (ROOT / folder).rglob("*")
            if path.is_file() and path.suffix != ".pyc" and not any(p.endswith(".egg-info") for p in path.parts)
        }
        assert expected <= names, sorted(map(str, expected - names))[:5]
    for name in ("LICENSE", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff", "pyproject.toml"):
        assert PurePosixPath(name) in names, name


def test_versions_agree() -> None:
    import planner

    assert PROJECT["project"]["version"] == planner.__version__
    assert f"version: {planner.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")

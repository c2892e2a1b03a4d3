"""The page of speed: how it was measured, the table, and for every row that misses a target what its time goes into."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.targets.table import Measured, machine_text, markdown_table

_INTRODUCTION = """# How fast

`python -m benchmarks targets --all --page docs/speed.md` measures every row and writes this page; run it on a machine
that does nothing else (about ten minutes; without `--all`, the rows of several minutes are left out). `--json FILE`
keeps the numbers. cspy and PathWyse are measured where they are installed: `pip install '.[benchmark]'`.
"""

_WHY = {
    "mesh-files": (
        "reading and checking the files takes a quarter of the time (`json.loads` alone takes a third of the target), "
        "arrays and verification a sixth. The rest goes into nine recursions of bounds over 24 layers of 50 nodes and "
        "into listing the efficient paths of links between vertices that bounds leave open: both are made of small "
        "array operations. The gap between bound and optimum is 3 %, which labels must close."
    ),
    "mesh-peers": (
        "the same bounds and label search as from files; the peers are given the direct links alone, which is an "
        "easier problem, since a relay may save energy on this network."
    ),
    "star": "bounds take a recursion over all links per layer and multiplier.",
    "tree": (
        "bounds take a recursion over all links per layer and multiplier, and several rounds per layer where paths "
        "are long."
    ),
    "grid": "bounds take as many rounds per layer as the longest cheapest path has links.",
    "packages": (
        "half the time goes into bounds over 7,620 links in 24 layers, the rest into labels of equal chiplets, "
        "which tie."
    ),
    "mesh-400": (
        "a third of the time goes into forming the matrices of the links, a third into the two recursions that "
        "leave a handful of nodes."
    ),
    "mesh-1000": (
        "a third of the time goes into forming the matrices of a million links, a third into the two recursions "
        "that leave a handful of nodes."
    ),
    "designed": (
        "designing the points takes 4 ms, and a search of a single point 6 to 9 ms, nearly all of it the overhead "
        "of small array operations on 8 blocks and 4 nodes."
    ),
    "per-exit": "recursions over all points that a first bound does not leave out.",
    "rate": "a bisection of some ten exact searches, in which the busy time of nodes and media is a capacity.",
    "metrics": (
        "with four criteria labels seldom dominate each other. On the hardest mesh the Lagrangian bound is 9 % below "
        "the optimum, and about ten thousand labels remain for the proof; bounding and comparing them takes three "
        "fifths of the time, the bounds at hundreds of vectors of multipliers and the dual two fifths."
    ),
    "vit": "a label search with the memory of each chiplet as a capacity, between nodes that differ little.",
    "cold": (
        "schemas of files and options of the command line are built when their modules load; the search takes a few ms."
    ),
    "apps-50": (
        "about two fifths of the time go into rounds of pricing, three tenths into bounds; the rest into the integer "
        "master, annealing and greedy insertion. See [several apps](clear.md)."
    ),
    "apps-120": "as for 50 apps. See [several apps](clear.md).",
    "apps-200": "as for 50 apps. See [several apps](clear.md).",
}
"""What the time of each row goes into, by profile."""
_NOT_PROFILED = "not profiled yet."


def page_text(found: Sequence[Measured]) -> str:
    """Return the page as Markdown.

    Args:
        found: What was measured.
    """
    missed = [row.name for row in found if any(figure.verdict == "missed" for figure in row.figures)]
    text = f"{_INTRODUCTION}\n{machine_text(found)}\n\n{markdown_table(found)}"
    if not missed:
        return f"{text}\nEvery target is met.\n"
    why = "".join(f"- {_title(row)}: {_WHY.get(row.name, _NOT_PROFILED)}\n" for row in found if row.name in missed)
    return f"{text}\nWhat misses a target, and where its time goes:\n\n{why}"


def _title(row: Measured) -> str:
    """Name a row by the first of its figures that misses its target."""
    return next(figure.what for figure in row.figures if figure.verdict == "missed")

"""HTML page: head, tiles, and sections of text, tables and figures, as one file that loads nothing from a network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape

from planner.report.theme import Spec, style
from planner.schemas.reading.problems import input_error
from planner.version import __version__

INSTALL = "install it from the checkout: pip install '.[report]'"
_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
_SHORT = 18
"""Characters of a cell that stay on one line."""
_START = """
for (const chart of document.querySelectorAll(".chart")) {
  const spec = JSON.parse(document.getElementById(chart.id + "-spec").textContent);
  const options = {renderer: "svg", actions: false, ast: true, tooltip: {theme: "planner"}};
  vegaEmbed(chart, spec, options).then(
    () => { chart.dataset.drawn = "yes"; },
    (error) => { chart.textContent = "This figure could not be drawn: " + error.message; throw error; });
}
"""


@dataclass(frozen=True)
class Tile:
    """One figure of merit, with its unit."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of text; the columns in `numbers` are set flush right."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Sequence[int] = ()
    hashes: Sequence[int] = ()
    summary: str = ""
    """Where it is given, the table is folded behind it."""

    def without(self, column: int) -> Table:
        """Return the table without a column (an index)."""

        def rest(row: Sequence[str]) -> tuple[str, ...]:
            return (*row[:column], *row[column + 1 :])

        def moved(columns: Sequence[int]) -> tuple[int, ...]:
            return tuple(index - (index > column) for index in columns if index != column)

        rows = [rest(row) for row in self.rows]
        return Table(rest(self.headings), rows, moved(self.numbers), moved(self.hashes), self.summary)


@dataclass(frozen=True)
class Figure:
    """A drawing with what it shows."""

    spec: Spec
    caption: str
    key: Sequence[tuple[str, str]] = ()
    """What colours stand for: name and colour of each."""


@dataclass(frozen=True)
class Section:
    """A part of the page under a heading of its own."""

    heading: str
    text: str = ""
    parts: Sequence[Table | Figure] = ()


@dataclass(frozen=True)
class Page:
    """All of a page."""

    title: str
    badge: str
    severity: str
    """`good`, `warning` or `bad`: the colour of the badge, which says the same in words."""
    lead: str
    tiles: Sequence[Tile]
    sections: Sequence[Section]


def page_html(page: Page) -> str:
    """Return a page as HTML; equal pages give equal bytes.

    Args:
        page: The page.

    Raises:
        InputError: The package that draws figures is not installed.
    """
    figures = [part for section in page.sections for part in section.parts if isinstance(part, Figure)]
    numbers = {id(part): index for index, part in enumerate(figures, 1)}
    body = "\n".join(_section(section, numbers) for section in page.sections)
    drawing = f"<script>{drawing_library()}</script>\n<script>{_START}</script>" if figures else ""
    text = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="generator" content="planner {__version__}">
<title>{escape(page.title)}</title>
<link rel="icon" href="data:,">
<style>{style()}</style>
</head>
<body>
<main>
<header>
<h1>{escape(page.title)}</h1>
<p class="status"><span class="badge {page.severity}">{escape(page.badge)}</span>
<span class="lead">{escape(page.lead)}</span></p>
</header>
{_tiles(page.tiles)}
{body}
<footer>Made by planner {__version__}. All figures are in SI units; one multiply-accumulate is two operations.</footer>
</main>
{drawing}
</body>
</html>
"""
    # half of a surrogate pair, which JSON can hold and UTF-8 cannot, becomes a question mark
    return text.encode("utf-8", errors="replace").decode("utf-8")


@cache
def drawing_library() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script.

    Raises:
        InputError: The package that holds them is not installed.
    """
    try:
        import vl_convert
    except ImportError:
        raise input_error("figures need the package vl-convert-python", INSTALL) from None
    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    # a closing tag inside a text of the script would end it
    return bundle.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _tiles(tiles: Sequence[Tile]) -> str:
    rows = [
        f'<li><span class="name">{escape(tile.name)}</span><span class="value">{escape(tile.value)}</span>'
        f'<span class="note">{escape(tile.note)}</span></li>'
        for tile in tiles
    ]
    return f'<ul class="tiles">{"".join(rows)}</ul>' if rows else ""


def _section(section: Section, numbers: dict[int, int]) -> str:
    parts = [
        _table(part, section.heading) if isinstance(part, Table) else _figure(part, numbers[id(part)])
        for part in section.parts
    ]
    text = f"<p>{escape(section.text)}</p>" if section.text else ""
    return f"<section>\n<h2>{escape(section.heading)}</h2>\n{text}\n" + "\n".join(parts) + "\n</section>"


def _table(table: Table, heading: str) -> str:
    def kind(column: int) -> str:
        return ' class="number"' if column in table.numbers else ' class="hash"' if column in table.hashes else ""

    def cell_kind(column: int, cell: str) -> str:
        return kind(column) or (' class="short"' if len(cell) <= _SHORT else "")

    head = "".join(f'<th scope="col"{kind(index)}>{escape(name)}</th>' for index, name in enumerate(table.headings))
    rows = "".join(
        f"<tr>{''.join(f'<td{cell_kind(index, cell)}>{escape(cell)}</td>' for index, cell in enumerate(row))}</tr>\n"
        for row in table.rows
    )
    label = escape(table.summary or heading)
    whole = (
        f'<div class="scroll" role="region" tabindex="0" aria-label="Table: {label}"><table><thead><tr>{head}</tr>'
        f"</thead><tbody>\n{rows}</tbody></table></div>"
    )
    return f"<details><summary>{label}</summary>{whole}</details>" if table.summary else whole


def _figure(figure: Figure, number: int) -> str:
    name = f"figure-{number}"
    # in a script of data only a closing tag can do harm, so no "<" is left
    spec = json.dumps(figure.spec, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    entries = "".join(
        f'<li><span style="background:{escape(colour)}"></span>{escape(label)}</li>' for label, colour in figure.key
    )
    key = f'<ul class="key" aria-label="Key">{entries}</ul>' if entries else ""
    return (
        f'<figure aria-labelledby="{name}-caption">\n{key}\n<div class="chart" id="{name}"></div>\n'
        f'<script type="application/json" id="{name}-spec">{spec}</script>\n'
        f'<figcaption id="{name}-caption">Figure {number}. {escape(figure.caption)}</figcaption>\n'
        "<noscript><p>The figure needs JavaScript; the tables say the same.</p></noscript>\n</figure>"
    )

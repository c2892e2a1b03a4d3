"""Draw the pictures of the concepts page as SVG, light and dark: ``python docs/pictures.py``."""

from __future__ import annotations

from html import escape
from pathlib import Path

FOLDER = Path(__file__).parent / "img"
LIGHT = {"ink": "#1b2330", "muted": "#5a6576", "line": "#8a93a3", "soft": "#dde7fb", "fill": "#2f6bd6", "on": "#ffffff",
         "exit": "#7a4bc9", "warm": "#c8711a", "sunken": "#eef0f4"}  # fmt: skip
DARK = {"ink": "#e8ecf3", "muted": "#a3aebf", "line": "#7c889b", "soft": "#26385c", "fill": "#6ea2f7", "on": "#10151d",
        "exit": "#ab86ee", "warm": "#eaa152", "sunken": "#242c38"}  # fmt: skip


class Picture:
    """Shapes in one set of colours."""

    def __init__(self, width: int, height: int, title: str, colours: dict[str, str]) -> None:
        self.colours = colours
        self.size = (width, height)
        self.title = title
        self.parts: list[str] = []

    def text(self, x: float, y: float, words: str, colour: str = "ink", size: int = 14, anchor: str = "middle") -> None:
        """Write words with their baseline at `y`."""
        fill = self.colours[colour]
        self.parts.append(
            f'<text x="{x:g}" y="{y:g}" fill="{fill}" font-size="{size}" text-anchor="{anchor}">{escape(words)}</text>'
        )

    def box(
        self, x: float, y: float, width: float, height: float, words: str = "", fill: str = "soft", ink: str = "ink"
    ) -> None:
        """Draw a box with words in its middle."""
        self.parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" fill="{self.colours[fill]}" '
            f'stroke="{self.colours["line"]}"/>'
        )
        if words:
            self.text(x + width / 2, y + height / 2 + 5, words, ink)

    def arrow(self, x1: float, y1: float, x2: float, y2: float, colour: str = "line", both: bool = False) -> None:
        """Draw an arrow, with two heads where it stands for both directions."""
        start = f' marker-start="url(#{colour})"' if both else ""
        self.parts.append(
            f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{self.colours[colour]}" stroke-width="2"'
            f'{start} marker-end="url(#{colour})"/>'
        )

    def svg(self) -> str:
        """Return the picture as a file."""
        heads = "".join(
            f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            f'orient="auto-start-reverse"><path d="M0 0 8 4 0 8z" fill="{self.colours[name]}"/></marker>'
            for name in ("line", "exit", "warm", "fill")
        )
        width, height = self.size
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            f'role="img" font-family="system-ui, sans-serif"><title>{escape(self.title)}</title><defs>{heads}</defs>'
            + "\n".join(self.parts)
            + "</svg>\n"
        )


def model(colours: dict[str, str]) -> Picture:
    """Blocks in a chain, two exits, and the reach of every block."""
    picture = Picture(720, 190, "Four blocks in a chain with two exits", colours)
    picture.text(30, 66, "input", "muted")
    for index, (name, reach) in enumerate((("b1", "1"), ("b2", "1"), ("b3", "0.6"), ("b4", "0.6"))):
        x = 80 + 140 * index
        picture.arrow(x - 28, 60, x - 2, 60)
        picture.box(x, 36, 100, 48, name)
        picture.text(x + 50, 24, f"reach {reach}", "muted", 12)
    for x, name, fraction in ((270, "early", "40 %"), (550, "last", "60 %")):
        picture.arrow(x, 86, x, 118, "exit")
        picture.box(x - 50, 120, 100, 34, name, "exit", "on")
        picture.text(x, 174, f"{fraction} of the samples leave", "muted", 12)
    return picture


def topology(colours: dict[str, str]) -> Picture:
    """Phones in one cell, an edge server with a package, a cloud."""
    picture = Picture(720, 250, "Two phones, one medium, an edge server with a package of chiplets, a cloud", colours)
    for y, name in ((40, "phone 1"), (150, "phone 2")):
        picture.box(20, y, 110, 46, name)
        picture.arrow(132, y + 23, 268, 118, "warm", both=True)
    picture.text(196, 118, "one medium", "warm", 12)
    picture.box(270, 96, 110, 46, "edge")
    picture.arrow(382, 112, 588, 62, both=True)
    picture.box(590, 36, 110, 46, "cloud")
    picture.arrow(382, 126, 428, 160, both=True)
    picture.text(478, 70, "link", "muted", 12)
    picture.box(430, 120, 200, 120, fill="sunken")
    picture.text(530, 138, "package", "muted", 12)
    for row in range(2):
        for column in range(3):
            picture.box(446 + 60 * column, 148 + 44 * row, 48, 34, f"{row},{column}")
    return picture


def planning(colours: dict[str, str]) -> Picture:
    """From inputs to a verified placement."""
    picture = Picture(720, 170, "Model, topology and limits go in; a verified placement comes out", colours)
    for index, name in enumerate(("model", "topology", "limits")):
        picture.box(20, 14 + 50 * index, 120, 40, name)
        picture.arrow(142, 34 + 50 * index, 228, 84)
    picture.box(230, 60, 120, 48, "search", "fill", "on")
    picture.arrow(352, 84, 418, 84)
    picture.text(290, 130, "exact or heuristic", "muted", 12)
    picture.box(420, 60, 120, 48, "verifier", "exit", "on")
    picture.text(480, 130, "shares no code with it", "muted", 12)
    picture.arrow(542, 84, 588, 84)
    picture.box(590, 60, 120, 48, "placement")
    picture.text(650, 130, "with its bound", "muted", 12)
    return picture


def main() -> None:
    """Write every picture twice."""
    FOLDER.mkdir(exist_ok=True)
    for draw in (model, topology, planning):
        for scheme, colours in (("light", LIGHT), ("dark", DARK)):
            (FOLDER / f"{draw.__name__}-{scheme}.svg").write_text(draw(colours).svg(), encoding="utf-8")


if __name__ == "__main__":
    main()

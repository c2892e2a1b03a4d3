"""A placement in a notebook: tiles and figures of its page as one frame of HTML, drawn as SVG without any script."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planner.library.placement import Placement
    from planner.report.page import Figure, Page

_WIDTH = 760
"""Width of figures, in pixels."""


def placement_html(placement: Placement) -> str:
    """Return a placement's figures; its text where nothing says what it was made for, or nothing can draw."""
    figures = _drawn(placement)
    return f"<pre>{escape(placement.summary())}</pre>" if figures is None else figures


def _drawn(placement: Placement) -> str | None:
    planned = placement.planned
    if planned is None or not placement.apps:
        return None
    from importlib.util import find_spec

    if find_spec("vl_convert") is None:
        return None
    from planner.report.plan_page import plan_page

    return _frame(plan_page(placement, planned.topology, planned.apps, planned.inputs))


def _frame(page: Page) -> str:
    """Return a frame: its style sheet cannot touch that of the notebook, and follows light and dark by itself."""
    from planner.report.page import Figure
    from planner.report.theme import style

    figures = [part for section in page.sections for part in section.parts if isinstance(part, Figure)]
    drawn = [_svg(figure) for figure in figures]
    body = (
        f'<main><h1>{escape(page.title)}</h1><p><span class="badge {page.severity}">{escape(page.badge)}</span> '
        f'<span class="lead">{escape(page.lead)}</span></p>'
        + "".join(
            f"<figure>{svg}<figcaption>{escape(figure.caption)}</figcaption></figure>"
            for svg, figure in zip(drawn, figures, strict=True)
        )
        + "</main>"
    )
    whole = f"<!DOCTYPE html><html><head><style>{style()}</style></head><body>{body}</body></html>"
    return (
        f'<iframe srcdoc="{escape(whole, quote=True)}" sandbox="" title="{escape(page.title)}" '
        'style="width:100%;height:640px;border:0"></iframe>'
    )


def _svg(figure: Figure) -> str:
    import vl_convert

    svg: str = vl_convert.vegalite_to_svg({**figure.spec, "width": _WIDTH})
    return svg

"""Figures as bytes: the same figure gives the same SVG and PNG every time."""

from __future__ import annotations

import io
import re
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from outcomes.render.figures.style import GRID, INK, LOOKS, MUTED, PAPER

_SALT = "outcomes"


def png_bytes(figure: Figure, dpi: float = 200) -> bytes:
    """Return the figure as PNG.

    Parameters
    ----------
    figure : Figure
        The figure.
    dpi : float
        Pixels per inch.
    """
    with io.BytesIO() as target:
        options: Any = {"compress_level": 1}  # an Office file is compressed as a whole
        figure.savefig(
            target, format="png", dpi=dpi, metadata={"Software": None}, pil_kwargs=options
        )
        return target.getvalue()


def svg_bytes(figure: Figure, *, outlines: bool = True) -> bytes:
    """Return the figure as a stand-alone SVG.

    Parameters
    ----------
    figure : Figure
        The figure.
    outlines : bool
        True draws letters as shapes, the same in every program; False keeps them as text.
    """
    options: Any = {"svg.hashsalt": _SALT, "svg.fonttype": "path" if outlines else "none"}
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with mpl.rc_context(options), io.BytesIO() as target:
        figure.savefig(target, format="svg", metadata=nothing)
        return target.getvalue()


def inline_svg(svg: bytes, *, name: str, title: str, alt: str) -> str:
    """Return a figure as an SVG element to stand inside a page.

    Parameters
    ----------
    svg : bytes
        The figure, its letters kept as text.
    name : str
        Unique in the page; starts every id in the element.
    title, alt : str
        What a screen reader says: name, and what the figure shows in words.

    Returns
    -------
    str
        Text stays text; the colours of text, grid and first line follow the page (``--ink``,
        ``--muted``, ``--grid``, ``--paper``, ``--blue``), so that it is right in light and dark.
    """
    text = svg.decode("utf-8")
    element = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    element = re.sub(r'(\sid="|url\(#|href="#)', rf"\g<1>{name}-", element)
    blue = LOOKS[0].colour.lower()
    named = ((INK, "ink"), (MUTED, "muted"), (GRID, "grid"), (PAPER, "paper"), (blue, "blue"))
    for colour, variable in named:
        element = element.replace(f": {colour}", f": var(--{variable}, {colour})")
    opening = (
        f'<svg role="img" aria-labelledby="{name}-title {name}-alt"'
        f' viewBox="{_view_box(element)}" xmlns="http://www.w3.org/2000/svg"'
        ' xmlns:xlink="http://www.w3.org/1999/xlink">'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-alt">{escape(alt)}</desc>'
    )
    return re.sub(r"<svg[^>]*>", lambda _: opening, element, count=1).strip()


def _view_box(element: str) -> str:
    found = re.search(r'viewBox="([^"]+)"', element)
    assert found is not None
    return found.group(1)

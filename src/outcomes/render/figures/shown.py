"""A figure that shows itself in a notebook cell, in the colors of the page, with its words."""

from __future__ import annotations

import hashlib
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from outcomes.render.figures.export import inline_svg, svg_bytes
from outcomes.render.figures.style import any_letters

STYLE = (
    "<style>.oc-figure{--ink:var(--jp-content-font-color1,#1a1c20);"
    "--muted:var(--jp-content-font-color2,#5b606b);--grid:var(--jp-border-color2,#d5d8de);"
    "--paper:transparent}.oc-figure svg{width:100%;height:auto}</style>"
)
"""The page's own colors, where the page is JupyterLab; else those of paper."""


class ShownFigure(Figure):
    """A matplotlib figure with a canvas of its own, a claim and a text for those who cannot see it.

    Attributes
    ----------
    claim : str
        What the figure shows, one sentence.
    alt : str
        The same with its numbers.
    """

    claim: str = ""
    alt: str = ""

    def draw(self, renderer: Any) -> None:
        """Draw words as they stand: no dollar sign begins a formula."""
        for text in self.findobj(Text):
            text.set_parse_math(False)
        with any_letters():
            super().draw(renderer)

    def told(self, claim: str, alt: str) -> ShownFigure:
        """Set claim and alt text, and return the figure."""
        self.claim, self.alt = claim, alt
        return self

    def _repr_html_(self) -> str:
        """Return the figure as inline SVG, which follows a light or dark page."""
        name = f"oc-{hashlib.sha256(svg_bytes(self)).hexdigest()[:10]}"
        drawn = inline_svg(self, name=name, title=self.claim, alt=self.alt)
        width = self.get_figwidth() * 96
        return f'{STYLE}<div class="oc-figure" style="max-width:{width:.0f}px">{drawn}</div>'


def empty_figure(width: float, height: float) -> ShownFigure:
    """Return an empty figure of this size, in inches; nothing global is touched."""
    figure = ShownFigure(figsize=(width, height), dpi=100)
    FigureCanvasAgg(figure)
    return figure

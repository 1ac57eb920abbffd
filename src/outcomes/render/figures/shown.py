"""A figure that shows itself in a notebook cell, in the colors of the page, with its words."""

from __future__ import annotations

import hashlib
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from outcomes.errors import PrivacyError
from outcomes.render.figures.export import inline_svg, svg_bytes
from outcomes.render.figures.style import INK, any_letters

PAGE_COLORS = (
    "--ink:var(--jp-content-font-color1,#1a1c20);--muted:var(--jp-content-font-color2,#5b606b);"
    "--grid:var(--jp-border-color2,#d5d8de);--paper:var(--jp-layout-color0,#ffffff);"
)
"""The page's own colors, where the page is JupyterLab; else those of paper."""
STYLE = f"<style>.oc-figure{{{PAGE_COLORS}}}.oc-figure svg{{width:100%;height:auto}}</style>"


class ShownFigure(Figure):
    """A matplotlib figure with a canvas of its own, a claim and a text for those who cannot see it.

    Attributes
    ----------
    claim : str
        What the figure shows, one sentence.
    alt : str
        The same with its numbers.
    of_patients : bool
        Whether single courses, or groups of any size, of a real study can be seen in it.
    """

    claim: str = ""
    alt: str = ""
    of_patients: bool = False

    def savefig(self, *args: Any, **options: Any) -> None:
        """Save as matplotlib does.

        Raises
        ------
        PrivacyError
            When courses of a real study can be told apart in it.
        """
        if self.of_patients:
            must = "a picture in which single patients can be seen stays on the analyst's screen"
            remedy = "Save the figure of an answer, or write a report: they show groups."
            raise PrivacyError(must, got="one of a real study", remedy=remedy)
        super().savefig(*args, **options)

    @property
    def title(self) -> str:
        """Its claim."""
        return self.claim

    def draw(self, renderer: Any) -> None:
        """Draw words as they stand, no dollar sign begins a formula, in the ink of the page."""
        for text in self.findobj(Text):
            text.set_parse_math(False)
            if text.get_color() == "black":  # what nobody chose; it is lost on a dark page
                text.set_color(INK)
        with any_letters():
            super().draw(renderer)

    def told(self, claim: str, alt: str, *, of_patients: bool = False) -> ShownFigure:
        """Set claim and alt text, and whether it may be saved, and return the figure."""
        self.claim, self.alt, self.of_patients = claim, alt, of_patients
        return self

    def _repr_html_(self) -> str:
        """Return the figure as inline SVG, which follows a light or dark page."""
        kept, self.of_patients = self.of_patients, False  # this is the screen
        try:
            svg = svg_bytes(self, outlines=False)
        finally:
            self.of_patients = kept
        name = f"oc-{hashlib.sha256(svg).hexdigest()[:10]}"
        drawn = inline_svg(svg, name=name, title=self.claim, alt=self.alt)
        width = self.get_figwidth() * 96
        return f'{STYLE}<div class="oc-figure" style="max-width:{width:.0f}px">{drawn}</div>'


def empty_figure(width: float, height: float) -> ShownFigure:
    """Return an empty figure of this size, in inches; nothing global is touched."""
    figure = ShownFigure(figsize=(width, height), dpi=100)
    FigureCanvasAgg(figure)
    return figure

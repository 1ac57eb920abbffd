"""A figure that shows itself in a notebook cell, in the colors of the page, with its words."""

from __future__ import annotations

import hashlib
import io
import re
from functools import lru_cache
from html import escape, unescape
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from outcomes.errors import PrivacyError
from outcomes.plain_text import cleaned
from outcomes.render.figures.style import FONT, GRID, INK, LOOKS, MUTED, PAPER, styled
from outcomes.words import SPACE, ended

PAGE_COLORS = (
    "--ink:var(--jp-content-font-color1,#1a1c20);--muted:var(--jp-content-font-color2,#5b606b);"
    "--grid:var(--jp-border-color2,#d5d8de);--paper:var(--jp-layout-color0,#ffffff);"
)
"""The page's own colors, where the page is JupyterLab; else those of paper."""
VIEW_BOX = re.compile(r'viewBox="([^"]+)"')
TEXT = re.compile(
    r'<text style="(font-weight: \d+; )?font-size: (.+?)px; font-family: [^;"]+([^>]*)>([^<]{5,})<'
)
"""A text of a figure; one of a few letters has room in any font."""
FACE = "Inter, system-ui, sans-serif"
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
        """Draw ticks, which are made only now, as all else looks."""
        measure = getattr(renderer.get_text_width_height_descent, "__func__", None)
        if measure is RendererSVG.get_text_width_height_descent:
            renderer.get_text_width_height_descent = measured
        with styled():
            super().draw(renderer)

    def told(self, claim: str, alt: str, *, of_patients: bool = False) -> ShownFigure:
        """Set claim and alt text, and whether it may be saved, and return the figure."""
        self.claim, self.alt, self.of_patients = cleaned(claim), cleaned(alt), of_patients
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


def measured(text: str, font: FontProperties, _: object = False) -> tuple[float, ...]:
    """Return width, height and descent of a line in points, as SVG has it.

    Letters are shaped once for all figures: without hints, outlines grow with the size.
    """
    size, looks = font.get_size_in_points(), (font.get_weight(), font.get_style())
    return tuple(size * part for part in _of_one_point(text, tuple(font.get_family()), *looks))


@lru_cache(maxsize=4096)
def _of_one_point(text: str, family: tuple[str, ...], weight: Any, style: Any) -> tuple[float, ...]:
    font = FontProperties(family=list(family), weight=weight, style=style, size=1)
    return tuple(text_to_path.get_text_width_height_descent(text, font, ismath=False))


def finished(
    figure: ShownFigure, claim: str, alt: str, stamp: str, *, of_patients: bool
) -> ShownFigure:
    """Lay a figure out below its claim and the stamp of simulated data, and tell it its words."""
    stamped = f"{claim} ({stamp}{SPACE}DATA)" if stamp else claim
    figure.suptitle(stamped, x=0.01, ha="left", wrap=True, fontsize=10.5, fontweight="bold")
    figure.set_layout_engine("constrained")
    whole = alt if alt.startswith(claim) else f"{ended(claim)} {alt}"
    return figure.told(claim, whole, of_patients=of_patients)


def empty_figure(width: float, height: float) -> ShownFigure:
    """Return an empty figure of this size, in inches; nothing global is touched."""
    figure = ShownFigure(figsize=(width, height), dpi=100)
    FigureCanvasAgg(figure)
    return figure


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
    options = {"svg.hashsalt": "outcomes", "svg.fonttype": "path" if outlines else "none"}
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with styled(options), io.BytesIO() as target:
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
    text = TEXT.sub(_as_wide, svg.decode("utf-8"))
    element = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    element = re.sub(r'(\sid="|url\(#|href="#)', rf"\g<1>{name}-", element)
    blue = LOOKS[0].colour.lower()
    named = ((INK, "ink"), (MUTED, "muted"), (GRID, "grid"), (PAPER, "paper"), (blue, "blue"))
    for colour, variable in named:
        element = element.replace(f": {colour}", f": var(--{variable}, {colour})")
    opening = (
        f'<svg role="img" aria-labelledby="{name}-title {name}-alt"'
        f' viewBox="{re.findall(VIEW_BOX, element)[0]}" xmlns="http://www.w3.org/2000/svg"'
        ' xmlns:xlink="http://www.w3.org/1999/xlink">'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-alt">{escape(alt)}</desc>'
    )
    return re.sub(r"<svg[^>]*>", lambda _: opening, element, count=1).strip()


def _as_wide(found: re.Match[str]) -> str:
    """Have a text as wide as it was when room was made for it, in whatever font the reader has."""
    bold, size, looks, text = found.groups()
    font = FontProperties(family=FONT, weight="bold" if bold else "normal", size=float(size))
    wide = f'textLength="{measured(unescape(text), font)[0]:.1f}" lengthAdjust="spacingAndGlyphs"'
    face = f"{bold or ''}font-size: {size}px; font-family: {FACE}"
    return f'<text {wide} style="{face}{looks}>{text}<'

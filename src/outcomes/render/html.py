"""A document as one HTML file: no link and no request to any host."""

from __future__ import annotations

from functools import cache
from itertools import count as counter

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from outcomes.render.document import Block, Document, Figure, numeric, spans
from outcomes.render.figures import draw, inline_svg
from outcomes.render.figures.shown import ShownFigure

WIDTHS = {"broad": "page", "narrow": "phone"}
"""Each figure stands in the page twice, and the width of the window decides which is seen."""


def page_html(document: Document) -> str:
    """Return the document as one self-contained page.

    Parameters
    ----------
    document : Document
        The report.

    Returns
    -------
    str
        The same text for the same document. It follows the reader's light or dark setting, fits a
        phone and prints with the summary on a page of its own.
    """
    environment = _environment()
    style, _, _ = environment.loader.get_source(environment, "page.css")  # type: ignore[union-attr]
    text = environment.get_template("page.html.j2").render(
        document=document, style=Markup(style), svg=_figure_drawer(document.label)
    )
    return text + "\n"


def blocks_html(blocks: tuple[Block, ...], label: str, prefix: str) -> str:
    """Return blocks as an HTML fragment.

    Parameters
    ----------
    blocks : tuple of Block
        What to show.
    label : str
        Printed on figures.
    prefix : str
        Starts the ids of figures, so that several fragments can stand in one page.
    """
    module = (
        _environment()
        .get_template("blocks.html.j2")
        .make_module({"svg": _figure_drawer(label, prefix)})
    )
    return "".join(str(module.block(block)) for block in blocks)  # type: ignore[attr-defined]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("outcomes.render"), autoescape=True, undefined=StrictUndefined
    )
    environment.globals.update(spans=spans, numeric=numeric)
    return environment


def _figure_drawer(label: str, prefix: str = "figure") -> object:
    numbers = counter(1)

    def svg(figure: Figure) -> Markup:
        name = f"{prefix}-{next(numbers)}"
        if isinstance(figure.picture, ShownFigure):
            return Markup(_one(figure, label, figure.preset, name))
        drawn = [
            f'<div class="{width}">{_one(figure, label, preset, f"{name}-{width}")}</div>'
            for width, preset in {**WIDTHS, "broad": figure.preset}.items()
        ]
        return Markup("\n".join(drawn))

    return svg


def _one(figure: Figure, label: str, preset: str, name: str) -> str:
    picture = figure.picture
    drawing = draw(picture, label, preset)
    return inline_svg(drawing, name=name, title=picture.title, alt=picture.alt)

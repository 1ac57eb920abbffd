"""A document as one HTML file: no link and no request to any host."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from itertools import count as counter

from markupsafe import Markup

from outcomes.privacy.disclosure import Disclosure
from outcomes.questions.answer import Answer
from outcomes.questions.disclosed import disclosed
from outcomes.questions.picture import Picture
from outcomes.render.contents.answer_section import answer_section
from outcomes.render.document import Document, Figure, environment
from outcomes.render.figures import inline_svg, svg_of
from outcomes.render.figures.shown import PAGE_COLORS, ShownFigure
from outcomes.render.fonts import font_face
from outcomes.render.slides.deck import Deck

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
    template = environment().get_template("page.html.j2")
    return template.render(document=document, svg=_figure_drawer(document.label)) + "\n"


def _figure_drawer(label: str, prefix: str = "figure") -> Callable[[Figure], Markup]:
    numbers = counter(1)

    def svg(figure: Figure) -> Markup:
        name, presets = f"{prefix}-{next(numbers)}", {**WIDTHS, "broad": figure.preset}
        if isinstance(figure.picture, ShownFigure):
            drawn = _one(figure.picture, label, figure.preset, name)
            return Markup('<div class="wide drawn">{}</div>').format(Markup(drawn))
        return _each_width(figure.picture, label, name, presets)

    return svg


def _each_width(picture: Picture, label: str, name: str, presets: Mapping[str, str]) -> Markup:
    """Draw in each preset, in a box of the class that its width is seen by."""
    drawn = [
        f'<div class="{width}">{_one(picture, label, preset, f"{name}-{width.split()[-1]}")}</div>'
        for width, preset in presets.items()
    ]
    return Markup("\n".join(drawn))


def _one(picture: Picture | ShownFigure, label: str, preset: str, name: str) -> str:
    drawn = svg_of(picture, label, preset)
    return inline_svg(drawn, name=name, title=picture.title, alt=picture.alt)


def deck_html(deck: Deck) -> bytes:
    """Return the deck as one self-contained page.

    Parameters
    ----------
    deck : Deck
        The deck.

    Returns
    -------
    bytes
        The same for the same deck: arrow keys, notes over the slide with N, one slide a page in
        print.
    """
    widths = {f"picture {preset}": preset for preset in ("slide", "phone")}
    shown = [  # the label of simulated data stands on the slide itself
        (one, "" if one.picture is None else _each_width(one.picture, "", f"picture-{i}", widths))
        for i, one in enumerate(deck.slides)
    ]
    page = environment().get_template("deck.html.j2").render(deck=deck, slides=shown)
    return (page.replace("/*face*/", font_face(page)) + "\n").encode("utf-8")


def answer_html(answer: Answer) -> str:
    """Return an answer as an HTML fragment for a notebook.

    Parameters
    ----------
    answer : Answer
        The answer; small cells of real data are suppressed here.

    Returns
    -------
    str
        One ``div`` that needs nothing from outside.

    Examples
    --------
    >>> from outcomes.questions.answer import Source, refusal
    >>> source = Source("t", "n", True, 1, "0" * 64, "0.1", 3, 3)
    >>> "SYNTHETIC" in answer_html(refusal("how-much", "How much?", "no scores.", source))
    True
    """
    rule = Disclosure(exempt=answer.source.synthetic)
    safe = disclosed(answer, rule)
    section = answer_section(safe, details=False, disclosure=rule)
    shown = f"{safe.source}{safe.sentence}{safe.table.to_csv()}"
    stem = hashlib.sha256(shown.encode()).hexdigest()[:8]
    svg = _figure_drawer(safe.source.label, f"{answer.name}-{stem}")
    template = environment().get_template("answer.html.j2")
    return template.render(answer=safe, blocks=section.blocks, svg=svg, colors=PAGE_COLORS)

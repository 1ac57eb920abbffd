"""A document as one HTML file: no link and no request to any host."""

from __future__ import annotations

import hashlib
from functools import cache
from html import escape
from itertools import count as counter

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from outcomes.privacy.disclosure import Disclosure
from outcomes.questions.answer import Answer
from outcomes.questions.disclosed import disclosed
from outcomes.render.contents.answer_section import answer_section
from outcomes.render.document import Block, Document, Figure, numeric, spans
from outcomes.render.figures import inline_svg, svg_of
from outcomes.render.figures.shown import PAGE_COLORS, ShownFigure
from outcomes.render.fonts import font_face
from outcomes.render.slides.deck import Deck, Slide

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
    text = (
        environment()
        .get_template("page.html.j2")
        .render(document=document, svg=_figure_drawer(document.label))
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
        environment()
        .get_template("blocks.html.j2")
        .make_module({"svg": _figure_drawer(label, prefix)})
    )
    return "".join(str(module.block(block)) for block in blocks)  # type: ignore[attr-defined]


@cache
def environment() -> Environment:
    """Return what writes documents from templates, as pages and as Office files."""
    made = Environment(
        loader=PackageLoader("outcomes.render"), autoescape=True, undefined=StrictUndefined
    )
    made.globals.update(spans=spans, numeric=numeric)
    return made


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
    pictures = [_picture(slide, i) for i, slide in enumerate(deck.slides)]
    shown = list(zip(deck.slides, pictures, strict=True))
    page = environment().get_template("deck.html.j2").render(deck=deck, slides=shown)
    return (page.replace("/*face*/", font_face(page)) + "\n").encode("utf-8")


def _picture(slide: Slide, position: int) -> Markup:
    """Draw for the hall and for a phone; the label of simulated data stands on the slide itself."""
    if slide.picture is None:
        return Markup("")
    shown = slide.picture
    drawn = [
        f'<div class="picture {preset}">'
        + inline_svg(
            svg_of(shown, "", preset), name=f"{preset}-{position}", title=shown.title, alt=shown.alt
        )
        + "</div>"
        for preset in ("slide", "phone")
    ]
    return Markup("\n".join(drawn))


STYLE = f"<style>.outcomes-answer{{{PAGE_COLORS}}}"
STYLE += """
.outcomes-answer { max-width: 46rem; line-height: 1.5; }
.outcomes-answer .lead { font-size: 1.12em; font-weight: 600; }
.outcomes-answer .warning { padding: .5em .8em; border-left: 4px solid #b35900; }
.outcomes-answer .narrow { display: none; }
.outcomes-answer svg { width: 100%; height: auto; background: var(--paper); }
.outcomes-answer figure { margin: .8em 0; }
.outcomes-answer caption { text-align: left; white-space: nowrap; }
.outcomes-answer th, .outcomes-answer td { text-align: left !important; }
</style>"""


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
    body = blocks_html(section.blocks, safe.source.label, f"{answer.name}-{stem}")
    label = f" <small>({safe.source.label} data)</small>" if safe.source.label else ""
    heading = f"<h3>{escape(safe.question)}{label}</h3>"
    return f'{STYLE}<div class="outcomes-answer">{heading}{body}</div>'

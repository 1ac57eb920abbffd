"""A deck as one HTML file: arrow keys, notes with N, prints one slide a page, no network."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from outcomes.render.figures import draw, inline_svg
from outcomes.render.slides.deck import Deck, Slide


def deck_html(deck: Deck) -> str:
    """Return the deck as one self-contained page.

    Parameters
    ----------
    deck : Deck
        The deck.

    Returns
    -------
    str
        The same text for the same deck.
    """
    environment = Environment(
        loader=PackageLoader("outcomes.render"), autoescape=True, undefined=StrictUndefined
    )
    pictures = [_picture(slide, deck.label, i) for i, slide in enumerate(deck.slides)]
    page = environment.get_template("deck.html.j2")
    return page.render(deck=deck, slides=list(zip(deck.slides, pictures, strict=True))) + "\n"


def _picture(slide: Slide, label: str, position: int) -> Markup:
    if slide.picture is None:
        return Markup("")
    figure = draw(slide.picture, label, "slide")
    return Markup(
        inline_svg(
            figure, name=f"slide-{position}", title=slide.picture.title, alt=slide.picture.alt
        )
    )

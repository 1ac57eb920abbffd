"""A deck as one HTML file: arrow keys, notes over the slide with N, one slide a page in print."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from outcomes.render.figures import inline_svg, svg_of
from outcomes.render.fonts import font_face
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
    pictures = [_picture(slide, i) for i, slide in enumerate(deck.slides)]
    shown = list(zip(deck.slides, pictures, strict=True))
    page = environment.get_template("deck.html.j2").render(deck=deck, slides=shown)
    return page.replace("/*face*/", font_face(page)) + "\n"


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

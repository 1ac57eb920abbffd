"""A deck as PowerPoint: a template of its own, native charts that can be edited, speaker notes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from outcomes.render.document import environment
from outcomes.render.figures.style import INK, MUTED
from outcomes.render.fixed_zip import office_bytes
from outcomes.render.slides.deck import Deck, Slide
from outcomes.render.slides.native_chart import add_chart, hexadecimal

OPENING, LISTED, DRAWN = 0, 1, 5
"""Layouts of the library's file that are kept: title and subtitle, title and list, title alone."""
TEMPLATE = Path(__file__).parent.parent / "templates" / "slides.pptx"
"""Master and layouts; made by `docs/make/office.py`."""


def pptx_bytes(deck: Deck) -> bytes:
    """Return the deck as a PowerPoint file.

    Parameters
    ----------
    deck : Deck
        The deck.

    Returns
    -------
    bytes
        The same for the same deck.
    """
    import pptx

    file: Any = pptx.Presentation(str(TEMPLATE))
    _new_slide(file, deck, deck.opening, OPENING)
    for slide in deck.slides:
        _new_slide(file, deck, slide, LISTED if slide.picture is None else DRAWN)
    return office_bytes(file, deck.title, deck.label)


def _new_slide(file: Any, deck: Deck, slide: Slide, layout: int) -> None:
    """Add a slide whose letters are as large as its words leave room for, 20 points or more."""
    from pptx.oxml import parse_xml

    letters, opens = len(slide.title), layout == OPENING
    said, most = sum(map(len, slide.bullets)), len(slide.bullets)
    own = 28 if letters <= 140 else 24 if letters <= 210 else 20
    roomy = 28 if said < 300 and most < 6 else 24
    page = file.slides.add_slide(file.slide_layouts[layout])
    shapes = environment().get_template("slide.pptx.xml.j2").render(
        deck=deck, slide=slide, number=len(file.slides), opens=opens,
        chart=add_chart(page, slide.picture) if slide.picture is not None else "",
        title_size=(40 if letters <= 60 else 28) if opens else own,
        bullet_size=roomy if said < 700 and most < 8 else 20,
        ink=hexadecimal(INK), muted=hexadecimal(MUTED),
    )  # fmt: skip
    tree = page.shapes._spTree
    tree.getparent().replace(tree, parse_xml(shapes))
    page.notes_slide.notes_text_frame.text = slide.notes

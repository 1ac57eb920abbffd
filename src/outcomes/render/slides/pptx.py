"""A deck as PowerPoint: native charts that can be edited, speaker notes, 16:9."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

from outcomes.render.fixed_zip import fixed_zip
from outcomes.render.slides.deck import Deck, Slide
from outcomes.render.slides.native_chart import add_chart
from outcomes.render.slides.text_box import add_text, write

EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001, the file format keeps a time without a zone
TITLE_ONLY = 5
"""Position of the layout that has a title and nothing else."""


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
    from pptx.util import Inches

    file: Any = pptx.Presentation()
    file.slide_width, file.slide_height = Inches(13.333), Inches(7.5)
    _properties(file, deck)
    _new_slide(file, deck, Slide(deck.title, None, (deck.subtitle, deck.source), ""), size=40)
    for slide in deck.slides:
        _new_slide(file, deck, slide, size=26)
    target = io.BytesIO()
    file.save(target)
    return fixed_zip(target.getvalue())


def _properties(file: Any, deck: Deck) -> None:
    properties = file.core_properties
    properties.title, properties.author, properties.keywords = deck.title, "outcomes", deck.label
    properties.last_modified_by, properties.created, properties.modified = "", EPOCH, EPOCH


def _new_slide(file: Any, deck: Deck, slide: Slide, size: int) -> None:
    from pptx.enum.text import MSO_ANCHOR
    from pptx.util import Inches

    page = file.slides.add_slide(file.slide_layouts[TITLE_ONLY])
    title = page.shapes.title
    title.left, title.top, title.width = Inches(0.5), Inches(0.5), Inches(12.3)
    title.height, title.text_frame.vertical_anchor = Inches(1.5), MSO_ANCHOR.TOP
    write(title.text_frame, [slide.title], size, bold=True)
    if slide.picture is not None:
        add_chart(page, slide.picture)
    elif slide.bullets:
        add_text(page, slide.bullets, (0.6, 2.1, 12.1, 4.9), 28)
    if deck.label:
        add_text(page, [f"{deck.label} DATA"], (9.6, 0.05, 3.6, 0.42), 24, bold=True)
    page.notes_slide.notes_text_frame.text = slide.notes

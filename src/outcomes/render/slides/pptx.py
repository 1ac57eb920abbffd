"""A deck as PowerPoint: a template of its own, native charts that can be edited, speaker notes."""

from __future__ import annotations

import copy
import io
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from outcomes.render.figures.style import INK, MUTED
from outcomes.render.fixed_zip import fixed_zip
from outcomes.render.slides.deck import Deck, Slide
from outcomes.render.slides.native_chart import add_chart, rgb
from outcomes.words import unbroken

EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001, the file format keeps a time without a zone
OPENING, LISTED, DRAWN = 0, 1, 5
"""Layouts of the library's file that are kept: title and subtitle, title and list, title alone."""
ACCENT, WARNING = "#0B4A75", "#9A4A00"
TEMPLATE = Path(__file__).parent.parent / "templates" / "slides.pptx"
"""Master and layouts; made by `docs/make/office.py`."""
Place = tuple[float, float, float, float]
"""Left, top, width and height, inches."""


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
    properties = file.core_properties
    properties.title, properties.author, properties.keywords = deck.title, "outcomes", deck.label
    properties.last_modified_by, properties.created, properties.modified = "", EPOCH, EPOCH
    properties.language = "en-US"
    _new_slide(file, deck, deck.opening, OPENING)
    for slide in deck.slides:
        _new_slide(file, deck, slide, LISTED if slide.picture is None else DRAWN)
    target = io.BytesIO()
    file.save(target)
    return fixed_zip(target.getvalue())


def _put(shape: Any, place: Place) -> None:
    from pptx.util import Inches

    shape.left, shape.top, shape.width, shape.height = map(Inches, place)


def _new_slide(file: Any, deck: Deck, slide: Slide, layout: int) -> None:
    page = file.slides.add_slide(file.slide_layouts[layout])
    title, *others = page.placeholders
    letters = len(slide.title)
    own = 28 if letters <= 140 else 24 if letters <= 210 else 20
    size = (40 if letters <= 60 else 28) if layout == OPENING else own
    _write(title, [slide.title], size, bold=True)
    if slide.picture is not None:
        add_chart(page, slide.picture)
    else:
        said, most = sum(map(len, slide.bullets)), len(slide.bullets)
        roomy = 28 if said < 300 and most < 6 else 24
        _write(others[0], slide.bullets, roomy if said < 700 and most < 8 else 20)
    if slide.asks:
        _box(page, slide.asks, (0.5, 0.28, 9.3, 0.45), ACCENT)
    if deck.label:
        _box(page, f"{deck.label} DATA", (10.0, 0.28, 2.83, 0.45), WARNING, right=True)
    _foot(page, deck.source)
    page.notes_slide.notes_text_frame.text = slide.notes


def _write(shape: Any, lines: Sequence[str], size: int, *, bold: bool = False) -> None:
    from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
    from pptx.util import Pt

    frame = shape.text_frame
    frame.word_wrap, frame.vertical_anchor = True, MSO_ANCHOR.TOP
    for position, line in enumerate(lines):
        paragraph = frame.paragraphs[0] if position == 0 else frame.add_paragraph()
        paragraph.text, paragraph.alignment = unbroken(line), PP_ALIGN.LEFT
        paragraph.font.size, paragraph.font.bold = Pt(size), bold
        paragraph.font.color.rgb = rgb(INK)
        paragraph.space_after = Pt(12 if len(lines) > 1 else 0)


def _box(page: Any, text: str, place: Place, colour: str, *, right: bool = False) -> None:
    """Add a line above the title: the question, or what kind of data these are."""
    from pptx.enum.text import PP_ALIGN

    box = page.shapes.add_textbox(0, 0, 0, 0)
    _put(box, place)
    _write(box, [text], 18, bold=True)
    paragraph = box.text_frame.paragraphs[0]
    paragraph.font.color.rgb = rgb(colour)
    paragraph.alignment = PP_ALIGN.RIGHT if right else PP_ALIGN.LEFT


def _foot(page: Any, source: str) -> None:
    """Put source and slide number at the foot; the library leaves these placeholders out."""
    from pptx.enum.text import PP_ALIGN
    from pptx.util import Pt

    for shape in page.slide_layout.placeholders:
        kind = shape.placeholder_format.type.name
        if kind not in ("FOOTER", "SLIDE_NUMBER"):
            continue
        page.shapes._spTree.append(copy.deepcopy(shape._element))
        own = page.shapes[-1].text_frame
        if kind == "FOOTER":
            own.text = source
        for paragraph in own.paragraphs:
            paragraph.font.size, paragraph.font.color.rgb = Pt(12), rgb(MUTED)
            paragraph.alignment = PP_ALIGN.LEFT if kind == "FOOTER" else PP_ALIGN.RIGHT

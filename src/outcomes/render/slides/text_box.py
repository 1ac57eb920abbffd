"""Text on a slide of PowerPoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from outcomes.render.figures.style import INK


def add_text(
    page: Any,
    lines: Sequence[str],
    place: tuple[float, float, float, float],
    size: int,
    *,
    bold: bool = False,
    centred: bool = False,
    mark: tuple[str, str] | None = None,
) -> None:
    """Add a text box.

    Parameters
    ----------
    page : pptx.slide.Slide
        The slide.
    lines : sequence of str
        Paragraphs.
    place : tuple of float
        Left, top, width and height, inches.
    size : int
        Points.
    bold, centred : bool
        Whether the text is bold, and centred.
    mark : tuple of str, optional
        A character in front of the first paragraph, and its colour.
    """
    from pptx.enum.text import PP_ALIGN
    from pptx.util import Inches

    box = page.shapes.add_textbox(*(Inches(value) for value in place))
    frame = box.text_frame
    frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = 0
    write(frame, lines, size, bold=bold)
    if centred:
        frame.paragraphs[0].alignment = PP_ALIGN.CENTER
    if mark is not None:
        run = frame.paragraphs[0].runs[0]
        symbol = frame.paragraphs[0].add_run()
        symbol.text, symbol.font.color.rgb = f"{mark[0]} ", rgb(mark[1])
        run._r.addprevious(symbol._r)


def write(frame: Any, lines: Sequence[str], size: int, *, bold: bool = False) -> None:
    """Fill a text frame, one paragraph a line.

    Parameters
    ----------
    frame : pptx.text.text.TextFrame
        Where.
    lines : sequence of str
        Paragraphs.
    size : int
        Points.
    bold : bool
        Whether the text is bold.
    """
    from pptx.enum.text import PP_ALIGN
    from pptx.util import Pt

    frame.word_wrap = True
    for position, line in enumerate(lines):
        paragraph = frame.paragraphs[0] if position == 0 else frame.add_paragraph()
        paragraph.text, paragraph.alignment = line, PP_ALIGN.LEFT
        paragraph.font.size, paragraph.font.bold = Pt(size), bold
        paragraph.font.color.rgb = rgb(INK)
        paragraph.space_after = Pt(14 if len(lines) > 1 else 0)


def rgb(colour: str) -> Any:
    """Return a colour such as ``#0072B2`` as PowerPoint has it."""
    from pptx.dml.color import RGBColor

    return RGBColor.from_string(colour.lstrip("#").upper())  # type: ignore[no-untyped-call]

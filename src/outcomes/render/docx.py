"""A document as a Word file: real headings, tables and captions, pictures with their words."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from outcomes.render.document import (
    Bullets,
    Document,
    Facts,
    Figure,
    Heading,
    Paragraph,
    Table,
    spans,
    unbroken,
)
from outcomes.render.figures import draw, png_bytes
from outcomes.render.fixed_zip import fixed_zip

EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001, the file format keeps a time without a zone
STYLES = {"text": "Normal", "lead": "Intense Quote", "note": "Caption", "warning": "Quote"}


def docx_bytes(document: Document) -> bytes:
    """Return the document as a Word file.

    Parameters
    ----------
    document : Document
        The report.

    Returns
    -------
    bytes
        The same for the same document.
    """
    import docx

    file: Any = docx.Document()
    _set_up(file, document)
    file.add_heading(document.title, level=0)
    file.add_paragraph(document.subtitle + (f" · {document.date}" if document.date else ""))
    for position, section in enumerate(document.sections):
        if position == 1:
            file.add_page_break()
        file.add_heading(section.title, level=1)
        for block in section.blocks:
            WRITERS[block.kind](file, block, document.label)
    target = io.BytesIO()
    file.save(target)
    return fixed_zip(target.getvalue())


def _set_up(file: Any, document: Document) -> None:
    from docx.shared import Mm, Pt, RGBColor

    page = file.sections[0]
    page.page_width, page.page_height = Mm(210), Mm(297)
    page.left_margin = page.right_margin = Mm(22)
    file.styles["Normal"].font.size = Pt(10.5)
    file.styles["Normal"].font.name = "Calibri"
    caption = file.styles["Caption"].font
    caption.bold, caption.size, caption.color.rgb = False, Pt(9), RGBColor(0x4F, 0x54, 0x5E)
    properties = file.core_properties
    properties.title, properties.author = document.title, "outcomes"
    properties.comments, properties.last_modified_by = "", ""
    properties.language = "en"
    properties.created = properties.modified = EPOCH
    properties.keywords = document.label
    if document.label:
        page.header.paragraphs[0].text = f"{document.label} DATA"


def _heading(file: Any, block: Heading, _: str) -> None:
    file.add_heading(block.text.replace("`", ""), level=2)


def _words(paragraph: Any, text: str) -> Any:
    for part, is_code in spans(text):
        run = paragraph.add_run(part)
        if is_code:
            run.font.name = "Consolas"
    return paragraph


def _paragraph(file: Any, block: Paragraph, _: str) -> None:
    paragraph = _words(file.add_paragraph(style=STYLES[block.role]), block.text)
    paragraph.paragraph_format.keep_with_next = block.role == "lead"


def _bullets(file: Any, block: Bullets, _: str) -> None:
    for line in block.items:
        _words(file.add_paragraph(style="List Bullet"), line)


def _facts(file: Any, block: Facts, _: str) -> None:
    for name, value in block.items:
        paragraph = file.add_paragraph()
        mark = "" if name.endswith("?") else ":"
        paragraph.add_run(f"{name}{mark} ").bold = True
        _words(paragraph, value)


def _table(file: Any, block: Table, _: str) -> None:
    _words(
        file.add_paragraph(style="Caption"), block.caption
    ).paragraph_format.keep_with_next = True
    table = file.add_table(rows=0, cols=len(block.head), style="Light List Accent 1")
    for row in (block.head, *block.rows):
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = unbroken(text)
    _repeat_on_every_page(table.rows[0])
    if block.note:
        _words(file.add_paragraph(style="Caption"), block.note)


def _repeat_on_every_page(row: Any) -> None:
    from docx.oxml import OxmlElement

    row._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))


def _figure(file: Any, block: Figure, label: str) -> None:
    from docx.shared import Mm

    picture = png_bytes(draw(block.picture, label), dpi=200)
    paragraph = file.add_paragraph()
    paragraph.paragraph_format.keep_with_next = True
    shape = paragraph.add_run().add_picture(io.BytesIO(picture), width=Mm(160))
    shape._inline.docPr.set("descr", block.picture.alt)
    shape._inline.docPr.set("title", block.picture.title)
    _words(file.add_paragraph(style="Caption"), block.caption)


WRITERS: Mapping[str, Callable[[Any, Any, str], None]] = MappingProxyType(
    {
        Heading.kind: _heading,
        Paragraph.kind: _paragraph,
        Bullets.kind: _bullets,
        Facts.kind: _facts,
        Table.kind: _table,
        Figure.kind: _figure,
    }
)
"""What writes each kind of block."""

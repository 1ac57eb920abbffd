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
STYLES = {"text": "Normal", "lead": "Subtitle", "note": "Caption", "warning": "Quote"}
INK, MUTED, ACCENT = "1A1C20", "4F545E", "0B4A75"
"""Text, secondary text and headings; the palest is 7 to 1 on white."""


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
    _styles(file, Pt, RGBColor)
    _numbered_pages(page.footer.paragraphs[0])
    properties = file.core_properties
    properties.title, properties.author = document.title, "outcomes"
    properties.comments, properties.last_modified_by = "", ""
    properties.language = "en"
    properties.created = properties.modified = EPOCH
    properties.keywords = document.label
    if document.label:
        page.header.paragraphs[0].text = f"{document.label} DATA"


def _styles(file: Any, points: Any, color: Any) -> None:
    """Dress the built-in styles, so that a reader's own template can dress them again."""
    normal = file.styles["Normal"]
    normal.font.size, normal.font.name = points(10.5), "Calibri"
    normal.paragraph_format.space_after = points(5)
    looks = {
        "Title": (22, True, INK), "Heading 1": (15, True, ACCENT), "Heading 2": (12, True, ACCENT),
        "Subtitle": (11.5, True, INK), "Caption": (9, False, MUTED), "Quote": (10.5, False, INK),
    }  # fmt: skip
    for name, (size, bold, tone) in looks.items():
        font = file.styles[name].font
        font.size, font.bold, font.italic = points(size), bold, False
        font.name, font.color.rgb = "Calibri", color.from_string(tone)
        _drop(file.styles[name].element, "w:pBdr")
        _drop(file.styles[name].element.rPr, "w:spacing")


def _drop(element: Any, tag: str) -> None:
    from docx.oxml.ns import qn

    for found in list(element.iter(qn(tag))):
        found.getparent().remove(found)


def _numbered_pages(paragraph: Any) -> None:
    """Write "Page x of y" as fields, which Word works out itself."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    for words, field in (("Page ", "PAGE"), (" of ", "NUMPAGES")):
        paragraph.add_run(words)
        simple = OxmlElement("w:fldSimple")
        simple.set(qn("w:instr"), field)
        run = OxmlElement("w:r")
        run.append(OxmlElement("w:t"))
        simple.append(run)
        paragraph._p.append(simple)
    paragraph.alignment = 1


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
        paragraph.paragraph_format.space_after = 0
        mark = "" if name.endswith("?") else ":"
        paragraph.add_run(f"{name}{mark} ").bold = True
        _words(paragraph, value)


def _table(file: Any, block: Table, _: str) -> None:
    from docx.shared import Mm

    _words(
        file.add_paragraph(style="Caption"), block.caption
    ).paragraph_format.keep_with_next = True
    table = file.add_table(rows=0, cols=len(block.head), style="Normal Table")
    lines = (block.head, *block.rows)
    longest = [min(40, max(6, *(len(row[i]) for row in lines))) for i in range(len(block.head))]
    widths = [Mm(166 * n / sum(longest)) for n in longest]
    for row in lines:
        for cell, text, width in zip(table.add_row().cells, row, widths, strict=True):
            cell.width = width
            cell.text = unbroken(text)
            cell.paragraphs[0].paragraph_format.space_after = 0
    for cell in table.rows[0].cells:
        cell.paragraphs[0].runs[0].bold = True
    _three_lines(table)
    _repeat_on_every_page(table.rows[0])
    if block.note:
        _words(file.add_paragraph(style="Caption"), block.note)


def _three_lines(table: Any) -> None:
    """Rule a table above, below its head and at its end, as journals do."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    for row, sides in ((table.rows[0], ("top", "bottom")), (table.rows[-1], ("bottom",))):
        for cell in row.cells:
            borders = OxmlElement("w:tcBorders")
            for side in sides:
                line = OxmlElement(f"w:{side}")
                for name, value in (("val", "single"), ("sz", "8"), ("color", INK)):
                    line.set(qn(f"w:{name}"), value)
                borders.append(line)
            cell._tc.get_or_add_tcPr().append(borders)


def _repeat_on_every_page(row: Any) -> None:
    from docx.oxml import OxmlElement

    row._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))


def _figure(file: Any, block: Figure, label: str) -> None:
    from docx.shared import Mm

    picture = png_bytes(draw(block.picture, label, block.preset), dpi=200)
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

"""A document as a Word file: real headings, tables and captions, pictures with their words."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import zip_longest
from pathlib import Path
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
    numeric,
    spans,
    unbroken,
    widths,
)
from outcomes.render.figures import png_of
from outcomes.render.fixed_zip import fixed_zip

EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001, the file format keeps a time without a zone
STYLES = {"text": "Normal", "lead": "Subtitle", "note": "Caption", "warning": "Quote"}
PAGE, FITTING = 165.9, 95
"""Width of text, mm, and the letters of 9 points in it."""
INK = "1A1C20"
TEMPLATE = Path(__file__).parent / "templates" / "report.docx"
"""Styles, page size and foot; made by `docs/make/office.py`."""


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

    file: Any = docx.Document(str(TEMPLATE))
    _set_up(file, document)
    file.add_heading(document.title, level=0)
    below = " · ".join(part for part in (document.subtitle, document.date) if part)
    if below:
        file.add_paragraph(below)
    for section in document.unfolded.sections:
        file.add_heading(section.title, level=1)
        for block, following in zip_longest(section.blocks, section.blocks[1:]):
            WRITERS[block.kind](file, block, document.label)
            if isinstance(following, Figure | Table) and block.kind == Paragraph.kind:
                file.paragraphs[-1].paragraph_format.keep_with_next = True
    target = io.BytesIO()
    file.save(target)
    return fixed_zip(target.getvalue())


def _set_up(file: Any, document: Document) -> None:
    properties = file.core_properties
    properties.title, properties.author = document.title, "outcomes"
    properties.comments, properties.last_modified_by = "", ""
    properties.language = "en-US"
    properties.created = properties.modified = EPOCH
    properties.keywords = document.label
    if document.label:
        file.sections[0].header.paragraphs[0].text = f"{document.label} DATA"


def field(paragraph: Any, name: str, shown: str) -> None:
    """Add a field, which Word works out itself; `shown` until then."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), name)
    run, text = OxmlElement("w:r"), OxmlElement("w:t")
    text.text = shown
    run.append(text)
    field.append(run)
    paragraph._p.append(field)


def _caption(file: Any, text: str) -> Any:
    """Add a caption whose number is a field, so that Word can list figures and tables."""
    paragraph = _styled(file, "Caption")
    found = re.match(r"(Figure|Table) (\d+)(\. .*)", text, re.DOTALL)
    if found is None:
        return _words(paragraph, text)
    paragraph.add_run(f"{found[1]} ")
    field(paragraph, f"SEQ {found[1]} \\* ARABIC", found[2])
    return _words(paragraph, found[3])


def _heading(file: Any, block: Heading, _: str) -> None:
    file.add_heading(block.text.replace("`", ""), level=2)


def _styled(file: Any, style: str) -> Any:
    """Add a paragraph of a style by its id; the library searches all styles for each name."""
    paragraph = file.add_paragraph()
    paragraph._p.style = style
    return paragraph


def _words(paragraph: Any, text: str) -> Any:
    for part, is_code in spans(text):
        run = paragraph.add_run(part)
        if is_code:
            run.font.name = "Consolas"
    return paragraph


def _paragraph(file: Any, block: Paragraph, _: str) -> None:
    paragraph = _words(_styled(file, STYLES[block.role]), block.text)
    paragraph.paragraph_format.keep_with_next = block.role == "lead"


def _bullets(file: Any, block: Bullets, _: str) -> None:
    for line in block.items:
        _words(_styled(file, "ListBullet"), line)


def _facts(file: Any, block: Facts, _: str) -> None:
    for name, value in block.items:
        paragraph = file.add_paragraph()
        paragraph.paragraph_format.space_after = 0
        mark = "" if name.endswith("?") else ":"
        paragraph.add_run(f"{name}{mark} ").bold = True
        _words(paragraph, value)


def _table(file: Any, block: Table, _: str) -> None:
    from docx.shared import Mm, Pt

    _caption(file, block.caption).paragraph_format.keep_with_next = True
    lines = (block.head, *block.rows)
    letters = widths(block)
    size = Pt(min(9, 9 * FITTING / sum(letters)))
    wide = [Mm(min(PAGE, PAGE * sum(letters) / FITTING) * n / sum(letters)) for n in letters]
    table = file.add_table(rows=0, cols=len(block.head), style="Normal Table")
    table.autofit = False
    for column, width in zip(table.columns, wide, strict=True):
        column.width = width
    aligned = [0, *numeric(block)[1:]]  # a column of numbers stands at its right edge
    for row in lines:
        for cell, text, width, right in zip(table.add_row().cells, row, wide, aligned, strict=True):
            cell.width, cell.text = width, unbroken(text)
            cell.paragraphs[0].paragraph_format.space_after = 0
            cell.paragraphs[0].alignment = 2 if right else 0
            cell.paragraphs[0].runs[0].font.size = size
    for cell in table.rows[0].cells:
        cell.paragraphs[0].runs[0].bold = True
    _three_lines(table)
    _mark(table.rows[0], "w:tblHeader")
    for row in table.rows:
        _mark(row, "w:cantSplit")
    if block.note:
        _words(_styled(file, "Caption"), block.note)


def _three_lines(table: Any) -> None:
    """Rule a table above, below its head and at its end, as journals do; its cells stand close."""
    from docx.oxml import OxmlElement, parse_xml
    from docx.oxml.ns import nsdecls, qn

    near = "".join(f'<w:{side} w:w="45" w:type="dxa"/>' for side in ("left", "right"))
    close = parse_xml(f"<w:tblCellMar {nsdecls('w')}>{near}</w:tblCellMar>")
    table._tbl.tblPr.append(close)

    for row, sides in ((table.rows[0], ("top", "bottom")), (table.rows[-1], ("bottom",))):
        for cell in row.cells:
            borders = OxmlElement("w:tcBorders")
            for side in sides:
                line = OxmlElement(f"w:{side}")
                for name, value in (("val", "single"), ("sz", "8"), ("color", INK)):
                    line.set(qn(f"w:{name}"), value)
                borders.append(line)
            cell._tc.get_or_add_tcPr().append(borders)


def _mark(row: Any, name: str) -> None:
    """Say of a row that it is repeated on every page, or is not parted."""
    from docx.oxml import OxmlElement

    row._tr.get_or_add_trPr().append(OxmlElement(name))


def _figure(file: Any, block: Figure, label: str) -> None:
    from docx.shared import Mm

    picture = png_of(block.picture, label, block.preset)
    paragraph = file.add_paragraph()
    paragraph.paragraph_format.keep_with_next = True
    shape = paragraph.add_run().add_picture(io.BytesIO(picture), width=Mm(160))
    shape._inline.docPr.set("descr", block.picture.alt)
    shape._inline.docPr.set("title", block.picture.title)
    _caption(file, block.caption)


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

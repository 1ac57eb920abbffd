"""A document as a Word file: real headings, tables and captions, pictures with their words."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from outcomes.render.document import Document, Figure, Table, environment, numeric, widths
from outcomes.render.figures import png_of
from outcomes.render.fixed_zip import office_bytes

STYLES = {"text": "Normal", "lead": "Subtitle", "note": "Caption", "warning": "Quote"}
PAGE, FITTING = 9405, 95
"""Width of text, twentieths of a point, and the letters of 9 points in it."""
PICTURE, HIGHEST = 5_760_000, 7_200_000
"""Width of a picture, and its height at most, English metric units: 160 and 200 mm."""
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
    from docx.oxml import parse_xml

    file: Any = docx.Document(str(TEMPLATE))
    if document.label:
        file.sections[0].header.paragraphs[0].text = f"{document.label} DATA"

    def placed(figure: Figure) -> dict[str, Any]:
        picture = png_of(figure.picture, document.label, figure.preset)
        name, image = file.part.get_or_add_image(io.BytesIO(picture))
        tall = image.px_height / image.px_width
        wide = min(PICTURE, HIGHEST / tall)
        return {"id": name, "width": round(wide), "height": round(wide * tall)}

    body = environment().get_template("report.docx.xml.j2").render(
        document=document.unfolded, styles=STYLES, placed=placed, columns_of=_columns,
    )  # fmt: skip
    for element in list(parse_xml(body)):
        file.element.body.sectPr.addprevious(element)
    return office_bytes(file, document.title, document.label)


def _columns(table: Table) -> list[dict[str, Any]]:
    """Return how wide each column is, whether it stands at its right edge, and its letters' size.

    A column of numbers stands at its right edge; the size is in half points.
    """
    letters = widths(table)
    share, size = PAGE / max(FITTING, sum(letters)), min(18, int(18 * FITTING / sum(letters)))
    aligned = [False, *numeric(table)[1:]]
    return [
        {"width": round(share * n), "right": right, "size": size}
        for n, right in zip(letters, aligned, strict=True)
    ]

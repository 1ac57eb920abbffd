"""Make the templates of Word and PowerPoint files: `python -m docs.make.office`.

Both begin as the empty file of their library; a clinic may dress ``report.docx`` and
``slides.pptx`` beside the other templates in its own colors and faces.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import docx
import pptx
from docx.oxml import parse_xml as word_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt, RGBColor
from pptx.opc.constants import RELATIONSHIP_TYPE
from pptx.oxml import parse_xml
from pptx.util import Inches

import outcomes
from outcomes.render.figures.style import LOOKS
from outcomes.render.fixed_zip import fixed_zip

FOLDER = Path(outcomes.__file__).parent / "render" / "templates"
INK, MUTED, ACCENT = "1A1C20", "4F545E", "0B4A75"
"""Text, secondary text and headings; the palest is 7 to 1 on white."""
LOOK = {
    "Title": (22, True, INK), "Heading 1": (15, True, ACCENT), "Heading 2": (12, True, ACCENT),
    "Subtitle": (11.5, True, INK), "Caption": (9, False, MUTED), "Quote": (10.5, False, INK),
}  # fmt: skip
"""Size, weight and color of each style of Word."""
PLACES = {
    "TITLE": (0.5, 0.75, 12.33, 1.6), "CENTER_TITLE": (0.9, 1.9, 11.5, 1.7),
    "SUBTITLE": (0.9, 3.7, 11.5, 2.0), "OBJECT": (0.5, 2.45, 12.33, 4.3),
    "FOOTER": (0.5, 6.98, 10.5, 0.35), "SLIDE_NUMBER": (11.8, 6.98, 1.03, 0.35),
}  # fmt: skip
"""Left, top, width and height of each kind of placeholder of a slide, inches."""
BAR = (
    '<p:sp xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"><p:nvSpPr>'
    '<p:cNvPr id="99" name="Bar"/><p:cNvSpPr/><p:nvPr userDrawn="1"/></p:nvSpPr><p:spPr><a:xfrm>'
    '<a:off x="0" y="0"/><a:ext cx="12192000" cy="100584"/></a:xfrm><a:prstGeom prst="rect">'
    '<a:avLst/></a:prstGeom><a:solidFill><a:schemeClr val="accent1"/></a:solidFill></p:spPr></p:sp>'
)


def word() -> Any:
    """Return an empty report: A4, own styles, page x of y."""
    file: Any = docx.Document()
    page = file.sections[0]
    page.page_width, page.page_height = Mm(210), Mm(297)
    page.left_margin = page.right_margin = Mm(22)
    normal = file.styles["Normal"]
    normal.font.size, normal.font.name = Pt(10), "Calibri"
    for name in ("Normal", "List Bullet"):
        file.styles[name].paragraph_format.space_after = Pt(4)
        file.styles[name].paragraph_format.line_spacing = 1.08
    for name, (size, bold, tone) in LOOK.items():
        style = file.styles[name]
        style.font.size, style.font.bold, style.font.italic = Pt(size), bold, False
        style.font.name, style.font.color.rgb = "Calibri", RGBColor.from_string(tone)
        for element, tag in ((style.element, "w:pBdr"), (style.element.rPr, "w:spacing")):
            for found in list(element.iter(qn(tag))):
                found.getparent().remove(found)
    foot = page.footer.paragraphs[0]
    for words, name in (("Page ", "PAGE"), (" of ", "NUMPAGES")):
        foot.add_run(words)
        shown = "<w:r><w:t>1</w:t></w:r>"  # until Word works it out itself
        foot._p.append(
            word_xml(f'<w:fldSimple {nsdecls("w")} w:instr="{name}">{shown}</w:fldSimple>')
        )
    foot.alignment = 1
    return file


def slides() -> Any:
    """Return an empty presentation: 16:9, in colors that all eyes tell apart."""
    file: Any = pptx.Presentation()
    file.slide_width, file.slide_height = Inches(13.333), Inches(7.5)
    master = file.slide_master
    theme: Any = master.part.part_related_by(RELATIONSHIP_TYPE.THEME)
    # Arial is on every machine; a presentation cannot carry the font of the other formats
    text = theme.blob.decode("utf-8").replace('typeface="Calibri"', 'typeface="Arial"')
    colors = (ACCENT, *(look.colour.lstrip("#").upper() for look in LOOKS[1:]))
    for position, color in enumerate(colors, start=1):
        named = rf'(<a:accent{position}><a:srgbClr val=)"\w+"'
        text = re.sub(named, rf'\1"{color}"', text)
    theme._blob = text.encode("utf-8")
    for page in (master, *file.slide_layouts):
        for shape in page.placeholders:
            place = PLACES.get(shape.placeholder_format.type.name)
            if place is not None:
                shape.left, shape.top, shape.width, shape.height = map(Inches, place)
    master.shapes._spTree.insert(2, parse_xml(BAR))
    return file


if __name__ == "__main__":
    for file, name in ((word(), "report.docx"), (slides(), "slides.pptx")):
        target = io.BytesIO()
        file.save(target)
        (FOLDER / name).write_bytes(fixed_zip(target.getvalue()))

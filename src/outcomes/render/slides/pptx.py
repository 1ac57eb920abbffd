"""A deck as PowerPoint: native charts that can be edited, speaker notes, 16:9."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

import pandas as pd

from outcomes.answers.answer import Picture
from outcomes.render.figures.style import INK, LOOKS, MUTED, look_of, spoken
from outcomes.render.fixed_zip import fixed_zip
from outcomes.render.slides.deck import Deck, Slide, series

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
        _new_slide(file, deck, slide, size=30)
    target = io.BytesIO()
    file.save(target)
    return fixed_zip(target.getvalue())


def _properties(file: Any, deck: Deck) -> None:
    properties = file.core_properties
    properties.title, properties.author, properties.keywords = deck.title, "outcomes", deck.label
    properties.last_modified_by, properties.created, properties.modified = "", EPOCH, EPOCH


def _new_slide(file: Any, deck: Deck, slide: Slide, size: int) -> None:
    from pptx.util import Inches

    page = file.slides.add_slide(file.slide_layouts[TITLE_ONLY])
    title = page.shapes.title
    title.left, title.top, title.width = Inches(0.6), Inches(0.55), Inches(12.1)
    title.height = Inches(1.35)
    _text(title.text_frame, [slide.title], size, bold=True)
    if slide.picture is not None and slide.picture.kind == "curves":
        _curves(page, slide.picture)
    elif slide.picture is not None:
        _forest(page, slide.picture)
    elif slide.bullets:
        box = page.shapes.add_textbox(Inches(0.6), Inches(2.1), Inches(12.1), Inches(4.4))
        _text(box.text_frame, list(slide.bullets), 26)
    _stamp(page, deck)
    page.notes_slide.notes_text_frame.text = slide.notes


def _text(frame: Any, lines: list[str], size: int, *, bold: bool = False) -> None:
    from pptx.enum.text import PP_ALIGN
    from pptx.util import Pt

    frame.word_wrap = True
    for position, line in enumerate(lines):
        paragraph = frame.paragraphs[0] if position == 0 else frame.add_paragraph()
        paragraph.text, paragraph.alignment = line, PP_ALIGN.LEFT
        paragraph.font.size, paragraph.font.bold = Pt(size), bold
        paragraph.font.color.rgb = _rgb(INK)
        paragraph.space_after = Pt(0 if bold else 14)


def _rgb(colour: str) -> Any:
    from pptx.dml.color import RGBColor

    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return RGBColor(red, green, blue)  # type: ignore[no-untyped-call]


def _stamp(page: Any, deck: Deck) -> None:
    from pptx.util import Inches

    if deck.label:
        stamp = page.shapes.add_textbox(Inches(9.2), Inches(0.05), Inches(4.0), Inches(0.5))
        _text(stamp.text_frame, [f"{deck.label} DATA"], 24, bold=True)


def _curves(page: Any, picture: Picture) -> None:
    from pptx.chart.data import XyChartData
    from pptx.enum.chart import XL_CHART_TYPE

    groups = series(picture)
    data: Any = XyChartData()  # type: ignore[no-untyped-call]
    for name, rows in groups.items():
        line = data.add_series(spoken(name))
        for x, y in zip(rows["x"], rows["estimate"], strict=True):
            line.add_data_point(float(x), float(y))
    chart = _chart(page, XL_CHART_TYPE.XY_SCATTER_LINES, data, picture)
    for position, (name, rows) in enumerate(groups.items()):
        drawn = chart.plots[0].series[position]
        _look(drawn, position, name)
        _error_bars(drawn._element, rows, "y")
        _end_label(drawn, len(rows) - 1, spoken(name))


def _forest(page: Any, picture: Picture) -> None:
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE

    rows = picture.data.iloc[::-1]
    data: Any = CategoryChartData()  # type: ignore[no-untyped-call]
    data.categories = [spoken(str(name)) for name in rows["label"]]
    data.add_series("estimate", [float(value) for value in rows["estimate"]])
    chart = _chart(page, XL_CHART_TYPE.BAR_CLUSTERED, data, picture)
    bars = chart.plots[0].series[0]
    bars.format.fill.solid()
    bars.format.fill.fore_color.rgb = _rgb(LOOKS[0].colour)
    chart.plots[0].gap_width = 180
    _error_bars(bars._element, rows, "")


def _chart(page: Any, kind: Any, data: Any, picture: Picture) -> Any:
    from pptx.util import Inches, Pt

    place = (Inches(0.6), Inches(1.95), Inches(12.1), Inches(5.0))
    frame = page.shapes.add_chart(kind, *place, data)
    frame._element.nvGraphicFramePr.cNvPr.set("descr", picture.alt)
    frame._element.nvGraphicFramePr.cNvPr.set("title", picture.title)
    chart = frame.chart
    chart.has_legend = chart.has_title = False
    chart.font.size, chart.font.color.rgb = Pt(24), _rgb(INK)
    labels = ((chart.value_axis, picture.y_label), (chart.category_axis, picture.x_label))
    for axis, words in labels:
        axis.has_major_gridlines = False
        axis.format.line.color.rgb = _rgb(MUTED)
        axis.has_title = bool(words)
        if words:
            axis.axis_title.text_frame.text = words
            axis.axis_title.text_frame.paragraphs[0].font.size = Pt(24)
            axis.axis_title.text_frame.paragraphs[0].font.bold = False
    if kind.name.startswith("BAR"):
        chart.value_axis.axis_title.text_frame.text = picture.x_label
        chart.category_axis.has_title = False
    return chart


def _look(drawn: Any, position: int, group: str) -> None:
    from pptx.enum.chart import XL_MARKER_STYLE
    from pptx.enum.dml import MSO_LINE
    from pptx.util import Pt

    colour = _rgb(look_of(position, group).colour)
    dashes = (MSO_LINE.SOLID, MSO_LINE.DASH, MSO_LINE.ROUND_DOT, MSO_LINE.DASH_DOT)
    marks = (XL_MARKER_STYLE.CIRCLE, XL_MARKER_STYLE.SQUARE, XL_MARKER_STYLE.TRIANGLE,
             XL_MARKER_STYLE.DIAMOND)  # fmt: skip
    drawn.smooth = False
    drawn.format.line.color.rgb, drawn.format.line.width = colour, Pt(3.5)
    drawn.format.line.dash_style = dashes[position % len(dashes)]
    drawn.marker.style, drawn.marker.size = marks[position % len(marks)], 11
    drawn.marker.format.fill.solid()
    drawn.marker.format.fill.fore_color.rgb = colour


def _end_label(drawn: Any, last: int, name: str) -> None:
    from pptx.enum.chart import XL_LABEL_POSITION

    label = drawn.points[last].data_label
    label.has_text_frame = True
    label.text_frame.text = name
    label.position = XL_LABEL_POSITION.ABOVE


def _error_bars(element: Any, rows: pd.DataFrame, direction: str) -> None:
    """Add the 95 % intervals as error bars, which the chart library itself cannot."""
    from pptx.oxml import parse_xml

    up = _literal("plus", rows["conf_high"] - rows["estimate"])
    down = _literal("minus", rows["estimate"] - rows["conf_low"])
    way = f'<c:errDir val="{direction}"/>' if direction else ""
    space = "http://schemas.openxmlformats.org/drawingml/2006/chart"
    main = "http://schemas.openxmlformats.org/drawingml/2006/main"
    bars = parse_xml(
        f'<c:errBars xmlns:c="{space}" xmlns:a="{main}">{way}<c:errBarType val="both"/>'
        f'<c:errValType val="cust"/><c:noEndCap val="1"/>{up}{down}'
        f'<c:spPr><a:ln w="19050"><a:solidFill><a:srgbClr val="{MUTED.lstrip("#").upper()}"/>'
        "</a:solidFill></a:ln></c:spPr></c:errBars>"
    )
    after = next(child for child in element if child.tag.endswith(("}xVal", "}cat")))
    after.addprevious(bars)


def _literal(name: str, values: pd.Series[float]) -> str:
    points = "".join(f'<c:pt idx="{i}"><c:v>{v:.6g}</c:v></c:pt>' for i, v in enumerate(values))
    return f'<c:{name}><c:numLit><c:ptCount val="{len(values)}"/>{points}</c:numLit></c:{name}>'

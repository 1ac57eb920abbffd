"""A picture as a chart of PowerPoint's own: names, values and intervals are the chart's, editable.

Curves are a scatter chart with a legend. A forest is a bar chart without bars: its categories are
the rows, and error bars, which every program draws, are the intervals and the marks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from outcomes.plain_text import neutralised
from outcomes.questions.picture import Picture
from outcomes.render.figures.canvas import in_a_figure, text_width, wrapped
from outcomes.render.figures.style import INK, MUTED, look_of
from outcomes.render.slides.deck import series
from outcomes.words import SPACE, decimals_for, limits, plain

PLACE = (0.5, 2.35, 12.33, 4.5)
"""Left, top, width and height of the chart, inches: three fifths of the slide."""
NAMES = 5.0
"""Most that the name of a row is wide, inches; longer ones have several lines."""
NUMBERS = 3.0
"""Width of an estimate with its interval beside a row, inches."""
CHARTS = "http://schemas.openxmlformats.org/drawingml/2006/chart"
SPACES = f'xmlns:c="{CHARTS}" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'


def add_chart(page: Any, picture: Picture) -> None:
    """Add a picture to a slide.

    Parameters
    ----------
    page : pptx.slide.Slide
        The slide.
    picture : Picture
        Curves or a forest, without missing estimates.
    """
    from pptx.util import Inches, Pt

    kind, data = (_curves if picture.kind == "curves" else _forest)(picture)
    frame = page.shapes.add_chart(kind, *map(Inches, PLACE), data)
    frame._element.nvGraphicFramePr.cNvPr.set("descr", picture.alt)
    frame._element.nvGraphicFramePr.cNvPr.set("title", picture.title)
    chart = frame.chart
    chart.has_legend = chart.has_title = False
    rows = len(picture.data) if picture.kind == "forest" else 0
    chart.font.size, chart.font.color.rgb = Pt(20 if rows <= 6 else 18), rgb(INK)
    (_dress_curves if picture.kind == "curves" else _dress_forest)(chart, picture)


def rgb(colour: str) -> Any:
    """Return a colour such as ``#0072B2`` as PowerPoint has it."""
    from pptx.dml.color import RGBColor

    return RGBColor.from_string(colour.lstrip("#").upper())  # type: ignore[no-untyped-call]


def _curves(picture: Picture) -> tuple[Any, Any]:
    from pptx.chart.data import XyChartData
    from pptx.enum.chart import XL_CHART_TYPE

    data: Any = XyChartData()  # type: ignore[no-untyped-call]
    for name, rows in _by_last(picture):
        points = data.add_series(neutralised(in_a_figure(name)))
        for x, y in zip(rows["x"], rows["estimate"], strict=True):
            points.add_data_point(float(x), float(y))
    return XL_CHART_TYPE.XY_SCATTER_LINES, data


def _by_last(picture: Picture) -> list[tuple[str, pd.DataFrame]]:
    """Return groups with their rows, the highest last value first, as they end at the right.

    Some programs draw no lines that differ in length: the last point of the shorter is repeated.
    Lines stand a little beside each other, so that one of the same values hides no other.
    """
    groups = series(picture)
    most = max(map(len, groups.values()))
    even = [(n, r.iloc[np.minimum(np.arange(most), len(r) - 1)]) for n, r in groups.items()]
    times = np.unique(picture.data["x"].astype(float))
    aside = min(0.08 * np.diff(times).min(), 0.01 * np.ptp(times)) if len(times) > 1 else 0.08
    even = [
        (name, rows.assign(x=rows["x"] + aside * (position - (len(even) - 1) / 2)))
        for position, (name, rows) in enumerate(even)
    ]
    return sorted(even, key=lambda item: -float(item[1]["estimate"].iloc[-1]))


def _dress_curves(chart: Any, picture: Picture) -> None:
    from pptx.enum.chart import XL_LEGEND_POSITION

    data, groups = picture.data, _by_last(picture)
    chart.has_legend = len(groups) > 1
    if chart.has_legend:
        chart.legend.position, chart.legend.include_in_layout = XL_LEGEND_POSITION.RIGHT, False
    _axis(chart.category_axis, _ends([0, *data["x"]], whole=True), picture.x_label)
    ends = _ends([0, *data["conf_low"], *data["conf_high"]])
    _axis(chart.value_axis, ends, picture.y_label)
    names = list(series(picture))
    digits = _digits(data)
    for drawn, (name, rows) in zip(chart.plots[0].series, groups, strict=True):
        position = names.index(name)
        _line(drawn, position, look_of(position, name).colour)
        if (rows["conf_high"] > rows["conf_low"]).any():
            _error_bars(drawn, rows, look_of(position, name).colour, 1.5)
        if name in (groups[0][0], groups[-1][0]):  # labels of lines between would lie on others
            value = plain(float(rows["estimate"].iloc[-1]), digits)
            _label(drawn, len(rows) - 1, value, "ABOVE" if name == groups[0][0] else "BELOW")


def _forest(picture: Picture) -> tuple[Any, Any]:
    """Return a series of intervals and one of marks for each color, and the numbers' places."""
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE

    rows = picture.data.iloc[::-1]  # a bar chart begins at the foot
    data: Any = CategoryChartData()  # type: ignore[no-untyped-call]
    data.categories = ["\n".join(lines) for lines in _names(rows)[1]]
    looks = _colours(rows)
    for colour in looks.unique():
        here = zip(rows["estimate"], looks == colour, strict=True)
        values = [float(value) if own else None for value, own in here]
        data.add_series("estimate, 95 % CI", values)
        data.add_series("estimate", values)
    data.add_series("place of the numbers", [_ends_of(rows)[1]] * len(rows))
    return XL_CHART_TYPE.BAR_CLUSTERED, data


def _names(rows: pd.DataFrame) -> tuple[int, list[list[str]]]:
    """Return the size, 12 or more, at which the names of all rows have room, and their lines."""
    words = [neutralised(in_a_figure(str(name))) for name in rows["label"]]
    room = 0.62 * PLACE[3] / len(rows)
    for size in (20, 18, 16, 14, 12):
        lines = [wrapped(text, NAMES, size) for text in words]
        if max(map(len, lines)) * 1.25 * size / 72 <= room:
            break
    return size, lines


def _colours(rows: pd.DataFrame) -> pd.Series[str]:
    return rows["label"].map(lambda name: look_of(0, str(name)).colour)


def _ends_of(rows: pd.DataFrame) -> tuple[float, float, float]:
    """Return the ends of a forest's axis: numbers stand at its right, beyond every interval."""
    low, high, step = _ends([0, *rows["conf_low"], *rows["conf_high"]])
    size, lines = _names(rows)
    names = max(text_width(line, size) for name in lines for line in name)
    share = NUMBERS / (PLACE[2] - names - 0.9)
    last = high + step * np.ceil(share / (1 - share) * (high - low) / step)
    return low, last, step * np.ceil((last - low) / step / 8)  # ticks that stand upright


def _dress_forest(chart: Any, picture: Picture) -> None:
    from pptx.util import Pt

    rows = picture.data.iloc[::-1]
    low, high, _ = ends = _ends_of(rows)
    plot = chart.plots[0]
    plot.overlap, plot.gap_width = 100, 0
    _axis(chart.value_axis, ends, picture.x_label)
    _axis(chart.category_axis, None, "")
    chart.category_axis.tick_labels.font.size = Pt(_names(rows)[0])
    _name_every_row(chart.category_axis)
    *drawn, numbers = plot.series
    half, middle = 0.006 * (high - low), rows["estimate"]
    tiny = rows.assign(conf_low=middle - half, conf_high=middle + half)
    for position, colour in enumerate(_colours(rows).unique()):
        _error_bars(drawn[2 * position], rows, colour, 3.5)
        _error_bars(drawn[2 * position + 1], tiny, colour, 13)
    digits = _digits(rows)
    for position, row in enumerate(rows.to_dict("records")):
        words = plain(row["estimate"], digits)
        if row["conf_high"] > row["conf_low"]:
            words += f" ({limits(row['conf_low'], row['conf_high'], digits)})"
        _label(numbers, position, words, "INSIDE_END")
    for own in plot.series:
        own.format.fill.background()


def _digits(rows: pd.DataFrame) -> int:
    wide = (rows["conf_high"] - rows["conf_low"]) / 2
    return decimals_for(float(wide[wide > 0].median()))


def _ends(values: Iterable[float], *, whole: bool = False) -> tuple[float, float, float]:
    """Return the ends of an axis and the step of its ticks, few and round; whole: of a count."""
    steps = [1, 2, 3, 4, 6, 10] if whole else [1, 2, 5, 10]
    known = [float(value) for value in values if np.isfinite(value)]
    low, high = min(known), max(known)
    high = high if high > low else low + 1.0  # a single point needs an axis too
    ticks = MaxNLocator(6 if whole else 5, steps=steps, integer=whole).tick_values(low, high)
    last = high + 0.02 * (high - low) if whole else float(ticks[-1])
    return float(ticks[0]), last, round(float(ticks[1] - ticks[0]), 10)


def _axis(axis: Any, ends: tuple[float, float, float] | None, title: str) -> None:
    from pptx.enum.chart import XL_TICK_LABEL_POSITION, XL_TICK_MARK
    from pptx.util import Pt

    if ends is not None:
        axis.minimum_scale, axis.maximum_scale, axis.major_unit = ends
        axis.tick_labels.number_format, axis.tick_labels.number_format_is_linked = "General", False
    axis.has_major_gridlines = False
    axis.format.line.color.rgb = rgb(MUTED)
    axis.major_tick_mark = XL_TICK_MARK.NONE
    axis.tick_label_position = XL_TICK_LABEL_POSITION.LOW
    axis.has_title = bool(title)
    if title:
        axis.axis_title.text_frame.text = title
        font = axis.axis_title.text_frame.paragraphs[0].runs[0].font
        font.bold, font.size = False, Pt(18)


def _name_every_row(axis: Any) -> None:
    """Say that no category's name is left out, as programs do with long ones."""
    from pptx.oxml import parse_xml

    last = axis._element.find(f"{{{CHARTS}}}noMultiLvlLbl")
    last.addprevious(parse_xml(f'<c:tickLblSkip xmlns:c="{CHARTS}" val="1"/>'))


def _line(drawn: Any, position: int, colour: str) -> None:
    from pptx.enum.chart import XL_MARKER_STYLE
    from pptx.enum.dml import MSO_LINE
    from pptx.util import Pt

    dashes = (MSO_LINE.SOLID, MSO_LINE.DASH, MSO_LINE.ROUND_DOT, MSO_LINE.DASH_DOT)
    marks = (XL_MARKER_STYLE.CIRCLE, XL_MARKER_STYLE.SQUARE, XL_MARKER_STYLE.TRIANGLE,
             XL_MARKER_STYLE.DIAMOND)  # fmt: skip
    drawn.smooth = False
    drawn.format.line.color.rgb, drawn.format.line.width = rgb(colour), Pt(3.5)
    drawn.format.line.dash_style = dashes[position % 4]
    drawn.marker.style, drawn.marker.size = marks[position % 4], 10
    drawn.marker.format.fill.solid()
    drawn.marker.format.fill.fore_color.rgb = drawn.marker.format.line.color.rgb = rgb(colour)


def _label(drawn: Any, position: int, words: str, place: str) -> None:
    from pptx.enum.chart import XL_LABEL_POSITION

    label = drawn.points[position].data_label
    label.text_frame.text, label.position = (
        words.replace(" ", SPACE),
        getattr(XL_LABEL_POSITION, place),
    )
    label.text_frame.word_wrap = False


def _error_bars(drawn: Any, rows: pd.DataFrame, colour: str, points: float) -> None:
    """Add intervals as error bars, which the chart library itself cannot."""
    from pptx.oxml import parse_xml

    middle = rows["estimate"]
    up, down = (
        _literal("plus", rows["conf_high"] - middle),
        _literal("minus", middle - rows["conf_low"]),
    )
    look = colour.lstrip("#").upper()
    bars = parse_xml(
        f'<c:errBars {SPACES}><c:errDir val="y"/>'
        f'<c:errBarType val="both"/><c:errValType val="cust"/><c:noEndCap val="1"/>{up}{down}'
        f'<c:spPr><a:ln w="{round(12700 * points)}" cap="flat"><a:solidFill>'
        f'<a:srgbClr val="{look}"/></a:solidFill></a:ln></c:spPr></c:errBars>'
    )
    element = drawn._element
    next(c for c in element if c.tag.endswith(("}xVal", "}cat"))).addprevious(bars)


def _literal(name: str, values: pd.Series[float]) -> str:
    points = "".join(f'<c:pt idx="{i}"><c:v>{v:.6g}</c:v></c:pt>' for i, v in enumerate(values))
    return f'<c:{name}><c:numLit><c:ptCount val="{len(values)}"/>{points}</c:numLit></c:{name}>'

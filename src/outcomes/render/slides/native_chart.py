"""A picture as a chart of PowerPoint's own: points with intervals, editable, names beside them.

The plot's place inside the chart is set, and so are the ends of its axes: names are text boxes that
stand where their line ends, and none lies on another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from outcomes.plain_text import neutralised
from outcomes.questions.picture import Picture
from outcomes.render.figures.canvas import text_width, wrapped
from outcomes.render.figures.label_positions import spread
from outcomes.render.figures.style import INK, MUTED, look_of
from outcomes.render.slides.deck import series
from outcomes.render.slides.text_box import add_text, rgb
from outcomes.words import named

SIZE = 24
"""Of all text, points."""
LINE = 1.25 * SIZE / 72
"""Inches from line to line."""
LEFT, TOP, WIDTH, HEIGHT = 0.6, 2.05, 12.1, 5.2
"""Where the chart stands on a slide, inches."""
FOOT = 1.15
"""Inches below the plot for ticks and title of the horizontal axis."""
WIDEST_NAME, WIDEST_ROW = 3.8, 6.0
SYMBOLS = "●■▲◆"


@dataclass(frozen=True, eq=False, slots=True)
class Line:
    """One series of a chart.

    Parameters
    ----------
    name : str
        In the chart's own table.
    rows : DataFrame
        ``x, y`` and, for error bars, ``low, high``.
    position : int
        Of its look among those of the figures.
    group : str
        Name that may have a look of its own.
    joined, marks, bars : bool
        Whether its points are joined, are marked, and have error bars.
    """

    name: str
    rows: pd.DataFrame
    position: int = 0
    group: str = ""
    joined: bool = False
    marks: bool = False
    bars: bool = False


@dataclass(frozen=True, slots=True)
class Plot:
    """Place of a plot on the slide and the ends of its axes.

    Parameters
    ----------
    left, top, width, height : float
        Inches.
    x, y : tuple of float
        First and last value and the step between ticks.
    """

    left: float
    top: float
    width: float
    height: float
    x: tuple[float, float, float]
    y: tuple[float, float, float]

    def height_of(self, value: float) -> float:
        """Return where a value of the vertical axis lies, inches from the slide's upper edge."""
        low, high, _ = self.y
        return self.top + self.height * (high - value) / (high - low)


def add_chart(page: Any, picture: Picture) -> None:
    """Add a picture to a slide.

    Parameters
    ----------
    page : pptx.slide.Slide
        The slide.
    picture : Picture
        Curves or a forest, without missing estimates.
    """
    (_curves if picture.kind == "curves" else _forest)(page, picture)


def _curves(page: Any, picture: Picture) -> None:
    groups = series(picture)
    lines = [
        Line(named(group), _renamed(rows), i, group, joined=True, marks=True, bars=True)
        for i, (group, rows) in enumerate(groups.items())
    ]
    names = [wrapped(line.name, WIDEST_NAME, SIZE) for line in lines] if len(lines) > 1 else []
    right = _widest(names) + 0.75 if names else 0.2
    data = picture.data
    plot = Plot(
        LEFT + 0.9, TOP + 0.6, WIDTH - 0.9 - right, HEIGHT - 0.6 - FOOT,
        _ends([0, *data["x"]], whole=True), _ends([0, *data["conf_low"], *data["conf_high"]]),
    )  # fmt: skip
    _xy_chart(page, picture, lines, plot)
    add_text(page, [picture.y_label], (LEFT, TOP - 0.05, WIDTH, 0.6), SIZE)
    ends = [plot.height_of(float(line.rows["y"].iloc[-1])) for line in lines[: len(names)]]
    tall = [len(name) * LINE + 0.1 for name in names]
    middles = spread(ends, tall, plot.top, plot.top + plot.height + 0.4)
    for i, (name, middle) in enumerate(zip(names, middles, strict=True)):
        place = (plot.left + plot.width + 0.05, middle - tall[i] / 2, right, tall[i])
        look = look_of(i, lines[i].group)
        add_text(page, ["\n".join(name)], place, SIZE, mark=(SYMBOLS[i % 4], look.colour))


def _forest(page: Any, picture: Picture) -> None:
    data = picture.data.iloc[::-1].reset_index(drop=True)
    names = [wrapped(named(str(name)), WIDEST_ROW, SIZE) for name in data["label"]]
    left = _widest(names) + 0.35
    rows = data.assign(y=[i + 1.0 for i in range(len(data))]).rename(
        columns={"estimate": "x", "conf_low": "low", "conf_high": "high"}
    )
    plot = Plot(
        LEFT + left, TOP, WIDTH - left - 0.3, HEIGHT - FOOT,
        _ends([0, *data["conf_low"], *data["conf_high"]]), (0.4, len(data) + 0.6, 1.0),
    )  # fmt: skip
    _xy_chart(page, picture, [*_intervals(rows), Line("estimate", rows, marks=True)], plot)
    for name, y in zip(names, rows["y"], strict=True):
        tall = len(name) * LINE
        place = (LEFT, plot.height_of(y) - tall / 2, left, tall)
        add_text(page, ["\n".join(name)], place, SIZE)


def _intervals(rows: pd.DataFrame) -> list[Line]:
    """One line a row: error bars along the horizontal axis are not shown by every program.

    Nor are lines of a chart whose series differ in length, so the upper end is repeated.
    """
    more = max(len(rows), 2) - 1
    return [
        Line(
            f"interval of {row['label']}",
            pd.DataFrame({"x": [row["low"], *[row["high"]] * more], "y": row["y"]}),
            joined=True,
        )
        for row in rows.to_dict("records")
    ]


def _renamed(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.rename(columns={"estimate": "y", "conf_low": "low", "conf_high": "high"})


def _widest(names: Sequence[list[str]]) -> float:
    return max((text_width(line, SIZE) for lines in names for line in lines), default=0.0)


def _ends(values: list[float], *, whole: bool = False) -> tuple[float, float, float]:
    """Return the ends of an axis and the step of its ticks, few and round; whole: of a count."""
    steps = [1, 2, 3, 4, 6, 10] if whole else [1, 2, 5, 10]
    known = [float(value) for value in values if np.isfinite(value)]
    low, high = min(known), max(known)
    high = high if high > low else low + 1.0  # a single point needs an axis too
    ticks = MaxNLocator(6 if whole else 5, steps=steps, integer=whole).tick_values(low, high)
    last = high + 0.02 * (high - low) if whole else float(ticks[-1])
    return float(ticks[0]), last, round(float(ticks[1] - ticks[0]), 10)


def _xy_chart(page: Any, picture: Picture, lines: list[Line], plot: Plot) -> None:
    from pptx.chart.data import XyChartData
    from pptx.enum.chart import XL_CHART_TYPE
    from pptx.util import Inches, Pt

    data: Any = XyChartData()  # type: ignore[no-untyped-call]
    for line in lines:
        points = data.add_series(neutralised(line.name))  # it stands in the chart's workbook
        for x, y in zip(line.rows["x"], line.rows["y"], strict=True):
            points.add_data_point(float(x), float(y))
    place = [Inches(value) for value in (LEFT, TOP, WIDTH, HEIGHT)]
    frame = page.shapes.add_chart(XL_CHART_TYPE.XY_SCATTER_LINES, *place, data)
    frame._element.nvGraphicFramePr.cNvPr.set("descr", picture.alt)
    frame._element.nvGraphicFramePr.cNvPr.set("title", picture.title)
    chart = frame.chart
    chart.has_legend = chart.has_title = False
    chart.font.size, chart.font.color.rgb = Pt(SIZE), rgb(INK)
    _inner_place(chart, plot)
    _axis(chart.category_axis, plot.x)
    _axis(chart.value_axis, plot.y, ticks=picture.kind == "curves")
    for drawn, line in zip(chart.plots[0].series, lines, strict=True):
        _look(drawn, line)
        if line.bars:
            _error_bars(drawn._element, line)
    words = wrapped(picture.x_label, WIDTH, SIZE)
    below = plot.top + plot.height + 0.55
    add_text(page, ["\n".join(words)], (LEFT, below, WIDTH, LINE * len(words)), SIZE, centred=True)


def _inner_place(chart: Any, plot: Plot) -> None:
    """Set the place of the plot without its labels, which the chart library itself cannot."""
    from pptx.oxml import parse_xml

    x, y = (plot.left - LEFT) / WIDTH, (plot.top - TOP) / HEIGHT
    parts = {"x": x, "y": y, "w": plot.width / WIDTH, "h": plot.height / HEIGHT}
    values = "".join(f'<c:{name} val="{value:.5f}"/>' for name, value in parts.items())
    layout = parse_xml(
        '<c:layout xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart">'
        '<c:manualLayout><c:layoutTarget val="inner"/><c:xMode val="edge"/><c:yMode val="edge"/>'
        f"{values}</c:manualLayout></c:layout>"
    )
    area = chart._chartSpace.chart.plotArea
    for old in area.findall(layout.tag):
        area.remove(old)
    area.insert(0, layout)


def _axis(axis: Any, ends: tuple[float, float, float], *, ticks: bool = True) -> None:
    from pptx.enum.chart import XL_TICK_LABEL_POSITION, XL_TICK_MARK

    axis.minimum_scale, axis.maximum_scale, axis.major_unit = ends
    axis.has_major_gridlines = False
    axis.format.line.color.rgb = rgb(MUTED)
    axis.major_tick_mark = XL_TICK_MARK.NONE
    places = XL_TICK_LABEL_POSITION
    axis.tick_label_position = places.LOW if ticks else places.NONE
    axis.tick_labels.number_format, axis.tick_labels.number_format_is_linked = "General", False
    axis.has_title = False


def _look(drawn: Any, line: Line) -> None:
    from pptx.enum.chart import XL_MARKER_STYLE
    from pptx.enum.dml import MSO_LINE
    from pptx.util import Pt

    position = line.position % len(SYMBOLS)
    colour = rgb(look_of(line.position, line.group).colour)
    dashes = (MSO_LINE.SOLID, MSO_LINE.DASH, MSO_LINE.ROUND_DOT, MSO_LINE.DASH_DOT)
    marks = (XL_MARKER_STYLE.CIRCLE, XL_MARKER_STYLE.SQUARE, XL_MARKER_STYLE.TRIANGLE,
             XL_MARKER_STYLE.DIAMOND)  # fmt: skip
    drawn.smooth = False
    if line.joined:
        drawn.format.line.color.rgb, drawn.format.line.width = colour, Pt(3.5)
        drawn.format.line.dash_style = dashes[position]
    else:
        drawn.format.line.fill.background()
    drawn.marker.style = marks[position] if line.marks else XL_MARKER_STYLE.NONE
    if line.marks:
        drawn.marker.size = 12
        drawn.marker.format.fill.solid()
        drawn.marker.format.fill.fore_color.rgb = colour
        drawn.marker.format.line.color.rgb = colour


def _error_bars(element: Any, line: Line) -> None:
    """Add the 95 % intervals as error bars, which the chart library itself cannot."""
    from pptx.oxml import parse_xml

    rows, middle = line.rows, line.rows["y"]
    up, down = _literal("plus", rows["high"] - middle), _literal("minus", middle - rows["low"])
    look = look_of(line.position, line.group).colour.lstrip("#").upper()
    space = "http://schemas.openxmlformats.org/drawingml/2006/chart"
    main = "http://schemas.openxmlformats.org/drawingml/2006/main"
    bars = parse_xml(
        f'<c:errBars xmlns:c="{space}" xmlns:a="{main}"><c:errDir val="y"/>'
        f'<c:errBarType val="both"/><c:errValType val="cust"/><c:noEndCap val="1"/>{up}{down}'
        f'<c:spPr><a:ln w="25400"><a:solidFill><a:srgbClr val="{look}"/></a:solidFill></a:ln>'
        "</c:spPr></c:errBars>"
    )
    next(child for child in element if child.tag.endswith("}xVal")).addprevious(bars)


def _literal(name: str, values: pd.Series[float]) -> str:
    points = "".join(f'<c:pt idx="{i}"><c:v>{v:.6g}</c:v></c:pt>' for i, v in enumerate(values))
    return f'<c:{name}><c:numLit><c:ptCount val="{len(values)}"/>{points}</c:numLit></c:{name}>'

"""A deck as PowerPoint: a template of its own, native charts that can be edited, speaker notes.

A picture is a chart of PowerPoint's own: names, values and intervals are the chart's, editable.
Curves are a scatter chart with a legend. A forest is a bar chart without bars: its categories are
the rows, and error bars, which every program draws, are the intervals and the marks.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from outcomes.plain_text import neutralised
from outcomes.questions.picture import Picture
from outcomes.render.document import environment
from outcomes.render.figures.canvas import in_a_figure, text_width, wrapped
from outcomes.render.figures.style import INK, MUTED, ROUND, look_of, styled
from outcomes.render.fixed_zip import office_bytes
from outcomes.render.slides.deck import Deck, Slide, series
from outcomes.words import SPACE, digits_of, percent, plain, with_ends

OPENING, LISTED, DRAWN = 0, 1, 5
"""Layouts of the library's file that are kept: title and subtitle, title and list, title alone."""
TEMPLATE = Path(__file__).parent.parent / "templates" / "slides.pptx"
"""Master and layouts; made by `docs/make/office.py`."""
WIDTH, HEIGHT = 12.33, 4.5
"""Of the chart, inches: three fifths of the slide."""
NAMES = 5.0
"""Most that the name of a row is wide, inches; longer ones have several lines."""
NUMBERS = 3.0
"""Width of an estimate with its interval beside a row, inches."""


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
    _new_slide(file, deck, deck.opening, OPENING)
    for slide in deck.slides:
        _new_slide(file, deck, slide, LISTED if slide.picture is None else DRAWN)
    return office_bytes(file, deck.title, deck.label)


def _new_slide(file: Any, deck: Deck, slide: Slide, layout: int) -> None:
    """Add a slide whose letters are as large as its words leave room for, 20 points or more."""
    from pptx.oxml import parse_xml

    letters, opens = len(slide.title), layout == OPENING
    said, most = sum(map(len, slide.bullets)), len(slide.bullets)
    own = 28 if letters <= 140 else 24 if letters <= 210 else 20
    roomy = 28 if said < 300 and most < 6 else 24
    page = file.slides.add_slide(file.slide_layouts[layout])
    shapes = environment().get_template("slide.pptx.xml.j2").render(
        deck=deck, slide=slide, number=len(file.slides), opens=opens,
        chart=add_chart(page, slide.picture) if slide.picture is not None else "",
        title_size=(40 if letters <= 60 else 28) if opens else own,
        bullet_size=roomy if said < 700 and most < 8 else 20,
        ink=hexadecimal(INK), muted=hexadecimal(MUTED),
    )  # fmt: skip
    tree = page.shapes._spTree
    tree.getparent().replace(tree, parse_xml(shapes))
    page.notes_slide.notes_text_frame.text = slide.notes


@styled()
def add_chart(page: Any, picture: Picture) -> str:
    """Add a picture's chart, with the workbook of its numbers, to a slide.

    Parameters
    ----------
    page : pptx.slide.Slide
        The slide.
    picture : Picture
        Curves or a forest, without missing estimates.

    Returns
    -------
    str
        By what name the slide knows the chart.
    """
    from pptx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
    from pptx.parts.chart import ChartPart

    data, chart = (_curves if picture.kind == "curves" else _forest)(picture)
    text = environment().get_template("chart.pptx.xml.j2").render(
        chart=chart, ink=hexadecimal(INK), muted=hexadecimal(MUTED)
    )  # fmt: skip
    package = page.part.package
    name = package.next_partname(ChartPart.partname_template)
    part = ChartPart.load(name, CONTENT_TYPE.DML_CHART, package, text.encode("utf-8"))
    part.chart_workbook.update_from_xlsx_blob(data.xlsx_blob)
    return str(page.part.relate_to(part, RELATIONSHIP_TYPE.CHART))


def hexadecimal(colour: str) -> str:
    """Return a colour such as ``#0072B2`` as PowerPoint has it."""
    return colour.lstrip("#").upper()


def _curves(picture: Picture) -> tuple[Any, dict[str, Any]]:
    from pptx.chart.data import XyChartData

    data: Any = XyChartData()  # type: ignore[no-untyped-call]
    rows, groups, names = picture.data, _by_last(picture), list(series(picture))
    digits, drawn = digits_of(rows), []
    upright = _ends([0, *rows["conf_low"], *rows["conf_high"]])
    labeled = _labeled(groups, 0.09 * (upright[1] - upright[0]))
    for name, own in groups:
        points = data.add_series(neutralised(in_a_figure(name)))
        for x, y in zip(own["x"], own["estimate"], strict=True):
            points.add_data_point(float(x), float(y))
        last, position = float(own["estimate"].iloc[-1]), names.index(name)
        value = percent(last) if picture.shares else plain(last, digits)
        labels = [(len(own) - 1, value)] if name in labeled else []
        drawn.append(
            _series(points, look_of(position, name).colour, own, 1.5)
            | {"position": position, "labels": labels, "side": "r",
               "corners": range(1, len(own), 2) if picture.steps else ()}
        )  # fmt: skip
    chart = {
        "curves": True, "series": drawn, "legend": len(groups) > 1, "size": 20,
        "across": {"ends": _ends([0, *rows["x"]], whole=True), "title": [picture.x_label]},
        "upright": {"ends": upright, "shares": picture.shares,
                    "title": wrapped(picture.y_label.replace(" = ", f"{SPACE}={SPACE}"), 3, 18)},
    }  # fmt: skip
    return data, chart


def _labeled(groups: list[tuple[str, pd.DataFrame]], apart: float) -> set[str]:
    """Return which lines are named their last value: the outer two that reach the right edge.

    Labels of lines between would lie on others, as do two that end less than `apart` away.
    """
    latest = max(float(rows["time"].max()) for _, rows in groups)
    reach = [(name, rows) for name, rows in groups if rows["time"].max() == latest]
    (top, above), (bottom, below) = reach[0], reach[-1]
    wide = above["estimate"].iloc[-1] - below["estimate"].iloc[-1] > apart
    return {top, bottom} if wide else {top}


def _series(data: Any, colour: str, rows: pd.DataFrame, bar: float) -> dict[str, Any]:
    """Return a series with its intervals as bars, `bar` points wide; none without an interval."""
    middle = rows["estimate"]
    return {
        "data": data, "colour": hexadecimal(colour),
        "bar": bar if (rows["conf_high"] > rows["conf_low"]).any() else 0,
        "up": [f"{value:.6g}" for value in rows["conf_high"] - middle],
        "down": [f"{value:.6g}" for value in middle - rows["conf_low"]],
    }  # fmt: skip


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
        (name, rows.assign(time=rows["x"], x=rows["x"] + aside * (position - (len(even) - 1) / 2)))
        for position, (name, rows) in enumerate(even)
    ]
    even = [(name, _in_steps(rows) if picture.steps else rows) for name, rows in even]
    return sorted(even, key=lambda item: -float(item[1]["estimate"].iloc[-1]))


def _in_steps(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with a corner before each but the first, as high as the one before."""
    at = np.arange(2 * len(rows) - 1)
    made, corner = rows.iloc[(at + 1) // 2].reset_index(drop=True), at % 2 == 1
    before = pd.Series(rows["estimate"].to_numpy()[at // 2])
    level = {
        name: made[name].mask(corner, before) for name in ("estimate", "conf_low", "conf_high")
    }
    return made.assign(**level)


def _forest(picture: Picture) -> tuple[Any, dict[str, Any]]:
    """Return a series of intervals and one of marks for each color, and the numbers' places."""
    from pptx.chart.data import CategoryChartData

    rows = picture.data.iloc[::-1]  # a bar chart begins at the foot
    size, lines = _names(rows)
    low, high, _ = ends = _ends_of(rows)
    data: Any = CategoryChartData()  # type: ignore[no-untyped-call]
    data.categories = names = ["\n".join(one) for one in lines]
    half, middle = 0.006 * (high - low), rows["estimate"]
    tiny = rows.assign(conf_low=middle - half, conf_high=middle + half)
    looks = rows["label"].map(lambda name: look_of(0, str(name)).colour)
    drawn = []
    for colour in looks.unique():
        values = [float(value) if own else None for value, own in zip(middle, looks == colour,
                                                                      strict=True)]  # fmt: skip
        for title, bars, width in (("estimate, 95 % CI", rows, 3.5), ("estimate", tiny, 13)):
            drawn.append(_series(data.add_series(title, values), colour, bars, width))
    numbers = data.add_series("place of the numbers", [high] * len(rows))
    ends_of, digits = rows[["estimate", "conf_low", "conf_high"]], digits_of(picture.data)
    written = [with_ends(a, low, high, digits) for a, low, high in ends_of.to_numpy(float)]
    drawn.append({"data": numbers, "side": "inEnd", "labels": list(enumerate(written))})
    chart = {
        "curves": False, "series": drawn, "categories": names, "size": 20 if len(rows) <= 6 else 18,
        "across": {"ends": ends, "title": [picture.x_label]}, "upright": {"size": size},
    }  # fmt: skip
    return data, chart


def _names(rows: pd.DataFrame) -> tuple[int, list[list[str]]]:
    """Return the size, 12 or more, at which the names of all rows have room, and their lines."""
    words = [neutralised(in_a_figure(str(name))) for name in rows["label"]]
    room = 0.7 * HEIGHT / len(rows)
    for size in (20, 18, 16, 14, 12):
        lines = [wrapped(text, NAMES, size) for text in words]
        if max(map(len, lines)) * 1.25 * size / 72 <= room:
            break
    return size, lines


def _ends_of(rows: pd.DataFrame) -> tuple[float, float, float]:
    """Return the ends of a forest's axis: numbers stand at its right, beyond every interval."""
    low, high, step = _ends([0, *rows["conf_low"], *rows["conf_high"]])
    size, lines = _names(rows)
    names = max(text_width(line, size) for name in lines for line in name)
    share = NUMBERS / (WIDTH - names - 0.9)
    wide = (high - low) / (1 - share)
    apart = step * np.ceil(wide / step / 8)  # ticks that stand upright, 0 among them
    first = apart * np.floor(low / apart)
    return first, first + step * np.ceil((high - first) / (1 - share) / step), apart


def _ends(values: Iterable[float], *, whole: bool = False) -> tuple[float, float, float]:
    """Return the ends of an axis and the step of its ticks, few and round; whole: of a count."""
    known = [float(value) for value in values if np.isfinite(value)]
    low, high = min(known), max(known)
    high = high if high > low else low + 1.0  # a single point needs an axis too
    ticks = MaxNLocator(9 if whole else 5, steps=ROUND, integer=whole).tick_values(low, high)
    last = high + 0.08 * (high - low) if whole else float(ticks[-1])  # labels stand at its end
    return float(ticks[0]), last, round(float(ticks[1] - ticks[0]), 10)

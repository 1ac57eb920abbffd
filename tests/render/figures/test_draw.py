"""Figures: every text inside the figure, no label on another, same bytes, nothing global."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import combinations, pairwise

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from outcomes.errors import UsageError
from outcomes.questions.picture import Picture
from outcomes.render.figures import draw, inline_svg, png_bytes, svg_bytes

LONG = "a name of a group that is exactly sixty characters long, yes"
NAMES = ("all", "headache", "neck_mvc", "neck_other", "low_back", "sciatica", "knee_pain",
         "arthritis", "post_op", "carpal_tunnel")  # fmt: skip


def curves(groups: tuple[str, ...], times: tuple[int, ...] = (1, 2, 3, 4, 5, 6)) -> Picture:
    rows = [
        (name, t, t * 0.3 - 0.01 * i, t * 0.3 - 0.4, t * 0.3 + 0.4, 90 - i)
        for i, name in enumerate(groups)
        for t in times
    ]
    columns = ["group", "x", "estimate", "conf_low", "conf_high", "n_episodes"]
    data = pd.DataFrame(rows, columns=columns)
    return Picture("curves", data, "Pain fell", "Sessions", "Improvement (points)", "Alt.")


def forest(groups: tuple[str, ...]) -> Picture:
    rows = [(n, 2 - 0.2 * i, 1.5 - 0.2 * i, 2.5 - 0.2 * i, 50) for i, n in enumerate(groups)]
    data = pd.DataFrame(rows, columns=["label", "estimate", "conf_low", "conf_high", "n_episodes"])
    label = "Improvement for one Walton level firmer (points; right = more)"
    return Picture("forest", data, "Pain fell", label, "", "Alt.")


def flow(n_boxes: int) -> Picture:
    rows = [(f"step {i} {LONG}", f"{100 - i}", "left: 1" if i else "") for i in range(n_boxes)]
    data = pd.DataFrame(rows, columns=["label", "n", "left_out"])
    return Picture("flow", data, "Flow of courses", "", "", "Alt.")


def course(*, care: bool = True, ahead: bool = True) -> Picture:
    rows = [("baseline", 0, 7, 3, 10), ("score", 7, 6, None, None), ("score", 15, 4, None, None),
            ("goal", 56, 3, None, None)]  # fmt: skip
    if ahead:
        rows += [("expected", 22, 3.8, 2.1, 5.6), ("expected", 29, 3.5, 1.6, 5.5)]
    if care:
        rows += [("visit", 0, 3, None, None), ("visit", 7, None, None, None),
                 ("missed visit", 10, None, None, None), ("script", 56, 8, None, None)]  # fmt: skip
    data = pd.DataFrame(rows, columns=["kind", "x", "estimate", "conf_low", "conf_high"])
    data.loc[len(data)] = ["scale", 0, None, 0, 10]
    return Picture("course", data.astype({"estimate": float}), "One course: Numeric pain rating "
                   "scale", "Days since the first visit",
                   "Numeric pain rating scale (points; lower = better)", "Alt.")  # fmt: skip


PICTURES = {
    "one group": curves(("all",)),
    "one point": curves(("all",), (3,)),
    "two arms, two times": curves(("control", "treated"), (13, 52)),
    "four groups": curves(NAMES[:4]),
    "ten groups": curves(NAMES),
    "thirty groups": curves(tuple(f"condition {i}" for i in range(30))),
    "long names": curves((LONG, LONG[::-1], "x")),
    "long names and axis": replace(
        curves((LONG, LONG[::-1], "x")),
        marks=((1.0, "smallest important change (1)"),),
        x_label="Sessions received before the score; 4 of 41 groups",
    ),
    "many long names": curves((LONG, LONG[::-1], *NAMES[:4])),
    "forest of one": forest(("headache",)),
    "forest of ten": forest(NAMES),
    "forest of long names": forest((LONG, LONG[::-1])),
    "flow": flow(4),
    "one course": course(),
    "one course, scores only": course(care=False, ahead=False),
}


def ticks_out_of_view(axes: Axes) -> list[mpl.text.Text]:
    return [
        label
        for axis in (axes.xaxis, axes.yaxis)
        for tick in axis.get_major_ticks()
        for label in (tick.label1, tick.label2)
        if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
    ]


def texts(figure: Figure) -> list[tuple[str, tuple[float, float, float, float]]]:
    """Every visible text with its box in pixels, the watermark left out."""
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    figure.draw(renderer)
    unseen = {id(text) for axes in figure.axes for text in ticks_out_of_view(axes)}
    found = [text for text in figure.findobj(mpl.text.Text) if id(text) not in unseen]
    boxes = []
    for text in found:
        words = text.get_text().strip()
        if words and text.get_visible() and not (words == "SYNTHETIC" and text.get_rotation()):
            box = text.get_window_extent(renderer)
            boxes.append((words, (box.x0, box.y0, box.x1, box.y1)))
    return boxes


def on_each_other(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    tall = min(one[3], other[3]) - max(one[1], other[1])
    return wide > 1 and tall > 1


@pytest.mark.parametrize("preset", ["page", "phone", "slide"])
@pytest.mark.parametrize("name", list(PICTURES))
def test_every_text_is_inside_and_none_lies_on_another(name: str, preset: str) -> None:
    figure = draw(PICTURES[name], "SYNTHETIC", preset)
    width, height = figure.canvas.get_width_height()
    boxes = texts(figure)
    outside = [w for w, (x0, y0, x1, y1) in boxes if x0 < 0 or y0 < 0 or x1 > width or y1 > height]
    assert outside == []
    pairs = combinations(boxes, 2)
    assert [(a[0], b[0]) for a, b in pairs if on_each_other(a[1], b[1])] == []


def test_the_label_is_printed_for_simulated_data_only() -> None:
    marked = [words for words, _ in texts(draw(PICTURES["four groups"], "SYNTHETIC"))]
    plain = [words for words, _ in texts(draw(PICTURES["four groups"], ""))]
    assert "SYNTHETIC DATA" in marked
    assert not any("SYNTHETIC" in words for words in plain)


def test_text_for_a_hall_is_at_least_21_points() -> None:
    figure = draw(PICTURES["four groups"], "", "slide")
    sizes = [t.get_fontsize() for t in figure.findobj(mpl.text.Text) if t.get_text().strip()]
    assert min(sizes) >= 21


@pytest.mark.parametrize("kind", ["four groups", "forest of ten", "flow"])
def test_the_same_picture_gives_the_same_bytes(kind: str) -> None:
    first, second = (draw(PICTURES[kind], "SYNTHETIC") for _ in range(2))
    assert svg_bytes(first) == svg_bytes(second)
    assert png_bytes(first) == png_bytes(second)
    assert b"Software" not in png_bytes(first)


def test_drawing_leaves_global_settings_alone() -> None:
    before = dict(mpl.rcParams)
    svg_bytes(draw(PICTURES["four groups"], "SYNTHETIC"), outlines=False)
    assert dict(mpl.rcParams) == before


def test_a_suppressed_row_is_named_without_numbers() -> None:
    picture = forest(("headache", "sciatica"))
    picture.data.loc[1, ["estimate", "conf_low", "conf_high", "n_episodes"]] = float("nan")
    words = [text for text, _ in texts(draw(picture))]
    assert "sciatica" in words
    assert "too few to show" in words


def test_groups_differ_by_colour_marker_and_dash() -> None:
    from outcomes.render.figures.style import LOOKS

    for part in ("colour", "marker", "dash"):
        assert len({getattr(look, part) for look in LOOKS}) == len(LOOKS)


def test_no_line_of_dashes_alone_stands_below_a_figure() -> None:
    picture = curves(("all", "few"), tuple(range(1, 15)))
    few, early = picture.data["group"] == "few", picture.data["x"] <= 1
    data = picture.data.assign(n_episodes=picture.data["n_episodes"].mask(few & ~early))
    words = [said for said, _ in texts(draw(replace(picture, data=data)))]
    assert "90" in words  # of all
    assert "89" not in words  # at session 1, which has no tick
    assert "–" not in words


def test_inline_svg_is_well_formed_named_and_described() -> None:
    figure = draw(PICTURES["four groups"], "SYNTHETIC")
    text = inline_svg(
        svg_bytes(figure, outlines=False), name="figure-1", title="Pain & more", alt="Mean < 3."
    )
    root = ET.fromstring(text)
    space = "{http://www.w3.org/2000/svg}"
    assert root.get("role") == "img"
    assert root.findtext(f"{space}title") == "Pain & more"
    assert root.findtext(f"{space}desc") == "Mean < 3."
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert all(one.startswith("figure-1-") for one in ids)
    used = re.findall(r'(?:url\(#|href="#)([^")]+)', text)
    assert set(used) <= set(ids)
    assert "var(--ink" in text
    assert not re.findall("<text style[^>]*>[^<]{5}", text)
    [wide] = re.findall(r'textLength="([^"]+)"[^>]*>SYNTHETIC DATA<', text)
    bold = FontProperties(family="Inter", weight="bold", size=9.5)
    room = text_to_path.get_text_width_height_descent("SYNTHETIC DATA", bold, ismath=False)[0]
    assert float(wide) == pytest.approx(room, abs=0.1)


def test_unknown_kind_and_preset_are_refused_by_name() -> None:
    with pytest.raises(UsageError, match="preset is one of page, hero, letter, phone, slide"):
        draw(PICTURES["one group"], preset="wall")
    picture = Picture("pie", pd.DataFrame(), "", "", "", "")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="kind of a picture"):
        draw(picture)


@pytest.mark.parametrize("size", [0.0, 0.54, 1.0])
def test_shares_stand_on_an_axis_of_per_cents_from_none_to_all(size: float) -> None:
    picture = curves(("reached", "ended"))
    data = picture.data.assign(estimate=size, conf_low=size, conf_high=size)
    figure = draw(replace(picture, data=data, steps=True, shares=True))
    axes = figure.axes[0]
    low, high = axes.get_ylim()
    assert -0.1 < low <= 0
    assert size < high < 1.1
    figure.canvas.draw()
    shown = [label.get_text() for label in axes.get_yticklabels()]
    assert "0 %" in shown
    assert all(label.endswith(" %") for label in shown)
    assert not axes.yaxis.get_offset_text().get_text()


def test_the_rows_of_a_slide_are_as_large_as_the_slide_has_room_for() -> None:
    few, many = (draw(forest((LONG,) * n), preset="slide") for n in (2, 10))
    assert few.get_figheight() < 5
    assert few.texts[-1].get_fontsize() > many.texts[-1].get_fontsize()
    assert many.get_figheight() / many.get_figwidth() < 0.6


def test_what_is_known_has_no_interval_and_the_digits_of_the_others() -> None:
    rows = [("naive", 0.61, 0.54, 0.69, 90), ("truth (known here)", 0.0, 0.0, 0.0, 90)]
    data = pd.DataFrame(rows, columns=["label", "estimate", "conf_low", "conf_high", "n_episodes"])
    figure = draw(Picture("forest", data, "Title", "Points", "", "Alt."), preset="slide")
    shown = {text.get_text() for text in figure.texts}
    assert {"0.61 (0.54 to 0.69)", "0.00"} <= shown


@pytest.mark.parametrize(("preset", "most"), [("page", 3), ("phone", 2)])
def test_of_many_arms_a_few_flow_beside_each_other(preset: str, most: int) -> None:
    one = flow(4).data
    data = pd.concat([one.assign(group=f"arm {i}") for i in range(5)], ignore_index=True)
    axes = draw(replace(flow(4), data=data), preset=preset).axes[0]
    boxes = [p for p in axes.patches if type(p).__name__ == "FancyBboxPatch"]
    assert len({round(box.get_x(), 6) for box in boxes}) == most
    assert len({(round(box.get_x(), 6), round(box.get_y(), 6)) for box in boxes}) == 20
    assert min(box.get_y() for box in boxes) >= 0
    assert max(box.get_y() + box.get_height() for box in boxes) <= axes.get_ylim()[1]
    assert not any(box.get_clip_on() for box in boxes)  # a border at the edge is whole


def test_what_stands_below_a_forest_has_room_on_a_phone() -> None:
    label = "Difference from the average therapist, shrunken (points; right = better); 6 of 10 rows"
    figure = draw(replace(forest(("t1", "t2")), x_label=label), preset="phone")
    figure.draw_without_rendering()
    below = figure.axes[0].xaxis.label
    assert below.get_text().count("\n") == 2
    assert below.get_window_extent(figure.canvas.get_renderer()).y0 >= 0  # type: ignore[attr-defined]


def test_a_count_that_is_told_in_words_is_no_number() -> None:
    data = flow(3).data.assign(n=["1,204", "<11", "most of 18"])
    words = [
        text.get_text().split("\n")[-1] for text in draw(replace(flow(3), data=data)).axes[0].texts
    ]
    assert [word for word in words if "left" not in word] == ["n = 1,204", "n < 11", "most of 18"]


@pytest.mark.parametrize("width", [0.3, 0.7, 2.4, 6.3, 31.0])
def test_ticks_are_one_two_or_five_apart(width: float) -> None:
    data = forest(("a", "b")).data.assign(conf_low=-0.1 * width, conf_high=width)
    times = replace(curves(("all",)), data=curves(("all",), tuple(range(int(4 * width) + 2))).data)
    for axes in (draw(replace(forest(("a", "b")), data=data)).axes[0], draw(times).axes[0]):
        first, second, *_ = axes.get_xticks()
        assert float(f"{second - first:e}"[:3]) in (1.0, 2.0, 5.0)


@pytest.mark.parametrize("groups", [("all", LONG), NAMES])
def test_times_on_the_axis_of_a_phone_keep_apart(groups: tuple[str, ...]) -> None:
    figure = draw(curves(groups, tuple(range(1, 17))), "", "phone")
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in figure.axes[-1].get_xticklabels()]
    assert len(boxes) > 2
    apart = [after.x0 - before.x1 for before, after in pairwise(boxes)]
    assert min(apart) > 3  # pixels; 12 and 14 read as 1214


def test_a_time_stands_on_the_axis_as_in_the_sentence() -> None:
    picture = curves(("all",))
    weeks = replace(picture, data=picture.data.assign(x=12 / 7).head(1))
    figure = draw(weeks)
    figure.canvas.draw()
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["1.7"]


def test_a_curve_of_few_shown_times_has_ticks_at_them_alone() -> None:
    picture = curves(("all",))
    data = picture.data.assign(estimate=picture.data["estimate"].where(picture.data["x"] < 3))
    assert list(draw(replace(picture, data=data)).axes[0].get_xticks()) == [1, 2]


@pytest.mark.parametrize(
    ("means", "side"), [([2, 2, 2, 5, 8, 8], "right"), ([8, 8, 5, 2, 2, 2], "left")]
)
@pytest.mark.parametrize("preset", ["page", "narrow"])
def test_the_name_of_a_line_stands_where_no_curve_is(
    means: list[float], side: str, preset: str
) -> None:
    data = curves(("all",)).data.assign(estimate=means)
    data = data.assign(conf_low=data["estimate"] - 0.2, conf_high=data["estimate"] + 0.2)
    picture = replace(curves(("all",)), data=data, marks=((2.0, "smallest important change (2)"),))
    (axes,) = draw(picture, preset).axes
    (name,) = (text for text in axes.texts if "important" in text.get_text())
    assert name.get_horizontalalignment() == side


def test_counts_that_all_groups_share_stand_once() -> None:
    picture = curves(("reached", "ended"))
    shared = replace(picture, data=picture.data.assign(n_at_risk=71.0), counted="Goals left")
    texts = [text.get_text() for text in draw(shared, "page").findobj(mpl.text.Text)]
    assert texts.count("71") == 6
    apart = picture.data.assign(n_at_risk=[71.0] * 11 + [70.0])
    texts = [
        text.get_text() for text in draw(replace(shared, data=apart), "page").findobj(mpl.text.Text)
    ]
    assert texts.count("71") == 11


def test_between_two_steps_as_many_are_left_as_at_the_next_one() -> None:
    """Days of scores are no round numbers; the ticks of the axis are."""
    picture = curves(("reached",), tuple(range(3, 80, 7)))
    left = picture.data.assign(n_at_risk=range(90, 79, -1))
    texts = {t.get_text() for t in draw(replace(picture, data=left, steps=True), "page").texts}
    at_ticks = {"89", "87", "86", "84", "83", "81", "80"}  # day 10, 24 for 20, 31 for 30, ...
    assert texts & {f"{n}" for n in range(80, 91)} == at_ticks


def test_a_caption_names_what_is_drawn() -> None:
    bars, bands = ("Bars are 95 % confidence intervals.", "Bands are 95 % confidence intervals.")
    assert forest(("a",)).caption == bars
    assert curves(("a",), (1, 2, 3, 4)).caption == bars
    assert curves(("a",)).caption == bands
    assert curves(NAMES, (1, 2)).caption == bands  # small plots side by side
    assert replace(forest(("a",)), reading="Bars are ranges.").caption == "Bars are ranges."


def test_counts_below_say_whose_they_are_and_that_some_are_not_shown() -> None:
    def below(picture: Picture) -> set[str]:
        return {text.get_text() for text in draw(picture).texts}

    picture = curves(("massage", "usual care"), (4, 8))
    alike = replace(picture, data=picture.data.assign(n_episodes=24.0))
    assert "Courses with a score, the same in each group" in below(alike)
    hidden = alike.data.assign(n_episodes=alike.data["n_episodes"].where(alike.data["x"] == 4))
    told = below(replace(picture, data=hidden))  # hidden counts may differ
    assert "Courses with a score (\N{EN DASH}: not shown)" in told


def test_more_groups_than_fit_are_counted_and_the_words_stay_inside_a_phone() -> None:
    groups = tuple(f"condition number {i:02d}" for i in range(30))
    picture = replace(curves(groups), marks=((0.5, "smallest important change (0.5)"),))
    words = [text.get_text() for text in draw(picture, preset="phone").texts]
    gray = next(text for text in words if text.startswith("Gray"))
    assert "18 smaller ones are not drawn." in gray.replace("\n", " ")
    assert gray.count("\n") >= 1

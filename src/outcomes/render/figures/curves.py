"""Curves over time with bands: few groups in one plot, many in small plots side by side."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from outcomes.questions.picture import Picture
from outcomes.render.figures.canvas import EDGE, Canvas, blank, text_width, wrapped
from outcomes.render.figures.label_positions import spread
from outcomes.render.figures.lines import FEW_POINTS, draw_group, dress
from outcomes.render.figures.small_multiples import draw_small_multiples
from outcomes.render.figures.style import FONT, INK, MUTED, Look, Preset, look_of
from outcomes.words import count, named

MOST_TOGETHER = 4
"""More groups than this do not fit one plot without their bands hiding each other."""


def draw_curves(picture: Picture, preset: Preset, label: str) -> Canvas:
    """Draw estimates over x with a band, one line a group.

    Parameters
    ----------
    picture : Picture
        ``data`` with group, x, estimate, conf_low, conf_high, n_episodes.
    preset : Preset
        Sizes.
    label : str
        Printed on the figure.
    """
    data = picture.data.dropna(subset=["estimate"])
    groups = list(dict.fromkeys(data["group"]))
    if len(groups) > MOST_TOGETHER:
        return draw_small_multiples(picture, preset, label)
    counted = preset.counts and data["n_episodes"].max() > 1
    below = _count_lines(preset, len(groups)) if counted else 0.0
    canvas = blank(preset, picture.title, label, preset.height + below)
    names = {group: _name_lines(named(str(group)), preset, len(groups)) for group in groups}
    axes = canvas.axes(
        left=_left_margin(preset), bottom=_foot(preset) + below,
        right=_right_margin(names, preset), top=canvas.top + _head(preset),
    )  # fmt: skip
    for position, group in enumerate(groups):
        rows = data[data["group"] == group].sort_values("x")
        look, shift = look_of(position, str(group)), _shift(position, data)
        draw_group(axes, rows, look, preset, shift, steps=picture.steps)
    dress(axes, picture, preset)
    if not preset.title:
        height = canvas.height - canvas.top - 0.5 * preset.line_height
        canvas.write(EDGE, height, picture.y_label)
    _direct_labels(axes, canvas, data, names)
    if counted:
        _counts_below(axes, canvas, data, picture.counted)
    return canvas


def _shift(position: int, data: pd.DataFrame) -> float | None:
    """Return where a group's bars stand beside its times; None where there are too many times."""
    times = data["x"].unique()
    groups = data["group"].nunique()
    if len(times) > FEW_POINTS:
        return None
    span = float(max(times) - min(times)) or 1.0
    return span * 0.015 * (position - (groups - 1) / 2)


def _left_margin(preset: Preset) -> float:
    return EDGE + text_width("-00.0", preset.text) + 3.2 * preset.line_height * preset.title


def _head(preset: Preset) -> float:
    """Inches above the plot: on a slide the label of the vertical axis lies there, not upright."""
    return 0.0 if preset.title else 1.4 * preset.line_height


def _foot(preset: Preset) -> float:
    return (3.3 if preset.title else 2.6) * preset.line_height


def _right_margin(names: dict[str, list[str]], preset: Preset) -> float:
    widest = max((text_width(n, preset.text) for lines in names.values() for n in lines), default=0)
    return EDGE + widest + (0.9 * preset.line_height if names else 0.15)


def _name_lines(name: str, preset: Preset, n_groups: int) -> list[str]:
    """One group needs no label."""
    if n_groups == 1:
        return []
    return wrapped(name, preset.label_share * preset.width, preset.text)


def _direct_labels(
    axes: Axes, canvas: Canvas, data: pd.DataFrame, names: dict[str, list[str]]
) -> None:
    """Write each group's name beside the end of its line, with its marker."""
    if not any(names.values()):
        return
    ordered = data.sort_values("x", kind="stable")
    ends = [ordered[ordered["group"] == group].iloc[-1] for group in names]
    bottom, top = axes.get_ylim()
    unit = (top - bottom) / (axes.get_position().height * canvas.height)
    heights = [
        (len(lines) * 1.0 + 0.35) * canvas.preset.line_height * unit for lines in names.values()
    ]
    places = spread([end["estimate"] for end in ends], heights, bottom, top)
    edge = axes.get_xlim()[1]
    for position, (group, place) in enumerate(zip(names, places, strict=True)):
        _one_label(axes, canvas.preset, (edge, place), names[group],
                   look_of(position, str(group)))  # fmt: skip


def _one_label(
    axes: Axes, preset: Preset, place: tuple[float, float], lines: list[str], look: Look
) -> None:
    edge, height = place
    axes.plot(
        [edge], [height], color=look.colour, marker=look.marker, markersize=0.8 * preset.marker,
        clip_on=False,
    )  # fmt: skip
    axes.annotate(
        "\n".join(lines), (edge, height), xytext=(0.75 * preset.text, 0),
        textcoords="offset points", va="center", ha="left", fontsize=preset.text, color=INK,
        family=FONT, linespacing=1.1, annotation_clip=False,
    )  # fmt: skip


def _count_lines(preset: Preset, n_groups: int) -> float:
    """Inches that the counts below the plot take."""
    return (n_groups + 1.3) * preset.line_height


def _counts_below(axes: Axes, canvas: Canvas, data: pd.DataFrame, counted: str) -> None:
    """Write what is counted and how many at each labelled time, one line a group."""
    groups = list(dict.fromkeys(data["group"]))
    line = canvas.preset.line_height
    top = EDGE + (len(groups) + 0.3) * line
    canvas.write(EDGE, top, counted, colour=MUTED, size=0.85)
    times = _labelled_times(axes, data)
    for position, group in enumerate(groups):
        height = top - (position + 1) * line
        if len(groups) > 1:
            canvas.mark(4 * EDGE, height, look_of(position, str(group)))
        count_of = "n_at_risk" if "n_at_risk" in data else "n_episodes"
        rows = data[data["group"] == group].set_index("x")[count_of]
        for time in times:
            words = count(float(rows.get(time, float("nan"))))
            canvas.write(_place(axes, canvas, time), height, words, align="center", size=0.85)


def _labelled_times(axes: Axes, data: pd.DataFrame) -> list[float]:
    known = {float(time) for time in data["x"]}
    if len(known) <= FEW_POINTS:
        return sorted(known)
    return [float(tick) for tick in axes.get_xticks() if float(tick) in known]


def _place(axes: Axes, canvas: Canvas, time: float) -> float:
    """Where a time lies, in inches from the left edge of the figure."""
    low, high = axes.get_xlim()
    box = axes.get_position()
    return float(canvas.width * (box.x0 + box.width * (time - low) / (high - low)))

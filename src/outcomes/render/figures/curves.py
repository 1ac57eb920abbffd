"""Curves over time with bands: few groups in one plot, many in small plots side by side."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.ticker import FixedLocator, MaxNLocator

from outcomes.questions.picture import FEW_POINTS, MOST_TOGETHER, Picture
from outcomes.render.figures.canvas import (
    EDGE,
    Canvas,
    blank,
    in_a_figure,
    label_beside,
    name_upright,
    text_width,
    wrapped,
)
from outcomes.render.figures.style import GRID, MUTED, PAPER, ROUND, Look, Preset, look_of
from outcomes.words import DASH, count, percent


def draw_group(
    axes: Axes, rows: pd.DataFrame, look: Look, preset: Preset, shift: float | None = None,
    *, steps: bool = False,
) -> None:  # fmt: skip
    """Draw one group's line, markers, and band or intervals.

    Parameters
    ----------
    axes : Axes
        Where.
    rows : DataFrame
        The group's rows in order of x.
    look : Look
        Colour, marker and dash.
    preset : Preset
        Sizes.
    shift : float, optional
        Given: one bar an interval, moved sideways by this many units of x so that the bars of
        several groups stand side by side. Not given: a band.
    steps : bool
        Whether the line goes up in steps.
    """
    x, middle, low, high = rows[["x", "estimate", "conf_low", "conf_high"]].to_numpy(float).T
    x = x + (shift or 0.0)
    alone = np.full(len(x), shift is not None)
    if shift is None:
        axes.fill_between(
            x, low, high, color=look.colour, alpha=0.17, linewidth=0,
            step="post" if steps else None,
        )  # fmt: skip
        ends = np.isfinite(np.concatenate(([np.nan], high - low, [np.nan])))
        alone = ~(ends[:-2] | ends[2:])  # no band beside it
    axes.vlines(x[alone], low[alone], high[alone], color=look.colour, linewidth=preset.line)
    axes.plot(
        x, middle, color=look.colour, linewidth=preset.line,
        linestyle=look.dash if look.dash[1] else "-",  # Typst draws nothing for an empty dash
        marker=look.marker, markersize=preset.marker, markeredgecolor=PAPER,
        markeredgewidth=0.12 * preset.marker, markevery=max(1, len(rows) // 8),
        drawstyle="steps-post" if steps else "default",
    )  # fmt: skip


def dress(axes: Axes, picture: Picture, preset: Preset, *, labels: bool = True) -> None:
    """Give axes their labels, whole-number ticks, and the line of no change."""
    axes.axhline(0, color=MUTED, linewidth=0.5 * preset.line, zorder=1)
    for value, _ in picture.marks:
        axes.axhline(value, color=MUTED, linewidth=0.6 * preset.line, linestyle=(0, (4, 2)))
    axes.margins(x=0.04, y=0.08)
    times = sorted(picture.data.dropna(subset=["estimate"])["x"].unique())
    few = len(times) <= FEW_POINTS
    most = int(axes.bbox.width / axes.figure.dpi / (1.35 * text_width("00", preset.text)))
    axes.xaxis.set_major_locator(
        FixedLocator(times) if few else MaxNLocator(max(1, min(9, most)), steps=ROUND, integer=True)
    )
    axes.xaxis.set_major_formatter(lambda time, _: f"{round(time, 1):g}")  # as sentences say it
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=ROUND))
    if picture.shares:
        axes.yaxis.set_major_formatter(lambda share, _: percent(share))
        ends = picture.data[["estimate", "conf_high"]].max().max()
        axes.set_ylim(-0.03, 1.08 * (ends or 1.0) if ends == ends else 1.0)
    if labels:
        left, right = axes.bbox.x0 / axes.figure.dpi, axes.bbox.x1 / axes.figure.dpi
        below = _axis_lines(picture, preset, left)
        centered = 2 * (min(left + right, 2 * preset.width - left - right) / 2 - EDGE)
        wide = text_width(below[0], preset.text) > centered
        axes.set_xlabel("\n".join(below), loc="left" if wide else "center", fontsize=preset.text)
        for value, name in picture.marks:
            _name_line(axes, picture.data, value, name, preset)
        if not preset.title:
            return
        name_upright(axes, picture.y_label, preset, 1.2)


def _name_line(
    axes: Axes, data: pd.DataFrame, value: float, name: str, preset: Preset
) -> None:  # fmt: skip
    """Write what a line across the plot stands for where fewest estimates lie."""
    (first, last), (low, high) = axes.get_xlim(), axes.get_ylim()
    x = np.linspace(0, 1, 101)
    curves = [
        [(np.interp(first + x * (last - first), own["x"], own[column], np.nan, np.nan) - low)
         / (high - low) for column in ("conf_low", "estimate", "conf_high")]
        for _, own in data.dropna(subset=["estimate"]).sort_values("x").groupby("group")
    ]  # fmt: skip
    line = (value - low) / (high - low)
    box = axes.bbox.width / axes.figure.dpi, axes.bbox.height / axes.figure.dpi
    lines = wrapped(name, box[0], 0.85 * preset.text)  # beside the plot stand names of groups
    wide = max(text_width(line, 0.85 * preset.text) for line in lines) / box[0] + 0.03
    tall = len(lines) * preset.line_height / box[1]

    def covered(place: tuple[str, str]) -> int:
        beside = x <= wide if place[0] == "left" else x >= 1 - wide
        bottom = line if place[1] == "bottom" else line - tall
        free = [(upper < bottom) | (lower > bottom + tall) for lower, _, upper in curves]
        off = [(y < bottom - tall / 3) | (y > bottom + 4 * tall / 3) for _, y, _ in curves]
        return sum(int((beside & ~(one | np.isnan(y))).sum()) * weight
                   for weight, kind in ((1, free), (4, off))
                   for one, (_, y, _) in zip(kind, curves, strict=True))  # fmt: skip

    across, upright = min(product(("left", "right"), ("bottom", "top")), key=covered)
    axes.annotate(
        "\n".join(lines), (across == "right", value), xycoords=("axes fraction", "data"),
        xytext=(
            4 if across == "left" else -4 - preset.marker / 2, 2 if upright == "bottom" else -2
        ),
        ha=across, va=upright, textcoords="offset points", fontsize=0.85 * preset.text,
        color=MUTED,
        bbox={"facecolor": PAPER, "alpha": 0.75, "linewidth": 0, "pad": 1},
    )  # fmt: skip


def _axis_lines(picture: Picture, preset: Preset, left: float) -> list[str]:
    """Return the lines of what stands below the axis, from `left` inches on."""
    return wrapped(picture.x_label, preset.width - left - EDGE, preset.text) or [""]


MOST_PLOTS = 12
"""The groups with most scores are drawn; the answer's table holds all of them."""


def draw_small_multiples(picture: Picture, preset: Preset, label: str) -> Canvas:
    """Draw one small plot a group.

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
    groups, n_hidden = _largest(data)
    columns = 2 if preset.width < 5 else 4
    room, size = 0.86 * (preset.width - 0.7) / columns, 0.9 * preset.text
    names = {group: wrapped(in_a_figure(group, 60), room, size) for group in groups}
    heads = _heads([len(names[group]) for group in groups], columns, preset)
    plot_height = 0.5 * preset.width / columns
    words = wrapped(_gray(picture, n_hidden), preset.width - 2 * EDGE, 0.9 * preset.text)
    foot = (3.2 + len(words)) * preset.line_height
    whole = sum(heads) + len(heads) * plot_height + foot
    canvas = blank(preset, picture.title, label, whole)
    curves = {str(name): own for name, own in data.sort_values("x").groupby("group", sort=False)}
    upright, across = _range(data), _with_room(data["x"].min(), data["x"].max(), 0.05)
    for position, group in enumerate(groups):
        axes = _cell(canvas, position, columns, heads, plot_height)
        _draw_one(axes, curves, group, preset, steps=picture.steps)
        axes.set(xlim=across, ylim=upright)
        _finish(axes, picture, preset, names[group], first=position % columns == 0,
                last=position + columns >= len(groups))  # fmt: skip
    _shared_words(canvas, picture, words, foot)
    return canvas


def _largest(data: pd.DataFrame) -> tuple[list[str], int]:
    """Return the groups to draw in their own order, and how many are not drawn."""
    size = data.groupby("group", sort=False)["n_episodes"].sum()  # over all their times
    keep = set(size.sort_values(ascending=False, kind="stable").index[:MOST_PLOTS])
    if "all" in size.index:
        keep.add("all")
    groups = [str(group) for group in size.index if group in keep]
    return groups, len(size) - len(groups)


def _heads(n_lines: list[int], columns: int, preset: Preset) -> list[float]:
    """Return inches above each row of plots, for the longest name in it."""
    rows = [n_lines[start : start + columns] for start in range(0, len(n_lines), columns)]
    return [max(row) * preset.line_height + 0.18 for row in rows]


def _cell(
    canvas: Canvas, position: int, columns: int, heads: list[float], plot_height: float
) -> Axes:
    row, column = divmod(position, columns)
    margin = EDGE + text_width("-0.0", canvas.preset.text) + 2.0 * canvas.preset.line_height
    step = (canvas.width - margin - EDGE) / columns
    left = margin + column * step
    top = canvas.top + sum(heads[: row + 1]) + row * plot_height
    return canvas.axes(
        left, canvas.height - top - plot_height, canvas.width - left - 0.93 * step, top
    )


def _draw_one(
    axes: Axes, curves: dict[str, pd.DataFrame], group: str, preset: Preset, *, steps: bool
) -> None:  # fmt: skip
    others = [own for name, own in curves.items() if name != group]
    lines = [own[["x", "estimate"]].to_numpy(float) for own in others]
    axes.add_collection(LineCollection(lines, colors=GRID, linewidths=0.5 * preset.line))
    draw_group(axes, curves[group], look_of(0, group), preset, steps=steps)


def _range(data: pd.DataFrame) -> tuple[float, float]:
    """Wide enough for every estimate; a very wide interval may leave the plot."""
    low = min(0.0, float(data["estimate"].min()), float(data["conf_low"].quantile(0.05)))
    high = max(0.0, float(data["estimate"].max()), float(data["conf_high"].quantile(0.95)))
    return _with_room(low, high, 0.08)


def _with_room(low: float, high: float, share: float) -> tuple[float, float]:
    room = share * (high - low or 1.0)
    return low - room, high + room


def _finish(
    axes: Axes, picture: Picture, preset: Preset, name: list[str], *, first: bool, last: bool
) -> None:
    dress(axes, picture, preset, labels=False)
    axes.set_ylim(*axes.get_ylim())
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=ROUND))
    axes.tick_params(labelleft=first, labelbottom=last, labelsize=0.9 * preset.text)
    axes.set_title("\n".join(name), fontsize=0.9 * preset.text, loc="left", pad=3, linespacing=1.1)


def _gray(picture: Picture, n_hidden: int) -> str:
    """Say what is drawn beside a group's own curve, and how many groups are not."""
    low, high = _range(picture.data)
    lines = "".join(f" Dashed: {name}." for value, name in picture.marks if low < value < high)
    more = f" {n_hidden} smaller ones are not drawn." if n_hidden else ""
    return f"Gray: the other groups.{lines}{more}"


def _shared_words(canvas: Canvas, picture: Picture, words: list[str], foot: float) -> None:
    line = canvas.preset.line_height
    middle = (canvas.height - canvas.top + foot) / 2
    canvas.figure.text(
        (EDGE + line / 2) / canvas.width, middle / canvas.height, picture.y_label,
        rotation=90, ha="center", va="center", fontsize=canvas.preset.text,
    )  # fmt: skip
    below, center = len(words) * line, canvas.width / 2
    canvas.write(center, EDGE + below + 0.7 * line, picture.x_label, align="center")
    text = "\n".join(words)
    canvas.write(center, EDGE + below / 2, text, align="center", size=0.9, colour=MUTED)


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
    counts = _counts(data) if preset.counts and data["n_episodes"].max() > 1 else {}
    below = (len(counts) + 1.3) * preset.line_height if counts else 0.0
    more = len(_axis_lines(picture, preset, _left_margin(preset))) - 1
    below += more * preset.line_height
    canvas = blank(preset, picture.title, label, preset.height + below)
    room = preset.label_share * preset.width  # one group needs no label
    several = groups if len(groups) > 1 else []
    names = {group: wrapped(in_a_figure(str(group), 72), room, preset.text) for group in several}
    axes = canvas.axes(
        left=_left_margin(preset), right=_right_margin(names, preset),
        bottom=(3.3 if preset.title else 2.6) * preset.line_height + below,
        top=canvas.top + (0.0 if preset.title else 1.4 * preset.line_height),  # its name lies there
    )  # fmt: skip
    for position, group in enumerate(groups):
        rows = data[data["group"] == group].sort_values("x")
        look, shift = look_of(position, str(group)), _shift(position, data)
        draw_group(axes, rows, look, preset, shift, steps=picture.steps)
    dress(axes, picture, preset)
    if not preset.title:
        height = canvas.height - canvas.top - 0.5 * preset.line_height
        canvas.write(EDGE, height, picture.y_label)
    if names:
        _direct_labels(axes, canvas, data, names)
    if counts:
        _counts_below(axes, canvas, data, picture.counted, counts)
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


def _right_margin(names: dict[str, list[str]], preset: Preset) -> float:
    widest = max((text_width(n, preset.text) for lines in names.values() for n in lines), default=0)
    return EDGE + widest + (0.9 * preset.line_height if names else 0.15)


def _direct_labels(
    axes: Axes, canvas: Canvas, data: pd.DataFrame, names: dict[str, list[str]]
) -> None:
    """Write each group's name beside the end of its line, with its marker."""
    ordered = data.sort_values("x", kind="stable")
    ends = [ordered[ordered["group"] == group].iloc[-1] for group in names]
    looks = [look_of(position, str(group)) for position, group in enumerate(names)]
    heights = [float(end["estimate"]) for end in ends]
    label_beside(axes, canvas, list(zip(heights, names.values(), looks, strict=True)))


def _counts(data: pd.DataFrame) -> dict[str, pd.Series[float]]:
    """Return how many there are at each time, by group; once where all groups count the same.

    A group of which no number may be shown has no line.
    """
    count_of = "n_at_risk" if "n_at_risk" in data else "n_episodes"
    names = dict.fromkeys(map(str, data["group"]))
    counts = {n: data[data["group"] == n].set_index("x")[count_of] for n in names}
    first = next(iter(counts.values()))
    unlike = any(own.isna().any() or not first.equals(own) for own in counts.values())
    found = counts if unlike and len(counts) > 1 else {"": first}
    return {group: own for group, own in found.items() if own.notna().any()}


def _counts_below(
    axes: Axes, canvas: Canvas, data: pd.DataFrame, counted: str,
    counts: dict[str, pd.Series[float]],
) -> None:  # fmt: skip
    """Write what is counted and how many at each labelled time, one line a group with a number."""
    line, steps = canvas.preset.line_height, "n_at_risk" in data
    times = _labelled_times(axes, data)
    told = {group: [_at(rows, time, steps=steps) for time in times]
            for group, rows in counts.items()}  # fmt: skip
    counts = {group: rows for group, rows in counts.items() if np.isfinite(told[group]).any()}
    if not counts:
        return
    top = EDGE + (len(counts) + 0.3) * line
    alike = "" in counts and data["group"].nunique() > 1 and not steps
    groups = [*dict.fromkeys(map(str, data["group"]))]
    each = ", the same in each group" if alike else ""
    untold = f" ({DASH}: not shown)" if any(rows.isna().any() for rows in counts.values()) else ""
    canvas.write(EDGE, top, f"{counted}{each}{untold}", colour=MUTED, size=0.85)
    for position, group in enumerate(counts):
        height = top - (position + 1) * line
        if group:
            canvas.mark(4 * EDGE, height, look_of(groups.index(group), group))
        for time, number in zip(times, told[group], strict=True):
            place = _place(axes, canvas, time)
            canvas.write(place, height, count(number), align="center", size=0.85)


def _labelled_times(axes: Axes, data: pd.DataFrame) -> list[float]:
    known = {float(time) for time in data["x"]}
    if len(known) <= FEW_POINTS:
        return sorted(known)
    ticks = [float(tick) for tick in axes.get_xticks()]
    if "n_at_risk" in data:
        return [tick for tick in ticks if min(known) <= tick <= max(known)]
    return [tick for tick in ticks if tick in known]


def _at(rows: pd.Series[float], time: float, *, steps: bool) -> float:
    """Return how many there are at a time: between two steps as many as at the next one."""
    if steps:
        later = rows.sort_index().loc[time:]
        return float(later.iloc[0]) if len(later) else float("nan")
    return float(rows.get(time, float("nan")))


def _place(axes: Axes, canvas: Canvas, time: float) -> float:
    """Where a time lies, in inches from the left edge of the figure."""
    low, high = axes.get_xlim()
    box = axes.get_position()
    return float(canvas.width * (box.x0 + box.width * (time - low) / (high - low)))

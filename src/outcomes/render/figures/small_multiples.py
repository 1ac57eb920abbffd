"""Many groups: one small plot each, the others in grey behind it, all on the same axes."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from outcomes.questions.picture import Picture
from outcomes.render.figures.canvas import EDGE, Canvas, blank, text_width, wrapped
from outcomes.render.figures.lines import draw_group, dress
from outcomes.render.figures.style import FONT, GRID, INK, MUTED, Preset, look_of
from outcomes.words import named

MOST_PLOTS = 12
"""The groups with most courses are drawn; the table holds all of them."""


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
    columns = _n_columns(preset)
    names = {group: _name(named(group), preset, columns) for group in groups}
    heads = _heads([len(names[group]) for group in groups], columns, preset)
    plot_height = 0.5 * preset.width / columns
    foot = 4.2 * preset.line_height
    whole = sum(heads) + len(heads) * plot_height + foot
    canvas = blank(preset, picture.title, label, whole)
    for position, group in enumerate(groups):
        axes = _cell(canvas, position, columns, heads, plot_height)
        _draw_one(axes, data, group, preset)
        _finish(axes, picture, preset, names[group], first=position % columns == 0,
                last=position + columns >= len(groups))  # fmt: skip
    _shared_words(canvas, picture, n_hidden, foot)
    return canvas


def _largest(data: pd.DataFrame) -> tuple[list[str], int]:
    """Return the groups to draw in their own order, and how many the table alone has."""
    size = data.groupby("group", sort=False)["n_episodes"].max()
    keep = set(size.sort_values(ascending=False, kind="stable").index[:MOST_PLOTS])
    if "all" in size.index:
        keep.add("all")
    groups = [str(group) for group in size.index if group in keep]
    return groups, len(size) - len(groups)


def _n_columns(preset: Preset) -> int:
    return 2 if preset.width < 5 else 4


def _name(group: str, preset: Preset, columns: int) -> list[str]:
    return wrapped(group, 0.86 * (preset.width - 0.7) / columns, 0.9 * preset.text)


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


def _draw_one(axes: Axes, data: pd.DataFrame, group: str, preset: Preset) -> None:
    for other, rows in data.groupby("group", sort=False):
        if other != group:
            ordered = rows.sort_values("x")
            axes.plot(ordered["x"], ordered["estimate"], color=GRID, linewidth=0.5 * preset.line)
    own = data[data["group"] == group].sort_values("x")
    draw_group(axes, own, look_of(0, group), preset)
    axes.set_ylim(*_range(data))
    axes.set_xlim(*_x_range(data))


def _range(data: pd.DataFrame) -> tuple[float, float]:
    """Wide enough for every estimate; a very wide interval may leave the plot."""
    low = min(0.0, float(data["estimate"].min()), float(data["conf_low"].quantile(0.05)))
    high = max(0.0, float(data["estimate"].max()), float(data["conf_high"].quantile(0.95)))
    room = 0.08 * (high - low or 1.0)
    return low - room, high + room


def _x_range(data: pd.DataFrame) -> tuple[float, float]:
    low, high = float(data["x"].min()), float(data["x"].max())
    room = 0.05 * (high - low or 1.0)
    return low - room, high + room


def _finish(
    axes: Axes, picture: Picture, preset: Preset, name: list[str], *, first: bool, last: bool
) -> None:
    dress(axes, picture, preset, labels=False)
    axes.set_ylim(*axes.get_ylim())
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10]))
    axes.tick_params(labelleft=first, labelbottom=last, labelsize=0.9 * preset.text)
    axes.set_title(
        "\n".join(name), fontsize=0.9 * preset.text, color=INK, family=FONT, loc="left", pad=3,
        linespacing=1.1,
    )  # fmt: skip


def _shared_words(canvas: Canvas, picture: Picture, n_hidden: int, foot: float) -> None:
    line = canvas.preset.line_height
    middle = (canvas.height - canvas.top + foot) / 2
    canvas.figure.text(
        (EDGE + line / 2) / canvas.width, middle / canvas.height, picture.y_label,
        rotation=90, ha="center", va="center", fontsize=canvas.preset.text, color=INK, family=FONT,
    )  # fmt: skip
    canvas.write(canvas.width / 2, EDGE + 1.7 * line, picture.x_label, align="center")
    low, high = _range(picture.data)
    marks = [name for value, name in picture.marks if low < value < high]
    lines = "".join(f" Dashed: {name}." for name in marks)
    words = f"Grey: the other groups.{lines}" + (
        f" {n_hidden} smaller ones: in the table." if n_hidden else ""
    )
    canvas.write(canvas.width / 2, EDGE + line / 2, words, align="center", size=0.9, colour=MUTED)

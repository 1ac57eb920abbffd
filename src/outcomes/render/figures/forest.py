"""A forest plot: one estimate with its interval a row, and the numbers beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator

from outcomes.mixed.types import Array
from outcomes.questions.picture import Picture
from outcomes.render.figures.canvas import EDGE, Canvas, blank, in_a_figure, text_width, wrapped
from outcomes.render.figures.style import INK, MUTED, PAPER, ROUND, Look, Preset, look_of
from outcomes.words import count, digits_of, with_ends

HIDDEN = "too few to show"
SLIDE_SIZES = (24, 20, 18, 16, 14)
"""Letters of a slide, points: the largest at which all rows have room."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the plot.

    Parameters
    ----------
    name : list of str
        Label, broken into lines.
    estimate, low, high : float
        NaN where the row is not shown.
    numbers, n : str
        Texts beside the plot.
    look : Look
        Colour and marker.
    """

    name: list[str]
    estimate: float
    low: float
    high: float
    numbers: str
    n: str
    look: Look

    @property
    def shown(self) -> bool:
        """Whether there is an estimate."""
        return self.estimate == self.estimate


def draw_forest(picture: Picture, preset: Preset, label: str) -> Canvas:
    """Draw one interval a row.

    Parameters
    ----------
    picture : Picture
        ``data`` with label, estimate, conf_low, conf_high, n_episodes.
    preset : Preset
        Sizes.
    label : str
        Printed on the figure.
    """
    counts = preset.counts and bool(picture.data["n_episodes"].notna().any())
    preset = replace(preset, counts=counts)
    for size in (preset.text,) if preset.title else SLIDE_SIZES:
        preset = replace(preset, text=size)
        rows = _rows(picture.data, preset)
        roomy = min(2.0, max(1.05, 6 / max(len(rows), 1)))  # a slide is filled
        least, room = (1.55, 0.6) if preset.title else (roomy, 0.2)
        steps = [max(least, len(row.name) + room) * preset.line_height for row in rows]
        head = 1.6 * preset.line_height
        names = max((text_width(one, preset.text) for row in rows for one in row.name), default=0)
        numbers = max((text_width(row.numbers, preset.text) for row in rows), default=0)
        left, right = EDGE + names + 0.15, EDGE + (numbers + _count_width(preset) + 0.3)
        middle = (left + preset.width - right) / 2
        room = 2 * (min(middle, preset.width - middle) - EDGE)
        below = wrapped(picture.x_label, room, preset.text)
        foot = (1.95 + 1.15 * len(below)) * preset.line_height
        if sum(steps) + head + foot <= preset.height:
            break
    canvas = blank(preset, picture.title, label, sum(steps) + head + foot)
    axes = canvas.axes(left, foot, right, canvas.top + head)
    axes.set_ylim(0, max(sum(steps), 0.1))
    _draw_rows(axes, canvas, rows, steps, foot)
    _dress(axes, below, preset)
    _column_heads(canvas, foot + sum(steps) + 0.5 * preset.line_height)
    return canvas


def _rows(data: pd.DataFrame, preset: Preset) -> list[Row]:
    digits, rows = digits_of(data.dropna(subset=["estimate"])), []
    room = min(0.36, preset.label_share) * preset.width
    for record in data.to_dict("records"):
        middle, low, high = (float(record[name]) for name in ("estimate", "conf_low", "conf_high"))
        name, shown = str(record["label"]), middle == middle
        numbers = with_ends(middle, low, high, digits) if shown else HIDDEN  # the known has no ends
        n = count(float(record["n_episodes"])) if shown else ""
        lines = wrapped(in_a_figure(name), room, preset.text)
        rows.append(Row(lines, middle, low, high, numbers, n, look_of(0, name)))
    return rows


def _count_width(preset: Preset) -> float:
    return text_width("courses", preset.text) + 0.1 if preset.counts else 0.0


def _draw_rows(
    axes: Axes, canvas: Canvas, rows: list[Row], steps: list[float], foot: float
) -> None:
    """Rows from the top; one unit of the vertical axis is one inch."""
    preset, edge = canvas.preset, canvas.width - EDGE
    middles = sum(steps) - np.cumsum(steps) + np.array(steps) / 2
    _intervals(axes, rows, middles, preset)
    for row, middle in zip(rows, middles, strict=True):
        words = "\n".join(row.name)
        canvas.write(EDGE, foot + middle, words)
        colour = INK if row.shown else MUTED
        canvas.write(edge - _count_width(preset), foot + middle, row.numbers, align="right",
                     colour=colour)  # fmt: skip
        if _count_width(preset):
            canvas.write(edge, foot + middle, row.n, align="right")


def _intervals(axes: Axes, rows: list[Row], middles: Array, preset: Preset) -> None:
    """Draw the intervals of each colour, and their marks, at once."""
    for colour in dict.fromkeys(row.look.colour for row in rows):
        own = [row.shown and row.look.colour == colour for row in rows]
        x = np.array([(row.low, row.estimate, row.high) for row in rows]).T
        low, middle, high = x[:, own]
        wide = 1.1 * preset.line
        axes.hlines(middles[own], low, high, colors=colour, linewidths=wide, zorder=2)
        axes.plot(
            middle, middles[own], color=colour, marker="s", linestyle="",
            markersize=1.15 * preset.marker, markeredgecolor=PAPER,
            markeredgewidth=0.1 * preset.marker,
        )  # fmt: skip


def _dress(axes: Axes, below: list[str], preset: Preset) -> None:
    axes.grid(visible=False)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.axvline(0, color=MUTED, linewidth=0.5 * preset.line, zorder=1)
    axes.margins(x=0.06)
    ticks = axes.bbox.width / axes.figure.dpi / text_width("-00.00", preset.text)
    at = MaxNLocator(min(5, max(1, int(ticks))), steps=ROUND)
    axes.xaxis.set_major_locator(at if ticks >= 3 else FixedLocator([0]))  # else they would touch
    axes.set_xlabel("\n".join(below), fontsize=preset.text)


def _column_heads(canvas: Canvas, height: float) -> None:
    """Say what the numbers beside the plot are."""
    preset = canvas.preset
    edge = canvas.width - EDGE
    canvas.write(edge - _count_width(preset), height, "estimate (95 % CI)", align="right",
                 colour=MUTED, size=0.9)  # fmt: skip
    if _count_width(preset):
        canvas.write(edge, height, "courses", align="right", colour=MUTED, size=0.9)

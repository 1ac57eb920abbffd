"""The empty figure: size, margins, title, label, and measured text; nothing global is touched."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from outcomes.plain_text import shortened
from outcomes.render.figures.shown import ShownFigure, empty_figure, measured
from outcomes.render.figures.style import (
    FONT,
    GRID,
    INK,
    MUTED,
    PAPER,
    PRESETS,
    ROUND,
    Look,
    Preset,
)
from outcomes.words import named, unbroken

EDGE = 0.1
"""White space around everything, inches."""


@dataclass(frozen=True, eq=False)
class Canvas:
    """A figure in the making.

    Parameters
    ----------
    figure : ShownFigure
        With a canvas of its own.
    preset : Preset
        Sizes.
    top : float
        Inches from the upper edge that title and label take.
    """

    figure: ShownFigure
    preset: Preset
    top: float

    @property
    def width(self) -> float:
        """Inches."""
        return float(self.figure.get_figwidth())

    @property
    def height(self) -> float:
        """Inches."""
        return float(self.figure.get_figheight())

    def axes(self, left: float, bottom: float, right: float, top: float) -> Axes:
        """Return axes with these margins, in inches from the figure's edges."""
        box = (
            left / self.width,
            bottom / self.height,
            (self.width - left - right) / self.width,
            (self.height - bottom - top) / self.height,
        )
        axes = self.figure.add_axes(box)
        plain_frame(axes, self.preset)
        return axes

    def write(
        self, x: float, y: float, text: str, *, size: float = 1.0, colour: str = INK,
        align: str = "left", bold: bool = False,
    ) -> None:  # fmt: skip
        """Write text at inches from the left and lower edge, its middle at `y`."""
        self.figure.text(
            x / self.width, y / self.height, text, ha=align, va="center", color=colour,
            fontsize=self.preset.text * size, linespacing=1.15,
            fontweight="bold" if bold else "normal",
        )  # fmt: skip

    def mark(self, x: float, y: float, look: Look) -> None:
        """Draw a group's marker at inches from the left and lower edge."""
        marker = Line2D(
            [x / self.width], [y / self.height], color=look.colour, marker=look.marker,
            markersize=self.preset.marker, linestyle="",
        )  # fmt: skip
        self.figure.add_artist(marker)


def blank(preset: Preset, title: str, label: str, height: float | None = None) -> Canvas:
    """Return an empty canvas with title and label in place.

    Parameters
    ----------
    preset : Preset
        Sizes.
    title : str
        The claim; drawn where the preset carries titles.
    label : str
        ``SYNTHETIC``, or empty for real data.
    height : float, optional
        Inches below the title; by default that of the preset.
    """
    room = preset.width - 2 * EDGE
    lines = wrapped(title, room, preset.text * 1.15, bold=True) if preset.title else []
    label_height = 1.5 * preset.line_height if label else 0.0
    top = EDGE + label_height + 1.15 * preset.line_height * len(lines) + 0.1
    whole = (height or preset.height) + top
    figure = empty_figure(preset.width, whole)
    figure.set_facecolor(PAPER)
    canvas = Canvas(figure, preset, top)
    if label:
        _stamp(canvas, label)
    middle = whole - EDGE - label_height - 1.15 * preset.line_height * len(lines) / 2
    canvas.write(EDGE, middle, "\n".join(lines), size=1.15, bold=True)
    return canvas


def _stamp(canvas: Canvas, label: str) -> None:
    """Print the label twice: readable in the corner, and faint across the whole figure."""
    from_top = canvas.height - EDGE - 0.5 * canvas.preset.line_height
    text = f"{label} DATA" if label == "SYNTHETIC" else label
    canvas.write(canvas.width - EDGE, from_top, text, align="right", bold=True, colour=MUTED)
    canvas.figure.text(
        0.5, 0.45, label, ha="center", va="center", color=GRID, alpha=0.35, rotation=20,
        fontsize=7.5 * min(canvas.width, 1.8 * canvas.height), fontweight="bold", zorder=-1,
    )  # fmt: skip


def panels(
    count: int, width: float, height: float, wide: int = 1, **shared: Any
) -> tuple[ShownFigure, list[Axes]]:
    """Return a figure of so many plots for the screen, `wide` of them beside each other.

    Parameters
    ----------
    count, wide : int
        Plots, and how many stand in a row.
    width, height : float
        Of the whole, inches.
    **shared : bool
        ``sharex``, ``sharey``.
    """
    figure = empty_figure(width, height)
    whole = figure.subplots(-(-count // wide), wide, squeeze=False, **shared)
    places: list[Axes] = list(whole.flat)
    for place in places[:count]:
        plain_frame(place, PRESETS["page"])
    for place in places[count:]:
        place.set_axis_off()
    return figure, places[:count]


def plain_frame(axes: Axes, preset: Preset) -> None:
    """Draw axes as large as a preset has them: letters of ticks, and a quiet grid."""
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator("auto", steps=ROUND))
        axis.minorTicks = []  # none is drawn, and each that is made costs as much as a line
    axes.tick_params(labelsize=preset.text, grid_linewidth=0.08 * preset.text)


def name_upright(axes: Axes, text: str, preset: Preset, share: float) -> None:
    """Write the name of the vertical axis, at most `share` times as long as the axis is high."""
    room = axes.bbox.height / axes.figure.dpi
    axes.set_ylabel("\n".join(wrapped(text, share * room, preset.text)), fontsize=preset.text)


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return the width of one line of text of `size` points, in inches.

    Examples
    --------
    >>> text_width("wide words", 10) > text_width("words", 10)
    True
    """
    font = FontProperties(family=FONT, weight="bold" if bold else "normal", size=size)
    return measured(text, font)[0] / 72 if text.strip() else 0.0


def label_beside(
    axes: Axes, canvas: Canvas, names: Sequence[tuple[float, Sequence[str], Look]]
) -> None:
    """Write names beside the right edge of a plot, each with its marker, none over another.

    Parameters
    ----------
    axes : Axes
        The plot; marks at its edge widen it, unless its limits are set.
    canvas : Canvas
        Where it stands.
    names : sequence of (float, sequence of str, Look)
        Height in units of the plot, lines of the name, and look of its mark.
    """
    preset, (bottom, top), edge = canvas.preset, axes.get_ylim(), axes.get_xlim()[1]
    unit = (top - bottom) / (axes.get_position().height * canvas.height)
    heights = [(len(lines) + 0.35) * preset.line_height * unit for _, lines, _ in names]
    places = spread([height for height, _, _ in names], heights, bottom, top)
    for (_, lines, look), place in zip(names, places, strict=True):
        axes.plot(
            [edge], [place], color=look.colour, marker=look.marker, clip_on=False,
            markersize=0.8 * preset.marker,
        )  # fmt: skip
        axes.annotate(
            "\n".join(lines), (edge, place), xytext=(0.75 * preset.text, 0),
            textcoords="offset points", va="center", ha="left", fontsize=preset.text,
            linespacing=1.1, annotation_clip=False,
        )  # fmt: skip


def in_a_figure(name: str, most: int = 160) -> str:
    """Return a name in words, cut with a mark where it would push all else aside."""
    return shortened(named(name), most)


def wrapped(text: str, width: float, size: float, *, bold: bool = False) -> list[str]:
    """Break text into lines that fit `width` inches at `size` points.

    Examples
    --------
    >>> wrapped("a rather long name of a condition", 1.2, 10)
    ['a rather long', 'name of a', 'condition']
    """
    text = unbroken(text)
    room = max(4, int(len(text) * width / max(text_width(text, size, bold=bold), 1e-6)))
    lines = textwrap.wrap(text, room)
    while room > 4 and any(text_width(line, size, bold=bold) > width for line in lines):
        room -= 1
        lines = textwrap.wrap(text, room)
    return lines


def spread(
    wanted: Sequence[float], heights: Sequence[float], low: float, high: float
) -> list[float]:
    """Return the positions nearest to those wanted at which no two labels overlap.

    Parameters
    ----------
    wanted : sequence of float, shape (n,)
        Where the middle of each label should be.
    heights : sequence of float, shape (n,)
        Height of each label, in the same unit, gaps included.
    low, high : float
        Labels stay between these where they fit; where not, they leave at the lower end.

    Returns
    -------
    list of float
        Middles, in the order of `wanted`; least squares under the spacing.

    Notes
    -----
    Positions less the heights stacked below them must not decrease: isotonic regression.

    Examples
    --------
    >>> spread([1.0, 1.0, 5.0], [1.0, 1.0, 1.0], 0.0, 10.0)
    [0.5, 1.5, 5.0]
    """
    if not len(wanted):
        return []
    order = np.argsort(wanted, kind="stable")
    tall = np.asarray(heights, float)[order]
    stacked = np.cumsum(tall) - tall / 2
    free = scipy.optimize.isotonic_regression(np.asarray(wanted, float)[order] - stacked).x
    highest = high - tall.sum()
    placed = np.clip(free, min(low, highest), highest) + stacked
    result = np.empty(len(order))
    result[order] = placed
    return [float(value) for value in result]

"""What every plot over time is made of: a group's line with its band, and dressed axes."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator

from outcomes.questions.picture import Picture
from outcomes.render.figures.canvas import wrapped
from outcomes.render.figures.style import FONT, INK, MUTED, PAPER, Look, Preset

FEW_POINTS = 4
"""At up to this many times each interval is a bar; at more they join to a band."""


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
    rows = rows.astype(dict.fromkeys(("x", "estimate", "conf_low", "conf_high"), float))
    x = rows["x"] + (shift or 0.0)
    if shift is None and len(rows) > 1:
        axes.fill_between(
            x, rows["conf_low"], rows["conf_high"], color=look.colour, alpha=0.17, linewidth=0,
            step="post" if steps else None,
        )  # fmt: skip
    else:
        axes.vlines(
            x, rows["conf_low"], rows["conf_high"], color=look.colour, linewidth=preset.line
        )
    axes.plot(
        x, rows["estimate"], color=look.colour, linewidth=preset.line,
        linestyle=look.dash if look.dash[1] else "-",  # Typst draws nothing for an empty dash
        marker=look.marker, markersize=preset.marker, markeredgecolor=PAPER,
        markeredgewidth=0.12 * preset.marker, markevery=max(1, len(rows) // 8),
        drawstyle="steps-post" if steps else "default",
    )  # fmt: skip


def dress(axes: Axes, picture: Picture, preset: Preset, *, labels: bool = True) -> None:
    """Give axes their labels, whole-number ticks, and the line of no change."""
    axes.axhline(0, color=MUTED, linewidth=0.5 * preset.line, zorder=1)
    for value, name in picture.marks:
        axes.axhline(value, color=MUTED, linewidth=0.6 * preset.line, linestyle=(0, (4, 2)))
        if labels:
            axes.annotate(
                name, (1, value), xycoords=("axes fraction", "data"), xytext=(-2, 2), ha="right",
                textcoords="offset points", fontsize=0.85 * preset.text, color=MUTED, family=FONT,
            )  # fmt: skip
    axes.margins(x=0.04, y=0.08)
    times = sorted(picture.data["x"].dropna().unique())
    few = len(times) <= FEW_POINTS
    axes.xaxis.set_major_locator(FixedLocator(times) if few else MaxNLocator(6, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    if labels:
        axes.set_xlabel(picture.x_label, fontsize=preset.text, color=INK, family=FONT)
        if not preset.title:
            return
        room = axes.bbox.height / axes.figure.dpi
        lines = "\n".join(wrapped(picture.y_label, 1.2 * room, preset.text))
        axes.set_ylabel(lines, fontsize=preset.text, color=INK, family=FONT)

"""The timeline of one course: scores above with measurement error, goal and outlook, care below."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator

from outcomes.dictionary.pressure import WALTON
from outcomes.questions.course_picture import VISITS, script_words, visit_words
from outcomes.questions.picture import Picture
from outcomes.render.figures.canvas import (
    EDGE,
    Canvas,
    blank,
    label_beside,
    name_upright,
    text_width,
    wrapped,
)
from outcomes.render.figures.style import INK, LOOKS, MUTED, OVERALL, PAPER, ROUND, Look, Preset

SCORES, AHEAD, GOAL, MISSED = LOOKS[0], LOOKS[3], LOOKS[2], LOOKS[1]
NOISE = Look(MUTED, "s", (0, ()))
SHARE = 0.3
"""Share of the height that the care given takes."""


def draw_course(picture: Picture, preset: Preset, label: str) -> Canvas:
    """Draw the timeline of one course.

    Parameters
    ----------
    picture : Picture
        ``data`` as `outcomes.questions.course_picture` makes it.
    preset : Preset
        Sizes.
    label : str
        Printed on the figure.
    """
    kinds = {str(kind): rows for kind, rows in picture.data.groupby("kind")}
    care = bool(kinds.keys() & {*VISITS, "script"})
    strip = SHARE * preset.height if care else 0.0
    canvas = blank(preset, picture.title, label, preset.height + strip)
    left = EDGE + text_width("-00.0", preset.text) + 3.2 * preset.line_height
    right = preset.label_share * preset.width + EDGE
    below = 3.3 * preset.line_height
    axes = canvas.axes(left, below + strip, right, canvas.top)
    _scores(axes, kinds, preset)
    span = float(picture.data["x"].min()), float(picture.data["x"].max())
    pad = 0.03 * (span[1] - span[0] or 1.0)
    axes.set_xlim(span[0] - pad, span[1] + pad)
    name_upright(axes, picture.y_label, preset, 1.1)
    _name_marks(axes, canvas, kinds)
    lowest = axes
    if care:
        lowest = canvas.axes(left, below, right, canvas.height - below - strip + 0.32)
        lowest.set_xlim(axes.get_xlim())
        _care(lowest, canvas, picture.data, kinds)
        axes.tick_params(labelbottom=False)
    lowest.set_xlabel(picture.x_label, fontsize=preset.text)
    for own in {axes, lowest}:
        own.xaxis.set_major_locator(MaxNLocator(6, steps=ROUND, integer=True))
    return canvas


def _scores(axes: Axes, kinds: dict[str, pd.DataFrame], preset: Preset) -> None:
    first, scores = kinds["baseline"].iloc[0], kinds["score"].sort_values("x")
    if first["conf_low"] < first["conf_high"]:
        axes.axhspan(first["conf_low"], first["conf_high"], color=MUTED, alpha=0.13, linewidth=0)
    sizes = {"linewidth": preset.line, "markersize": preset.marker}
    line: dict[str, Any] = {**sizes, "markeredgecolor": PAPER}
    if "expected" in kinds:
        ahead = kinds["expected"].sort_values("x")
        ends: dict[str, Any] = {"color": AHEAD.colour, "linewidth": 0, "alpha": 0.22}
        axes.fill_between(ahead["x"], ahead["conf_low"], ahead["conf_high"], **ends)
        axes.vlines(ahead["x"], ahead["conf_low"], ahead["conf_high"], color=AHEAD.colour,
                    linewidth=0.5 * preset.line)  # fmt: skip
        joined = pd.concat([scores.tail(1), ahead])
        axes.plot(joined["x"], joined["estimate"], color=AHEAD.colour, linestyle=AHEAD.dash,
                  marker=AHEAD.marker, markevery=range(1, len(joined)), **line)  # fmt: skip
    seen = pd.concat([kinds["baseline"], scores])
    axes.plot(seen["x"], seen["estimate"], color=SCORES.colour, marker=SCORES.marker, **line)
    for target in kinds["goal"]["estimate"].unique() if "goal" in kinds else ():
        axes.axhline(target, color=GOAL.colour, linestyle=GOAL.dash, linewidth=preset.line)
    low, high = kinds["scale"].iloc[0][["conf_low", "conf_high"]].astype(float)
    axes.set_ylim(low - 0.04 * (high - low), high + 0.04 * (high - low))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=7, steps=ROUND))


def _name_marks(axes: Axes, canvas: Canvas, kinds: dict[str, pd.DataFrame]) -> None:
    """Write beside the plot what each line and band is, at its own height."""
    first = kinds["baseline"].iloc[0]
    names = [(float(kinds["score"]["estimate"].iloc[-1]), "scores", SCORES)]
    if first["conf_low"] < first["conf_high"]:
        words = "within measurement error of the start (MDC)"
        names.append((float(first["estimate"]), words, NOISE))
    if "goal" in kinds:
        target = float(kinds["goal"]["estimate"].iloc[0])
        names.append((target, f"goal {target:g}", GOAL))
    if "expected" in kinds:
        height = float(kinds["expected"]["estimate"].iloc[-1])
        names.append((height, "expected, and where 80 % of such scores lie", AHEAD))
    _write_beside(axes, canvas, names)


def _write_beside(axes: Axes, canvas: Canvas, names: list[tuple[float, str, Look]]) -> None:
    room = canvas.preset.label_share * canvas.preset.width - 0.6 * canvas.preset.line_height
    texts = [  # a dash names a line: a dot at the edge would be one score or visit more
        (place, wrapped(words, room, canvas.preset.text),
         look if look is NOISE else replace(look, marker="_"))
        for place, words, look in names
    ]  # fmt: skip
    axes.autoscale(enable=False)
    label_beside(axes, canvas, texts)


def _care(axes: Axes, canvas: Canvas, data: pd.DataFrame, kinds: dict[str, pd.DataFrame]) -> None:
    """Draw each visit as a stem as high as its pressure, missed visits as crosses, the script."""
    preset, top = canvas.preset, WALTON[-1].level
    names, pressed = [], bool(kinds.get("visit", data[:0])["estimate"].notna().any())
    if "visit" in kinds:
        visits = kinds["visit"]
        level = visits["estimate"].fillna(0.0)
        axes.vlines(visits["x"], 0, level, color=SCORES.colour, linewidth=preset.line)
        for known, fill in ((True, SCORES.colour), (False, PAPER if pressed else SCORES.colour)):
            own = visits["estimate"].notna() == known
            axes.plot(visits["x"][own], level[own], color=SCORES.colour, marker=SCORES.marker,
                      linestyle="", markersize=preset.marker, markerfacecolor=fill,
                      clip_on=False)  # fmt: skip
    if "missed visit" in kinds:
        axes.plot(kinds["missed visit"]["x"], [0.0] * len(kinds["missed visit"]), marker="x",
                  color=MISSED.colour, linestyle="", markersize=1.3 * preset.marker,
                  markeredgewidth=0.7 * preset.line, clip_on=False)  # fmt: skip
    if kinds.keys() & set(VISITS):
        words = visit_words(data) + ("; x = missed" if "missed visit" in kinds else "")
        names.append((2.0, words, SCORES))
    if "script" in kinds:
        script = kinds["script"].iloc[0]
        axes.plot([0, script["x"]], [top + 1.2] * 2, color=INK, linewidth=1.5 * preset.line,
                  solid_capstyle="butt")  # fmt: skip
        names.append((top + 1.2, script_words(script), OVERALL))
    axes.set_ylim(-0.8, top + 2)
    axes.yaxis.set_major_locator(FixedLocator([0, top] if pressed else []))
    _write_beside(axes, canvas, names)

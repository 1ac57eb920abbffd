"""A flow diagram: boxes from top to bottom, and beside the arrows who left."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from outcomes.questions.picture import Picture
from outcomes.render.figures.canvas import EDGE, Canvas, blank, wrapped
from outcomes.render.figures.style import MUTED, PAPER, Preset


def draw_flow(picture: Picture, preset: Preset, label: str) -> Canvas:
    """Draw boxes with counts.

    Parameters
    ----------
    picture : Picture
        ``data`` with group (a column each), label, n (texts) and left_out (text, empty for none).
    preset : Preset
        Sizes.
    label : str
        Printed on the figure.
    """
    data = picture.data.assign(group=picture.data.get("group", ""))
    columns = [rows for _, rows in data.groupby("group", sort=False)]
    beside = min(len(columns), 2 if preset.width < 5 else 3)  # more stand below one another
    width = (preset.width - 2 * EDGE) / beside
    boxes = [[_lines(row, width, preset) for row in rows.itertuples()] for rows in columns]
    heights = [
        (max(map(len, level)) + 0.7) * preset.line_height for level in zip(*boxes, strict=True)
    ]
    gap = 1.9 * preset.line_height
    each = sum(heights) + gap * len(heights)
    whole = each * -(-len(columns) // beside)
    canvas = blank(preset, picture.title, label, whole)
    axes = canvas.axes(EDGE, EDGE, EDGE, canvas.top)
    axes.set_xlim(0, width * beside)
    axes.set_ylim(0, whole)
    axes.axis("off")
    for column, rows in enumerate(columns):
        below, left = column // beside, column % beside * width
        top = whole - below * each - 0.5 * preset.line_height
        for position, row in enumerate(rows.itertuples()):
            if position:
                _arrow(axes, preset, (left, width), (top, top - gap), str(row.left_out))
                top -= gap
            ends = (top, top - heights[position])
            _box(axes, preset, (left, width), ends, boxes[column][position])
            top = ends[1]
    return canvas


def _lines(row: Any, width: float, preset: Preset) -> list[str]:
    return [
        *wrapped(str(row.label), 0.5 * width - 0.3, preset.text),
        row.n if " " in row.n else f"n < {row.n[1:]}" if row.n[:1] == "<" else f"n = {row.n}",
    ]


def _box(
    axes: Axes, preset: Preset, column: tuple[float, float], ends: tuple[float, float],
    lines: list[str],
) -> None:  # fmt: skip
    (left, width), (top, bottom) = column, ends
    wide = 0.5 * width - 0.1
    axes.add_patch(
        FancyBboxPatch(
            (left, bottom), wide, top - bottom, facecolor=PAPER, edgecolor=MUTED,
            linewidth=0.6 * preset.line, boxstyle="round,pad=0,rounding_size=0.06", clip_on=False,
        )
    )  # fmt: skip
    axes.text(
        left + wide / 2, (top + bottom) / 2, "\n".join(lines), ha="center", va="center",
        fontsize=preset.text, linespacing=1.2,
    )  # fmt: skip


def _arrow(
    axes: Axes, preset: Preset, column: tuple[float, float], ends: tuple[float, float],
    left_out: str,
) -> None:  # fmt: skip
    (left, width), (top, bottom) = column, ends
    centre, middle, edge = left + 0.25 * width, (top + bottom) / 2, left + 0.5 * width
    _point(axes, preset, (centre, top), (centre, bottom))
    if left_out:
        _point(axes, preset, (centre, middle), (edge, middle))
        words = "\n".join(wrapped(left_out, 0.5 * width - 0.2, preset.text))
        axes.text(edge + 0.08, middle, words, va="center", fontsize=preset.text)


def _point(
    axes: Axes, preset: Preset, start: tuple[float, float], end: tuple[float, float]
) -> None:
    arrow = FancyArrowPatch(
        start, end, arrowstyle="-|>", color=MUTED, linewidth=0.6 * preset.line,
        mutation_scale=preset.text, shrinkA=0, shrinkB=0,
    )  # fmt: skip
    axes.add_patch(arrow)

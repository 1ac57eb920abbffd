"""A flow diagram: boxes from top to bottom, and beside the arrows who left."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from outcomes.questions.picture import Picture
from outcomes.render.figures.canvas import EDGE, Canvas, blank, wrapped
from outcomes.render.figures.style import FONT, INK, MUTED, PAPER, Preset


def draw_flow(picture: Picture, preset: Preset, label: str) -> Canvas:
    """Draw boxes with counts.

    Parameters
    ----------
    picture : Picture
        ``data`` with label, n (texts) and left_out (text, empty for none).
    preset : Preset
        Sizes.
    label : str
        Printed on the figure.
    """
    boxes = [_lines(row, preset) for row in picture.data.itertuples()]
    heights = [(len(lines) + 0.7) * preset.line_height for lines in boxes]
    gap = 1.9 * preset.line_height
    canvas = blank(preset, picture.title, label, sum(heights) + gap * len(boxes))
    axes = canvas.axes(EDGE, EDGE, EDGE, canvas.top)
    axes.set_xlim(0, canvas.width - 2 * EDGE)
    axes.set_ylim(0, sum(heights) + gap * len(boxes))
    axes.axis("off")
    top = float(axes.get_ylim()[1]) - 0.5 * preset.line_height
    for position, row in enumerate(picture.data.itertuples()):
        if position:
            _arrow(axes, preset, (top, top - gap), str(row.left_out))
            top -= gap
        _box(axes, preset, (top, top - heights[position]), boxes[position])
        top -= heights[position]
    return canvas


def _lines(row: Any, preset: Preset) -> list[str]:
    return [*wrapped(str(row.label), 0.42 * preset.width, preset.text), f"n = {row.n}"]


def _width(axes: Axes) -> float:
    return float(0.5 * axes.get_xlim()[1])


def _box(axes: Axes, preset: Preset, ends: tuple[float, float], lines: list[str]) -> None:
    width, (top, bottom) = _width(axes) - 0.2, ends
    axes.add_patch(
        FancyBboxPatch(
            (0.1, bottom), width, top - bottom, facecolor=PAPER, edgecolor=MUTED,
            linewidth=0.6 * preset.line, boxstyle="round,pad=0,rounding_size=0.06",
        )
    )  # fmt: skip
    axes.text(
        0.1 + width / 2, (top + bottom) / 2, "\n".join(lines), ha="center", va="center", color=INK,
        fontsize=preset.text, family=FONT, linespacing=1.2,
    )  # fmt: skip


def _arrow(axes: Axes, preset: Preset, ends: tuple[float, float], left_out: str) -> None:
    centre, (top, bottom) = _width(axes) / 2, ends
    middle, edge = (top + bottom) / 2, _width(axes) + 0.1
    _point(axes, preset, (centre, top), (centre, bottom))
    if left_out:
        _point(axes, preset, (centre, middle), (edge, middle))
        words = "\n".join(wrapped(left_out, axes.get_xlim()[1] - edge - 0.1, preset.text))
        axes.text(
            edge + 0.08, middle, words, va="center", fontsize=preset.text, color=INK, family=FONT
        )


def _point(
    axes: Axes, preset: Preset, start: tuple[float, float], end: tuple[float, float]
) -> None:
    arrow = FancyArrowPatch(
        start, end, arrowstyle="-|>", color=MUTED, linewidth=0.6 * preset.line,
        mutation_scale=preset.text, shrinkA=0, shrinkB=0,
    )  # fmt: skip
    axes.add_patch(arrow)

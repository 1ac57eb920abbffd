"""Figures: `draw` turns an answer's picture into a matplotlib figure, `export` into bytes."""

from outcomes.render.figures.draw import draw
from outcomes.render.figures.export import inline_svg, png_bytes, svg_bytes

__all__ = ["draw", "inline_svg", "png_bytes", "svg_bytes"]

"""Figures: `draw` turns an answer's picture into a matplotlib figure, `svg_of` into a file."""

from outcomes.render.figures.draw import draw, png_of, svg_of
from outcomes.render.figures.shown import inline_svg, png_bytes, svg_bytes

__all__ = ["draw", "inline_svg", "png_bytes", "png_of", "svg_bytes", "svg_of"]

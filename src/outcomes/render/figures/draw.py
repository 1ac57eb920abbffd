"""Draw a picture: one function, one drawing routine for each kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from outcomes.errors import UsageError
from outcomes.questions.picture import Picture
from outcomes.render.figures.canvas import Canvas
from outcomes.render.figures.course import draw_course
from outcomes.render.figures.curves import draw_curves
from outcomes.render.figures.flow import draw_flow
from outcomes.render.figures.forest import draw_forest
from outcomes.render.figures.shown import ShownFigure, png_bytes, svg_bytes
from outcomes.render.figures.style import Preset, preset_named, styled

KINDS: Mapping[str, Callable[[Picture, Preset, str], Canvas]] = {
    "curves": draw_curves, "forest": draw_forest, "flow": draw_flow, "course": draw_course
}  # fmt: skip
"""Drawing routine of each kind of picture."""


@styled()
def draw(picture: Picture | ShownFigure, label: str = "", preset: str = "page") -> ShownFigure:
    """Draw a picture.

    Parameters
    ----------
    picture : Picture or ShownFigure
        What to show; one that is drawn already is returned.
    label : str
        Printed on the figure: ``SYNTHETIC`` for simulated data, empty for real ones.
    preset : {"page", "phone", "slide"}
        Size: for a page, for the width of a phone, for the last row of a hall.

    Returns
    -------
    ShownFigure
        A matplotlib figure with a canvas of its own; in a notebook cell it shows itself.

    Raises
    ------
    UsageError
        When the kind or the preset is not known.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"label": ["headache"], "estimate": [1.9], "conf_low": [1.6],
    ...                      "conf_high": [2.2], "n_episodes": [80]})
    >>> picture = Picture("forest", rows, "Pain fell", "Improvement (points)", "", "One interval.")
    >>> float(draw(picture, label="SYNTHETIC").get_figwidth())
    7.4
    """
    if isinstance(picture, ShownFigure):
        return picture
    if picture.kind not in KINDS:
        must = "the kind of a picture is one of " + ", ".join(KINDS)
        raise UsageError(must, got=f"{picture.kind!r}")
    drawn = KINDS[picture.kind](picture, preset_named(preset), label).figure
    return drawn.told(picture.title, picture.alt)


_drawn_once = lru_cache(maxsize=64)(draw)


@lru_cache(maxsize=64)
def svg_of(picture: Picture | ShownFigure, label: str = "", preset: str = "page") -> bytes:
    """Return a picture as SVG whose letters stay text, made once for all formats of a report."""
    return svg_bytes(_drawn_once(picture, label, preset), outlines=False)


def png_of(picture: Picture | ShownFigure, label: str = "", preset: str = "page") -> bytes:
    """Return a picture as PNG."""
    return png_bytes(_drawn_once(picture, label, preset))

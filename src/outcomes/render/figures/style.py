"""How every figure looks: sizes for page, phone and hall; colours that all eyes tell apart."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib as mpl

from outcomes.errors import UsageError
from outcomes.render.fonts import FAMILY

PresetName = Literal["page", "hero", "letter", "phone", "slide"]

INK, MUTED, GRID, PAPER = "#1a1c20", "#5b606b", "#d5d8de", "#ffffff"
"""Text, secondary text, lines in the background, and the ground. `export` makes the first three
follow the reader's light or dark page."""
FONT = list(FAMILY)
"""Ships with the package, so figures have the same bytes on every machine."""


@dataclass(frozen=True, slots=True)
class Preset:
    """Size of a figure and of what is in it.

    Parameters
    ----------
    width, height : float
        Inches; figures with rows grow in height.
    text : float
        Size of text, points.
    line : float
        Width of lines, points.
    marker : float
        Size of markers, points.
    title : bool
        Whether the figure carries its own title; on a slide the title stands above it.
    label_share : float
        Share of the width that labels beside the plot may take, 0 to 1.
    counts : bool
        Whether the numbers of courses stand below a plot over time.
    """

    width: float
    height: float
    text: float
    line: float
    marker: float
    title: bool
    label_share: float
    counts: bool = False

    @property
    def line_height(self) -> float:
        """Distance between two lines of text, inches."""
        return 1.3 * self.text / 72


PRESETS: dict[PresetName, Preset] = {
    "page": Preset(7.4, 4.3, 9.5, 1.8, 5.5, title=True, label_share=0.3, counts=True),
    "hero": Preset(7.4, 2.8, 9.5, 1.8, 5.5, title=True, label_share=0.3, counts=True),
    "letter": Preset(7.4, 1.7, 8.5, 1.6, 4.5, title=True, label_share=0.3),
    "phone": Preset(4.2, 4.0, 10.0, 1.8, 5.5, title=True, label_share=0.36),
    "slide": Preset(12.0, 4.2, 24.0, 4.0, 12.0, title=False, label_share=0.5),
}


@dataclass(frozen=True, slots=True)
class Look:
    """Colour, marker and dash of one group: three ways to tell it from the others.

    Parameters
    ----------
    colour, marker : str
        As matplotlib names them.
    dash : tuple
        Offset, then lengths of strokes and gaps in line widths.
    """

    colour: str
    marker: str
    dash: tuple[float, tuple[float, ...]]


LOOKS = (
    Look("#0072B2", "o", (0, ())),
    Look("#D55E00", "s", (0, (5, 1.6))),
    Look("#009E73", "^", (0, (1.4, 1.4))),
    Look("#CC79A7", "D", (0, (5, 1.6, 1.4, 1.6))),
    Look("#E69F00", "v", (0, (8, 1.6))),
    Look("#56B4E9", "P", (0, (3, 1.2, 1.2, 1.2, 1.2, 1.2))),
)
"""Okabe and Ito's colours without yellow, which is too light on white."""
OVERALL = Look(INK, "o", (0, ()))
"""The mean over all groups is drawn in the colour of the text."""


ROLES = {
    "all": OVERALL, "truth": OVERALL, "honest": LOOKS[0],
    "naive": Look("#8a6d3b", "s", (0, (5, 1.6))),
}  # fmt: skip
"""Looks that a name has wherever it stands."""


def look_of(position: int, group: str = "") -> Look:
    """Return the look of a group by its position, 0 the first; "all" is drawn like text.

    In a teaching deck naive is brown, honest blue and truth black, by the first word of the name.

    Examples
    --------
    >>> look_of(0).colour, look_of(3, "all").colour
    ('#0072B2', '#1a1c20')
    """
    return ROLES.get(group.partition(" ")[0].rstrip(","), LOOKS[position % len(LOOKS)])


ROUND = (1, 2, 5, 10)
"""Steps between the ticks of an axis, times a power of ten."""
RULES: Any = {
    "font.family": FONT, "text.color": INK, "text.parse_math": False, "axes.labelcolor": INK,
    "axes.facecolor": "none", "axes.edgecolor": MUTED, "axes.axisbelow": True, "axes.grid": True,
    "axes.grid.axis": "y", "axes.spines.top": False, "axes.spines.right": False,
    "grid.color": GRID, "xtick.color": MUTED, "xtick.labelcolor": INK, "ytick.color": MUTED,
    "ytick.labelcolor": INK, "axes.titley": 1.0, "text.hinting": "no_hinting",
}  # fmt: skip
"""What matplotlib is told while a figure is made; a dollar sign begins no formula. Titles of plots
stand where they are put: to look for room above the ticks costs as much as all else on a plot.
Letters are not pulled to pixels: on a screen they would be 7 % wider than their room."""


@contextmanager
def styled(rules: Mapping[str, Any] = RULES) -> Iterator[None]:
    """Draw as all figures look, letters that the font lacks as boxes without a warning."""
    settings: Any = mpl.rcParams
    before = {name: settings[name] for name in rules}  # `rc_context` copies all of them
    settings.update(rules)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from")
            warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
            yield
    finally:
        settings.update(before)


def preset_named(name: str) -> Preset:
    """Return a preset; raises `UsageError` when the name is not one of `PRESETS`."""
    if name not in PRESETS:
        must = "a preset is one of " + ", ".join(PRESETS)
        raise UsageError(must, got=f"{name!r}")
    return PRESETS[name]

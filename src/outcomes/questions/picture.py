"""Picture: what a figure shows, as values, and how it is made of the rows of an answer's table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

PictureKind = Literal["curves", "forest", "flow", "course"]
ROW = "row"
"""Column of a picture's data: the row of the answer's table that it draws."""
FEW_POINTS, MOST_TOGETHER = 4, 4
"""At up to this many times each interval is a bar, at more they join to a band; more groups than
this do not fit one plot without their bands hiding each other."""
_DRAWN = ["estimate", "conf_low", "conf_high", "n_episodes"]


@dataclass(frozen=True, eq=False)
class Picture:
    """What a figure shows, as values; `outcomes.render.figures` draws it.

    Parameters
    ----------
    kind : {"curves", "forest", "flow", "course"}
        ``curves``: estimates over `x`, one line and band a group. ``forest``: one interval a row.
        ``flow``: boxes from top to bottom (``label``, and the texts ``n`` and ``left_out``).
        ``course``: the timeline of one course, see `outcomes.questions.course_picture`.
    data : DataFrame
        Columns ``group``, ``x`` (curves) or ``label`` (forest), ``estimate``, ``conf_low``,
        ``conf_high``, ``n_episodes`` behind each, and of an answer ``row``, its row of the table:
        what is hidden there is hidden here.
    title : str
        The claim, one sentence.
    x_label, y_label : str
        Axis labels with unit and direction.
    alt : str
        What the picture shows, in words and numbers, for those who cannot see it.
    counted : str
        What `n_episodes` counts, where it stands below a plot over time.
    reading : str
        What bands or bars are, where they are no confidence intervals.
    marks : tuple of (float, str)
        Lines to compare with: a value of the estimates, and its name.
    steps : bool
        Whether curves go up in steps, as cumulative shares do. A column ``n_at_risk`` of the data
        is then what stands below.
    shares : bool
        Whether estimates are shares, 0 to 1, which the axis says in per cent as sentences do.
    """

    kind: PictureKind
    data: pd.DataFrame
    title: str
    x_label: str
    y_label: str
    alt: str
    counted: str = "Courses with a score"
    reading: str = ""
    marks: tuple[tuple[float, str], ...] = ()
    steps: bool = False
    shares: bool = False

    @property
    def caption(self) -> str:
        """What bands or bars are."""
        bands = self.kind == "curves"
        if bands:
            drawn = self.data.dropna(subset=["estimate"])
            bands = drawn["x"].nunique() > FEW_POINTS or drawn["group"].nunique() > MOST_TOGETHER
        return self.reading or f"{'Bands' if bands else 'Bars'} are 95 % confidence intervals."


def forest(rows: pd.DataFrame, labels: Any, title: str, x_label: str, alt: str) -> Picture:
    """Return one interval a row.

    Parameters
    ----------
    rows : DataFrame
        Rows of the answer's table on its index.
    labels : Series or sequence of str
        Their names in the picture.
    title, x_label, alt : str
        As in `Picture`.
    """
    data = rows[_DRAWN].assign(label=labels, row=rows.index)
    data = data[["label", *_DRAWN, ROW]].reset_index(drop=True)
    return Picture("forest", data, title, x_label, "", alt)


def curves(
    rows: pd.DataFrame, axis: str, title: str, x_label: str, y_label: str, alt: str
) -> Picture:
    """Return one line a group over a time axis.

    Parameters
    ----------
    rows : DataFrame
        Rows of the answer's table on its index, with ``group``.
    axis : str
        Column that becomes `x`.
    title, x_label, y_label, alt : str
        As in `Picture`.
    """
    data = rows.rename(columns={axis: "x"})[["group", "x", *_DRAWN]]
    return Picture(
        "curves", data.assign(row=rows.index).reset_index(drop=True), title, x_label, y_label, alt
    )

"""Pictures of a study's own records: each course a line, a bar, a cell. For the analyst's screen.

Of real patients they are not saved, and no report draws them: one line is one patient, and a cell
may hold two.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import MaxNLocator
from scipy.special import stdtrit

from outcomes.dictionary.instruments import Instrument
from outcomes.dictionary.instruments.threshold import LINES, line_name, lines_of
from outcomes.errors import UsageError
from outcomes.render.figures.canvas import panels
from outcomes.render.figures.shown import ShownFigure, empty_figure, finished
from outcomes.render.figures.style import GRID, INK, LOOKS, MUTED, PRESETS, ROUND, styled
from outcomes.study import Study
from outcomes.words import counted, named, percent, plain

PAGE = PRESETS["page"]
LEAST = 5
"""A mean of fewer courses is not drawn."""
WORSE, BETTER, SURE = "#D55E00", "#7FB7DA", "#0072B2"


@styled()
def trajectories(study: Study, instrument: str = "", by: str = "condition") -> ShownFigure:
    """Draw each course as a thin line, and the mean of each group with its 95 % interval.

    Parameters
    ----------
    study : Study
        The study.
    instrument : str
        Short name; by default the one with most scores.
    by : str
        Column of the trajectory that makes the panels, such as ``condition`` or ``arm``; empty for
        one panel.

    Returns
    -------
    ShownFigure
        One line is one patient: on real data it is for the analyst's screen.

    Raises
    ------
    UsageError
        When there are no scores after baseline, or no such column.
    """
    measure, rows = _rows(study, instrument)
    counted = rows["session_count"].notna() & rows["session"].notna()
    over = "session_count" if counted.mean() > 0.5 else "week"
    if over == "session_count":
        rows = rows[rows["session"].notna()]  # a follow-up comes weeks after the last session
    rows = rows.dropna(subset=[over]).astype({over: float})
    if by and by not in rows:
        must = "panels are made by a column of the trajectory"
        raise UsageError(
            must, got="another name", remedy=f"Those are: {', '.join(map(str, rows))}."
        )
    groups = [(named(k), part) for k, part in rows.groupby(by)] if by else []
    groups = groups or [("all courses", rows)]
    wide = min(4, len(groups))
    size = max(2.6 * wide, 5), 2.3 * -(-len(groups) // wide) + 0.9
    figure, places = panels(len(groups), *size, wide, sharex=True, sharey=True)
    said = [
        _courses(place, title, part, over, measure)
        for place, (title, part) in zip(places, groups, strict=True)
    ]
    since = "weeks since the first visit" if rows["session"].notna().any() else "week"
    unit = "sessions received" if over == "session_count" else since
    kinds = [LINES[k] for _, part in groups for k in list(_thresholds(measure, part))[:1]]
    dashed = f"; dashed: {' or '.join(dict.fromkeys(kinds))}" if kinds else ""
    _labels(figure, f"improvement ({measure.unit}, up = better)", unit + dashed)
    claim = f"{measure.title}: each course, and the mean of each group"
    return _finished(figure, study, claim, " ".join(said))


@styled()
def waterfall(study: Study, instrument: str = "") -> ShownFigure:
    """Draw the change of each course from baseline to its last score, best to worst.

    Parameters
    ----------
    study, instrument
        As in `trajectories`.

    Returns
    -------
    ShownFigure
        With the smallest important change (MIC) and the measurement error (MDC) of the instrument
        where one is published for a condition of the study, and the share that reached each.
    """
    measure, rows = _rows(study, instrument)
    last = rows.drop_duplicates("episode_id", keep="last")
    last = last.sort_values("improvement", ascending=False, kind="stable")
    change, condition = last["improvement"].to_numpy(float), last["condition"].astype(str)
    lines = lines_of(measure.thresholds, set(rows["condition"].dropna()))
    judged = {
        kind: condition.map(line.covers).to_numpy(bool) | (kind == "MIC")
        for kind, line in lines.items()
    }  # an error found in neck pain is none of a knee
    far = [judged[kind] & (change >= lines[kind].value) if kind in lines else change > np.inf
           for kind in ("MDC", "MIC")]  # fmt: skip
    colors = np.select([change < 0, *far], [WORSE, SURE, BETTER], GRID)
    figure, (place,) = panels(1, PAGE.width, 3.4)
    bars = [[(i, 0), (i, value), (i + 1, value), (i + 1, 0)] for i, value in enumerate(change)]
    place.add_collection(PolyCollection(bars, facecolors=colors, linewidths=0))
    place.autoscale_view()
    place.xaxis.set_major_locator(MaxNLocator(8, steps=ROUND, integer=True))
    for kind, line in lines.items():
        value, name = line.value, line_name(kind, line)
        place.axhline(value, color=INK, linewidth=0.9, linestyle="--" if kind == "MIC" else ":")
        place.annotate(f"{name}, {value:g}", (1, value), xycoords=("axes fraction", "data"),
                       xytext=(0, 2), textcoords="offset points", ha="right", va="bottom",
                       fontsize=PAGE.text)  # fmt: skip
    _labels(figure, f"change ({measure.unit}, up = better)",
            "one bar a course, best to worst at its last score")  # fmt: skip
    shares = [_share(change[judged[kind]] >= line.value, line_name(kind, line))
              for kind, line in lines.items()]  # fmt: skip
    shares = shares or [_share(change > 0, "")]
    worse = f"{int((change < 0).sum()) or 'none'} got worse"
    claim, *more = ["; ".join([shares[0], worse]), *shares[1:]]
    if apart := int(last["session"].isna().sum()):
        more.append(f"Of {counted(apart, 'course')} the last score is a follow-up, at no visit")
    return _finished(figure, study, claim, " ".join(f"{one}." for one in (claim, *more)))


@styled()
def pressure_map(study: Study) -> ShownFigure:
    """Draw how many visits had which pressure at which session.

    Parameters
    ----------
    study : Study
        With pressure of visits.

    Returns
    -------
    ShownFigure

    Raises
    ------
    UsageError
        When pressure was not recorded.
    """
    visits = study.sessions.dropna(subset=["pressure", "session"])
    if visits.empty:
        must = "a map of pressure needs visits with pressure and session"
        raise UsageError(must, got="none", remedy="Record the Walton level of each visit.")
    table = pd.crosstab(visits["pressure"].astype(float), visits["session"].astype(int))
    figure = empty_figure(PAGE.width, 2.9)
    place = figure.subplots()
    place.spines[:].set_visible(False)
    place.grid(visible=False)
    size = min(PAGE.text, 220 / table.shape[1])  # three figures have room in a cell
    shade = LinearSegmentedColormap.from_list("visits", [f"{SURE}00", f"{SURE}80"])
    place.imshow(table, aspect="auto", origin="lower", cmap=shade)  # on the paper of the page
    for (i, j), n in np.ndenumerate(table.to_numpy()):
        if n:
            place.text(j, i, f"{n}", ha="center", va="center", fontsize=size)
    place.set_yticks(range(len(table)), [f"{level:g}" for level in table.index])
    place.set_xticks(range(table.shape[1]), map(str, table.columns), fontsize=size)
    _labels(figure, "Walton level", "session")
    usual = table.sum(axis=1)
    claim = f"Level {usual.idxmax():g} was used most: at {usual.max():,} of {usual.sum():,} visits"
    return _finished(figure, study, claim, f"{claim}. Numbers in the cells are visits.")


def _rows(study: Study, instrument: str) -> tuple[Instrument, pd.DataFrame]:
    name = instrument or next(iter(study.scored_instruments()), "")
    rows = study.trajectory(name) if name else pd.DataFrame()
    if rows.empty:
        must = "a picture of courses needs scores after baseline"
        raise UsageError(must, got="none", remedy="Score each patient at the start of each visit.")
    return study.instrument(name), rows


def _thresholds(measure: Instrument, rows: pd.DataFrame) -> dict[str, float]:
    lines = lines_of(measure.thresholds, set(rows["condition"].dropna()))
    return {kind: line.value for kind, line in lines.items()}


def _courses(place: Axes, title: str, rows: pd.DataFrame, over: str, measure: Instrument) -> str:
    for _, course in rows.sort_values(over).groupby("episode_id"):
        place.plot(course[over], course["improvement"], color=MUTED, alpha=0.3, linewidth=0.6)
    at = rows.groupby(over)["improvement"].agg(["mean", "std", "count"])
    at = at[at["count"] >= LEAST]
    half = stdtrit(at["count"] - 1, 0.975) * at["std"] / np.sqrt(at["count"])
    place.plot(at.index, at["mean"], color=LOOKS[0].colour, linewidth=2)
    place.fill_between(at.index, at["mean"] - half, at["mean"] + half, color=LOOKS[0].colour,
                       alpha=0.2, linewidth=0)  # fmt: skip
    place.axhline(0, color=INK, linewidth=0.8)
    for value in list(_thresholds(measure, rows).values())[:1]:
        place.axhline(value, color=WORSE, linewidth=0.9, linestyle="--")
    n = rows["episode_id"].nunique()
    place.set_title(f"{title} (n = {n})", fontsize=9, loc="left")
    if at.empty:
        return f"{title}, {n} courses: too few for a mean."
    ends = " to ".join(plain(at["mean"].iloc[i]) for i in sorted({0, len(at) - 1}))
    return f"{title}, {n} courses: mean {ends}."


def _share(reached: np.ndarray[Any, Any], name: str) -> str:
    n, whole = int(reached.sum()), len(reached)
    far = name and f" by at least the {name}"
    return f"{n} of {whole} courses ({percent(n / whole)}) improved{far}"


def _labels(figure: ShownFigure, vertical: str, horizontal: str) -> None:
    figure.supylabel(vertical, fontsize=PAGE.text)
    figure.supxlabel(horizontal, fontsize=PAGE.text)


def _finished(figure: ShownFigure, study: Study, claim: str, alt: str) -> ShownFigure:
    synthetic = study.provenance.synthetic
    return finished(figure, claim, alt, "SYNTHETIC" * synthetic, of_patients=not synthetic)

"""Scores belong to the visits at which they were due, though patients come when they can."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from outcomes.mixed.types import Array
from outcomes.records import SERIES

LEAST_SHARE = 0.25
"""Share of courses with so many scores from which so many visits were due."""
MOST_DATED = 0.5
"""Share of scores with a day from which arms are compared by weeks, those without one left out."""
SPREADS = 4.0
"""Half a window in standard deviations of the weeks around their visit."""


def planned_weeks(
    rows: pd.DataFrame, due: tuple[float, ...] = (), window: float | None = None
) -> pd.Series[float]:
    """Return the week at which each score was due; empty outside all windows.

    Parameters
    ----------
    rows : DataFrame
        Scores after baseline: ``episode_id, week`` and ``arm``.
    due : tuple of float
        Weeks at which scores were due; without them they are told from the scores.
    window : float or None
        Weeks on either side within which a score belongs to a visit; else half-way to the next.

    Returns
    -------
    Series of float
        On the index of `rows`. Of several scores of a course in one window the nearest has the
        week. Where no course has fewer scores than there are whole weeks with any, scores were
        punctual, and the week is the nearest whole one.

    Examples
    --------
    >>> rows = pd.DataFrame({"episode_id": list("abcde"), "arm": None,
    ...                      "week": [7.1, 8.0, 8.4, 9.6, 30.0]})
    >>> planned_weeks(rows).tolist()
    [8.0, 8.0, 8.0, 8.0, nan]
    """
    week = rows["week"].to_numpy(float)
    if not due and _punctual(rows):
        return rows["week"].round()
    visits = np.array(due) if due else _told(rows)
    if not len(visits):
        return rows["week"].round()
    near = visits[np.abs(week[:, None] - visits).argmin(axis=1)]
    away = np.where(np.isnan(week), np.inf, np.abs(week - near))
    low, high = _reach(visits, window, None if due else away)
    at = np.searchsorted(visits, near)
    inside = np.where(week < near, away <= low[at], away <= high[at])
    found = pd.DataFrame({"series": _series(rows).to_numpy(), "due": near, "away": away})
    found = found[inside].sort_values("away", kind="stable")
    first = found.index[~found.duplicated(["series", "due"])]
    weeks = np.full(len(rows), np.nan)
    weeks[first] = near[first]
    return pd.Series(weeks, rows.index)


def _series(rows: pd.DataFrame) -> pd.Series[int]:
    """Return numbers of courses, and of their movements where these are told apart."""
    keys = [name for name in SERIES if name in rows]
    return rows.groupby(keys, sort=False, dropna=False, observed=True).ngroup()


def _punctual(rows: pd.DataFrame) -> bool:
    """Whether scores lie on few whole weeks: no more than one course has of them."""
    whole = rows["week"].round()
    return bool(whole.nunique() <= whole.groupby(rows["episode_id"]).nunique().max())


def _told(rows: pd.DataFrame) -> Array:
    """Median week of each course's first, second, ... score, in the arm with fewest scores."""
    known = rows.assign(series=_series(rows))[rows["week"].notna()]
    known = known.sort_values(["series", "week"])
    number = known.groupby("series").cumcount() + 1
    arms = known["arm"].astype(object).fillna("")
    found = []
    for _, own in number.groupby(arms):
        courses = own.groupby(known["series"]).max()
        most = max((k for k in range(1, int(own.max()) + 1)
                    if (courses >= k).mean() >= LEAST_SHARE), default=0)  # fmt: skip
        full = known.loc[own.index][known["series"].map(courses).loc[own.index] >= most]
        weeks = full["week"].groupby(own).median()[:most].round()
        found.append(np.unique(np.maximum(weeks.to_numpy(float), 1.0)))
    return np.asarray(min(found, key=len)) if found else np.empty(0)


def _reach(visits: Array, window: float | None, away: Any) -> tuple[Array, Array]:
    """Return how far before and after each visit its window goes."""
    gaps = np.diff(visits, prepend=0.0) / 2
    low, high = gaps, np.append(gaps[1:], gaps[-1])
    limit = np.inf if window is None else window
    if away is not None and window is None:  # nobody said how late is too late
        spread = 1.4826 * float(np.median(away[np.isfinite(away)]))
        limit = max(1.0, SPREADS * spread)
    elif window is None:
        high[-1] = np.inf
    return np.minimum(low, limit), np.minimum(high, limit)

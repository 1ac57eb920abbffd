"""Script against delivered care: sessions, minutes, weeks, adherence, billing units.

What was delivered in all is an outcome of a course, not a dose: people stop when they are well.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from outcomes.errors import DataError
from outcomes.records import visits_received
from outcomes.study import Study

NOT_GIVEN = ("cancelled", "no_show")
UNIT_MINUTES = 15
LEAST_MINUTES = 8


def billing_units(minutes: Any) -> Any:
    """Return the timed units that the 8-minute rule gives for the minutes of one visit.

    A check of data, not billing advice: payers differ.

    Parameters
    ----------
    minutes : float, array or Series
        Total timed minutes of a visit, at least 0; NaN where not known.

    Returns
    -------
    float, array or Series
        Units, NaN where minutes are not known: 0 below 8 minutes, 1 up to 22, 2 up to 37, ...

    Raises
    ------
    DataError
        When minutes are below 0 or infinite.

    Notes
    -----
    (minutes + 7) // 15 on the total timed minutes: the 8-minute rule of Medicare (CMS Claims
    Processing Manual, chapter 5).

    Examples
    --------
    >>> billing_units(np.array([7, 8, 22, 23, 52, 53, 60])).tolist()
    [0.0, 1.0, 1.0, 2.0, 3.0, 4.0, 4.0]
    """
    values = np.asarray(minutes, dtype=float)
    if np.any((values < 0) | np.isinf(values)):
        must = "minutes of a visit are 0 or more"
        raise DataError(must, got="a number below 0 or infinite", remedy="Correct the minutes.")
    return (minutes + UNIT_MINUTES - LEAST_MINUTES) // UNIT_MINUTES * 1.0


def sessions_prescribed(episodes: pd.DataFrame) -> pd.Series[float]:
    """Return the sessions a script comes to: per week times weeks, to the nearest whole number.

    Parameters
    ----------
    episodes : DataFrame
        With ``sessions_per_week`` and ``weeks``.

    Returns
    -------
    Series of float
        NaN where the script is not recorded; halves are rounded up.

    Examples
    --------
    >>> script = pd.DataFrame({"sessions_per_week": [2.0, 0.5], "weeks": [6.0, 5.0]})
    >>> sessions_prescribed(script).tolist()
    [12.0, 3.0]
    """
    product = episodes["sessions_per_week"] * episodes["weeks"]
    return pd.Series(np.floor(product + 0.5), index=episodes.index, dtype=float)


def script_and_delivery(study: Study) -> pd.DataFrame:
    """Set the script of each course beside the care that was given.

    Parameters
    ----------
    study : Study
        The records.

    Returns
    -------
    DataFrame
        One row a course, in the order of `episodes`: ``episode_id, condition, end_reason,
        finished`` (an end other than ``ongoing`` is recorded), ``sessions_prescribed,
        minutes_prescribed`` (sessions x minutes of the script), ``weeks_prescribed``,
        ``sessions_received, minutes_received`` (NaN where a visit's minutes are not known),
        ``weeks_received`` (first to last visit, the first week counted as one when there is a
        visit), ``units, cancelled, no_show, stopped_early`` (visits), ``adherence`` (sessions
        received / prescribed; NaN without a script or before the end) and ``minutes_adherence``.

    Notes
    -----
    A course may end early because its goal was met: adherence below 1 is then no fault.

    Examples
    --------
    >>> from outcomes.study import study_from_tables
    >>> episodes = pd.DataFrame({"episode_id": ["a"], "sessions_per_week": 1, "weeks": 4,
    ...                          "minutes": 60, "end_reason": "goal_met"})
    >>> visits = pd.DataFrame({"episode_id": "a", "session": [1, 2, 3], "minutes": 60})
    >>> study = study_from_tables({"episodes": episodes, "sessions": visits})
    >>> script_and_delivery(study)[["sessions_prescribed", "sessions_received", "adherence"]]
       sessions_prescribed  sessions_received  adherence
    0                  4.0                3.0       0.75
    """
    episodes = study.episodes
    table = episodes[["episode_id", "condition", "end_reason"]].copy()
    table["finished"] = episodes["end_reason"].notna() & (episodes["end_reason"] != "ongoing")
    table["sessions_prescribed"] = sessions_prescribed(episodes)
    table["minutes_prescribed"] = table["sessions_prescribed"] * episodes["minutes"]
    table["weeks_prescribed"] = episodes["weeks"]
    delivered = _delivered(study).reindex(episodes["episode_id"]).reset_index(drop=True)
    table = table.join(delivered)
    recorded = study.sessions["episode_id"].notna().any()
    counts = ["sessions_received", "stopped_early", *NOT_GIVEN]
    table[counts] = table[counts].fillna(0.0) if recorded else table[counts]
    for part in ("sessions", "minutes"):
        share = table[f"{part}_received"] / table[f"{part}_prescribed"]
        name = "adherence" if part == "sessions" else "minutes_adherence"
        table[name] = share.where(table["finished"])
    return table


def _delivered(study: Study) -> pd.DataFrame:
    """Totals of each course with a visit, given or not; index episode_id."""
    visits = visits_received(study)
    visits = visits.assign(units=billing_units(visits["minutes"]))
    by_course = visits.groupby("episode_id", sort=False)
    days = by_course["day"]
    given = pd.DataFrame(
        {
            "sessions_received": by_course.size().astype(float),
            "minutes_received": _complete_sums(by_course["minutes"]),
            "weeks_received": (days.max() - days.min()) / 7 + 1,
            "units": _complete_sums(by_course["units"]),
        }
    )
    sessions = study.sessions
    statuses = pd.crosstab(sessions["episode_id"], sessions["status"])
    counts = statuses.reindex(columns=["stopped_early", *NOT_GIVEN], fill_value=0).astype(float)
    return given.join(counts, how="outer")


def _complete_sums(groups: Any) -> Any:
    """Sum of each group, NaN where one of its values is not known."""
    return groups.sum().where(groups.count() == groups.size())

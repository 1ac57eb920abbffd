"""Visits whose pressure stands beside the score of the day, earlier scores and the next one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from outcomes.causal.jackknife import grouped

Array = NDArray[np.float64]

PRESSURE, SCORE, THIRD = 0, 1, 2
"""Places of the first columns; the third is earlier scores, or the next score."""


def answered_visits(visits: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the visits whose pressure can be set against the score of the day.

    Parameters
    ----------
    visits : DataFrame
        As in `PressureHistory.visits`.
    rows : DataFrame
        Trajectory of the outcome.

    Returns
    -------
    DataFrame
        Visits with pressure and a score of their own; beside the columns of `visits`:
        ``score_earlier`` (mean of the scores before the day's, baseline included; NaN where there
        is none) and ``score_next`` (first score after the visit; NaN where there is none).
    """
    scored = visits[visits["scored"]].copy()
    by_course = scored.groupby("episode_id", sort=False)["score_now"]
    n_before = by_course.cumcount()
    scored["score_earlier"] = by_course.cumsum() - scored["score_now"]
    scored["score_earlier"] /= n_before.where(n_before > 0)
    keys = ["episode_id", "session_count"]
    after = rows[rows["session"].notna()].drop_duplicates(keys)[[*keys, "score"]]
    after = after.set_axis(["episode_id", "session", "score_next"], axis=1)
    joined = scored.merge(after, "left", on=["episode_id", "session"], validate="one_to_one")
    return joined.dropna(subset=["pressure"]).reset_index(drop=True)


@dataclass(frozen=True, eq=False)
class Readings:
    """Cross-products of pressure and scores, by groups of courses.

    Parameters
    ----------
    reaction : array, shape (groups, p, p)
        Of pressure, score of the day, mean of earlier scores and facts, at every visit.
    drifting : array, shape (groups, p + 2, p + 2)
        The same, with both scores times the visit's number before the facts.
    response : array, shape (groups, p, p)
        Of pressure, score of the day, next score and facts, at visits with a next score.
    sustained : array, shape (groups, q, q)
        At the same visits, of running means of the columns of `drifting`, the next score, and the
        facts of the visit.
    sign : int
        +1 where a higher score is better, -1 where a lower one is.
    n_episodes, n_visits : int
        Courses with a next score; visits.
    """

    reaction: Array
    drifting: Array
    response: Array
    sustained: Array
    sign: int
    n_episodes: int
    n_visits: int


def readings(answered: pd.DataFrame, sign: int) -> Readings:
    """Return the cross-products of visits.

    Parameters
    ----------
    answered : DataFrame
        From `answered_visits`. What tells of pain by earlier scores holds where every visit has an
        earlier score and pressure.
    sign : int
        +1 where a higher score is better, -1 where a lower one is.
    """
    table = answered.sort_values(["episode_id", "session"], ignore_index=True)
    facts = _facts(table)
    group = pd.factorize(table["patient_id"].fillna(table["episode_id"]))[0]
    seen = table[["pressure", "score_now", "score_earlier"]].fillna(0.0).to_numpy(float)
    there = table["score_next"].notna().to_numpy()[:, None]
    then = np.column_stack([seen[:, :THIRD], table["score_next"].fillna(0.0)])
    later = seen[:, 1:] * (table[["session"]] - table["session"].mean()).to_numpy(float)
    drift = np.column_stack([seen, later, facts])
    by_course = pd.DataFrame(drift).groupby(table["episode_id"].to_numpy(), sort=False)
    so_far = by_course.cumsum().to_numpy() / (by_course.cumcount().to_numpy()[:, None] + 1)
    lasting = np.column_stack([so_far, then[:, THIRD], facts[:, 1:], table["baseline"]])
    return Readings(
        grouped(np.column_stack([seen, facts]), group),
        grouped(drift, group),
        grouped(np.column_stack([then, facts]) * there, group),
        grouped(lasting * there, group),
        sign,
        int(table.loc[there[:, 0], "episode_id"].nunique()),
        len(table),
    )


def _facts(table: pd.DataFrame) -> Array:
    """Return what is allowed for: pressure before, visit, condition by visit, therapist, facts."""
    condition = pd.get_dummies(table["condition"], dtype=float).to_numpy()
    return np.column_stack(
        [
            table["pressure_before"].fillna(0.0),  # the first visit has a column of its own
            pd.get_dummies(table["session"], dtype=float),
            condition,
            condition * table[["session"]].to_numpy(float),
            pd.get_dummies(table["therapist_id"].fillna("not recorded"), dtype=float),
            table[["adapted", "age"]],
        ]
    ).astype(float)

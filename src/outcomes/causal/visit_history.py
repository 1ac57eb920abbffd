"""A course visit by visit, beside what the therapist and the patient could see at each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from outcomes.privacy.disclosure import THRESHOLD
from outcomes.records import visits_received
from outcomes.study import Study


def visit_history(study: Study, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the visits of the courses in a trajectory, with what was known at each.

    Parameters
    ----------
    study : Study
        With sessions.
    rows : DataFrame
        Trajectory of the outcome.

    Returns
    -------
    DataFrame
        One row a visit: ``episode_id, patient_id, therapist_id`` (of the visit, else of the
        course), ``session`` (1 is the first received, whatever the file's number), ``pressure``
        (Walton; NaN where not recorded), ``pressure_before`` (the visit before; NaN at the first),
        ``score_now`` (last score known at the visit), ``scored`` (whether it is of this visit, or
        the baseline of the first), ``baseline, condition, adapted`` (0, 1), ``age`` (lower end of
        the band in decades; 0 where not recorded).
    """
    visits = visits_received(study)[["episode_id", "session", "pressure", "therapist_id"]]
    visits = visits[visits["episode_id"].isin(rows["episode_id"])].copy()
    visits["score_now"] = _score_at_start(visits, rows)
    by_course = visits.groupby("episode_id", sort=False)
    visits["session"] = by_course.cumcount() + 1.0  # a file's may count missed visits
    visits["scored"] = visits["score_now"].notna() | (visits["session"] == 1)
    visits["score_now"] = by_course["score_now"].ffill()
    visits["pressure_before"] = by_course["pressure"].shift()
    visits["baseline"] = visits["episode_id"].map(
        rows.drop_duplicates("episode_id").set_index("episode_id")["baseline"]
    )
    visits["score_now"] = visits["score_now"].fillna(visits["baseline"])
    facts = study.courses
    facts = facts.reindex(visits["episode_id"]).set_axis(visits.index)
    visits["patient_id"] = facts["patient_id"]
    visits["therapist_id"] = visits["therapist_id"].fillna(facts["therapist_id"])
    visits["condition"] = facts["condition"].fillna("not recorded")
    listed = facts["adaptations"].fillna("none")
    visits["adapted"] = (listed != "none").astype(float)
    decade = facts["age_band"].astype(object).str.extract(r"^(\d+)", expand=False).astype(float)
    visits["age"] = decade.fillna(0.0) / 10
    return visits.reset_index(drop=True)


def _score_at_start(visits: pd.DataFrame, rows: pd.DataFrame) -> Any:
    """Score taken at the start of each visit; NaN where there is none."""
    at_start = rows[rows["session_count"] < rows["session"]]
    at_start = at_start.drop_duplicates(["episode_id", "session"], keep="last")
    columns = ["episode_id", "session", "score"]
    merged = visits[columns[:2]].merge(at_start[columns], "left", on=columns[:2])
    return merged["score"].to_numpy(float)


LEAST_EPISODES = THRESHOLD
"""A pressure level given in fewer courses than this supports no contrast."""


@dataclass(frozen=True, eq=False)
class PressureHistory:
    """Visits with their pressure, and which levels have support.

    Parameters
    ----------
    visits : DataFrame
        Those of `visit_history` with a pressure.
    overlap : DataFrame
        ``adapted, pressure, n_visits, n_episodes, supported``.
    left_out : dict of str to int
        Courses not used, by reason.
    """

    visits: pd.DataFrame
    overlap: pd.DataFrame
    left_out: dict[str, int]

    @property
    def n_levels(self) -> int:
        """Levels of pressure among the visits kept."""
        return int(self.visits["pressure"].nunique())

    @property
    def episodes(self) -> set[str]:
        """Courses kept."""
        return set(self.visits["episode_id"])


def pressure_history(study: Study, rows: pd.DataFrame) -> PressureHistory:
    """Return the visits of the courses in a trajectory, where pressure levels have support.

    Parameters
    ----------
    study : Study
        With sessions that record pressure.
    rows : DataFrame
        Trajectory of the outcome.

    Returns
    -------
    PressureHistory
        A level counts as supported among adapted or other courses when at least eleven of them had
        it. Courses that ever had a level without support, or whose group has fewer than two levels
        with support, are left out and counted.
    """
    visits = visit_history(study, rows)
    visits = visits[visits["pressure"].notna()].reset_index(drop=True)
    overlap = _overlap(visits)
    compared, seen = support(visits)
    ids = visits["episode_id"]
    alone, rare = set(ids[~compared]), set(ids[compared & ~seen])
    left_out = {
        "without two levels in at least 11 courses, adapted or not, to compare": len(alone),
        "a pressure level given in fewer than 11 courses": len(rare),
    }
    kept = visits[~ids.isin(alone | rare)].reset_index(drop=True)
    return PressureHistory(kept, overlap, left_out)


def support(visits: pd.DataFrame, *apart: pd.Series[Any]) -> tuple[Any, Any]:
    """Tell of each visit whether two levels can be compared where it is, and its own is one.

    Parameters
    ----------
    visits : DataFrame
        With a pressure each.
    apart : Series
        What beside ``adapted`` keeps visits apart, such as the number of their study.
    """
    keys = [*apart, visits["adapted"]]
    courses = visits["episode_id"].groupby([*keys, visits["pressure"]]).transform("nunique")
    level = visits["pressure"].where(courses >= LEAST_EPISODES)
    return level.groupby(keys).transform("nunique") >= 2, level.notna()


def _overlap(visits: pd.DataFrame) -> pd.DataFrame:
    cells = visits.groupby(["adapted", "pressure"])["episode_id"]
    table = cells.agg(["size", "nunique"]).reset_index()
    table.columns = pd.Index(["adapted", "pressure", "n_visits", "n_episodes"])
    return table.assign(supported=table["n_episodes"] >= LEAST_EPISODES)

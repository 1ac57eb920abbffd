"""A course visit by visit, beside what the therapist and the patient could see at each."""

from __future__ import annotations

from typing import Any

import pandas as pd

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
        course), ``session`` (1 is the first), ``pressure`` (Walton; NaN where not recorded),
        ``pressure_before`` (the visit before; NaN at the first), ``score_now`` (last score known at
        the visit), ``scored`` (whether it is of this visit, or the baseline of the first),
        ``baseline, condition, adapted`` (0, 1), ``age`` (lower end of the band in decades; 0 where
        not recorded).
    """
    visits = visits_received(study)[["episode_id", "session", "pressure", "therapist_id"]]
    visits = visits[visits["episode_id"].isin(rows["episode_id"])].copy()
    visits["score_now"] = _score_at_start(visits, rows)
    visits["scored"] = visits["score_now"].notna() | (visits["session"] == 1)
    by_course = visits.groupby("episode_id", sort=False)
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

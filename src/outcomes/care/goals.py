"""Goals: reached by their date or number of sessions, sustained, and whether they were fair.

A goal counts as reached by a score of the course (before a visit, at discharge or at follow-up) on
the better side of its target, or on it. It is sustained when the next score, on another day, does
so too; the day of sustained attainment is that of the second score, when it is known. Scores up to
the day on which a goal was set do not count.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from outcomes.dictionary.instruments import Instrument, measurement_error
from outcomes.dictionary.instruments.arithmetic import goal_attainment
from outcomes.dictionary.instruments.judgement import ROUNDING
from outcomes.errors import UsageError
from outcomes.records import baseline_of, visits_received
from outcomes.study import Study
from outcomes.tables import once

REACHED, NOT_REACHED, NOT_KNOWN = "reached", "not reached", "not known"
_FACTS = ["episode_id", "instrument", "target", "by_day", "by_sessions", "set_day", "set_by"]


@once
def goal_progress(study: Study, instrument: str = "") -> pd.DataFrame:
    """Say for each goal when it was reached, sustained, and whether it was fair.

    Parameters
    ----------
    study : Study
        With goals and scores.
    instrument : str
        Short name of the instrument of the goals; all by default.

    Returns
    -------
    DataFrame
        One row a goal, in the order of `goals`: its facts and ``condition``; ``baseline`` (the
        goal's own, else the course's); ``first_day, first_sessions`` (day of, and sessions received
        before, the first score that reaches it) and ``sustained_day, sustained_sessions``;
        ``by_date`` and ``within_sessions`` (``reached``, ``not reached``, or ``not known`` where
        scores stop before; empty where no date or number was set); ``last_day, last_sessions`` (of
        the last score) and ``n_scores``. Flags, missing where they cannot be told: ``set_late``
        (not before the second visit: after the fact), ``wrong_side`` (target no better than
        baseline), ``easy`` (no more than the measurement error, the largest MDC published for the
        condition), ``off_scale`` (target outside the instrument's range). Where a course has
        several movements of one instrument, a goal cannot say which it means: no score is used.

    Examples
    --------
    >>> from outcomes.study import study_from_tables
    >>> scores = pd.DataFrame({"episode_id": "a", "instrument": "nprs", "session": [1, 2, 3, 4],
    ...                        "day": [0, 7, 14, 21], "score": [7, 3, 2, 3]})
    >>> goals = pd.DataFrame({"episode_id": ["a"], "instrument": "nprs", "target": 3,
    ...                       "by_day": 10, "by_sessions": 1})
    >>> table = goal_progress(study_from_tables({"assessments": scores, "goals": goals}))
    >>> table[["first_day", "sustained_day", "by_date", "within_sessions"]]
       first_day  sustained_day  by_date within_sessions
    0        7.0           14.0  reached         reached
    """
    goals, facts = study.goals, study.courses
    if instrument:
        goals = goals[goals["instrument"] == instrument].reset_index(drop=True)
    table = goals[_FACTS].copy()
    table.insert(1, "condition", facts["condition"].reindex(goals["episode_id"]).to_numpy())
    scores = _scores_towards(study, goals)
    times = _times(scores, len(goals))
    table["baseline"] = goals["baseline"].fillna(baseline_of(study, goals))
    table = table.join(times)
    table["by_date"] = _by(table["first_day"], table["last_day"], table["by_day"])
    table["within_sessions"] = _by(
        table["first_sessions"], table["last_sessions"], table["by_sessions"]
    )
    return table.join(_flags(table, study))


def goal_attainment_scores(study: Study, instrument: str = "") -> pd.DataFrame:
    """Return the goal attainment scaling T score of each course with rated goals.

    Parameters
    ----------
    study : Study
        With ``gas_level`` in goals; weights are 1 where a course has none.
    instrument : str
        Short name of the instrument of the goals; all by default.

    Returns
    -------
    DataFrame
        ``episode_id, n_goals, n_rated, gas`` (50 = as expected; NaN where no goal is rated, or a
        rated goal lacks a weight that others of the course have).

    Examples
    --------
    >>> from outcomes.study import study_from_tables
    >>> goals = pd.DataFrame({"episode_id": "a", "instrument": ["nprs", "psfs", "ndi"],
    ...                       "target": [2, 8, 10], "gas_level": [2, 1, -1], "weight": [3, 2, 1]})
    >>> goal_attainment_scores(study_from_tables({"goals": goals})).round(2)
      episode_id  n_goals  n_rated    gas
    0          a        3        3  65.42
    """
    own = study.goals["instrument"] == instrument if instrument else slice(None)
    goals = study.goals.loc[own, ["episode_id", "weight", "gas_level"]].copy()
    by_course = goals.groupby("episode_id", sort=False)
    unweighted = by_course["weight"].transform("count") == 0
    goals["weight"] = goals["weight"].where(~unweighted, 1.0)
    goals["position"] = by_course.cumcount()
    keyed = goals.dropna(subset=["episode_id"]).set_index(["episode_id", "position"])
    levels, weights = (keyed[name].unstack() for name in ("gas_level", "weight"))  # noqa: PD010
    counts = goals.groupby("episode_id")["gas_level"].agg(["size", "count"])
    return pd.DataFrame(
        {
            "episode_id": levels.index,
            "n_goals": counts["size"].to_numpy(),
            "n_rated": counts["count"].to_numpy(),
            "gas": goal_attainment(levels.to_numpy(float), weights.to_numpy(float)),
        }
    )


def _scores_towards(study: Study, goals: pd.DataFrame) -> pd.DataFrame:
    """Course scores of each goal's instrument: one a day, in order, with ``goal`` and ``hit``."""
    columns = ["episode_id", "instrument", "target", "set_day"]
    goals = goals[columns].rename_axis("goal").reset_index()
    scored = study.assessments["instrument"].unique()
    parts = [
        _towards(study, study.instrument(str(name)), own.drop(columns="instrument"))
        for name, own in goals.groupby("instrument", sort=False)
        if name in scored
    ]
    used = ["goal", "day", "session_count", "hit"]
    return pd.concat(parts)[used] if parts else pd.DataFrame(columns=used, dtype=float)


def _towards(study: Study, instrument: Instrument, goals: pd.DataFrame) -> pd.DataFrame:
    frame = study.trajectory(instrument.name)
    movements = frame.columns.intersection(["joint", "plane", "side"]).tolist()
    if movements:
        of_course = frame.drop_duplicates(["episode_id", *movements])["episode_id"].value_counts()
        frame = frame[frame["episode_id"].map(of_course) == 1]
    rows = frame.merge(goals, on="episode_id")
    reached = instrument.sign * (rows["score"] - rows["target"]) >= 0
    rows["hit"] = reached & ~(rows["day"] <= rows["set_day"])
    rows["occasion"] = rows["day"].fillna(-1 - rows["session"])
    return rows[~rows.duplicated(["goal", "occasion"], keep="last")]


def _times(scores: pd.DataFrame, n_goals: int) -> pd.DataFrame:
    """When each goal was first hit and sustained, and what was last seen; one row a goal."""
    by_goal = scores.groupby("goal", sort=False)
    hit = scores["hit"].astype(bool)
    again = hit & by_goal["hit"].shift().eq(True)
    goals = pd.RangeIndex(n_goals)
    table = pd.DataFrame(index=goals)
    for prefix, mask in (("first", hit), ("sustained", again)):
        earliest = scores[mask].drop_duplicates("goal").set_index("goal").reindex(goals)
        table[f"{prefix}_day"] = earliest["day"]
        table[f"{prefix}_sessions"] = earliest["session_count"]
    table["last_day"] = by_goal["day"].max()
    table["last_sessions"] = by_goal["session_count"].max()
    table["n_scores"] = by_goal.size().reindex(goals, fill_value=0)
    return table.astype(float).astype({"n_scores": int})


def _by(reached: pd.Series[float], last: pd.Series[float], limit: pd.Series[float]) -> Any:
    """Whether a goal was reached up to a limit, by when it was reached and last looked at."""
    answer = np.select([reached <= limit, last >= limit], [REACHED, NOT_REACHED], NOT_KNOWN)
    return pd.Series(answer, index=limit.index, dtype=object).where(limit.notna(), None)


def _flags(table: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Whether each goal was set late, to the wrong side, within measurement error or off scale."""
    second = _second_visit(study).reindex(table["episode_id"]).to_numpy()
    names = table["instrument"].map(str)
    measures = {name: study.instrument(name) for name in names.unique()}
    sign, low, high = (
        names.map({name: getattr(one, part) for name, one in measures.items()}).astype(float)
        for part in ("sign", "minimum", "maximum")
    )
    gain = (sign * (table["target"] - table["baseline"])).astype(float)
    error = _measurement_errors(table, measures)
    return pd.DataFrame(
        {
            "set_late": _flag(table["set_day"] >= second, table["set_day"].notna()),
            "wrong_side": _flag(gain <= 0, gain.notna()),
            "easy": _flag(gain.abs() <= error + ROUNDING, gain.notna() & error.notna()),
            "off_scale": _flag((table["target"] < low) | (table["target"] > high), low.notna()),
        }
    )


def _flag(holds: Any, known: pd.Series[bool]) -> Any:
    return pd.Series(holds, index=known.index).astype("boolean").where(known, pd.NA)


def _second_visit(study: Study) -> pd.Series[float]:
    visits = visits_received(study)
    second = visits[visits.groupby("episode_id", sort=False).cumcount() == 1]
    return second.set_index("episode_id")["day"]


def _measurement_errors(table: pd.DataFrame, measures: dict[str, Instrument]) -> pd.Series[float]:
    """Largest detectable change published for each goal's instrument and condition, or NaN."""
    errors = pd.Series(np.nan, index=table.index)
    for (name, condition), own in table.groupby(["instrument", "condition"]):
        try:
            found = measurement_error(measures[str(name)], population=str(condition))
        except UsageError:  # nobody has published one for this condition
            continue
        errors[own.index] = found.value
    return errors

"""Rules about care: clearance, pressure ceilings, goals set beforehand, measures kept constant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from outcomes.dictionary.tables import AT_VISIT, received
from outcomes.errors import UsageError
from outcomes.findings import Broken, rule
from outcomes.records import baseline_of, chosen_rows, visits_received
from outcomes.study import Study

NOT_RECEIVED, YEARS_APART = "R61", "R54"
"""Rules that an import finds as well, on the way."""
_TWO_YEARS = 2 * 365.25
"""Days between two visits of a course from which one of their years is mistyped."""


def _fact(study: Study, rows: pd.DataFrame, name: str) -> pd.Series[Any]:
    """Return a fact of the course of each row, on the index of `rows`."""
    return study.courses[name].reindex(rows["episode_id"]).set_axis(rows.index)


def _first_days(study: Study) -> pd.Series[Any]:
    """Return the day of the first visit received of each of `episodes`."""
    visits = visits_received(study)
    first = visits.assign(day=visits["day"].fillna(0.0)).groupby("episode_id")["day"].min()
    return study.episodes["episode_id"].map(first).astype("float64")


@rule("R26")
def _clearance_in_time(study: Study) -> Iterator[Broken]:
    courses, first = study.episodes, _first_days(study)
    required = courses["clearance_required"].fillna(False).astype(bool)
    late = ~(courses["clearance_day"] <= first)
    granted = courses["clearance"].isin(["cleared", "limited"])
    rows = required & first.notna() & (late | ~granted) & courses["clearance"].ne("refused")
    yield "episodes", "clearance_day", rows, "none, a later one, or one without a day"


@rule("R27")
def _clearance_refused(study: Study) -> Iterator[Broken]:
    rows = study.episodes["clearance"].eq("refused") & _first_days(study).notna()
    yield "episodes", "clearance", rows, "sessions"


@rule("R28")
def _pressure_ceiling(study: Study) -> Iterator[Broken]:
    visits = study.sessions
    highest = visits[["pressure", "pressure_max"]].max(axis=1)
    yield "sessions", "pressure", highest > _fact(study, visits, "pressure_ceiling"), "more"


@rule("R29")
def _highest_pressure(study: Study) -> Iterator[Broken]:
    visits = study.sessions
    yield "sessions", "pressure_max", visits["pressure_max"] < visits["pressure"], "a lower one"


@rule("R30")
def _goals_beforehand(study: Study) -> Iterator[Broken]:
    goals, visits = study.goals, visits_received(study)
    second = visits[visits["session"] == 2].drop_duplicates("episode_id").set_index("episode_id")
    late = goals["set_day"] >= goals["episode_id"].map(second["day"]).astype("float64")
    yield "goals", "set_day", late, "a later day"


@rule("R31")
def _goals_are_better(study: Study) -> Iterator[Broken]:
    goals = study.goals
    sign = goals["instrument"].map(lambda name: _sign(study, name)).astype("float64")
    baseline = goals["baseline"].fillna(baseline_of(study, goals))
    yield "goals", "target", sign * (goals["target"] - baseline) <= 0, "the same or a worse score"


def _sign(study: Study, name: object) -> float:
    try:
        return study.instrument(str(name)).sign
    except UsageError:
        return np.nan


@rule("R32")
def _goals_are_due(study: Study) -> Iterator[Broken]:
    goals = study.goals
    yield "goals", "by_day", goals["by_day"] > 7 * _fact(study, goals, "weeks") + 14, "a later day"


@rule("R33")
def _one_device(study: Study) -> Iterator[Broken]:
    scores = study.assessments
    motion = scores[scores["joint"].notna()]
    for column in ("device", "mode"):
        rows = _differs_from_first(motion, ["episode_id", "joint", "plane", "side"], column)
        yield "assessments", column, rows.reindex(scores.index, fill_value=False), "another one"


@rule("R34")
def _one_recall(study: Study) -> Iterator[Broken]:
    rows = _differs_from_first(study.assessments, ["episode_id", "instrument"], "recall")
    yield "assessments", "recall", rows, "another period"


def _differs_from_first(rows: pd.DataFrame, keys: list[str], column: str) -> pd.Series[Any]:
    if rows[column].isna().all():
        return pd.Series(False, index=rows.index)
    first = rows.groupby(keys, dropna=False)[column].transform("first")
    return rows[column].notna() & rows[column].ne(first)


@rule("R35")
def _visits_a_day(study: Study) -> Iterator[Broken]:
    visits = study.sessions
    given = received(visits["status"]) & visits["day"].notna()
    dated = chosen_rows(visits[["episode_id", "day"]], given)
    again = dated.groupby(["episode_id", "day"]).cumcount() >= 2
    yield "sessions", "day", again.reindex(visits.index, fill_value=False), "a third visit"


@rule("R36")
def _end_of_course(study: Study) -> Iterator[Broken]:
    courses = study.episodes
    last = visits_received(study).groupby("episode_id")["day"].max()
    early = courses["end_day"] < courses["episode_id"].map(last).astype("float64")
    yield "episodes", "end_day", early, "an earlier day"


@rule("R37")
def _visits_a_week(study: Study) -> Iterator[Broken]:
    yield "episodes", "sessions_per_week", study.episodes["sessions_per_week"] > 3, "more"


@rule("R38")
def _severity(study: Study) -> Iterator[Broken]:
    event, severity = study.sessions["adverse_event"], study.sessions["adverse_severity"]
    nothing = event.eq("none")
    rows = (nothing & (severity > 0)) | (event.notna() & ~nothing & severity.eq(0))
    yield "sessions", "adverse_severity", rows, "the two disagree"


@rule("R39")
def _first_day(study: Study) -> Iterator[Broken]:
    visits = study.sessions
    rows = (visits["session"] == 1) & (visits["day"] != 0) & visits["day"].notna()
    yield "sessions", "day", rows, "another day"


@rule("R40")
def _none_and_more(study: Study) -> Iterator[Broken]:
    cells = study.episodes["adaptations"]
    words = {cell: [*map(str.strip, str(cell).split(";"))] for cell in cells.dropna().unique()}
    both = [cell for cell, own in words.items() if len(own) > 1 and "none" in own]
    yield "episodes", "adaptations", cells.isin(both), "both"


@rule(NOT_RECEIVED)
def _nothing_given(study: Study) -> Iterator[Broken]:
    visits, scores, key = study.sessions, study.assessments, ["episode_id", "day"]
    missed = visits[~received(visits["status"])]
    own = scores["timing"].isin(AT_VISIT) & scores["score"].notna()
    own &= scores["episode_id"].isin(missed["episode_id"])
    scored = pd.MultiIndex.from_frame(missed[key]).isin(
        pd.MultiIndex.from_frame(scores.loc[own, key].dropna())
    )
    alone = ~visits.duplicated(key, keep=False)[missed.index]
    given = given_unreceived(missed["status"], missed["pressure"], scored & alone)
    given = given.reindex(visits.index, fill_value=False)
    yield "sessions", "status", given, "one that was not received"


def given_unreceived(status: Any, pressure: Any, scored: Any) -> pd.Series[Any]:
    """Return which visits were not received and have pressure or a score, shape (visits,)."""
    given: pd.Series[Any] = status.notna() & ~received(status) & (pressure.notna() | scored)
    return given


@rule(YEARS_APART, table="sessions")
@rule("R66", table="assessments")
def _years_apart(study: Study, table: str) -> Iterator[Broken]:
    rows = study.table(table)
    far = far_apart(rows["episode_id"], rows["day"])
    yield table, "day", far, "more than two years from the others"


def far_apart(courses: pd.Series[Any], days: pd.Series[Any]) -> pd.Series[Any]:
    """Return which rows lie more than two years from all others of their course, shape (rows,).

    Of two parts that lie so far apart it is the smaller one, the earlier where they are equal.
    """
    if not days.max() - days.min() > _TWO_YEARS:
        return pd.Series(False, courses.index)
    rows = pd.DataFrame({"course": courses, "day": days}).dropna()
    rows = rows.sort_values(["course", "day"], kind="stable")
    gaps = rows.groupby("course")["day"].diff() > _TWO_YEARS
    if not gaps.any():
        return pd.Series(data=False, index=courses.index)
    part = gaps.groupby(rows["course"]).cumsum()
    size = part.groupby([rows["course"], part]).transform("size")
    largest = size.groupby(rows["course"]).transform("max")
    last = part.where(size == largest).groupby(rows["course"]).transform("max")
    return (part != last).reindex(courses.index, fill_value=False)

"""Rules about care: clearance, pressure ceilings, goals set beforehand, measures kept constant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from outcomes.dictionary.tables import received
from outcomes.errors import UsageError
from outcomes.findings import Finding, where_broken
from outcomes.records import baseline_of, visits_received
from outcomes.study import Study


def care_findings(study: Study) -> list[Finding]:
    """Return the findings of R26 to R40; the first of them are protocol deviations."""
    found: list[Finding] = []
    for part in (_clearance, _pressure, _goals, _constant_measures, _visit_days, _course_facts):
        found += part(study)
    return found


def _facts(study: Study, rows: pd.DataFrame, *names: str) -> pd.DataFrame:
    """Return facts of the course of each row, on the index of `rows`."""
    found = study.courses[list(names)].reindex(rows["episode_id"])
    return found.set_axis(rows.index)


def _first_days(study: Study) -> pd.Series[Any]:
    visits = visits_received(study)
    return visits.assign(day=visits["day"].fillna(0.0)).groupby("episode_id")["day"].min()


def _clearance(study: Study) -> Iterator[Finding]:
    courses = study.episodes
    first = courses["episode_id"].map(_first_days(study)).astype("float64")
    required = courses["clearance_required"].fillna(False).astype(bool)
    late = ~(courses["clearance_day"] <= first)
    granted = courses["clearance"].isin(["cleared", "limited"])
    rows = required & first.notna() & (late | ~granted) & courses["clearance"].ne("refused")
    got = "none, or a later one"
    yield from where_broken("R26", "episodes", "clearance_day", rows, got=got)
    rows = courses["clearance"].eq("refused") & first.notna()
    yield from where_broken("R27", "episodes", "clearance", rows, got="sessions")


def _pressure(study: Study) -> Iterator[Finding]:
    visits = study.sessions
    ceiling = _facts(study, visits, "pressure_ceiling")["pressure_ceiling"]
    highest = visits[["pressure", "pressure_max"]].max(axis=1)
    over = highest > ceiling
    yield from where_broken("R28", "sessions", "pressure", over, got="more")
    below = visits["pressure_max"] < visits["pressure"]
    yield from where_broken("R29", "sessions", "pressure_max", below, got="a lower one")


def _goals(study: Study) -> Iterator[Finding]:
    goals = study.goals
    visits = visits_received(study)
    second = visits[visits["session"] == 2].drop_duplicates("episode_id")
    second_day = goals["episode_id"].map(second.set_index("episode_id")["day"])
    late = goals["set_day"] >= second_day.astype("float64")
    yield from where_broken("R30", "goals", "set_day", late, got="a later day")
    sign = goals["instrument"].map(lambda name: _sign(study, name)).astype("float64")
    baseline = goals["baseline"].fillna(baseline_of(study, goals))
    wrong = sign * (goals["target"] - baseline) <= 0
    yield from where_broken("R31", "goals", "target", wrong, got="the same or a worse score")
    weeks = _facts(study, goals, "weeks")["weeks"]
    far = goals["by_day"] > 7 * weeks + 14
    yield from where_broken("R32", "goals", "by_day", far, got="a later day")


def _sign(study: Study, name: object) -> float:
    try:
        return study.instrument(str(name)).sign
    except UsageError:
        return np.nan


def _constant_measures(study: Study) -> Iterator[Finding]:
    scores = study.assessments
    motion = scores[scores["joint"].notna()]
    for column in ("device", "mode"):
        keys = ["episode_id", "joint", "plane", "side"]
        rows = _differs_from_first(motion, keys, column).reindex(scores.index, fill_value=False)
        yield from where_broken("R33", "assessments", column, rows, got="another one")
    rows = _differs_from_first(scores, ["episode_id", "instrument"], "recall")
    yield from where_broken("R34", "assessments", "recall", rows, got="another period")


def _differs_from_first(rows: pd.DataFrame, keys: list[str], column: str) -> pd.Series[Any]:
    if rows[column].isna().all():
        return pd.Series(False, index=rows.index)
    first = rows.groupby(keys, dropna=False)[column].transform("first")
    return rows[column].notna() & rows[column].ne(first)


def _visit_days(study: Study) -> Iterator[Finding]:
    visits = study.sessions
    given = visits[received(visits["status"]) & visits["day"].notna()]
    again = given.groupby(["episode_id", "day"]).cumcount() >= 2
    rows = again.reindex(visits.index, fill_value=False)
    yield from where_broken("R35", "sessions", "day", rows, got="a third visit")
    first = (visits["session"] == 1) & (visits["day"] != 0) & visits["day"].notna()
    yield from where_broken("R39", "sessions", "day", first, got="another day")
    nothing = visits["adverse_event"].eq("none")
    named = visits["adverse_event"].notna() & ~nothing
    severity = visits["adverse_severity"]
    rows = (nothing & (severity > 0)) | (named & severity.eq(0))
    yield from where_broken("R38", "sessions", "adverse_severity", rows, got="the two disagree")


def _course_facts(study: Study) -> Iterator[Finding]:
    courses = study.episodes
    last = visits_received(study).groupby("episode_id")["day"].max()
    early = courses["end_day"] < courses["episode_id"].map(last).astype("float64")
    yield from where_broken("R36", "episodes", "end_day", early, got="an earlier day")
    often = courses["sessions_per_week"] > 3
    yield from where_broken("R37", "episodes", "sessions_per_week", often, got="more")
    mixed = courses["adaptations"].map(_none_and_more, na_action="ignore").eq(True)
    yield from where_broken("R40", "episodes", "adaptations", mixed, got="both")


def _none_and_more(cell: str) -> bool:
    words = [word.strip() for word in cell.split(";")]
    return "none" in words and len(words) > 1

"""What counts: the visits received, each score's place in its course, and THE baseline."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from outcomes.dictionary.tables import AT_VISIT, COURSE_TIMINGS, received
from outcomes.tables import Tables, once

SERIES = ["episode_id", "joint", "plane", "side"]
"""What one series of scores belongs to: a course, and for a range of motion its movement."""


def last_of_each(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the last row of each course, and of each movement where these are told apart."""
    return rows.drop_duplicates(rows.columns.intersection(SERIES).tolist(), keep="last")


NO_BASELINE = "no baseline"
SECOND, BEFORE = "a second baseline", "before the baseline"
_RANK = {"baseline": 0, "pre_session": 1, "post_session": 2, "discharge": 3, "follow_up": 4}


@once
def visits_received(study: Tables) -> pd.DataFrame:
    """Return the visits with care, in order within each course, numbered where the source does not.

    Parameters
    ----------
    study : Study
        The records.

    Returns
    -------
    DataFrame
        Rows of `sessions` with status attended, stopped_early or none, on a fresh index: by day
        where every visit of the course has one, else by number.

    Examples
    --------
    >>> from outcomes.study import study_from_tables
    >>> visits = pd.DataFrame({"episode_id": "a", "day": [0, 7, 9], "session": [1, None, 3],
    ...                        "status": ["attended", "attended", "no_show"]})
    >>> visits_received(study_from_tables({"sessions": visits}))["session"].tolist()
    [1.0, 2.0]
    """
    visits = study.sessions[received(study.sessions["status"])]
    dated = visits["day"].notna().groupby(visits["episode_id"]).transform("all")
    visits = visits.assign(at=visits["day"].where(dated, visits["session"]))
    visits = sorted_rows(visits, ["episode_id", "at", "session", "day"]).reset_index(drop=True)
    order = visits.groupby("episode_id", sort=False).cumcount() + 1.0
    return visits.assign(session=visits["session"].fillna(order)).drop(columns="at")


def sorted_rows(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Return rows sorted by columns; as they are where they are in order, which is seen quickly."""
    known = _are_sorted(rows[key].to_numpy() for key in keys)
    return rows if known else rows.sort_values(keys, kind="stable")


def _are_sorted(columns: Iterable[Any]) -> bool:
    tied: Any = np.True_
    for column in columns:
        before, after = column[:-1], column[1:]
        if column.dtype.kind not in "if" or (tied & ~((before <= after) | np.isnan(after))).any():
            return False
        tied = tied & ((before == after) | np.isnan(before) & np.isnan(after))
    return True


def chosen_rows(rows: pd.DataFrame, chosen: pd.Series[bool]) -> pd.DataFrame:
    """Return some rows; all of them without taking each."""
    return rows if chosen.all() else rows[chosen]


def number_of_therapists(study: Tables) -> int:
    """Return how many therapists the records name, at a course or at a visit; 0 for none.

    Examples
    --------
    >>> from outcomes.study import study_from_tables
    >>> visits = pd.DataFrame({"episode_id": ["a", "b"], "therapist_id": ["t1", "t2"]})
    >>> number_of_therapists(study_from_tables({"sessions": visits}))
    2
    """
    named = (table["therapist_id"].dropna() for table in (study.episodes, study.sessions))
    return len(set().union(*(names.unique() for names in named)))


def therapist_of_course(study: Tables, visits: pd.Series[float] | None = None) -> pd.Series[Any]:
    """Return who treats each course: who it is allotted to, else who gave most of its visits.

    Parameters
    ----------
    study : Study
        The records.
    visits : Series of float, index episode_id
        How many of the first visits of a course count; all, where it is not there or empty.

    Returns
    -------
    Series, index episode_id
        ``therapist_id`` of `episodes`, where the course has one; of two who gave equally many
        visits the one who came first; empty where nobody is named.

    Examples
    --------
    >>> from outcomes.study import study_from_tables
    >>> seen = pd.DataFrame({"episode_id": list("aaabb"), "session": [1, 2, 3, 1, 2],
    ...                      "therapist_id": ["t1", "t1", "t2", "t2", "t1"]})
    >>> courses = pd.DataFrame({"episode_id": ["a", "b"]})
    >>> tables = {"episodes": courses, "sessions": seen}
    >>> therapist_of_course(study_from_tables(tables)).tolist()
    ['t1', 't2']
    """
    seen, own = visits_received(study), study.courses["therapist_id"]
    if visits is not None:
        counted = seen["episode_id"].map(visits).astype(float).fillna(np.inf)
        seen = seen[seen.groupby("episode_id").cumcount() < counted]
    return own.fillna(therapist_of_most(seen).reindex(own.index))


def own_visits(study: Tables, of_course: pd.Series[Any]) -> pd.Series[bool]:
    """Tell which visits are of the course's therapist, where both are known.

    Parameters
    ----------
    study : Study
        The records.
    of_course : Series, index episode_id
        From `therapist_of_course`.

    Returns
    -------
    Series, index episode_id
        One row a visit received.

    Examples
    --------
    >>> from outcomes.study import study_from_tables
    >>> seen = pd.DataFrame({"episode_id": list("aaab"), "session": [1, 2, 3, 1],
    ...                      "therapist_id": ["t1", "t1", "t2", "t2"]})
    >>> study = study_from_tables({"episodes": seen[["episode_id"]].iloc[2:], "sessions": seen})
    >>> own_visits(study, therapist_of_course(study)).tolist()
    [True, True, False, True]
    """
    by = visits_received(study).set_index("episode_id")["therapist_id"]
    own = pd.Series(of_course.reindex(by.index).to_numpy(), by.index)
    known = own.notna() & by.notna()
    return by[known] == own[known]


def therapist_of_most(rows: pd.DataFrame) -> pd.Series[Any]:
    """Return the therapist of most rows of each course; of two, the one who came first.

    Parameters
    ----------
    rows : DataFrame
        Visits or scores in their order, with ``episode_id`` and ``therapist_id``.

    Returns
    -------
    Series, index episode_id
    """
    number = rows.groupby(["episode_id", "therapist_id"], sort=False, observed=True).size()
    ranked = number.sort_values(ascending=False, kind="stable").reset_index("therapist_id")
    return ranked.loc[~ranked.index.duplicated(), "therapist_id"]


@once
def placed_scores(study: Tables, instrument: str = "") -> pd.DataFrame:
    """Return every score with its place in the course, its baseline, and why it is left out.

    Parameters
    ----------
    study : Study
        The records.
    instrument : str
        Short name; all by default.

    Returns
    -------
    DataFrame
        Rows of `assessments` with a score, on the index of `assessments`, by series and time, the
        baseline first. Days and visits that are blank are filled from each other. ``series``
        numbers a course's instrument (and movement), ``is_baseline`` marks THE baseline,
        ``baseline`` is its score, ``why`` says why a score is in no trajectory (else empty) and
        ``first`` what the series has instead of a baseline (else empty).

    Notes
    -----
    The baseline is the ``baseline`` score, else the score before care (pre_session, or no timing)
    of visit 1, else the last one before care that has no visit and a day up to 0.

    Examples
    --------
    >>> from outcomes.study import study_from_tables
    >>> scores = pd.DataFrame({"episode_id": list("aab"), "day": [0, 28, 28], "instrument": "nprs",
    ...                        "score": [6, 4, 5]})
    >>> placed = placed_scores(study_from_tables({"assessments": scores}))
    >>> placed[["episode_id", "is_baseline", "baseline", "why"]]
      episode_id  is_baseline  baseline          why
    0          a         True       6.0
    1          a        False       6.0
    2          b        False       NaN  no baseline
    """
    if instrument:
        placed = placed_scores(study)
        return placed[placed["instrument"] == instrument]
    scores = chosen_rows(study.assessments, study.assessments["score"].notna())
    blank, timing = scores["timing"].isna(), scores["timing"]
    if blank.any():
        timing = timing.astype(object).fillna("pre_session")
    scores = scores.assign(timing=timing, blank=blank)
    keys = ["instrument", "episode_id", *told(scores, SERIES[1:])]
    scores["series"] = scores.groupby(keys, dropna=False, sort=True, observed=True).ngroup()
    _fill_times(scores, visits_received(study))
    scores = _in_order(scores)
    _choose_baselines(scores)
    scores["why"], scores["first"] = _why_left_out(scores), _first_of(scores)
    scores = scores.drop(columns="blank")
    if not (scores["is_baseline"] & scores["series"].duplicated()).any():
        return scores  # each baseline is the first of its series
    return scores.sort_values(["series", "is_baseline"], ascending=[True, False], kind="stable")


@once
def baselines(study: Tables, instrument: str = "") -> pd.DataFrame:
    """Return the baselines: the rows of `placed_scores` that are one, one a series."""
    placed = placed_scores(study, instrument)
    return placed[placed["is_baseline"]]


@once
def scores_before_care(study: Tables, instrument: str) -> pd.DataFrame:
    """Return score, day and series of the scores before the first visit's care, in order."""
    scores = placed_scores(study, instrument)[["series", "day", "score", "timing"]]
    early = scores[scores["timing"].isin(["baseline", "pre_session"]) & (scores["day"] <= 0)]
    early = early.sort_values("day", kind="stable").drop_duplicates(["series", "day"])
    twice = early["series"].duplicated(keep=False)
    return early.loc[twice, ["series", "day", "score"]].reset_index(drop=True)


def baseline_of(study: Tables, rows: pd.DataFrame) -> pd.Series[float]:
    """Return the baseline of each row's ``episode_id`` and ``instrument``, if it has just one."""
    keys = ["episode_id", "instrument"]
    scores = baselines(study)
    alone = scores[~scores.duplicated(keys, keep=False)].set_index(keys)["score"]
    return alone.reindex(pd.MultiIndex.from_frame(rows[keys])).set_axis(rows.index)


def _fill_times(scores: pd.DataFrame, visits: pd.DataFrame) -> None:
    """Fill a missing day from the visit's number, and a visit's missing number from its day."""
    undated = scores["day"].isna()
    if undated.any():
        by_number = visits.drop_duplicates(["episode_id", "session"])
        scores["day"] = _filled(scores, undated, by_number, "session", "day")
    unnumbered = scores["session"].isna() & scores["timing"].isin(AT_VISIT)
    if unnumbered.any():
        alone = visits[visits["day"].notna()].drop_duplicates(["episode_id", "day"], keep=False)
        scores["session"] = _filled(scores, unnumbered, alone, "day", "session")


def _filled(scores: pd.DataFrame, blank: Any, visits: pd.DataFrame, key: str, column: str) -> Any:
    keys, own = ["episode_id", key], scores[blank]
    found = own[keys].merge(visits[[*keys, column]], "left", on=keys)
    return scores[column].fillna(found[column].set_axis(own.index))


def told(frame: pd.DataFrame, names: list[str]) -> list[str]:
    """Return those of the columns in which anything stands."""
    return [name for name in names if frame[name].notna().any()]


def _in_order(scores: pd.DataFrame) -> pd.DataFrame:
    """Sort each series by day where all its scores have one, else by kind and visit."""
    day, rank, dated = (
        scores["day"],
        scores["timing"].map(_RANK).astype(float),
        scores["day"].notna(),
    )
    if not dated.all():
        dated = dated.groupby(scores["series"]).transform("all")
    columns = scores["series"], day.where(dated, rank), scores["session"], rank.where(dated, day)
    keys = [column.to_numpy() for column in columns]
    order = np.argsort(keys[0], kind="stable")
    known = _are_sorted(key[order] for key in keys)  # as most records are, which is seen quickly
    return scores.iloc[order if known else np.lexsort(keys[::-1])]


def _choose_baselines(scores: pd.DataFrame) -> None:
    """Mark one baseline a series, the best kind that it has."""
    series, before_care = scores["series"].to_numpy(), scores["timing"] == "pre_session"
    kinds = (
        scores["timing"] == "baseline",
        before_care & (scores["session"] == 1),
        before_care & scores["session"].isna() & (scores["day"] <= 0),
    )
    kind = np.select(kinds, range(len(kinds)), len(kinds))
    starts = np.flatnonzero(np.diff(series, prepend=-1))  # series are numbered in their order
    candidate = (kind == np.minimum.reduceat(kind, starts)[series]) & (kind < len(kinds))
    candidates = np.flatnonzero(candidate)
    apart = np.diff(series[candidates], prepend=-1, append=-1) != 0
    chosen = candidates[np.where(kind[candidates] == 2, apart[1:], apart[:-1])]  # last, or first
    is_baseline = np.zeros(len(series), dtype=bool)
    is_baseline[chosen] = True
    scores["is_baseline"], scores["second"] = is_baseline, candidate & ~is_baseline
    found = np.full((2, len(starts)), np.nan)
    found[:, series[chosen]] = scores[["score", "day"]].to_numpy()[chosen].T
    scores["baseline"], scores["from_day"] = found[:, series]


def _why_left_out(scores: pd.DataFrame) -> Any:
    of_course = scores["timing"].isin(COURSE_TIMINGS)
    reasons = {
        BEFORE: (scores["day"] < scores.pop("from_day")) & of_course,
        SECOND: scores.pop("second"),
        NO_BASELINE: scores["baseline"].isna() & of_course,
    }
    which = np.select([*reasons.values()], range(len(reasons)), len(reasons))
    return np.array([*reasons, ""], dtype=object)[which]  # each word in memory once


def _first_of(scores: pd.DataFrame) -> Any:
    """Say what a series without a baseline has that could have been one."""
    without = scores["baseline"].isna()
    found = np.full(len(without), "", dtype=object)
    if not without.any():
        return found
    scores = scores.loc[without, ["timing", "session", "day", "series", "blank"]]
    before_care = scores["timing"] == "pre_session"
    placeless = before_care & scores["session"].isna()
    reasons = {
        "scores without a visit and a day": placeless & scores["day"].isna(),
        "scores without a timing and a visit, later than day 0": placeless & scores["blank"],
        "scores without a visit, later than day 0": placeless,
        "scores that begin at a later visit": before_care,
    }
    any_of = [mask.groupby(scores["series"]).transform("any") for mask in reasons.values()]
    found[without] = np.select(any_of, [*reasons], "scores at discharge or follow-up alone")
    return found

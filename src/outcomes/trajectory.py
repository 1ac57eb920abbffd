"""The analysis frame: improvement and every "before" exposure are defined here, and only here.

A score taken at the start of a visit cannot have been caused by that visit's pressure; the pressure
is chosen because of the score. So every exposure in a row is what happened strictly *before* it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from outcomes.dictionary.tables import COURSE_TIMINGS, RECEIVED
from outcomes.errors import UsageError
from outcomes.study import Study, Timing

COLUMNS = (
    "episode_id", "patient_id", "therapist_id", "clinic_id", "condition", "arm",
    "session", "day", "week", "session_count", "pressure", "pressure_mean", "pressure_within",
    "minutes_before", "baseline", "score_before", "score", "improvement",
)  # fmt: skip
SAME_VISIT_COLUMNS = ("pressure_same_visit", "minutes_same_visit")
SERIES = ["episode_id", "joint", "plane", "side"]
"""What one series of scores belongs to: a course, and for a range of motion its movement."""

_RANK = {"baseline": 0, "pre_session": 1, "post_session": 2, "discharge": 3, "follow_up": 4}
_SPREAD = 1e6  # more days or visits than any course has


def trajectory(
    study: Study, instrument: str, timing: Timing = "course", *, same_visit: bool = False
) -> pd.DataFrame:
    """One row per score after baseline, with its improvement and what happened before it.

    Parameters
    ----------
    study : Study
        The records.
    instrument : str
        Short name of the instrument.
    timing : {"course", "immediate"}
        ``course`` takes pre-session, discharge and follow-up scores, never post-session ones.
        ``immediate`` is another outcome: the change from before to after one visit, with that
        visit's pressure as exposure.
    same_visit : bool
        Add ``pressure_same_visit`` and ``minutes_same_visit``, which the score may have caused;
        for teaching.

    Returns
    -------
    DataFrame
        One row a score, sorted by course and time. ``improvement`` (instrument's unit) is the
        change from the course's baseline in the better direction: positive = better.
        ``session_count`` is the number of sessions received before the score, ``pressure``
        (Walton) that of the last of them, ``pressure_mean`` the mean over all of them,
        ``pressure_within`` their difference, ``minutes_before`` (min) their sum. ``score_before``
        is the last score of a visit before this one. ``week`` is day / 7. What the study does not
        record is empty. ``.attrs["left_out"]`` counts the scores without a baseline.

    Raises
    ------
    UsageError
        When the instrument is not known or has no scores.

    Notes
    -----
    Before means a smaller visit number where the score has one, else a smaller day; a discharge
    score counts the visit of its day as received. Only visits attended or stopped early count.

    Examples
    --------
    Three visits, each with a pain score at its start; pressure is the therapist's answer to it.

    >>> import pandas as pd
    >>> from outcomes.study import study_from_tables
    >>> visits = pd.DataFrame({"episode_id": "a", "session": [1, 2, 3], "day": [0, 7, 14],
    ...                        "pressure": [3, 2, 4], "minutes": [60, 30, 60]})
    >>> scores = pd.DataFrame({"episode_id": "a", "session": [1, 2, 3], "timing": "pre_session",
    ...                        "instrument": "nprs", "score": [7, 6, 4]})
    >>> frame = study_from_tables({"sessions": visits, "assessments": scores}).trajectory("nprs")
    >>> frame[["session", "session_count", "pressure", "pressure_mean", "minutes_before",
    ...        "baseline", "score_before", "score", "improvement"]].T
                       0     1
    session          2.0   3.0
    session_count    1.0   2.0
    pressure         3.0   2.0
    pressure_mean    3.0   2.5
    minutes_before  60.0  90.0
    baseline         7.0   7.0
    score_before     7.0   6.0
    score            6.0   4.0
    improvement      1.0   3.0
    """
    better = study.instrument(instrument)
    scores = _scores(study, instrument)
    visits = visits_received(study)
    scores = _with_times(scores, visits)
    rows = _immediate(scores) if timing == "immediate" else _course(scores)
    rows["improvement"] = better.sign * (rows["score"] - rows["baseline"])
    received = _received_before(rows, visits, immediate=timing == "immediate")
    _add_exposures(rows, visits, received)
    if timing == "immediate":
        _use_visit_itself(rows, visits)
    _add_episode_facts(rows, study, visits, received)
    if not study.sessions["episode_id"].size:
        rows["session_count"] = rows["session"] - (rows["timing"] != "discharge")
    columns = list(COLUMNS)
    if same_visit:
        _add_same_visit(rows, visits)
        columns += SAME_VISIT_COLUMNS
    return _finished(rows, columns, n_without_baseline=int(rows["baseline"].isna().sum()))


def _scores(study: Study, name: str) -> pd.DataFrame:
    scores = study.assessments[study.assessments["instrument"] == name].copy()
    if scores.empty:
        must = "the study has scores of the instrument"
        known = ", ".join(study.scored_instruments()) or "none"
        raise UsageError(must, got="none", where=name, remedy=f"Instruments with scores: {known}.")
    scores["timing"] = scores["timing"].fillna("pre_session")
    scores = scores[scores["score"].notna()]
    scores["series"] = scores.groupby(SERIES, dropna=False, sort=True).ngroup()
    return scores.reset_index(drop=True)


def visits_received(study: Study) -> pd.DataFrame:
    """Return the visits with care, in order within each course, numbered where the source does not.

    Parameters
    ----------
    study : Study
        The records.

    Returns
    -------
    DataFrame
        Rows of `sessions` with status attended, stopped_early or none, on a fresh index.
    """
    visits = study.sessions
    received = visits["status"].isin(RECEIVED) | visits["status"].isna()
    visits = visits.loc[received].sort_values(["episode_id", "session", "day"])
    visits = visits.reset_index(drop=True)
    order = visits.groupby("episode_id", sort=False).cumcount() + 1.0
    visits["session"] = visits["session"].fillna(order)
    return visits


def _with_times(scores: pd.DataFrame, visits: pd.DataFrame) -> pd.DataFrame:
    """Fill a missing day from the visit's number, and a pre-session score's number from its day."""
    by_number = visits.drop_duplicates(["episode_id", "session"])
    days = scores[["episode_id", "session"]].merge(
        by_number[["episode_id", "session", "day"]], "left", on=["episode_id", "session"]
    )["day"]
    scores["day"] = scores["day"].fillna(days)
    alone = visits[visits["day"].notna()].drop_duplicates(["episode_id", "day"], keep=False)
    numbers = scores[["episode_id", "day"]].merge(
        alone[["episode_id", "day", "session"]], "left", on=["episode_id", "day"]
    )["session"]
    at_visit = scores["timing"].isin(["pre_session", "post_session"])
    scores["session"] = scores["session"].fillna(numbers.where(at_visit))
    return _in_order(scores)


def _in_order(scores: pd.DataFrame) -> pd.DataFrame:
    scores["rank"] = scores["timing"].map(_RANK)
    keys = ["day", "session", "rank"] if scores["day"].notna().all() else ["rank", "session", "day"]
    scores["not_baseline"] = scores["timing"] != "baseline"
    return scores.sort_values(["series", "not_baseline", *keys], kind="stable", ignore_index=True)


def _course(scores: pd.DataFrame) -> pd.DataFrame:
    """Give each course score its baseline and the score before it; drop the baseline's row."""
    course = scores[scores["timing"].isin(("baseline", *COURSE_TIMINGS))].copy()
    explicit = course["timing"] == "baseline"
    has_row = explicit.groupby(course["series"]).transform("any")
    first_visit = (course["timing"] == "pre_session") & (course["session"] == 1) & ~has_row
    is_baseline = explicit | first_visit
    baselines = course["score"].where(is_baseline).groupby(course["series"])
    course["baseline"] = baselines.transform("first")
    course["score_before"] = course.groupby("series")["score"].shift()
    return course[~is_baseline].copy()


def _immediate(scores: pd.DataFrame) -> pd.DataFrame:
    """Pair each post-session score with the pre-session score of the same visit."""
    at_first = scores["session"].fillna(1) == 1
    before = scores[
        (scores["timing"] == "pre_session") | (scores["timing"].eq("baseline") & at_first)
    ]
    before = before.assign(session=before["session"].fillna(1))
    before = before.drop_duplicates(["series", "session"], keep="last")
    after = scores[scores["timing"] == "post_session"].copy()
    pre = after[["series", "session"]].merge(
        before[["series", "session", "score"]], "left", on=["series", "session"]
    )["score"]
    after["baseline"] = after["score_before"] = pre.to_numpy()
    return after


def _received_before(rows: pd.DataFrame, visits: pd.DataFrame, *, immediate: bool) -> Any:
    """Position in `visits` just after the last visit before each row, shape (rows,)."""
    codes, ids = pd.factorize(visits["episode_id"], sort=False)
    row_codes = pd.Series(np.arange(len(ids)), index=ids).reindex(rows["episode_id"]).to_numpy()
    codes_of_rows = np.where(np.isnan(row_codes.astype(float)), -1, row_codes).astype(float)
    at_discharge = (rows["timing"] == "discharge").to_numpy()
    numbered = (rows["session"].notna() & (rows["timing"] != "follow_up")).to_numpy()
    by_number = _position(codes, visits["session"], codes_of_rows, rows["session"], at_discharge)
    days = visits["day"].fillna(_SPREAD / 4)
    by_day = _position(codes, days, codes_of_rows, rows["day"], at_discharge)
    dated = rows["day"].notna().to_numpy() & ~((rows["timing"] == "pre_session") & numbered)
    use_day = dated & ~(immediate & numbered)
    return np.where(use_day, by_day, by_number).astype(np.int64)


def _position(
    codes: Any, times: pd.Series[Any], row_codes: Any, row_times: pd.Series[Any], at_end: Any
) -> Any:
    keys = codes * _SPREAD + times.to_numpy(float)
    wanted = row_codes * _SPREAD + np.nan_to_num(row_times.to_numpy(float))
    before = np.searchsorted(keys, wanted, side="left")
    return np.where(at_end, np.searchsorted(keys, wanted, side="right"), before)


def _add_exposures(rows: pd.DataFrame, visits: pd.DataFrame, received: Any) -> None:
    """Add what happened before each score: count, last and mean pressure, summed minutes."""
    codes = pd.factorize(visits["episode_id"], sort=False)[0]
    first = np.searchsorted(codes, codes)  # position of each visit's course
    starts = pd.Series(first, index=visits["episode_id"]).groupby(level=0).first()
    start = starts.reindex(rows["episode_id"]).to_numpy(float)
    start = np.where(np.isnan(start), received, start).astype(np.int64)
    has_place = (rows["session"].notna() | rows["day"].notna()).to_numpy()
    count = (received - start).astype(float)
    rows["session_count"] = np.where(has_place & (len(visits) > 0), count, np.nan)
    any_before = (count > 0) & has_place
    rows["pressure"] = _at(visits["pressure"], received - 1, any_before)
    recorded = _between(visits["pressure"].notna(), start, received)
    total = _between(visits["pressure"].fillna(0.0), start, received)
    known = any_before & (recorded > 0)
    rows["pressure_mean"] = np.where(known, total / np.where(known, recorded, 1.0), np.nan)
    rows["pressure_within"] = rows["pressure"] - rows["pressure_mean"]
    n_unknown = _between(visits["minutes"].isna(), start, received)
    minutes = _between(visits["minutes"].fillna(0.0), start, received)
    complete = has_place & (n_unknown == 0) & bool(visits["minutes"].notna().any())
    rows["minutes_before"] = np.where(complete, minutes, np.nan)


def _between(values: pd.Series[Any], start: Any, end: Any) -> Any:
    sums = np.concatenate([[0.0], np.cumsum(values.to_numpy(float))])
    return sums[end] - sums[start]


def _at(values: pd.Series[Any], positions: Any, where: Any) -> Any:
    if not len(values):
        return np.full(len(positions), np.nan)
    return np.where(where, values.to_numpy(float)[np.maximum(positions, 0)], np.nan)


def _use_visit_itself(rows: pd.DataFrame, visits: pd.DataFrame) -> None:
    """For the immediate outcome the exposure is the visit's own pressure."""
    own = _own_visit(rows, visits)
    rows["pressure"] = own["pressure"].to_numpy()
    rows["pressure_within"] = rows["pressure"] - rows["pressure_mean"]


def _add_same_visit(rows: pd.DataFrame, visits: pd.DataFrame) -> None:
    own = _own_visit(rows, visits)
    rows["pressure_same_visit"] = own["pressure"].to_numpy()
    rows["minutes_same_visit"] = own["minutes"].to_numpy()


def _own_visit(rows: pd.DataFrame, visits: pd.DataFrame) -> pd.DataFrame:
    by_number = visits.drop_duplicates(["episode_id", "session"])
    columns = ["episode_id", "session", "pressure", "minutes", "therapist_id"]
    return rows[["episode_id", "session"]].merge(
        by_number[columns], "left", on=["episode_id", "session"]
    )


def _add_episode_facts(
    rows: pd.DataFrame, study: Study, visits: pd.DataFrame, received: Any
) -> None:
    facts = study.episodes.drop_duplicates("episode_id").set_index("episode_id")
    for name in ("patient_id", "clinic_id", "condition", "arm"):
        rows[name] = facts[name].reindex(rows["episode_id"]).to_numpy()
    own = pd.Series(facts["therapist_id"].reindex(rows["episode_id"]).to_numpy(), dtype=object)
    if len(visits):
        last = visits["therapist_id"].to_numpy(object)[np.maximum(received - 1, 0)]
        any_before = (rows["session_count"] > 0).to_numpy() & pd.notna(last)
        own = own.where(~any_before, pd.Series(last, dtype=object))
    rows["therapist_id"] = own.to_numpy()


def _finished(rows: pd.DataFrame, columns: list[str], *, n_without_baseline: int) -> pd.DataFrame:
    rows["week"] = rows["day"] / 7
    varying = [c for c in SERIES[1:] if rows[c].notna().any()]
    frame = rows.loc[rows["baseline"].notna(), [*columns[:6], *varying, *columns[6:]]]
    frame = frame.reset_index(drop=True)
    frame.attrs["left_out"] = {"no baseline": n_without_baseline}
    return frame

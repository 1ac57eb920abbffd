"""The analysis frame: improvement and every "before" exposure are defined here, and only here.

A score taken at the start of a visit cannot have been caused by that visit's pressure; the pressure
is chosen because of the score. So every exposure in a row is what happened strictly *before* it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from outcomes.dictionary.tables import COURSE_TIMINGS
from outcomes.errors import UsageError
from outcomes.records import NO_BASELINE, SERIES, placed_scores, visits_received
from outcomes.tables import Tables, Timing, once

COLUMNS = (
    "episode_id", "patient_id", "therapist_id", "clinic_id", "condition", "arm",
    "session", "day", "week", "session_count", "pressure", "pressure_mean", "pressure_within",
    "minutes_before", "baseline", "score_before", "score", "improvement",
)  # fmt: skip
SAME_VISIT_COLUMNS = ("pressure_same_visit", "minutes_same_visit")
AT_END = ("discharge", "follow_up")
"""Timings of scores that come after the course's visits."""

_SPREAD = 1e6  # more days or visits than any course has


class TrajectoryFrame(pd.DataFrame):
    """Rows of a trajectory: a frame that knows its instrument and whether it was simulated.

    What is selected from it or merged to it knows it too; so whatever is fitted to it can say so.
    What it is merged to does not: pandas keeps what the frame on the left knows.

    Attributes
    ----------
    instrument : str
        Short name of the instrument.
    unit : str
        Its unit, plural.
    stamp : str
        ``SYNTHETIC`` for simulated data, else empty.
    record_errors : tuple of str
        Rules with the severity of an error that the study breaks, where that was looked up.
    """

    _metadata: ClassVar[list[str]] = ["instrument", "unit", "stamp", "record_errors"]
    instrument: str = ""
    unit: str = ""
    stamp: str = ""
    record_errors: tuple[str, ...] = ()

    @property
    def _constructor(self) -> type[TrajectoryFrame]:
        return TrajectoryFrame

    def __finalize__(self, other: Any, method: str | None = None, **options: Any) -> Self:
        parts = [p for p in getattr(other, "input_objs", ()) if isinstance(p, TrajectoryFrame)]
        for name in self._metadata if parts else ():  # of frames put together, what all share
            shared = {getattr(part, name) for part in parts}
            object.__setattr__(self, name, shared.pop() if len(shared) == 1 else "")
        if parts:
            self.record_errors = tuple(dict.fromkeys(e for p in parts for e in p.record_errors))
        left = getattr(other, "left", other)
        return super().__finalize__(left, method, **options)  # type: ignore[misc,no-any-return]


@dataclass(frozen=True, eq=False)
class Trajectory:
    """The analysis frame of one instrument, and what is not in it.

    Parameters
    ----------
    rows : DataFrame
        As `trajectory` says; those of a study in parts come piece by piece, as `Pieces`.
    left_out : mapping of str to int
        Scores left out, by reason; ``no baseline`` is always there.
    """

    rows: Any
    left_out: Mapping[str, int]


@once
def trajectory(
    study: Tables, instrument: str, timing: Timing = "course", *, same_visit: bool = False
) -> Trajectory:
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
    Trajectory
        One row a score, sorted by course and time. ``improvement`` (instrument's unit) is the
        change from the course's baseline in the better direction: positive = better.
        ``session_count`` is the number of sessions received before the score, ``pressure``
        (Walton) that of the last of them, ``pressure_mean`` the mean over all of them,
        ``pressure_within`` their difference, ``minutes_before`` (min) their sum. ``score_before``
        is the last score of a visit before this one. ``week`` is day / 7. What the study does not
        record is empty.

    Raises
    ------
    UsageError
        When the instrument is not known or has no scores.

    Notes
    -----
    Before means a smaller visit number where the score has one, else a smaller day; a discharge
    score counts the visit of its day as received. Only visits attended or stopped early count; if
    a visit has no day and the score no number, what came before may be empty. The baseline is that
    of `outcomes.records.placed_scores`.

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
    _require_scores(study, instrument)
    rows = _of_all_instruments(study, timing)
    rows = rows[rows["instrument"] == instrument].reset_index(drop=True)
    rows["improvement"] = better.sign * (rows["score"] - rows["baseline"])
    columns = list(COLUMNS)
    if same_visit:
        visits = visits_received(study)
        rows[list(SAME_VISIT_COLUMNS)] = _own_visit(rows, visits)[["pressure", "minutes"]]
        columns += SAME_VISIT_COLUMNS
    found = _finished(rows, columns)
    return replace(found, rows=framed(found.rows, study, instrument))


@once
def _of_all_instruments(study: Tables, timing: Timing) -> pd.DataFrame:
    """Return the rows of `trajectory` of every instrument, and those that it leaves out."""
    scores, visits = placed_scores(study), visits_received(study)
    immediate = timing == "immediate"
    rows = _immediate(scores) if immediate else _course(scores)
    received, known = _received_before(rows, visits, immediate=immediate)
    _add_exposures(rows, visits, received, known)
    if immediate:  # the exposure is the visit's own pressure
        rows["pressure"] = _own_visit(rows, visits)["pressure"].to_numpy()
        rows["pressure_within"] = rows["pressure"] - rows["pressure_mean"]
    _add_episode_facts(rows, study, visits, received)
    if not len(study.sessions):
        rows["session_count"] = rows["session"] - (rows["timing"] != "discharge")
    return rows


def framed(rows: pd.DataFrame, study: Tables, instrument: str) -> TrajectoryFrame:
    """Return rows that know their instrument, its unit, and whether they were simulated."""
    known = TrajectoryFrame(rows)
    known.instrument, known.unit = instrument, study.instrument(instrument).unit
    known.stamp = "SYNTHETIC" if study.provenance.synthetic else ""
    return known


def _require_scores(study: Tables, name: str) -> None:
    if not placed_scores(study)["instrument"].eq(name).any():
        must = "the study has scores of the instrument"
        known = ", ".join(study.scored_instruments()) or "none"
        raise UsageError(must, got="none", where=name, remedy=f"Instruments with scores: {known}.")


def _course(scores: pd.DataFrame) -> pd.DataFrame:
    """Give each course score the score before it; the baseline has no row."""
    kept = scores["is_baseline"] | scores["why"].eq("") & scores["timing"].isin(COURSE_TIMINGS)
    scores["score_before"] = scores["score"].where(kept).groupby(scores["series"]).ffill()
    scores["score_before"] = scores.groupby("series")["score_before"].shift()
    of_course = scores["timing"].isin(("baseline", *COURSE_TIMINGS)) & ~scores["is_baseline"]
    return scores[of_course].reset_index(drop=True)


def _immediate(scores: pd.DataFrame) -> pd.DataFrame:
    """Pair each post-session score with the pre-session score of the same visit."""
    before = scores[scores["timing"].eq("pre_session") | scores["is_baseline"]]
    before = before.assign(session=before["session"].where(~before["is_baseline"], 1.0))
    before = before.sort_values("is_baseline", kind="stable", ascending=False)
    before = before.dropna(subset="session").drop_duplicates(["series", "session"], keep="last")
    after = scores[scores["timing"] == "post_session"].reset_index(drop=True)
    pre = after[["series", "session"]].merge(
        before[["series", "session", "score"]], "left", on=["series", "session"]
    )["score"]
    after["baseline"] = after["score_before"] = pre.to_numpy()
    return after.assign(why=np.where(pre.isna(), NO_BASELINE, ""))


def _received_before(
    rows: pd.DataFrame, visits: pd.DataFrame, *, immediate: bool
) -> tuple[Any, Any]:
    """Position in `visits` after the last visit before each row, and whether that can be known."""
    codes, ids = pd.factorize(visits["episode_id"], sort=False)
    of_row = pd.Series(np.arange(len(ids)), index=ids).reindex(rows["episode_id"]).to_numpy(float)
    of_rows = np.where(np.isnan(of_row), -1.0, of_row)
    at_discharge = (rows["timing"] == "discharge").to_numpy()
    numbered = (rows["session"].notna() & (rows["timing"] != "follow_up")).to_numpy()
    by_number = _position(codes, visits["session"], of_rows, rows["session"], at_discharge)
    days = visits["day"].groupby(codes)  # a visit without a day lies between its neighbours
    latest, earliest = days.bfill().fillna(_SPREAD / 4), days.ffill().fillna(0.0)
    least = _position(codes, latest, of_rows, rows["day"], at_discharge)
    most = _position(codes, earliest, of_rows, rows["day"], at_discharge)
    dated = rows["day"].notna().to_numpy() & ~((rows["timing"] == "pre_session") & numbered)
    use_day = dated & ~(immediate & numbered)
    told = ~use_day | (least == most) | rows["timing"].isin(AT_END).to_numpy()
    visited = (of_rows >= 0) | ~numbered  # a numbered score has visits, listed or not
    placed = (rows["session"].notna() | rows["day"].notna()).to_numpy()
    return np.where(use_day, most, by_number).astype(np.int64), told & visited & placed


def _position(
    codes: Any, times: pd.Series[Any], row_codes: Any, row_times: pd.Series[Any], at_end: Any
) -> Any:
    keys = codes * _SPREAD + times.to_numpy(float)
    wanted = row_codes * _SPREAD + np.nan_to_num(row_times.to_numpy(float))
    before = np.searchsorted(keys, wanted, side="left")
    return np.where(at_end, np.searchsorted(keys, wanted, side="right"), before)


def _add_exposures(rows: pd.DataFrame, visits: pd.DataFrame, received: Any, known: Any) -> None:
    """Add what happened before each score: count, last and mean pressure, summed minutes."""
    codes = pd.factorize(visits["episode_id"], sort=False)[0]
    first = np.searchsorted(codes, codes)  # position of each visit's course
    starts = pd.Series(first, index=visits["episode_id"]).groupby(level=0).first()
    start = starts.reindex(rows["episode_id"]).to_numpy(float)
    start = np.where(np.isnan(start), received, start).astype(np.int64)
    count = (received - start).astype(float)
    rows["session_count"] = np.where(known & (len(visits) > 0), count, np.nan)
    any_before = (count > 0) & known
    rows["pressure"] = _at(visits["pressure"], received - 1, any_before)
    recorded = _between(visits["pressure"].notna(), start, received)
    total = _between(visits["pressure"].fillna(0.0), start, received)
    mean = total / np.where(recorded > 0, recorded, 1.0)
    rows["pressure_mean"] = np.where(any_before & (recorded > 0), mean, np.nan)
    rows["pressure_within"] = rows["pressure"] - rows["pressure_mean"]
    n_unknown = _between(visits["minutes"].isna(), start, received)
    minutes = _between(visits["minutes"].fillna(0.0), start, received)
    complete = known & (n_unknown == 0) & bool(visits["minutes"].notna().any())
    rows["minutes_before"] = np.where(complete, minutes, np.nan)


def _between(values: pd.Series[Any], start: Any, end: Any) -> Any:
    sums = np.concatenate([[0.0], np.cumsum(values.to_numpy(float))])
    return sums[end] - sums[start]


def _at(values: pd.Series[Any], positions: Any, where: Any) -> Any:
    if not len(values):
        return np.full(len(positions), np.nan)
    return np.where(where, values.to_numpy(float)[np.maximum(positions, 0)], np.nan)


def _own_visit(rows: pd.DataFrame, visits: pd.DataFrame) -> pd.DataFrame:
    by_number = visits.drop_duplicates(["episode_id", "session"])
    columns = ["episode_id", "session", "pressure", "minutes", "therapist_id"]
    return rows[["episode_id", "session"]].merge(
        by_number[columns], "left", on=["episode_id", "session"]
    )


def _add_episode_facts(
    rows: pd.DataFrame, study: Tables, visits: pd.DataFrame, received: Any
) -> None:
    facts, own = study.courses, visits["therapist_id"]
    place = facts.index.get_indexer(pd.Index(rows["episode_id"]))
    for name in ("patient_id", "clinic_id", "condition", "arm"):
        rows[name] = _taken(facts[name], place)
    if len(visits):
        named = own.notna().to_numpy()[np.maximum(received - 1, 0)]
        any_before = (rows["session_count"] > 0).to_numpy() & named
        place = np.where(any_before, len(facts) + received - 1, place)
    rows["therapist_id"] = _taken(pd.concat([facts["therapist_id"], own]), place)


def _taken(values: pd.Series[Any], places: Any) -> Any:
    """Return values by position, none for -1; what is categories stays so."""
    found = values.array.take(places, allow_fill=True)
    return found if isinstance(values.dtype, pd.CategoricalDtype) else found.to_numpy(object)


def _finished(rows: pd.DataFrame, columns: list[str]) -> Trajectory:
    rows["week"] = rows["day"] / 7
    varying = [c for c in SERIES[1:] if rows[c].notna().any()]
    kept = rows.loc[rows["why"] == "", [*columns[:6], *varying, *columns[6:]]]
    left_out = rows.loc[rows["why"] != "", "why"].value_counts()
    counts = {NO_BASELINE: 0, **{str(why): int(n) for why, n in left_out.items()}}
    return Trajectory(kept.reset_index(drop=True), counts)

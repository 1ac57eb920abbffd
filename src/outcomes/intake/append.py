"""Put what a later export says to what a study holds, and number visits and days anew.

Tables carry ``date`` (days since 1970-01-01) until all is together; then day 0 is the first visit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from outcomes.dictionary.tables import AT_VISIT, TABLES, received
from outcomes.findings import Finding, finding
from outcomes.intake.rows import TypedRows
from outcomes.intake.tables import Frames
from outcomes.privacy.key_file import KeyFile
from outcomes.provenance import Import
from outcomes.study import Study

_OF_DAYS = ("clearance_day", "end_day", "by_day", "set_day")
_TIMES = ("date", "day", "sessions.session", "assessments.session")
_MOST, N_MARKS = 0.75, 64
_SCORE = ("visit", "episode_id", "at", "instrument", "timing", "joint", "plane", "side")


def marks_of(rows: TypedRows, key: KeyFile) -> list[str]:
    """Return a digest of whose each row is and of when, each once, in an order of no meaning."""
    times = [name for name in _TIMES if name in rows.cells]
    whose = rows.cells[["episodes.patient_id", *times]].drop_duplicates()
    return sorted(key.mark("|".join(map(str, one))) for one in whose.to_numpy())


def standing(earlier: Sequence[Import], new: Import, marks: Collection[str]) -> tuple[Import, ...]:
    """Return the imports that count: a corrected export stands in the place of the earlier one.

    Parameters
    ----------
    earlier : sequence of Import
        What the study was made of so far.
    new : Import
        The import that is added.
    marks : collection of str
        Of all its rows; it is the earlier export again where it has most of its rows and columns.
    """
    rows, columns = set(marks), set(new.columns)
    again = [min(_share(one.marks, rows), _share(one.columns, columns)) for one in earlier]
    return (*(one for one, share in zip(earlier, again, strict=True) if share < _MOST), new)


def _share(parts: Collection[str], whole: set[str]) -> float:
    return len(whole.intersection(parts)) / max(len(parts), 1)


def dated_tables(study: Study, anchors: Mapping[str, float]) -> Frames:
    """Return the tables of a study with the dates that the key file keeps, and visits numbered.

    Parameters
    ----------
    study : Study
        What earlier imports left.
    anchors : mapping of str to float
        Course to the date of its day 0, in days since 1970-01-01.
    """
    tables = {}
    for name in TABLES:
        frame = study.table(name).copy()
        day_0 = frame["episode_id"].map(anchors).astype("float64")
        if "day" in frame:
            frame["date"] = frame["day"] + day_0
        for column in _OF_DAYS:
            if column in frame:
                frame[f"{column}.date"] = frame[column] + day_0
        tables[name] = frame
    visits = tables["sessions"]
    visits["visit"] = -1.0 - np.arange(len(visits))
    visits["order"] = visits.groupby(["episode_id", "day"]).cumcount().astype("float64")
    numbered = visits.dropna(subset=["session"]).drop_duplicates(["episode_id", "session"])
    keys = ["episode_id", "session"]
    scores = tables["assessments"]
    at = scores[keys].merge(numbered[[*keys, "visit"]], "left", on=keys)["visit"]
    scores["visit"] = at.where(scores["session"].notna())
    stayed = visits[visits["session"].isna()].set_index(["episode_id", "day"])["visit"]
    stayed = stayed[~stayed.index.duplicated()]  # a visit not received has no number: by its day
    held = pd.Series(stayed.reindex(pd.MultiIndex.from_frame(scores[["episode_id", "day"]])).array)
    at_visit = scores["session"].isna() & scores.get("timing", held).isin(AT_VISIT)
    scores["visit"] = scores["visit"].where(~at_visit, held.set_axis(scores.index))
    return tables


def held_rows(study: Study | None, anchors: Mapping[str, float]) -> pd.DataFrame:
    """Return course, patient, condition, date, whether a visit, of each row of a study so far."""
    tables = [] if study is None else [study.sessions, study.assessments]
    rows = pd.concat([pd.DataFrame(columns=["episode_id", "day", "visit"]),
                      *(table[["episode_id", "day"]].assign(visit=place == 0)
                        for place, table in enumerate(tables))])  # fmt: skip
    facts = pd.DataFrame() if study is None else study.courses
    for name in ("patient_id", "condition"):
        rows[name] = rows["episode_id"].map(facts[name]) if name in facts else None
    day_0 = rows["episode_id"].map(anchors).astype("float64")
    return rows.assign(date=rows["day"].astype("float64") + day_0)


def merged(
    old: Frames, new: Frames, *, missing: str = "", surveys: bool = False, corrects: bool = False
) -> tuple[Frames, list[Finding]]:
    """Return the tables of both exports.

    Parameters
    ----------
    old, new : dict of DataFrame
        Tables with ``date`` and ``visit``.
    missing : {"", "kept", "removed"}
        What becomes of visits of `old`, of a course that `new` holds and within the days that `new`
        covers, which `new` does not hold.
    surveys : bool
        Whether `new` holds scores alone; then the facts of a course stay as they are.
    corrects : bool
        Whether `new` is an earlier export once more (`standing`); then its scores of no visit take
        the places that they had found.

    Returns
    -------
    tables : dict of DataFrame
        Where both speak of one visit, score or goal, the later export stands; of a course it fills
        what it states. Of several visits of one day the one most alike is taken for the same.
    findings : list of Finding
    """
    tables = {}
    facts = (new["episodes"], old["episodes"]) if surveys else (old["episodes"], new["episodes"])
    tables["episodes"] = _stacked(*facts).groupby("episode_id", sort=False, as_index=False).last()
    same = _same_visits(old["sessions"], new["sessions"])
    gone = _missing(old["sessions"], new["sessions"], same)
    kept = old["sessions"][~old["sessions"]["visit"].isin(same)]
    found = []
    if gone.any() and not missing:
        found.append(finding("R57", "sessions", "day", int(gone.sum()), got="no such visit"))
    if missing == "removed":
        kept = kept[~kept["visit"].isin(old["sessions"].loc[gone, "visit"])]
    tables["sessions"] = _stacked(kept, new["sessions"])
    lost = set(old["sessions"]["visit"]) - set(kept["visit"]) - set(same)
    scores = old["assessments"]
    scores = scores[~scores["visit"].isin(lost)]
    scores = scores.assign(visit=scores["visit"].map(lambda one: same.get(one, one)))
    given = tables["sessions"][_given(tables["sessions"])]
    visits, episodes = tables["sessions"], tables["episodes"]
    scores = scores[~_found_again(scores, new["assessments"], visits, episodes, corrects=corrects)]
    tables["assessments"] = _later(scores, new["assessments"], _SCORE, given["visit"])
    tables["goals"] = _later(old["goals"], new["goals"], ("episode_id", "instrument"))
    return tables, found


def _at(frame: pd.DataFrame) -> pd.Series[Any]:
    """Return when each row is: its date, else its day, else the number of its visit."""
    return frame["date"].fillna(frame["day"]).fillna(frame["session"])


def _given(visits: pd.DataFrame) -> pd.Series[bool]:
    return received(visits.get("status", pd.Series(None, index=visits.index, dtype=object)))


def _same_visits(old: pd.DataFrame, new: pd.DataFrame) -> dict[float, float]:
    """Return visit of `old` to the visit of `new` that is the same one."""
    keys = ["episode_id", "at"]
    one, other = (  # a study holds those that were not received last, whatever their order was
        frame.assign(at=_at(frame), stayed=~_given(frame))
        .sort_values([*keys, "stayed", "order"], kind="stable") for frame in (old, new)
    )  # fmt: skip
    one["k"], other["k"] = (frame.groupby(keys).cumcount() for frame in (one, other))
    n = one.groupby(keys).size().rename("n_old").to_frame()
    n = n.join(other.groupby(keys).size().rename("n_new"), how="inner")
    for day in n.index[n["n_new"] < n["n_old"]]:
        of_day = [frame[(frame["episode_id"] == day[0]) & (frame["at"] == day[1])]
                  for frame in (one, other)]  # fmt: skip
        other.loc[of_day[1].index, "k"] = _alike(*of_day)
    both = one.merge(other, on=[*keys, "k"], suffixes=("", "_new"))
    return dict(zip(both["visit"], both["visit_new"], strict=True))


def _alike(old: pd.DataFrame, new: pd.DataFrame) -> list[int]:
    """Return for each new visit of a day the place of the old one that it is most alike."""
    facts = [name for name in TABLES["sessions"].names
             if name in new and name not in ("episode_id", "session", "day")]  # fmt: skip
    free, places = list(range(len(old))), []
    for _, row in new[facts].iterrows():
        same = [int((old[facts].iloc[i] == row).sum()) for i in free]
        places.append(free.pop(int(np.argmax(same))))
    return places


def _missing(old: pd.DataFrame, new: pd.DataFrame, same: Collection[float]) -> pd.Series[bool]:
    """Return visits received of a course and within the days of `new` that it does not hold."""
    within = old["date"].between(new["date"].min(), new["date"].max())
    within &= old["episode_id"].isin(new["episode_id"])
    return received(old["status"]) & within & ~old["visit"].isin(same)


def _later(
    old: pd.DataFrame, new: pd.DataFrame, keys: Collection[str], given: Any = None
) -> pd.DataFrame:
    """Return both, without the rows of `old` that `new` has again by their keys.

    Scores are the same at one visit, or at one time where their visit is none of the `given`.
    """
    if new.empty or old.empty:
        return _stacked(old, new)
    again = _again(old, new, keys)
    if "visit" in keys:
        one, other = (frame.assign(visit=frame["visit"].where(frame["visit"].isin(given)))
                      for frame in (old, new))  # fmt: skip
        again = again | _again(one, other, keys)
    return _stacked(old[~again], new)


def _found_again(
    old: pd.DataFrame, new: pd.DataFrame, visits: pd.DataFrame, episodes: pd.DataFrame, *,
    corrects: bool,
) -> Any:  # fmt: skip
    """Return which scores of `old` those of `new` without a visit became when they came before.

    One that stood alone then, because the visit had a score of its own, stands alone again.
    """
    visits = _with_patients(visits, episodes)
    given = visits[_given(visits)]
    told = _with_patients(new[new["visit"].isna()].reset_index(drop=True), episodes)
    loose = _with_visits(told, given)
    loose = _with_nearest_course(loose, visits, episodes)
    alone = loose[loose["visit"].isna()]
    apart = old.assign(visit=old["visit"].where(old["visit"].isin(given["visit"])))
    same = _again(old, loose, (*_SCORE, "score")) | _again(apart, alone, _SCORE)
    if not corrects:
        return same
    left = _with_patients(apart[apart["visit"].isna()], episodes)
    placed = loose[~_again(told, left, ("patient", "date", *_SCORE[3:])) & loose["visit"].notna()]
    return same | _again(old, placed, _SCORE)


def _again(old: pd.DataFrame, new: pd.DataFrame, keys: Collection[str]) -> Any:
    """Return which rows of `old` are in `new`; a score of no visit is known by course and date."""
    if new.empty or old.empty:
        return np.zeros(len(old), bool)
    one, other = (
        frame.assign(at=_at(frame).where(frame["visit"].isna()),
                     episode_id=frame["episode_id"].where(frame["visit"].isna()))
        if "visit" in keys else frame for frame in (old, new)
    )  # fmt: skip
    shared = [key for key in keys if key in one and key in other]
    said = other[shared].drop_duplicates().assign(again=True)
    return one[shared].merge(said, "left", on=shared)["again"].eq(True).to_numpy()


def _stacked(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Return both under each other; columns without a value, whose type says nothing, come last."""
    columns = list(dict.fromkeys([*old, *new]))
    filled = [f.dropna(axis=1, how="all") if len(f) else f.iloc[:, :0] for f in (old, new)]
    return pd.concat(filled, ignore_index=True).reindex(columns=columns)


def finished(tables: Frames) -> tuple[Frames, dict[str, float]]:
    """Return the tables with days since each course's first visit and visits numbered, and day 0.

    Rows keep their index.
    Scores of no visit find one of their patient: before a visit those of its day, else of the day
    before; after a visit those of its day, else of the day after; else they stand alone.
    """
    tables = {name: frame.assign(line=frame.index).reset_index(drop=True)
              for name, frame in tables.items()}  # fmt: skip
    visits = tables["sessions"]
    visits = visits.assign(at=_at(visits)).sort_values(["episode_id", "at", "order"], kind="stable",
                                                       ignore_index=True)  # fmt: skip
    given = _given(visits)
    numbers = given.astype("float64").groupby(visits["episode_id"]).cumsum().where(given)
    stated = visits["session"].where(visits["date"].isna())
    visits["session"] = stated.fillna(numbers)
    episodes = tables["episodes"]
    visits = _with_patients(visits, episodes)
    before = set(tables["assessments"]["episode_id"])
    scores = _with_visits(_with_patients(tables["assessments"], episodes), visits[given])
    scores = _with_nearest_course(scores, visits, episodes)
    held = {*scores["episode_id"], *visits["episode_id"], *tables["goals"]["episode_id"]}
    episodes = episodes[episodes["episode_id"].isin(held) | ~episodes["episode_id"].isin(before)]
    first = visits["date"].where(given).groupby(visits["episode_id"]).min()
    whole = pd.concat([visits[["episode_id", "date"]], scores[["episode_id", "date"]]])
    day_0 = first.reindex(episodes["episode_id"]).astype("float64")
    day_0 = day_0.fillna(whole.groupby("episode_id")["date"].min())
    tables = {**tables, "sessions": visits, "assessments": scores, "episodes": episodes}
    done = {name: _with_days(frame, day_0, name) for name, frame in tables.items()}
    return done, {str(course): float(day) for course, day in day_0.dropna().items()}


def _with_days(frame: pd.DataFrame, day_0: pd.Series[Any], name: str) -> pd.DataFrame:
    first = frame["episode_id"].map(day_0).astype("float64")
    days = {}
    if "date" in frame and name in ("sessions", "assessments"):
        days["day"] = (frame["date"] - first).fillna(frame["day"])
    for column in _OF_DAYS:
        if f"{column}.date" in frame:
            stated = frame.get(column, np.nan)
            days[column] = (frame[f"{column}.date"] - first).fillna(stated)
    frame = frame.assign(**days)
    if name in ("sessions", "assessments"):
        frame = frame.sort_values(["episode_id", "day", "session"], kind="stable")
    named = [c for c in frame if c in TABLES[name].names and frame[c].notna().any()]
    return frame.set_index("line").rename_axis(None)[named]


def _with_patients(frame: pd.DataFrame, episodes: pd.DataFrame) -> pd.DataFrame:
    patients = episodes.set_index("episode_id").get("patient_id", pd.Series(dtype=object))
    return frame.assign(patient=frame["episode_id"].map(patients))


def _with_visits(scores: pd.DataFrame, visits: pd.DataFrame) -> pd.DataFrame:
    """Give each score the number and day of its visit; scores of no visit look for one."""
    scores = scores.copy()
    if {"timing", "instrument"} <= set(scores):
        for days in (0, 1):
            while (found := _near(scores, visits, days)).size:
                scores.loc[found.index, "visit"] = found
    at_visit = visits.drop_duplicates("visit").set_index("visit")
    has_visit = scores["visit"].isin(at_visit.index)
    for name in ("session", "date", "episode_id"):
        scores[name] = scores["visit"].map(at_visit[name]).where(has_visit, scores[name])
    stayed = scores["visit"].notna() & ~has_visit & scores["date"].notna()
    scores["session"] = scores["session"].mask(stayed)  # that number is another visit's now
    return scores


def _near(scores: pd.DataFrame, visits: pd.DataFrame, days: int) -> pd.Series[Any]:
    """Return the visit of scores that have none, so many days after (or before) the score."""
    loose = scores[scores["visit"].isna() & scores["timing"].isin(AT_VISIT)
                   & scores["date"].notna() & scores["patient"].notna()]  # fmt: skip
    if loose.empty:
        return loose["visit"]
    keys = ["visit", "instrument", "timing"]
    later = np.where(loose["timing"] == "pre_session", days, -days)
    loose = loose.assign(date=loose["date"] + later, at=loose.index)
    columns = ["patient", "date", "visit"]
    both = loose.drop(columns="visit").merge(visits[columns], on=["patient", "date"])
    taken = both[keys].merge(scores[keys].drop_duplicates(), "left", on=keys, indicator=True)
    both = both[taken["_merge"].eq("left_only").to_numpy()]
    return both.drop_duplicates("at").drop_duplicates(keys).set_index("at")["visit"]


def _with_nearest_course(
    scores: pd.DataFrame, visits: pd.DataFrame, episodes: pd.DataFrame
) -> pd.DataFrame:
    """Move scores of a course without visits and condition to the patient's nearest course."""
    facts = episodes.set_index("episode_id")
    unnamed = facts.index[facts["condition"].isna()] if "condition" in facts else facts.index
    lone = scores["episode_id"].isin(unnamed) & ~scores["episode_id"].isin(visits["episode_id"])
    moving = scores[lone & scores["date"].notna()].assign(at=lambda frame: frame.index)
    if moving.empty:
        return scores
    others = visits[["patient", "date", "episode_id"]].dropna()
    both = moving[["patient", "date", "at"]].merge(others, on="patient", suffixes=("", "_visit"))
    both["far"] = (both["date"] - both["date_visit"]).abs()
    nearest = both.sort_values("far", kind="stable").drop_duplicates("at").set_index("at")
    scores.loc[nearest.index, "episode_id"] = nearest["episode_id"]
    return scores

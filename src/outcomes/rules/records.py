"""Rules about the records as such: cells, rows beside each other, scores and their instruments.

Each function takes the study and yields table, column, the rows that break the rule (boolean, shape
(rows,)) and the kind of thing that was met.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from outcomes.dictionary.tables import AT_VISIT, TABLES, ColumnSpec, received
from outcomes.errors import UsageError
from outcomes.findings import Broken, rule
from outcomes.records import NO_BASELINE, SERIES, chosen_rows, placed_scores, sorted_rows, told
from outcomes.study import Study
from outcomes.tables import once

OUT_OF_RANGE, SCORE_OUT_OF_RANGE = "R03", "R12"
"""Rules that an import finds as well, on the way."""
_VISIT = ["episode_id", "session"]


@once
def _columns(study: Study) -> list[tuple[str, ColumnSpec, pd.Series[Any]]]:
    return [(table, column, study.table(table)[column.name])
            for table, spec in TABLES.items() for column in spec.columns]  # fmt: skip


@once
def _told_columns(study: Study) -> list[tuple[str, ColumnSpec, pd.Series[Any]]]:
    """Return the columns in which anything stands."""
    return [entry for entry in _columns(study) if entry[2].notna().any()]


@rule("R01")
def _required_cells(study: Study) -> Iterator[Broken]:
    unread = {(f.table, f.column) for f in study.provenance.reading if f.rule == "R02"}
    for table, column, values in _columns(study):
        if column.required and (table, column.name) not in unread:
            yield table, column.name, values.isna(), "an empty cell"


@rule(OUT_OF_RANGE)
def _ranges(study: Study) -> Iterator[Broken]:
    for table, column, values in _told_columns(study):
        if column.is_number:
            yield from _outside(table, column.name, values, column.minimum, column.maximum)


def _outside(
    table: str, name: str, values: pd.Series[Any], low: float | None, high: float | None
) -> Iterator[Broken]:
    if low is not None:
        yield table, name, values < low, f"below {low:g}"
    if high is not None:
        yield table, name, values > high, f"above {high:g}"


@rule("R04", usual=False)
@rule("R05", usual=True)
def _unlisted(study: Study, *, usual: bool) -> Iterator[Broken]:
    for table, column, values in _told_columns(study):
        if column.categories and column.open_list == usual:
            odd = [cell for cell in values.unique() if not _listed(cell, column)]
            if odd:
                got = f"another word (the list: {column.allowed})"
                yield table, column.name, values.isin(odd), got


def _listed(cell: Any, column: ColumnSpec) -> bool:
    if pd.isna(cell):
        return True
    words = [word.strip() for word in cell.split(";")] if column.kind == "list" else [cell]
    return all(word in column.categories for word in words)


@rule("R06")
def _whole_numbers(study: Study) -> Iterator[Broken]:
    for table, column, values in _told_columns(study):
        if column.kind == "integer":
            yield table, column.name, values > np.floor(values), "a fraction"


@rule("R07", table="episodes")
@rule("R08", table="sessions")
def _quarter_hours(study: Study, table: str) -> Iterator[Broken]:
    values = study.table(table)["minutes"]
    off = values.notna() & (values % 15 != 0)
    yield table, "minutes", off, "minutes between the quarter hours"


@rule("R09")
def _repeated_rows(study: Study) -> Iterator[Broken]:
    episodes, visits = study.episodes, study.sessions
    again = episodes["episode_id"].notna() & episodes.duplicated("episode_id")
    yield "episodes", "episode_id", again, "a course named twice"
    given = visits["session"].notna() & received(visits["status"])
    again = chosen_rows(visits[_VISIT], given).duplicated()
    yield "sessions", "session", _on(visits, again), "a visit named twice"


@rule("R10")
def _repeated_scores(study: Study) -> Iterator[Broken]:
    scores = study.assessments
    key = told(scores, list(TABLES["assessments"].key)) or ["episode_id"]
    again = scores.duplicated(key) & (scores["timing"] != "baseline")
    yield "assessments", "score", again, "the same score, visit and time twice"


@rule("R11")
def _second_baselines(study: Study) -> Iterator[Broken]:
    scores = study.assessments
    stated = scores.loc[_states_baseline(scores), [*SERIES, "instrument"]]
    again = stated.duplicated()
    yield "assessments", "timing", _on(scores, again), "a second baseline"


def _states_baseline(scores: pd.DataFrame) -> pd.Series[bool]:
    return scores["timing"].eq("baseline") & scores["instrument"].notna()


@rule(SCORE_OUT_OF_RANGE)
def _ranges_of_scores(study: Study) -> Iterator[Broken]:
    for table, columns in (("assessments", ["score"]), ("goals", ["baseline", "target"])):
        names, rows = _instruments(study, table), study.table(table)[columns]
        known = {name: study.instrument(name) for name in names.cat.categories
                 if _is_known(study, name)}  # fmt: skip
        low, high = (names.map({name: getattr(one, end) for name, one in known.items()})
                     for end in ("minimum", "maximum"))  # fmt: skip
        below, above = rows.lt(low.astype(float), axis=0), rows.gt(high.astype(float), axis=0)
        broken = names[(below | above).any(axis=1)]
        for name in names.dropna().unique() if len(broken) else ():
            if name in known and broken.eq(name).any():
                for column in columns:
                    values, one = rows[column].where(names == name), known[name]
                    yield from _outside(table, column, values, one.minimum, one.maximum)


@rule("R13")
def _unknown_instruments(study: Study) -> Iterator[Broken]:
    for table in ("assessments", "goals"):
        names = _instruments(study, table)
        for name in names.dropna().unique():
            if not _is_known(study, name):
                yield table, "instrument", names == name, "another name"


@once
def _instruments(study: Study, table: str) -> pd.Series[Any]:
    """Return each row's instrument; for a range of motion that of its plane, where there is one."""
    frame = study.table(table)
    names = frame["instrument"].astype("category")
    if "plane" not in frame or "rom" not in names.cat.categories:
        return names
    planes = "rom-" + frame["joint"].astype(object) + "-" + frame["plane"].astype(object)
    own = planes.where(names == "rom").dropna()
    known = [name for name in own.unique() if _is_known(study, name)]
    split = names.eq("rom") & planes.isin(known)
    return names.astype(object).mask(split, planes).astype("category")


def _is_known(study: Study, name: str) -> bool:
    try:
        study.instrument(name)
    except UsageError:
        return False
    return True


@rule("R14")
def _unknown_courses(study: Study) -> Iterator[Broken]:
    known = study.episodes["episode_id"].dropna()
    for table in ("sessions", "assessments", "goals"):
        ids = study.table(table)["episode_id"]
        yield table, "episode_id", ids.notna() & ~ids.isin(known), "a course not in episodes"


@rule("R15")
def _without_time(study: Study) -> Iterator[Broken]:
    visits, scores = study.sessions, study.assessments
    for table, frame in (("sessions", visits), ("assessments", scores)):
        without = frame["session"].isna() & frame["day"].isna()
        happened = received(frame["status"]) if table == "sessions" else True
        yield table, "session", without & happened, "neither"


@rule("R16")
def _out_of_order(study: Study) -> Iterator[Broken]:
    for table, given in (("sessions", received(study.sessions["status"])), ("assessments", True)):
        frame = study.table(table)[[*_VISIT, "day"]]
        timed = given & frame["session"].notna() & frame["day"].notna()
        back = _steps(chosen_rows(frame, timed), "day") < 0
        yield table, "session", _on(frame, back), "a visit number that goes backwards"
    scores, on_day = study.assessments, ["episode_id", "day"]
    visits = study.sessions[[*_VISIT, "day"]].dropna().drop_duplicates(_VISIT)
    at_visit = scores.loc[scores["timing"].isin(AT_VISIT), [*_VISIT, "day"]]
    own = at_visit[_VISIT].merge(visits, "left", on=_VISIT)["day"].to_numpy()
    apart = at_visit.loc[(at_visit["day"] - own).abs() > 1, on_day]
    other = apart.merge(visits.drop_duplicates(on_day), "left", on=on_day)["session"].notna()
    other = _on(scores, other.set_axis(apart.index))
    yield "assessments", "day", other, "the day of another visit"


@rule("R17")
def _gaps(study: Study) -> Iterator[Broken]:
    visits = study.sessions
    given = received(visits["status"]) & visits["session"].notna()
    numbered = chosen_rows(visits[[*_VISIT, "day"]], given)
    step = _steps(numbered, "session").fillna(numbered["session"])
    yield "sessions", "session", _on(visits, step > 1), "a gap"


def _steps(rows: pd.DataFrame, column: str) -> pd.Series[float]:
    """Return by how much each row differs from the visit before it in its course."""
    rows = sorted_rows(rows, [*_VISIT, "day"])
    steps: pd.Series[float] = rows.groupby("episode_id")[column].diff()
    return steps


@rule("R19")
def _without_baseline(study: Study) -> Iterator[Broken]:
    scores, placed = study.assessments, placed_scores(study)
    stated = _states_baseline(scores).reindex(placed.index)
    left = (placed["why"] != "") & placed["instrument"].notna() & ~stated
    placed = placed.loc[left, ["why", "first"]]
    reason = placed["why"].where(placed["why"] != NO_BASELINE, placed["first"])
    for why in sorted(reason.unique()):
        yield "assessments", "timing", _on(scores, reason == why), why


def _on(frame: pd.DataFrame, rows: pd.Series[bool]) -> pd.Series[bool]:
    """Return which rows of a frame are among those of a part of it."""
    return rows.reindex(frame.index, fill_value=False)

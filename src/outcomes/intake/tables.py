"""From typed rows, one a visit or one a score, to the four tables of the data contract."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from outcomes.dictionary.tables import TABLES
from outcomes.intake.rows import TypedRows

Frames = dict[str, pd.DataFrame]
DAYS_A_MONTH = 365.25 / 12
_COURSE = "episodes.episode_id"


def tables_of(rows: TypedRows) -> Frames:
    """Return the tables that rows hold.

    Parameters
    ----------
    rows : TypedRows
        With ``episodes.episode_id``, ``day`` as stated, ``date`` where there is one (days since
        1970-01-01), ``order`` of what is of one day, and ``visit``. ``INSTRUMENT.TIMING`` for
        scores beside a visit, or one row a score where ``assessments.score`` is a column.

    Returns
    -------
    dict of DataFrame
        The index is that of the rows. Beside columns of the contract: ``date``, and in sessions and
        assessments ``visit``, which numbers visits; it is empty for a score of none.
    """
    cells = rows.cells
    times = {name: cells.get(name, pd.Series(np.nan, index=cells.index, dtype="float64"))
             for name in ("date", "day", "order")}  # fmt: skip
    base = pd.DataFrame({"episode_id": cells[_COURSE], **times})
    stated = cells.get("assessments.session", cells.get("sessions.session"))
    keys = base if stated is None else base.assign(session=stated)
    by_score = "assessments.score" in cells
    if by_score and "minute" in cells:  # before and after a visit are written at two times
        same = [c for c in cells if str(c).startswith("assessments.") and c != "assessments.score"]
        in_turn = cells.sort_values("order", kind="stable")
        keys = keys.assign(order=in_turn.groupby([_COURSE, "date", *same], dropna=False).cumcount())
    visit = keys.groupby(list(keys), dropna=False, sort=False).ngroup() if by_score else (
        pd.Series(np.arange(len(cells)), index=cells.index))  # fmt: skip
    visit = visit.astype("float64").where(cells["visit"])
    base = base.assign(session=stated if stated is not None else np.nan, visit=visit)
    return {
        "episodes": _first_of(own_columns(cells, "episodes"), "episode_id"),
        "sessions": _sessions(cells, base),
        "assessments": _assessments(cells, base),
        "goals": _goals(cells),
    }  # fmt: skip


def own_columns(cells: pd.DataFrame, table: str) -> pd.DataFrame:
    """Return the columns of one table under their own names, with the course."""
    prefix = f"{table}."
    names = [str(name) for name in cells if str(name).startswith(prefix)]
    frame = cells[names].rename(columns=lambda name: str(name).removeprefix(prefix))
    return frame.assign(episode_id=cells[_COURSE])


def _sessions(cells: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    """One row a visit; where several rows are of one, the first that states something."""
    facts = own_columns(cells, "sessions").drop(columns=["episode_id", "session", "day"],
                                                errors="ignore")  # fmt: skip
    frame = pd.concat([base, facts], axis=1)[cells["visit"]]
    return _first_of(frame, "visit")


def _first_of(frame: pd.DataFrame, key: str) -> pd.DataFrame:
    """Return one row for each value of a key, with the first that its rows state of each column."""
    frame = frame[frame[key].notna()]
    others = [name for name in frame if name != key]
    if others and not frame[key].is_unique:
        first = frame.groupby(key, sort=False)[others].transform("first")
        frame = pd.concat([frame[[key]], first], axis=1)
    return frame.drop_duplicates(key)


def _assessments(cells: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    parts = [_baselines(cells, base)] if "baseline" in cells else []
    for name in map(str, cells):
        instrument, _, timing = name.rpartition(".")
        if instrument and name.split(".")[0] not in TABLES and timing != "date":
            told = cells[name].dropna()
            own = base.loc[told.index]
            parts.append(own.assign(instrument=instrument, timing=timing, score=told))
    if "assessments.score" in cells:
        own = own_columns(cells, "assessments")
        others = [name for name in own if name not in base]
        parts.append(pd.concat([base, own[others]], axis=1)[own["score"].notna()])
    if not parts:
        return base.iloc[:0]
    return pd.concat(parts).sort_index(kind="stable")


def _baselines(cells: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    """Return the one baseline a course and instrument of a file that holds it as a column."""
    rows = base.assign(timing="baseline", score=cells["baseline"], day=0.0, date=np.nan,
                       session=np.nan, visit=np.nan)  # fmt: skip
    rows["instrument"] = cells.get("assessments.instrument")
    return rows[rows["score"].notna()].drop_duplicates(["episode_id", "instrument"])


def _goals(cells: pd.DataFrame) -> pd.DataFrame:
    frame = own_columns(cells, "goals")
    if "target" not in frame:
        return pd.DataFrame({"episode_id": pd.Series(dtype=object)})
    if "instrument" not in frame and "assessments.instrument" in cells:
        frame["instrument"] = cells["assessments.instrument"]
    frame = frame[frame["target"].notna()]
    return frame.drop_duplicates(["episode_id", *(["instrument"] if "instrument" in frame else [])])


def with_stated_days(rows: TypedRows) -> TypedRows:
    """Return the rows with the ``day`` that they state: a day, a week or a month."""
    for name, days in (("assessments.day", 1.0), ("sessions.day", 1.0), ("week", 7.0)):
        if name in rows.cells:
            return rows.having(day=rows.cells[name] * days)
    month = rows.cells.get("month")
    days_of_month: Any = np.nan if month is None else (month * DAYS_A_MONTH).round()
    return rows.having(day=days_of_month)


def with_facts_that_differ(rows: TypedRows) -> TypedRows:
    """Report facts of a course, or of a goal, that differ between its rows; the first counts."""
    cells = rows.cells
    of_goal = [_COURSE, *(["goals.instrument"] if "goals.instrument" in cells else [])]
    keys = {"episodes": [_COURSE], "baseline": [_COURSE], "goals": of_goal}
    for name in map(str, cells):
        own = keys.get(name.partition(".")[0], [])
        derived = name.removesuffix(".date") in cells and name.endswith(".date")
        if own and name not in (*own, "episodes.patient_id") and not derived:
            first = cells.groupby(own, dropna=False)[name].transform("first")
            differs = cells[name].notna() & cells[name].ne(first)
            shown = "episodes.baseline" if name == "baseline" and not rows.names else name
            rule = "R70" if name == "episodes.clinic_id" else "R18"
            rows = rows.found(rule, shown, differs, "different ones within a course")
    return rows

"""From an export's rows, one a visit or one a score, to the four tables of the data contract."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from outcomes.dictionary.tables import TABLES, received
from outcomes.intake.flat import DAYS_A_MONTH

Frames = dict[str, pd.DataFrame]


def tables_of(cells: pd.DataFrame) -> Frames:
    """Return the tables that rows hold.

    Parameters
    ----------
    cells : DataFrame
        Typed columns by contract name, with ``episodes.episode_id`` and ``day`` and the order of
        the visits of a day in ``order``; ``INSTRUMENT.TIMING`` for scores of a visit. One row a
        visit, or one a score where ``assessments.score`` is a column.

    Returns
    -------
    dict of DataFrame
        Visits received are numbered 1, 2, ... by day within a course.
    """
    ordered = cells.sort_values(["episodes.episode_id", "day", "order"], kind="stable")
    sessions = _sessions(ordered)
    numbers = _visit_numbers(ordered, sessions)
    tables = {
        "episodes": _episodes(ordered),
        "sessions": sessions,
        "assessments": _assessments(ordered, numbers),
        "goals": _goals(ordered),
    }
    return {name: frame.reset_index(drop=True) for name, frame in tables.items()}


def own_columns(cells: pd.DataFrame, table: str) -> pd.DataFrame:
    """Return the columns of one table under their own names, with the course and the day."""
    prefix = f"{table}."
    names = [str(name) for name in cells if str(name).startswith(prefix)]
    frame = cells[names].rename(columns=lambda name: str(name).removeprefix(prefix))
    return frame.assign(episode_id=cells["episodes.episode_id"])


def states_visit(cells: pd.DataFrame) -> pd.Series[Any]:
    """Return which rows state something of a visit beside its number and day, shape (rows,)."""
    facts = [name for name in cells if str(name).startswith("sessions.")
             and name not in ("sessions.session", "sessions.day")]  # fmt: skip
    return cells[facts].notna().any(axis=1)


def _episodes(ordered: pd.DataFrame) -> pd.DataFrame:
    facts = own_columns(ordered, "episodes")
    return facts.groupby("episode_id", sort=False, as_index=False).first()


def _sessions(ordered: pd.DataFrame) -> pd.DataFrame:
    stated, by_score = states_visit(ordered), "assessments.score" in ordered
    if not stated.any():
        return pd.DataFrame(columns=["episode_id"])
    frame = own_columns(ordered, "sessions").assign(day=ordered["day"])
    if by_score or "status" in frame:
        frame = frame[stated]
    if by_score:  # rows of a visit repeat its facts
        frame = frame.drop_duplicates()
    given = received(frame["status"]) if "status" in frame else True
    counted = frame.assign(one=np.where(given, 1.0, 0.0))
    numbers = counted.groupby("episode_id")["one"].cumsum().where(counted["one"] > 0)
    return frame.assign(session=frame.get("session", numbers))


def _visit_numbers(ordered: pd.DataFrame, sessions: pd.DataFrame) -> pd.Series[Any]:
    """Return the number of each row's visit: as stated, else by the row or by its day."""
    if "assessments.session" in ordered:
        return ordered["assessments.session"]
    if sessions.empty:
        return pd.Series(np.nan, index=ordered.index)
    if "assessments.score" not in ordered:
        return sessions["session"].reindex(ordered.index)
    on_day = sessions.drop_duplicates(["episode_id", "day"]).set_index(["episode_id", "day"])
    days = pd.MultiIndex.from_frame(ordered[["episodes.episode_id", "day"]])
    return on_day["session"].reindex(days).set_axis(ordered.index)


def _assessments(ordered: pd.DataFrame, at_visit: pd.Series[Any]) -> pd.DataFrame:
    base = pd.DataFrame(
        {"episode_id": ordered["episodes.episode_id"], "session": at_visit, "day": ordered["day"]}
    )
    parts = []
    for name in ordered:
        instrument, _, timing = str(name).rpartition(".")
        if instrument and str(name).split(".")[0] not in TABLES:
            scores = base.assign(instrument=instrument, timing=timing, score=ordered[name])
            parts.append(scores[scores["score"].notna()])
    if "baseline" in ordered:
        parts.append(_baselines(ordered, base))
    if "assessments.score" in ordered:
        own = own_columns(ordered, "assessments")
        others = [name for name in own if name not in base]
        own = pd.concat([base, own[others]], axis=1)
        parts.append(own[own["score"].notna()])
    if not parts:
        return base.iloc[:0]
    scores = pd.concat(parts).sort_index(kind="stable")
    in_order = pd.Series(range(len(ordered)), index=ordered.index)
    return scores.iloc[np.argsort(in_order.reindex(scores.index).to_numpy(), kind="stable")]


def _baselines(ordered: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    """Return the one baseline a course of a file that holds it as a column."""
    rows = base.assign(timing="baseline", score=ordered["baseline"], day=0.0, session=np.nan)
    rows["instrument"] = ordered.get("assessments.instrument")
    return rows[rows["score"].notna()].drop_duplicates("episode_id")


def _goals(ordered: pd.DataFrame) -> pd.DataFrame:
    frame = own_columns(ordered, "goals")
    if "target" not in frame:
        return pd.DataFrame(columns=["episode_id"])
    frame = frame[frame["target"].notna()]
    return frame.drop_duplicates(["episode_id", *(["instrument"] if "instrument" in frame else [])])


def derived_day(cells: pd.DataFrame) -> pd.Series[Any] | None:
    """Return the day that rows without a date state: a day, a week or a month; None without any."""
    for name, days in (("assessments.day", 1.0), ("sessions.day", 1.0), ("week", 7.0)):
        if name in cells:
            return cells[name] * days
    return (cells["month"] * DAYS_A_MONTH).round() if "month" in cells else None

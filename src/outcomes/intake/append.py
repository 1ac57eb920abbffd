"""Add what a later export says to the study of the earlier ones."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from outcomes.dictionary.tables import TABLES, received
from outcomes.study import Study

Frames = dict[str, pd.DataFrame]
_SAME = {"sessions": ["episode_id", "day"], "goals": ["episode_id", "instrument"],
         "assessments": ["episode_id", "instrument", "timing", "day"]}  # fmt: skip


def appended(old: Study, new: Frames, shifts: Mapping[str, float]) -> Frames:
    """Return the tables of both exports.

    Parameters
    ----------
    old : Study
        The study as it stands.
    new : dict of DataFrame
        Tables of the later export; their days count from the day 0 that now holds.
    shifts : mapping of str to float
        Days by which the day 0 of a course lies earlier than before, by episode_id.

    Returns
    -------
    dict of DataFrame
        Where both speak of one visit day, score or goal, the later export stands; of a course it
        fills what it states. Visits received are numbered anew.
    """
    tables = {name: _shifted(old.table(name), shifts) for name in TABLES}
    tables["episodes"] = _later_facts(tables["episodes"], new["episodes"])
    for name, keys in _SAME.items():
        tables[name] = _replaced(tables[name], new[name], keys)
    renumbered(tables)
    return tables


def renumbered(tables: Frames) -> None:
    """Renumber the visits received by day, and give scores of a visit its number."""
    visits = tables["sessions"].sort_values(["episode_id", "day"], kind="stable")
    given = received(visits["status"])
    numbers = given.astype("float64").groupby(visits["episode_id"]).cumsum().where(given)
    old = pd.Series(visits["session"], dtype="float64")
    visits = visits.assign(session=numbers)
    moved = pd.DataFrame({"episode_id": visits["episode_id"], "day": visits["day"],
                          "now": numbers, "was": old})  # fmt: skip
    at = moved[moved["now"].notna()].drop_duplicates(["episode_id", "day"])
    scores = tables["assessments"]
    found = scores[["episode_id", "day"]].merge(at, "left", on=["episode_id", "day"])["now"]
    at_visit = scores["session"].notna().to_numpy() & found.notna().to_numpy()
    session = scores["session"].astype("float64").to_numpy()
    tables["assessments"] = scores.assign(session=found.where(at_visit, pd.Series(session)).array)
    tables["sessions"] = visits.reset_index(drop=True)


def _shifted(frame: pd.DataFrame, shifts: Mapping[str, float]) -> pd.DataFrame:
    frame = frame.copy()
    by = frame["episode_id"].map(shifts).fillna(0.0).astype("float64")
    for name in ("day", "clearance_day", "end_day", "by_day", "set_day"):
        if name in frame:
            frame[name] = frame[name] + by
    return frame


def _later_facts(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    rows = pd.concat([_filled(old), _filled(new)], ignore_index=True)
    return rows.groupby("episode_id", sort=False, as_index=False).last()


def _replaced(old: pd.DataFrame, new: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    if new.empty:
        return old.copy()
    shared = [key for key in keys if key in new]
    said = new[shared].drop_duplicates()
    again = old[shared].merge(said.assign(again=True), "left", on=shared)["again"].eq(True)
    kept = old[~again.to_numpy()]
    both = pd.concat([_filled(kept), _filled(new)], ignore_index=True)
    columns = [name for name in old if name in both]
    empty = [name for name in old if name not in both]
    return both[columns].assign(**dict.fromkeys(map(str, empty)))[list(old)]


def _filled(frame: pd.DataFrame) -> pd.DataFrame:
    """Drop columns without a value, whose type says nothing."""
    return frame.dropna(axis=1, how="all") if len(frame) else frame.iloc[:, :0]

"""Counts of analysis rows and of their courses, which add up over pieces of the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from outcomes.mixed.products.pieces import Pieces
from outcomes.records import therapist_of_most

Counts = pd.Series
"""How many, by what stands in the index."""


@dataclass(frozen=True, eq=False)
class Tallies:
    """Counts of rows, each course being in one piece of them.

    Parameters
    ----------
    sizes, last, baselines : Series of int
        Courses, by their number of scores, last time and baseline.
    scores, days, sessions, clinics, conditions : Series of int
        Rows by what they have.
    twice : int
        Scores on a day at which their course has one already.
    seen, courses, treated : DataFrame
        Courses with a score by time, courses, and courses by their therapist of most scores; by
        condition, arm and group as well, in column ``n``.
    patients, unnamed : int
        Patients named, and scores of nobody named.
    named, own : int
        Scores at visits of a therapist named, and of the course's own one.
    """

    sizes: Counts
    last: Counts
    baselines: Counts
    scores: Counts
    days: Counts
    sessions: Counts
    clinics: Counts
    conditions: Counts
    twice: int
    seen: pd.DataFrame
    courses: pd.DataFrame
    treated: pd.DataFrame
    patients: int
    unnamed: int
    named: int
    own: int


def pieces_of(rows: Any) -> Iterable[pd.DataFrame]:
    """Return rows piece by piece; a frame is one piece."""
    return rows if isinstance(rows, Pieces) else [rows]


def each(rows: Any, change: Callable[[pd.DataFrame], pd.DataFrame], n: int | None = None) -> Any:
    """Return rows with a change, after which there are `n`; of pieces when they are next read."""
    return rows.changed(change, n) if isinstance(rows, Pieces) else change(rows)


def counted(rows: Any, count: Callable[[pd.DataFrame], dict[str, Any]]) -> dict[str, Any]:
    """Return counts of rows: those of their pieces, added up."""
    found = [count(piece) for piece in pieces_of(rows)]
    return {name: _total([one[name] for one in found]) for name in found[0]}


def _total(parts: list[Any]) -> Any:
    if len(parts) == 1 or isinstance(parts[0], int):
        return parts[0] if len(parts) == 1 else sum(parts)
    if isinstance(parts[0], np.ndarray):
        return np.unique(np.concatenate(parts))
    whole = pd.concat(parts)
    keys: Any = list(range(whole.index.nlevels))
    return whole.groupby(level=keys, observed=True, dropna=False).sum()


def median_of(counts: Counts) -> float:
    """Return the median of what is counted; NaN of nothing.

    Examples
    --------
    >>> median_of(pd.Series([3, 1, 4], index=[2, 9, 5]))
    5.0
    """
    ordered = counts.sort_index()
    half = np.array([(ordered.sum() - 1) // 2, ordered.sum() // 2])
    place = np.searchsorted(np.cumsum(ordered), half, side="right")
    return float(ordered.index.to_numpy(float)[place].mean()) if len(ordered) else float("nan")


def having(column: pd.Series[Any]) -> Counts:
    """Count what stands in a column, each value that does."""
    counts = column.value_counts()
    return counts[counts > 0]


def tallied(rows: Any, axis: str, group: str) -> Tallies:
    """Count the rows of courses.

    Parameters
    ----------
    rows : DataFrame or Pieces
        Rows of a trajectory.
    axis, group : str
        Columns of time, and of the groups of courses; the latter may be empty.
    """
    keys = list(dict.fromkeys([group or "condition", "condition", "arm"]))
    found = counted(rows, lambda piece: _counts(piece, axis, keys))
    tables = {name: found[name].reset_index(name="n") for name in ("seen", "courses", "treated")}
    patients = len(found.pop("patients"))
    return Tallies(**{**found, **tables, "patients": patients})


def _counts(rows: pd.DataFrame, axis: str, keys: list[str]) -> dict[str, Any]:
    by_course = rows.groupby("episode_id", observed=True)
    first = rows[~rows["episode_id"].duplicated()].set_index("episode_id")
    therapists = therapist_of_most(rows)
    facts = first[keys].reindex(therapists.index).assign(therapist_id=therapists)
    named = rows.loc[rows["therapist_id"].notna(), ["episode_id", "therapist_id"]]
    own = named["episode_id"].map(therapists).astype(object)
    return {
        "sizes": by_course.size().value_counts(),
        "last": by_course[axis].max().value_counts(),
        "baselines": first["baseline"].value_counts(),
        **{f"{name}s": having(rows[name]) for name in ("score", "day", "session", "condition")},
        "clinics": having(rows["clinic_id"]),
        "twice": int(rows.duplicated(["episode_id", "day"]).sum()),
        "seen": _by(rows.drop_duplicates([axis, "episode_id"]), [axis, *keys]),
        "courses": _by(first, keys),
        "treated": _by(facts, ["therapist_id", *keys]),
        "patients": np.asarray(rows["patient_id"].dropna().unique()),
        "unnamed": int(rows["patient_id"].isna().sum()),
        "named": len(named),
        "own": int((named["therapist_id"].astype(object) == own).sum()),
    }


def _by(rows: pd.DataFrame, keys: list[str]) -> Counts:
    return rows.groupby(keys, observed=True, dropna=False).size()

"""Random ids of courses: one for each client and condition, and a new one after a long gap."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from outcomes.privacy.key_file import KeyFile


def course_ids(
    courses: pd.Series[Any], calendar: pd.Series[Any], gap: int, key: KeyFile, seen: pd.DataFrame
) -> tuple[pd.Series[Any], int]:
    """Return the id of each row's course, and how many courses began after a gap.

    Parameters
    ----------
    courses : Series of str
        Client and condition of each row, shape (rows,).
    calendar : Series of float
        Date of each row in days since 1970-01-01, NaN where there is none; shape (rows,).
    gap : int
        Days without a row after which the next is of a new course; 0: never.
    key : KeyFile
        Gives the ids and remembers new ones.
    seen : DataFrame
        Rows of the study that is there already: ``episode_id`` and ``calendar``. Rows near one of
        its courses are of that course.

    Examples
    --------
    >>> from outcomes.privacy.key_file import new_key
    >>> nothing = pd.DataFrame(columns=["episode_id", "calendar"])
    >>> rows, dates = pd.Series(["a"] * 3), pd.Series([0.0, 7.0, 90.0])
    >>> ids, n_begun = course_ids(rows, dates, 60, new_key(), nothing)
    >>> ids.nunique(), n_begun
    (2, 1)
    """
    known = {course: _numbered(key, course) for course in courses.unique()}
    of_id = {one: course for course, ids in known.items() for one in ids}
    old = seen.assign(course=seen["episode_id"].map(of_id), row=-1).dropna(subset=["course"])
    new = pd.DataFrame({"course": courses, "calendar": calendar, "episode_id": None,
                        "row": range(len(courses))})  # fmt: skip
    rows = pd.concat([old, new] if len(old) else [new], ignore_index=True)
    rows = rows.sort_values(["course", "calendar"], kind="stable")
    begins = rows.groupby("course")["calendar"].diff() > (gap or np.inf)
    rows["part"] = begins.groupby(rows["course"]).cumsum()
    parts = rows.groupby(["course", "part"])["episode_id"].first()
    taken = set(parts.dropna())
    of_part = zip(parts.index.get_level_values("course"), parts, strict=True)
    ids = [one if one else _next(key, course, taken) for course, one in of_part]
    rows = rows.join(pd.Series(ids, index=parts.index, name="id"), on=["course", "part"])
    rows = rows[rows["row"] >= 0].sort_values("row")
    n_begun = len(rows.loc[rows["part"] > 0, ["course", "part"]].drop_duplicates())
    return rows["id"].set_axis(courses.index), n_begun


def _spelling(course: str, number: int) -> str:
    return f"{course}|{number + 1}" if number else course


def _numbered(key: KeyFile, course: str) -> list[str]:
    """Return the ids that the key gave to a client and condition, in the order it gave them."""
    ids: list[str] = []
    while (found := key.known("episode", _spelling(course, len(ids)))) is not None:
        ids.append(found)
    return ids


def _next(key: KeyFile, course: str, taken: set[str]) -> str:
    """Return the first id of a client and condition that is not taken, and take it."""
    number = 0
    while (found := key.id_of("episode", _spelling(course, number))) in taken:
        number += 1
    taken.add(found)
    return found

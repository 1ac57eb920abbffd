"""One course as events in order of days: what a timeline of an episode is drawn from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from outcomes.dictionary.tables import received
from outcomes.errors import UsageError
from outcomes.study import Study

DAYS_A_WEEK = 7
COLUMNS = ("day", "kind", "label", "value")


def course_timeline(study: Study, episode_id: str) -> pd.DataFrame:
    """Return the events of one course. This is one patient's record: it stays inside.

    Parameters
    ----------
    study : Study
        The records.
    episode_id : str
        The course.

    Returns
    -------
    DataFrame
        One row an event, by ``day``: ``kind`` is ``visit`` (value: pressure, Walton), ``missed
        visit``, ``score`` or ``score after visit`` (value: score), ``goal due`` (value: target),
        ``clearance``, ``script ends`` (value: sessions a week) or ``course ends``; ``label`` is the
        instrument, status or reason. Events without a day come last.

    Raises
    ------
    UsageError
        When the study has no such course.

    Examples
    --------
    >>> from outcomes.study import study_from_tables
    >>> visits = pd.DataFrame({"episode_id": "a", "session": [1, 2], "day": [0, 7], "pressure": 3})
    >>> goals = pd.DataFrame({"episode_id": "a", "instrument": "nprs", "target": [2], "by_day": 5})
    >>> table = course_timeline(study_from_tables({"sessions": visits, "goals": goals}), "a")
    >>> table[["day", "kind", "value"]]
       day      kind  value
    0  0.0     visit    3.0
    1  5.0  goal due    2.0
    2  7.0     visit    3.0
    """
    episode = study.episodes[study.episodes["episode_id"] == episode_id]
    if episode.empty:
        must = "the course is one of the study's episodes"
        raise UsageError(must, got="another id", remedy="See study.episodes.")
    visits = _own(study, "sessions", episode_id)
    given = received(visits["status"])
    scores, goals = _own(study, "assessments", episode_id), _own(study, "goals", episode_id)
    after = scores["timing"] == "post_session"
    script = episode.assign(script_end=episode["weeks"] * DAYS_A_WEEK)
    events = (
        _events(visits[given], "visit", "day", "status", "pressure"),
        _events(visits[~given], "missed visit", "day", "status", None),
        _events(scores[~after], "score", "day", "instrument", "score"),
        _events(scores[after], "score after visit", "day", "instrument", "score"),
        _events(goals, "goal due", "by_day", "instrument", "target"),
    )
    facts = (
        _events(episode, "clearance", "clearance_day", "clearance", None),
        _events(script, "script ends", "script_end", None, "sessions_per_week"),
        _events(episode, "course ends", "end_day", "end_reason", None),
    )
    rows = [event for part in events for event in part]
    rows += [event for part in facts for event in part if pd.notna(event[0])]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table = table.astype({"day": float, "value": float})
    return table.sort_values("day", kind="stable", ignore_index=True)


def _own(study: Study, table: str, episode_id: str) -> pd.DataFrame:
    frame = study.table(table)
    return frame[frame["episode_id"] == episode_id]


def _events(
    frame: pd.DataFrame, kind: str, day: str, label: str | None, value: str | None
) -> Iterator[tuple[Any, ...]]:
    days = frame[day]
    labels = frame[label] if label else [None] * len(frame)
    values = frame[value] if value else [np.nan] * len(frame)
    for at, said, number in zip(days, labels, values, strict=True):
        yield at, kind, said if pd.notna(said) else None, number

"""What the picture of one course shows: care, scores, measurement error, goal and outlook."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from outcomes.care.dose import sessions_prescribed
from outcomes.dictionary.instruments import Instrument
from outcomes.dictionary.tables import received
from outcomes.errors import UsageError
from outcomes.questions.picture import Picture
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


VISITS = ("visit", "missed visit")
Mark = tuple[str, Any, Any, Any, Any]
"""Kind, x, estimate, and the ends of an interval."""


def course_picture(
    study: Study,
    measure: Instrument,
    episode: str,
    *,
    mdc: float | None = None,
    coming: pd.DataFrame | None = None,
) -> Picture:
    """Return the timeline of one course with its scores on one instrument.

    Parameters
    ----------
    study : Study
        The records.
    measure : Instrument
        With a score after baseline in this course.
    episode : str
        The course.
    mdc : float, optional
        Measurement error, drawn as a band around the baseline.
    coming : DataFrame, optional
        Scores to come: ``day, estimate, pred_low, pred_high`` (improvement).

    Returns
    -------
    Picture
        Of kind ``course``; ``.data`` has one row a mark: ``kind`` (``score``, ``baseline``,
        ``expected``, ``goal``, ``script``, ``visit``, ``missed visit``), ``x`` (day; visit where
        scores have no days, and then no visits are shown), ``estimate`` (score, target, sessions
        prescribed or pressure), ``conf_low, conf_high``.
    """
    scores = study.trajectory(measure.name)
    scores = scores[scores["episode_id"] == episode]
    dated = bool(scores["day"].notna().all())
    baseline = float(scores["baseline"].iloc[0])
    width = 0.0 if mdc is None else mdc
    start = 0.0 if dated else 1.0
    low, high = max(baseline - width, measure.minimum), min(baseline + width, measure.maximum)
    rows: list[Mark] = [
        ("baseline", start, baseline, low, high),
        ("scale", start, None, measure.minimum, measure.maximum),
    ]
    x = scores["day"] if dated else scores["session"]
    rows += [("score", at, score, None, None) for at, score in zip(x, scores["score"], strict=True)]
    events = course_timeline(study, episode)
    rows += [
        ("goal", event.day, event.value, None, None)
        for event in events.itertuples()
        if event.kind == "goal due" and event.label == measure.name
    ]
    if dated:
        rows += _care(study, episode, events)
        rows += _expected(coming, baseline, measure.sign)
    columns = ["kind", "x", "estimate", "conf_low", "conf_high"]
    data = pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[1:], float))
    return Picture(
        "course",
        data,
        f"One course: {measure.title}",
        "Days since the first visit" if dated else "Visit",
        f"{measure.title} ({measure.unit}; {measure.better} = better)",
        _alt(data, measure, mdc),
        reading="What is drawn is named beside it.",
    )


def _care(study: Study, episode: str, events: pd.DataFrame) -> list[Mark]:
    """Visits with their pressure, and the script with the sessions it comes to."""
    facts = study.episodes[study.episodes["episode_id"] == episode]
    prescribed = float(sessions_prescribed(facts).iloc[0])
    visits = events[events["kind"].isin(VISITS) & events["day"].notna()]
    marks = [(str(visit.kind), visit.day, visit.value, None, None) for visit in visits.itertuples()]
    ends = events.loc[events["kind"] == "script ends", "day"]
    return [*marks, *(("script", day, prescribed, None, None) for day in ends)]


def _expected(coming: pd.DataFrame | None, baseline: float, sign: int) -> list[Mark]:
    if coming is None:
        return []
    score = baseline + sign * coming[["estimate", "pred_low", "pred_high"]]
    ends = score[["pred_low", "pred_high"]]
    marks = zip(coming["day"], score["estimate"], ends.min(axis=1), ends.max(axis=1), strict=True)
    return [("expected", *mark) for mark in marks]


def _alt(data: pd.DataFrame, measure: Instrument, mdc: float | None) -> str:
    """Say in words and numbers what the picture shows."""
    by_kind = {str(kind): rows for kind, rows in data.groupby("kind")}
    scores, first = by_kind["score"], by_kind["baseline"].iloc[0]
    said = [
        f"{measure.title} {first['estimate']:g} at the start and "
        f"{scores['estimate'].iloc[-1]:g} at the last of {len(scores)} later scores"
    ]
    if mdc is not None:
        low, high = first["conf_low"], first["conf_high"]
        said.append(f"scores from {low:g} to {high:g} are within measurement error of the start")
    if "goal" in by_kind:
        said.append(f"goal {by_kind['goal']['estimate'].iloc[0]:g}")
    if "script" in by_kind:
        said.append(script_words(by_kind["script"].iloc[0]))
    if set(VISITS) & set(by_kind):
        said.append(visit_words(data))
    if "expected" in by_kind:
        last = by_kind["expected"].iloc[-1]
        said.append(
            f"on day {last['x']:.0f} {last['estimate']:.1f} is expected, 80 % of scores between "
            f"{last['conf_low']:.1f} and {last['conf_high']:.1f}"
        )
    return "; ".join(said) + "."


def script_words(script: pd.Series[Any]) -> str:
    """Say what was prescribed, from the row of kind ``script``."""
    number = "" if pd.isna(script["estimate"]) else f"{script['estimate']:g} visits "
    return f"script: {number}to day {script['x']:g}"


def visit_words(data: pd.DataFrame) -> str:
    """Say how many visits there were, and their pressure, from the picture's rows."""
    given, missed = (data[data["kind"] == kind] for kind in VISITS)
    text = f"given: {len(given)} visits, {len(missed)} missed"
    known = given["estimate"].dropna()
    unknown = (
        f", not recorded (open) at {len(given) - len(known)}" if len(known) < len(given) else ""
    )
    levels = f" {known.min():g} to {known.max():g} (Walton)" if len(known) else ""
    return f"{text}; pressure{levels}{unknown}" if len(given) else text

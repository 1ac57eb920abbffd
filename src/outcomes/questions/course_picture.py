"""What the picture of one course shows: care, scores, measurement error, goal and outlook."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from outcomes.care.dose import sessions_prescribed
from outcomes.dictionary.instruments import Instrument
from outcomes.dictionary.tables import received
from outcomes.questions.picture import Picture
from outcomes.study import Study
from outcomes.words import counted

DAYS_A_WEEK = 7
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
    goals = study.goals[study.goals["episode_id"] == episode]
    goals = goals[goals["instrument"] == measure.name].sort_values("by_day", kind="stable")
    asked = zip(goals["by_day"], goals["target"], strict=True)
    rows += [("goal", day if dated else None, target, None, None) for day, target in asked]
    if dated:
        rows += _care(study, episode)
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


def _care(study: Study, episode: str) -> list[Mark]:
    """Visits with their pressure, and the script with the sessions it comes to."""
    visits = study.sessions[study.sessions["episode_id"] == episode].dropna(subset="day")
    visits = visits.sort_values("day", kind="stable")
    given = received(visits["status"])
    kinds, levels = np.where(given, *VISITS), visits["pressure"].where(given)
    marks = zip(kinds, visits["day"], levels, strict=True)
    script = study.episodes[study.episodes["episode_id"] == episode].head(1)
    ends = zip(script["weeks"].dropna() * DAYS_A_WEEK, sessions_prescribed(script), strict=False)
    return [*((str(kind), day, level, None, None) for kind, day, level in marks),
            *(("script", day, n, None, None) for day, n in ends)]  # fmt: skip


def last_of(number: int) -> str:
    """Name the last of so many scores after baseline."""
    return f"the last of {number} later scores" if number > 1 else "the only later score"


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
        f"{scores['estimate'].iloc[-1]:g} at {last_of(len(scores))}"
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
    number = "" if pd.isna(script["estimate"]) else f"{counted(script['estimate'], 'visit')} "
    return f"prescribed: {number}to day {script['x']:g}"


def visit_words(data: pd.DataFrame) -> str:
    """Say how many visits there were, and their pressure, from the picture's rows."""
    given, missed = (data[data["kind"] == kind] for kind in VISITS)
    text = f"given: {counted(len(given), 'visit')}, {len(missed) or 'none'} missed"
    known = given["estimate"].dropna()
    if known.empty:
        return f"{text}; pressure not recorded" if len(given) else text
    lost = len(given) - len(known)
    ends = " to ".join(f"{level:g}" for level in sorted({known.min(), known.max()}))
    return f"{text}; pressure {ends} (Walton)" + (f", not recorded (open) at {lost}" * bool(lost))

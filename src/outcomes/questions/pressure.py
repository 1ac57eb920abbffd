"""Does deeper pressure work better? Overlap first, then exposure before the score."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from outcomes.causal.measurement_error import answered_visits, sensitivity
from outcomes.causal.visit_history import LEAST_EPISODES, PressureHistory, pressure_history
from outcomes.dictionary.instruments import Instrument
from outcomes.errors import OutcomesWarning
from outcomes.mixed.fit import MixedFit
from outcomes.privacy.disclosure import Disclosure
from outcomes.privacy.text import Count, Text, joined
from outcomes.questions.allowed_for_error import AgainstError, error_taken, with_one_test
from outcomes.questions.course_frame import LEAST_COURSES, CourseFrame
from outcomes.questions.course_model import estimates, fit_course
from outcomes.questions.picture import Picture
from outcomes.questions.question import Asked, Check, Found, Missing, question
from outcomes.words import direction, named, with_interval

SEEN = ("baseline", "score_before")
ROWS = ("last visit", "error allowed for", "within", "between", "sustained")
"""Kinds of rows that are drawn; each is named by what it takes for granted."""
USUAL = "pressure_of_therapist"
"""Mean pressure of the therapist: beside it, pressures are compared within each therapist."""


def pressure(asked: Asked) -> Found | Missing:
    """Relate pressure before a score to improvement, where pressures overlap.

    Parameters
    ----------
    asked : Asked
        The question.

    Returns
    -------
    Found or Missing
        ``.table``: ``kind`` is ``last visit`` (the answer, per level), ``curvature`` (per squared
        level, below zero where medium pressure did better), ``within`` and ``between`` courses,
        ``error allowed for`` (the last visit again, see
        `outcomes.causal.measurement_error.sensitivity`), ``sustained`` (every visit, per level),
        and ``overlap`` (counts by level). Missing without pressure, or with fewer than two levels
        in 11 courses each.
    """
    course = asked.course
    if not asked.study.recorded("sessions", "pressure"):
        return Missing(asked.question.notes["never recorded"], course=course)
    history = pressure_history(asked.study, course.rows)
    rows = last_visit_rows(course.rows, history)
    lost = int(course.rows["episode_id"].isin(history.episodes).sum()) - len(rows)
    problem = no_support(history, rows)
    if problem:
        return Missing(problem, _overlap_rows(history), course=course)
    left_out = {**history.left_out, "no score at the start of the visit before": lost}
    course = replace(course, rows=rows)
    table, fit = _last_visit(course)
    if "last visit" not in set(table["kind"]):
        others = ", ".join(fit.estimates.terms[1:])
        return Missing(asked.question.say("not told apart", others=others), course=course)
    measure = asked.measure
    error = error_taken(measure, course.rows)
    answered = answered_visits(history.visits, course.rows)
    allowed = sensitivity(answered, measure.sign, error.value)
    table = with_one_test(pd.concat([table, allowed.table], ignore_index=True))
    found = AgainstError(table.iloc[0].to_dict(), allowed, measure, error)
    table.insert(0, "term", [PRESSURE.notes[f"row {kind}"] for kind in table["kind"]])
    table = pd.concat([table, _overlap_rows(history)], ignore_index=True)
    return Found(
        table,
        _sentence(found, course),
        PRESSURE.say(
            "method",
            formula=fit.request.formula,
            scores=Count(len(course.rows), "score"),
            levels=str(history.n_levels),
        ),
        _picture(table, found),
        checks=(_overlap_check(history), _terms_check(fit), _curvature_check(table), found.check),
        glance=_number(found.row, measure),
        verdict=found.verdict,
        course=course,
        left_out=left_out,
    )


def last_visit_rows(rows: pd.DataFrame, history: PressureHistory) -> pd.DataFrame:
    """Return the first score after each visit whose own start was scored.

    Only there is known what was seen. A later score (a follow-up, or one after a visit without a
    score) stands beside a pressure that answered pain nobody recorded.

    Parameters
    ----------
    rows : DataFrame
        Rows of a `CourseFrame`.
    history : PressureHistory
        Their visits.

    Returns
    -------
    DataFrame
        The rows kept, with ``adapted``, ``age`` and ``pressure_of_therapist``.
    """
    known = history.visits.loc[
        history.visits["scored"], ["episode_id", "session", "adapted", "age"]
    ]
    known = known.rename(columns={"session": "session_count"})
    first = rows[rows["session"].notna()].drop_duplicates(["episode_id", "session_count"])
    joined = first.merge(known, on=["episode_id", "session_count"], validate="one_to_one")
    kept = joined.dropna(subset=[*SEEN, "pressure"]).reset_index(drop=True)
    by_therapist = kept["pressure"].groupby(kept["therapist_id"].fillna("not recorded"))
    return kept.assign(**{USUAL: by_therapist.transform("mean")})


def no_support(history: PressureHistory, rows: pd.DataFrame) -> str:
    """Return why pressures cannot be compared in these rows, or an empty string.

    Parameters
    ----------
    history : PressureHistory
        Visits and which levels have support.
    rows : DataFrame
        From `last_visit_rows`.
    """
    n_courses = rows["episode_id"].nunique()
    if history.n_levels >= 2 and n_courses >= LEAST_COURSES and rows["pressure"].nunique() >= 2:
        return ""
    if history.n_levels >= 2:
        there = Count(n_courses, "course", there=True)
        out = [Text(Count(n, "course"), f" ({why})") for why, n in history.left_out.items() if n]
        left_out = Text(" Left out before: ", joined("; ", out), ".") if out else ""
        record = "" if history.visits["scored"].all() else PRESSURE.notes["record"]
        least = str(LEAST_COURSES)
        return PRESSURE.say("unseen", least=least, there=there, left_out=left_out, record=record)
    by_level, rule = history.overlap.groupby("pressure")["n_episodes"].sum(), Disclosure()
    few = by_level.map(rule.hides).astype(bool)
    each = [Text(f"level {x:g}: ", Count(n, "course")) for x, n in by_level[~few].items()]
    small = ", ".join(f"{level:g}" for level in by_level.index[few])  # said once for all
    each += [Text(f"fewer than {rule.threshold} each at level {small}")] * bool(small)
    levels = joined("; ", each) or "none"
    return PRESSURE.say("no overlap", least=str(LEAST_EPISODES), levels=levels)


def _last_visit(course: CourseFrame) -> tuple[pd.DataFrame, MixedFit]:
    """Last visit's pressure, and its split within and between courses."""
    whole = last_visit_fit(course)
    first = _term_row(whole, "pressure", "last visit")
    squared = (course.rows["pressure"] - course.rows["pressure"].mean()) ** 2
    bent = course.counted_alike(rows=course.rows.assign(pressure_squared=squared))
    curved = last_visit_fit(bent, ("pressure", "pressure_squared"))
    parts = [first, _term_row(curved, "pressure_squared", "curvature")]
    if course.rows["pressure_within"].abs().max() > 0:
        split = last_visit_fit(course, ("pressure_within", "pressure_mean"))
        parts += [
            _term_row(split, "pressure_within", "within"),
            _term_row(split, "pressure_mean", "between"),
        ]
    table = pd.concat([part for part in parts if len(part)], ignore_index=True)
    return table.assign(n_episodes=course.n_courses), whole


def last_visit_fit(course: CourseFrame, exposure: tuple[str, ...] = ("pressure",)) -> MixedFit:
    """Return the model of the next score given what was seen when pressure was chosen.

    Parameters
    ----------
    course : CourseFrame
        With the rows of `last_visit_rows`.
    exposure : tuple of str
        Columns of pressure.
    """
    facts = [name for name in ("adapted", "age", USUAL) if course.rows[name].nunique() > 1]
    with warnings.catch_warnings():  # terms that cannot be estimated are listed among the checks
        warnings.filterwarnings("ignore", "The fixed part is rank deficient", OutcomesWarning)
        return fit_course(course, (*SEEN, *facts, *exposure)).fit


def _curvature_check(table: pd.DataFrame) -> Check:
    rows = table[table["kind"] == "curvature"].to_dict("records")
    if not rows:
        return PRESSURE.check("straight", False, "cannot be told from two levels")
    found = with_interval(rows[0], 2, "per squared level")
    straight = rows[0]["conf_low"] <= 0 <= rows[0]["conf_high"]
    return PRESSURE.check("straight", straight, PRESSURE.say("bent", found=found))


def _term_row(fit: MixedFit, term: str, kind: str) -> pd.DataFrame:
    """Estimate of a term; no row where the terms before it determine it."""
    weights = [float(name == term) for name in fit.estimates.terms]
    row = estimates(fit, weights) if any(weights) else pd.DataFrame()
    row.insert(0, "kind", kind)
    return row


def _terms_check(fit: MixedFit) -> Check:
    lost = dict.fromkeys(map(_term_in_words, fit.estimates.aliased_terms))
    named_so = f"not estimated: {', '.join(lost)}" if lost else "all of them"
    return PRESSURE.check("terms", not lost, named_so)


def _term_in_words(term: str) -> str:
    """Return a column of the model as people call it (``the course of sciatica over time``)."""
    group, _, time = re.sub(r"\w+\[T\.(.+?)\]", r"\1", term).partition(":")
    group = "time" if group.startswith("cr(") else named(group)
    return f"the course of {group} over time" if time else group


def _overlap_rows(history: PressureHistory) -> pd.DataFrame:
    table = history.overlap
    who = table["adapted"].map({0.0: "not adapted", 1.0: "adapted"})
    term = [f"level {x:g}, {y}" for x, y in zip(table["pressure"], who, strict=True)]
    counts = table[["pressure", "n_visits", "n_episodes", "supported"]]
    return counts.assign(term=term, kind="overlap")


def _overlap_check(history: PressureHistory) -> Check:
    lost = sum(history.left_out.values())
    return PRESSURE.check("levels", lost == 0, Text(Count(lost, "course"), " left out"))


def _sentence(found: AgainstError, course: CourseFrame) -> str:
    alike = "therapist, " if course.rows["therapist_id"].notna().any() else ""
    return PRESSURE.say(
        "found", verdict=f"{_verdict(found.row)}{found.doubt}", alike=alike,
        number=f"{_number(found.row, found.measure)}{found.also}",
        courses=Count(course.n_courses, "course"),
    )  # fmt: skip


def _number(row: Mapping[Any, Any], measure: Instrument) -> str:
    return with_interval(row, unit=f"{measure.unit} per Walton level")


def _verdict(row: Mapping[Any, Any]) -> str:
    way = direction(row, "better", "worse", "")
    return PRESSURE.say("followed" if way else "unclear", way=way)


def _picture(table: pd.DataFrame, found: AgainstError) -> Picture:
    rows = table[table["kind"].isin(ROWS)]
    first, unit = rows.to_dict("records")[0], found.measure.unit
    title = f"{_verdict(first)}{found.doubt * (not found.stays)}"
    spoken = with_interval(first, unit=unit)
    return PRESSURE.forest(rows, rows["term"], title, unit=unit, spoken=spoken)


PRESSURE = question("pressure", pressure)

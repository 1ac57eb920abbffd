"""Are our results changing? A run chart of improvement by period, alike in case mix."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from outcomes.dictionary.instruments import Instrument
from outcomes.dictionary.tables import years_of
from outcomes.errors import FitError
from outcomes.mixed.fit import MixedFit
from outcomes.privacy.text import Count, Text
from outcomes.questions.course_frame import LEAST_COURSES, CourseFrame
from outcomes.questions.course_model import estimates, fit_course, fixed_rows
from outcomes.questions.picture import Picture
from outcomes.questions.question import Asked, Check, Found, Missing, question
from outcomes.words import CANNOT_TELL, digits_of, direction, plain, scale, when, with_interval

LEAST_PERIODS = 3
"""With fewer periods there is no run to look at."""
SIGMAS = 3.0
"""Standard errors from the mean of all at which a run chart draws its limits."""
_YEARS = "years"


def over_time(asked: Asked) -> Found | Missing:
    """Compare improvement between periods, for courses alike in condition and baseline.

    Parameters
    ----------
    asked : Asked
        The question.

    Returns
    -------
    Found or Missing
        ``.table``: ``kind`` is ``trend`` (change of the mean a year, with its p-value), ``trend of
        change`` (the same without baselines: a finding needs both, ``p_both`` [2]_) or ``period``
        (mean of a period for the case mix of all of them; ``limit_low`` and ``limit_high`` are the
        run chart's limits: mean of all, plus and minus three standard errors of so many courses
        [1]_). Missing with fewer than three periods of 11 courses, or
        where each has one therapist.

    References
    ----------
    .. [1] Perla, Provost & Murray (2011), BMJ Qual Saf 20:46: the run chart.
    .. [2] Ding & Li (2019), Political Analysis 27:605: where starts differ, what happened lies
       between the change adjusted for them and the change itself; errors of the baseline alone
       make the first worse where patients come ever worse.
    """
    course = _of_periods(asked)
    periods = course.rows["period"].value_counts().sort_index()
    if len(periods) < LEAST_PERIODS:
        so_many = ("no period has", "only one period has", "only two periods have")[len(periods)]
        least = {"least": str(LEAST_PERIODS), "courses": str(LEAST_COURSES)}
        reason = asked.question.say("few", so_many=so_many, **least)
        return Missing(reason, course=course)
    if replace(course, group="period").one_therapist_each("period"):
        return Missing(asked.question.notes["one therapist each"], course=course)
    table, formula = _table(course, periods)
    return Found(
        table,
        _sentence(table, course, asked.measure),
        asked.question.say("method", formula=formula),
        _picture(table, course, asked.measure),
        checks=_checks(table),
        glance=f"{_trend(table, asked.measure)} a year",
        verdict=_both_ways(table, "they are getting better", "they are getting worse", CANNOT_TELL),
        course=course,
    )


def _of_periods(asked: Asked) -> CourseFrame:
    """Return each course's score at the horizon, of periods with courses enough to be shown."""
    course, facts = asked.course.of_courses(), asked.study.courses
    here = course.rows[course.rows[course.axis] == course.horizon]
    rows = here.dropna(subset=["baseline"]).drop_duplicates("episode_id", keep="last")
    known = facts["period"] if "period" in facts else pd.Series(dtype=object)
    rows = rows.assign(period=rows["episode_id"].map(known))
    rows = rows.assign(**{_YEARS: years_of(rows["period"])}).dropna(subset=[_YEARS])
    rows = rows[rows.groupby("period")["episode_id"].transform("size") >= LEAST_COURSES]
    rows = rows.reset_index(drop=True)
    out = {**course.left_out, "no period of as many courses, or no score then":
           course.n_courses - len(rows)}  # fmt: skip
    group = course.group if course.group and rows[course.group].nunique() > 1 else ""
    return replace(course, rows=rows, group=group, left_out=out)


def _table(course: CourseFrame, periods: pd.Series[int]) -> tuple[pd.DataFrame, str]:
    by_period = _settled(course, ("baseline", "C(period)"))
    trend, of_change = (_a_year(course, held) for held in (("baseline",), ()))
    same = trend["estimate"].iloc[0] * of_change["estimate"].iloc[0] > 0
    both = max(trend["p_value"].iloc[0], of_change["p_value"].iloc[0]) if same else 1.0
    trend = trend.assign(term="a year", kind="trend", p_both=both)
    of_change = of_change.assign(term="a year, whatever the baselines", kind="trend of change")
    alike = [_mean_row(by_period, course.rows.assign(period=one)) for one in periods.index]
    means = estimates(by_period, np.vstack(alike)).assign(
        term=list(periods.index), kind="period", n_episodes=periods.to_numpy()
    )
    whole = np.average(means["estimate"], weights=means["n_episodes"])
    left = by_period.y - by_period.fixed_fitted
    reach = SIGMAS * left.std(ddof=len(alike)) / np.sqrt(means["n_episodes"])
    means = means.assign(limit_low=whole - reach, limit_high=whole + reach)
    lines = pd.concat([trend, of_change]).assign(n_episodes=len(course.rows))
    table = pd.concat([lines, means], ignore_index=True)
    first = ["term", "kind", "n_episodes"]
    return table[[*first, *[c for c in table if c not in first]]], by_period.request.formula


def _settled(course: CourseFrame, adjusted_for: tuple[str, ...]) -> MixedFit:
    """Return the course model; of few patients with courses alike, no residual may be left."""
    fit = fit_course(course, adjusted_for).fit
    if not fit.optimum.converged:
        must = "The fit of each course's score at the horizon must settle"
        raise FitError(must, got="one that did not")
    return fit


def _a_year(course: CourseFrame, held: tuple[str, ...]) -> pd.DataFrame:
    """Return how much the mean changes a year, for courses alike in what is held."""
    fit = _settled(course, (*held, _YEARS))
    later = course.rows.assign(**{_YEARS: course.rows[_YEARS] + 1})
    return estimates(fit, _mean_row(fit, later) - _mean_row(fit, course.rows))


def _mean_row(fit: MixedFit, rows: pd.DataFrame) -> Any:
    """Return the contrast that is the mean of the model over rows."""
    return fixed_rows(fit, rows).mean(axis=0)


def _trend(table: pd.DataFrame, measure: Instrument) -> str:
    return with_interval(table.iloc[0].to_dict(), unit=measure.unit)


def _said(table: pd.DataFrame) -> str:
    getting = "Results are getting "
    return _both_ways(table, f"{getting}better", f"{getting}worse", "No clear change")


def _both_ways(table: pd.DataFrame, *words: str) -> str:
    """Return the word that courses alike in baseline and change by itself agree on."""
    first, second = (direction(row, *words) for row in table.head(2).to_dict("records"))
    return first if first == second else words[-1]


def _sentence(table: pd.DataFrame, course: CourseFrame, measure: Instrument) -> str:
    means = table[table["kind"] == "period"]
    first, last = (means.iloc[i] for i in (0, -1))
    digits = digits_of(means)
    first_mean, last_mean = (plain(row["estimate"], digits) for row in (first, last))
    alone = _alone(table, measure)
    return OVER_TIME.say(
        "found", alone=alone, said=_said(table), time=when(course.axis, course.horizon),
        first=f"{first_mean} in {first['term']}",
        last=f"{last_mean} {measure.unit} in {last['term']}",
        trend=_trend(table, measure), scale=scale(measure),
    )  # fmt: skip


def _alone(table: pd.DataFrame, measure: Instrument) -> str:
    """Say what the change is whatever the baselines, where the answer does not survive that."""
    first, other = table.head(2).to_dict("records")
    if not direction(first, neither="") or _both_ways(table, "b", "w", ""):
        return ""
    digits = digits_of(table)
    return OVER_TIME.say("alone", change=with_interval(other, digits, measure.unit))


def _picture(table: pd.DataFrame, course: CourseFrame, measure: Instrument) -> Picture:
    rows = table[table["kind"] == "period"]
    whole = float((rows["limit_low"] + rows["limit_high"]).mean() / 2)
    spoken = "; ".join(f"{r['term']}: {plain(r['estimate'])}" for r in rows.to_dict("records"))
    title = f"{_said(table)} {when(course.axis, course.horizon)}"
    drawn = OVER_TIME.forest(rows, rows["term"], title, unit=measure.unit, spoken=spoken)
    return replace(drawn, marks=((whole, "mean of all"),))


def _checks(table: pd.DataFrame) -> tuple[Check, ...]:
    rows = table[table["kind"] == "period"]
    outside = rows["estimate"].lt(rows["limit_low"]) | rows["estimate"].gt(rows["limit_high"])
    fewest, check = int(rows["n_episodes"].min()), OVER_TIME.check
    beyond = ", ".join(rows.loc[outside, "term"]) or "all lie inside"
    return (
        check("inside", not outside.any(), beyond),
        check("periods", len(rows) >= 8, f"{len(rows)} periods"),
        check("courses", fewest >= 30, Text("fewest: ", Count(fewest, "course"))),
    )  # fmt: skip


OVER_TIME = question("over-time", over_time)

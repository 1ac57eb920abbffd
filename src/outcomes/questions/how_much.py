"""How much did patients improve? Change during care, by condition and session count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from outcomes.dictionary.instruments import Instrument
from outcomes.dictionary.instruments.threshold import LINES, lines_of
from outcomes.errors import FitError
from outcomes.mixed.fit import MANY_ROWS, RULE
from outcomes.privacy.text import Count, Share, Text
from outcomes.questions.beside import beside
from outcomes.questions.course_frame import LEAST_COURSES, CourseFrame
from outcomes.questions.course_model import (
    THERAPIST,
    CourseModel,
    fit_course,
    means,
    of_whom,
)
from outcomes.questions.ordinal import BOUND_SHARE, ordinal, ordinal_check, share_at_bound
from outcomes.questions.picture import Picture, curves
from outcomes.questions.question import Asked, Check, Found, Missing, Question, question
from outcomes.questions.sensitivity import sensitivity, verdict
from outcomes.words import (
    counted,
    decimals,
    direction,
    each_with_interval,
    headline,
    interval,
    named,
    percent,
    scale,
    sentence_case,
    turned,
    when,
    with_interval,
)

NOT_ROBUST = (
    "The mean was not held against errors robust to courses: these need the rows at hand, and so "
    "many scores are added up part by part."
)


@dataclass(frozen=True, eq=False)
class Around:
    """What stands around the mean: other models, other measures of order, change without care."""

    tables: tuple[pd.DataFrame, ...] = ()
    checks: tuple[Check, ...] = ()
    limits: tuple[str, ...] = ()


def how_much(asked: Asked) -> Found | Missing:
    """Estimate improvement during care by group and session count.

    Parameters
    ----------
    asked : Asked
        The question; one that is not thorough is about the mean over all courses alone.

    Returns
    -------
    Found or Missing
        ``.table`` has one row an estimate: ``kind`` is ``improvement`` (groups at the horizon),
        ``curve`` (all reported times), ``beside`` (what would come without care), ``sensitivity``
        (the mean at the horizon from other models) or ``ordinal`` (log odds of a better score,
        where over 15 % of scores sit at a bound). Missing with fewer than ten courses that have a
        score after baseline.
    """
    course, measure = asked.course, asked.measure
    if course.n_courses < LEAST_COURSES or not course.times:
        return Missing(_too_few(course), course=course)
    course = course if asked.thorough else replace(course, group="")
    pooled = asked.pooled
    model = fit_course(course) if course.group else pooled
    curve = _curves(model, pooled)
    curve.insert(0, "kind", "curve")
    at_horizon = curve[curve[course.axis] == course.horizon].assign(kind="improvement")
    table = pd.concat([at_horizon, curve], ignore_index=True)
    table.insert(0, "term", table["group"])
    if asked.test_only:
        return Found(table, "", "", None, course=course)
    around = _around(asked, model, at_horizon) if asked.thorough else Around()
    table = pd.concat([table, *around.tables], ignore_index=True)
    return Found(
        table,
        _sentence(course, measure, at_horizon),
        _method(model),
        _picture(course, measure, table),
        checks=(*_checks(model, asked), *around.checks),
        limits=(*_limits(asked.question, course), *around.limits),
        course=course,
        glance=_glance(course, measure, at_horizon),
        verdict="" if course.group == "arm" else direction(at_horizon.to_dict("records")[0]),
        n_used=model.fit.n_observations,
        n_clusters=int(course.rows["therapist_id"].nunique()),
    )


def _around(asked: Asked, model: CourseModel, at_horizon: pd.DataFrame) -> Around:
    overall = at_horizon[at_horizon["group"] == "all"].iloc[0]
    ends = float(overall["conf_low"]), float(overall["conf_high"])
    alone, selection = beside(asked.study, model, asked.measure)
    others = sensitivity(model.course, asked.pooled)
    order, same = _order(model.course, asked.measure, ends)
    if model.fit.n_observations > MANY_ROWS:
        selection = (*selection, NOT_ROBUST)
    return Around((alone, others, order), (verdict(others, *ends), *same), selection)


def _limits(about: Question, course: CourseFrame) -> tuple[str, ...]:
    """Return what this answer cannot show: only what is about something that stands in it."""
    more = {
        "of_arms": course.group == "arm",
        "of_sessions": course.axis == "session_count",
        "of_neck_pain": course.group != "arm"
        and bool(course.rows["condition"].astype(str).str.contains("neck").any()),
    }
    kept = () if course.group == "arm" else about.limits
    return (*kept, *(about.notes[name] for name, applies in more.items() if applies))


def _curves(model: CourseModel, pooled: CourseModel) -> pd.DataFrame:
    """Means of all courses from a model without groups, then those of each group from its own."""
    course = model.course
    if not course.group:
        return means(model, course.times)
    return pd.concat([means(pooled, course.times), means(model, course.times)], ignore_index=True)


def _too_few(course: CourseFrame) -> str:
    return Text(
        f"a mean with an honest interval needs at least {LEAST_COURSES} courses with a score after "
        "their baseline; ",
        Count(course.n_courses, "course", there=True),
        ". Record a score at the start of each visit.",
    )


def _order(
    course: CourseFrame, measure: Instrument, ends: tuple[float, float]
) -> tuple[pd.DataFrame, tuple[Check, ...]]:
    """Model the order of scores where many sit at a bound; nothing where few do."""
    if share_at_bound(course, measure) <= BOUND_SHARE:
        return pd.DataFrame(), ()
    try:
        table = ordinal(course, measure)
    except FitError:
        table = pd.DataFrame()
    return table, (ordinal_check(table, *ends),)


def _sentence(course: CourseFrame, measure: Instrument, at_horizon: pd.DataFrame) -> str:
    digits, time = decimals(measure), when(course.axis, course.horizon)
    on = f"on the {measure.title} ({scale(measure)})"
    overall = at_horizon[at_horizon["group"] == "all"].to_dict("records")[0]
    own = at_horizon[at_horizon["group"] != "all"]
    if course.group == "arm" and len(own):
        parts = [
            f"{with_interval(row, digits, measure.unit)} in the {named(row['group'])} arm"
            for row in own.to_dict("records")
        ]
        said = " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)
        return f"{sentence_case(time)}, mean improvement {on} was {said}."
    seen = course.rows.loc[course.rows[course.axis] == course.horizon, "episode_id"].nunique()
    return Text(
        f"{_verdict(course, measure, overall)} {on}, averaged over ",
        Count(course.n_courses, "course"),
        Text(", ", Count(int(seen)), " of them with a score then")
        if seen < course.n_courses
        else "",
        ".",
    )


def _glance(course: CourseFrame, measure: Instrument, at_horizon: pd.DataFrame) -> str:
    rows = at_horizon.to_dict("records")
    own = rows[1:] if course.group == "arm" and len(rows) > 1 else rows[:1]
    each = each_with_interval(own, "group", decimals(measure), measure.unit)
    if own[0]["group"] != "all" and len(own) == 1:  # its name is not among several
        each = f"{each} in the {named(own[0]['group'])} arm"
    return f"{each} {when(course.axis, course.horizon)}"


def _verdict(course: CourseFrame, measure: Instrument, row: Mapping[Any, Any]) -> str:
    """Say what happened to scores during care: better, worse, or nothing that is clear."""
    digits, time = decimals(measure), when(course.axis, course.horizon)
    whose = of_whom(course)
    verb = direction(row, "improved", "got worse", "")
    if not verb:
        whose = whose and f" of patients{whose}"
        change = with_interval(row, digits, measure.unit)
        return f"During care, scores{whose} did not clearly improve: {change} {time}"
    size, low, high, _ = turned(row)
    by = interval(size, low, high, digits, measure.unit)
    return f"During care, patients{whose} {verb} by {by} {time}"


def _picture(course: CourseFrame, measure: Instrument, table: pd.DataFrame) -> Picture:
    rows = table[table["kind"] == "curve"]
    if course.group == "arm" and rows["group"].nunique() > 1:
        rows = rows[rows["group"] != "all"]
    last = rows[rows[course.axis] == course.horizon]
    digits = decimals(measure)
    spoken = "; ".join(
        f"{named(row['group'])}: {with_interval(row, digits)}" for row in last.to_dict("records")
    )
    lines = lines_of(measure.thresholds, set(course.rows["condition"].dropna().astype(str)))
    axis = "Sessions received before the score"
    if course.axis == "week":
        axis = "Weeks since the first visit" if course.rows["session"].notna().any() else "Week"
    drawn = curves(
        rows,
        course.axis,
        f"Improvement in each arm {when(course.axis, course.horizon)}"
        if "all" not in set(rows["group"])
        else headline(_verdict(course, measure, last.to_dict("records")[0])),
        axis,
        f"Improvement ({measure.unit}; up = better)",
        f"Mean improvement with 95 % intervals over {axis.lower()}. "
        f"{when(course.axis, course.horizon).capitalize()}, {spoken}.",
    )
    marks = tuple((value, f"{LINES[kind]} ({value:g})") for kind, value in lines.items())
    return replace(drawn, marks=marks)


def _method(model: CourseModel) -> str:
    fit = model.fit
    text = Text(
        "Linear mixed model by REML with Satterthwaite degrees of freedom: "
        f"`{fit.request.formula}` on ",
        Count(fit.n_observations, "score"),
        " of ",
        Count(model.course.n_courses, "course"),
        ". The mean over all courses comes from the same model without groups. "
        f"Residuals: {_residuals(fit.n_observations)} "
        "The horizon is the latest time that at least half of the courses reach; times with fewer "
        f"than {LEAST_COURSES} courses are not shown.",
    )
    if model.course.few_times and model.course.axis == "week":
        weeks = model.course.rows["day"] / 7
        text += f" Scores are of weeks {weeks.min():.0f} to {weeks.max():.0f} as they were taken."
    if THERAPIST in fit.request.formula:
        text += (
            " Therapists vary in level, and in slope where courses have one: where they are "
            "estimated to differ, degrees of freedom come down to their number less one; of three "
            "or four therapists they are at most three times that."
        )
    return text


def _residuals(n_scores: int) -> str:
    """Say which residual covariances were tried."""
    if n_scores > MANY_ROWS:
        return f"independent; others are tried with up to {MANY_ROWS:,} scores."
    return (
        f"{RULE} Tried: independent, and correlation that fades with the days between scores (ou); "
        "the sensitivity rows show the mean with independent ones."
    )


def _checks(model: CourseModel, asked: Asked) -> tuple[Check, ...]:
    fit, at_bound = model.fit, share_at_bound(model.course, asked.measure)
    n_arms = asked.study.episodes["arm"].nunique()
    converged = bool(fit.optimum.converged)
    return (
        Check("the optimiser converged", converged, fit.optimum.status),
        Check(
            "no variance is zero",
            not fit.is_singular,
            "a variance is at its bound of zero" if fit.is_singular else "all are above zero",
        ),
        Check(
            f"at most {percent(BOUND_SHARE)} of scores at a bound of the scale",
            at_bound <= BOUND_SHARE,
            Text(
                Share(round(at_bound * len(model.course.rows)), len(model.course.rows)),
                " of the scores",
            ),
        ),
        Check(
            "at least 30 courses",
            model.course.n_courses >= 30,
            Text(Count(model.course.n_courses, "course")),
        ),
        Check("a comparison group", n_arms > 1, counted(n_arms, "arm")),
    )


HOW_MUCH = question("how-much", how_much)

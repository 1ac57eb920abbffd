"""How much did patients improve? Change during care, by condition and session count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from outcomes.dictionary.instruments import Instrument
from outcomes.dictionary.instruments.threshold import line_name, lines_of
from outcomes.mixed.fit import MANY_ROWS, RULE
from outcomes.privacy.text import Count, Resting, Share, Text
from outcomes.questions.beside import beside
from outcomes.questions.course_frame import LEAST_COURSES, NOT_RECORDED, CourseFrame
from outcomes.questions.course_model import CourseModel, means, of_whom
from outcomes.questions.picture import Picture, curves
from outcomes.questions.question import Asked, Check, Found, Missing, Question, question
from outcomes.questions.sensitivity import (
    BOUND_SHARE,
    in_order,
    sensitivity,
    share_at_bound,
    verdict,
)
from outcomes.records import baselines
from outcomes.words import (
    UNCHANGED,
    counted,
    decimals,
    digits_of,
    direction,
    each_with_interval,
    headline,
    interval,
    limits,
    listed,
    named,
    plain,
    scale,
    sentence_case,
    turned,
    when,
    with_interval,
)

Around = tuple[tuple[pd.DataFrame, ...], tuple[Check, ...], tuple[str, ...]]
"""Tables, checks and limits around the mean: other models, order alone, change without care."""


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
        where over 15 % of scores sit at a bound). Missing with fewer than 11 courses that have a
        score after baseline.
    """
    course, measure = asked.course, asked.measure
    if course.n_courses < LEAST_COURSES or not course.times:
        there = Count(course.n_courses, "course", there=True)
        why = "too few" if course.n_courses < LEAST_COURSES else "at no time"
        few = asked.question.say(why, least=str(LEAST_COURSES), there=there)
        return Missing(few, course=course)
    model = asked.grouped if asked.thorough else asked.pooled
    course, curve = model.course, _curves(model, asked.pooled)
    curve.insert(0, "kind", "curve")
    at_horizon = curve[curve[course.axis] == course.horizon].assign(kind="improvement")
    table = pd.concat([at_horizon, curve], ignore_index=True)
    table.insert(0, "term", table["group"])
    tables, checks, selection = _around(asked, model, at_horizon)
    table = pd.concat([table, *tables], ignore_index=True)
    told, drawn = at_horizon, table
    if course.group == "arm" and {*course.groups} - {*at_horizon["group"], NOT_RECORDED}:
        told, drawn = at_horizon.head(1), table[table["group"] == "all"]  # the arms together
    return Found(
        table,
        _sentence(course, measure, told),
        _method(model),
        _picture(course, measure, drawn),
        checks=(*_checks(model, asked), *checks),
        limits=(*_limits(asked.question, course), *selection),
        course=course,
        glance=_glance(course, measure, told),
        verdict="" if course.group == "arm" else direction(dict(told.iloc[0]), neither=UNCHANGED),
        n_used=model.fit.n_observations,
        n_clusters=course.n_therapists or course.tallies.treated["therapist_id"].nunique(),
    )


def _around(asked: Asked, model: CourseModel, at_horizon: pd.DataFrame) -> Around:
    if not asked.thorough:
        return (), (), ()
    overall = at_horizon[at_horizon["group"] == "all"].iloc[0]
    ends = float(overall["conf_low"]), float(overall["conf_high"])
    alone, selection = beside(asked, model)
    start = float(baselines(asked.study, asked.instrument)["score"].astype(float).mean())
    others = sensitivity(model.course, asked.pooled, start)
    order, same = in_order(model.course, asked.measure, *ends)
    if model.fit.n_observations > MANY_ROWS:
        selection = (*selection, asked.question.notes["not robust"])
    return (alone, others, order), (verdict(others, *ends), *same), selection


def _limits(about: Question, course: CourseFrame) -> tuple[str, ...]:
    """Return what this answer cannot show: only what is about something that stands in it."""
    more = {
        "of_arms": course.group == "arm",
        "of_sessions": course.axis == "session_count",
        "of_movements": course.several_movements,
        "once": course.one_score_each and course.n_times == 1,
        "of_neck_pain": course.group != "arm"
        and any("neck" in str(name) for name in course.conditions),
    }
    kept = () if course.group == "arm" else about.limits
    return (*kept, *(about.notes[name] for name, applies in more.items() if applies))


def _curves(model: CourseModel, pooled: CourseModel) -> pd.DataFrame:
    """Means of all courses from a model without groups, then those of each group from its own."""
    course = model.course
    if not course.group:
        return means(model, course.times)
    return pd.concat([means(pooled, course.times), means(model, course.times)], ignore_index=True)


def _sentence(course: CourseFrame, measure: Instrument, at_horizon: pd.DataFrame) -> str:
    time = when(course.axis, course.horizon)
    on = f"on the {measure.title} ({scale(measure)})"
    overall = at_horizon[at_horizon["group"] == "all"].to_dict("records")[0]
    own = at_horizon[at_horizon["group"] != "all"]
    arms = course.group == "arm"
    if arms and len(own):
        digits = digits_of(at_horizon)
        parts = [
            f"{with_interval(row, digits, measure.unit)} in {_arm(row['group'])}"
            for row in own.to_dict("records")
        ]
        return f"{sentence_case(time)}, mean improvement {on} was {listed(parts)}."
    seen = int(course.seen_at_horizon.sum())
    told = f", {seen:,} of them with a score then"
    some = ", not all of them with a score then"
    there = Text(Resting(seen, of=course.n_courses, words=told, otherwise=some))
    return HOW_MUCH.say(
        "mean", verdict=f"{_verdict(course, measure, overall)} {on}",
        courses=Text(Count(course.n_courses, "course"), ", the arms together" * arms),
        there=there if seen < course.n_courses else "",
    )  # fmt: skip


def _glance(course: CourseFrame, measure: Instrument, at_horizon: pd.DataFrame) -> str:
    rows = at_horizon.to_dict("records")
    own = rows[1:] if course.group == "arm" and len(rows) > 1 else rows[:1]
    each = each_with_interval(own, "group", digits_of(at_horizon), measure.unit)
    if own[0]["group"] != "all" and len(own) == 1:  # its name is not among several
        each = f"{each} in {_arm(own[0]['group'])}"
    time = when(course.axis, course.horizon)
    return f"{time}, {each}" if len(own) > 1 else f"{each} {time}"


def _arm(name: str) -> str:
    return "courses without an arm" if name == "not recorded" else f"the {named(name)} arm"


def _verdict(course: CourseFrame, measure: Instrument, row: Mapping[Any, Any]) -> str:
    """Say what happened to scores during care: better, worse, or nothing that is clear."""
    time = when(course.axis, course.horizon)
    whose = of_whom(course)
    verb = direction(row, "improved", "got worse", "")
    if not verb:
        whose = whose and f" of patients{whose}"
        change = with_interval(row, unit=measure.unit)
        return HOW_MUCH.say("unclear", whose=whose, change=change, time=time)
    size, low, high, _ = turned(row)
    by = interval(size, low, high, unit=measure.unit)
    return HOW_MUCH.say("clear", whose=whose, verb=verb, by=by, time=time)


def _arms_range(last: pd.DataFrame, measure: Instrument, time: str) -> Text:
    """Return the lowest and highest mean of the arms, where that of the smallest may be told."""
    which, digits = last["group"].tolist(), decimals(measure)
    ends = limits(last["estimate"].min(), last["estimate"].max(), digits)
    ends = plain(last["estimate"].iloc[0], digits) if len(which) == 1 else ends
    where = _arm(which[0]) if len(which) == 1 else "the arms"
    ends = f"{sentence_case(time)}, mean improvement in {where} was {ends} {measure.unit}"
    untold = f"Mean improvement in each arm {time}"
    return Text(Resting(int(last["n_episodes"].min()), words=ends, otherwise=untold))


def _picture(course: CourseFrame, measure: Instrument, table: pd.DataFrame) -> Picture:
    rows = table[table["kind"] == "curve"]
    digits = digits_of(rows[rows[course.axis] == course.horizon])
    arms = rows[rows["group"] != "all"]
    if course.group == "arm" and (arms[course.axis] == course.horizon).any():
        rows = arms
    last = rows[rows[course.axis] == course.horizon]
    spoken = "; ".join(
        f"{named(row['group'])}: {with_interval(row, digits)}" for row in last.to_dict("records")
    )
    lines = lines_of(measure.thresholds, {str(name) for name in course.conditions})
    dated = "weeks" if len(course.tallies.sessions) else "week"
    axis = HOW_MUCH.notes[dated if course.axis == "week" else "sessions"]
    time = when(course.axis, course.horizon)
    drawn = curves(
        rows, course.axis,
        headline(_verdict(course, measure, last.to_dict("records")[0]))
        if "all" in set(rows["group"]) else _arms_range(last, measure, time),
        axis, f"Improvement ({measure.unit}; up = better)",
        HOW_MUCH.say("alt", axis=axis.lower(), time=time.capitalize(), spoken=spoken),
    )  # fmt: skip
    marks = tuple(
        (line.value, f"{line_name(kind, line)} ({line.value:g})") for kind, line in lines.items()
    )
    return replace(drawn, marks=marks)


def _method(model: CourseModel) -> Text:
    fit, course = model.fit, model.course
    residuals = "many scores" if fit.n_observations > MANY_ROWS else "tried"
    return HOW_MUCH.say(
        "method", formula=fit.request.formula, scores=Count(fit.n_observations, "score"),
        courses=Count(course.n_courses, "course"), least=str(LEAST_COURSES),
        residuals=HOW_MUCH.say(residuals, rule=RULE, many=f"{MANY_ROWS:,}"),
    )  # fmt: skip


def _checks(model: CourseModel, asked: Asked) -> tuple[Check, ...]:
    fit, at_bound = model.fit, share_at_bound(model.course, asked.measure)
    n_arms = asked.study.episodes["arm"].nunique()
    share = Share(round(at_bound * len(model.course.rows)), len(model.course.rows))
    of_scores = Text(share, " of the scores")
    courses = Count(model.course.n_courses, "course")
    zero = "a variance is at its bound of zero" if fit.is_singular else "all are above zero"
    check = HOW_MUCH.check
    return (
        check("converged", fit.optimum.converged, fit.optimum.status),
        check("variances", not fit.is_singular, zero),
        HOW_MUCH.at_most("bound", BOUND_SHARE, share.part, share.of, asked.study, of_scores),
        check("courses", model.course.n_courses >= 30, Text(courses)),
        check("comparison", n_arms > 1, counted(n_arms, "arm")),
    )


HOW_MUCH = question("how-much", how_much)

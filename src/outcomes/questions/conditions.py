"""Which conditions respond best? Partial pooling, intervals, and no ranking without a leader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from outcomes.causal.pooling import Pooled, pool
from outcomes.dictionary.instruments import Instrument
from outcomes.privacy.text import Count, Text
from outcomes.questions.course_frame import LEAST_COURSES, SMALL_GROUPS, CourseFrame, within_groups
from outcomes.questions.course_model import CourseModel, fit_course, fixed_rows, means_on, of_whom
from outcomes.questions.picture import Picture
from outcomes.questions.question import Asked, Check, Found, Missing, question
from outcomes.questions.tallies import each
from outcomes.words import (
    CANNOT_TELL,
    digits_of,
    limits,
    named,
    percent_of_draws,
    plain,
    scale,
    when,
    with_interval,
)

LEADS = 0.95
"""A condition is named as the one that improved most when its probability is at least this."""


def conditions(asked: Asked) -> Found | Missing:
    """Compare improvement during care between conditions, with partial pooling.

    Parameters
    ----------
    asked : Asked
        The question; its seed is of the posterior draws.

    Returns
    -------
    Found or Missing
        ``.table``: ``kind`` is ``pooled`` (with ``p_best``, the probability of the largest mean
        among those shown) or ``own`` (each condition by itself). Missing with fewer than two
        conditions of 11 courses.
    """
    course = _of_named_conditions(asked.course)
    if len(course.groups) < 2 or not course.times:
        so_many = ("no condition has", "only one condition has")
        has = so_many[min(len(course.groups), 1)]
        some = np.isfinite(course.horizon)
        then = when(course.axis, course.horizon) if some else "at the same time"
        reason = asked.question.say("few", least=str(LEAST_COURSES), so_many=has, time=then)
        return Missing(reason, course=course)
    if course.one_therapist_each("condition"):
        return Missing(asked.question.notes["one therapist each"], course=course)
    held: dict[str, Any] = {}
    if asked.course.group == "arm":
        if within_groups(course.rows, "condition", "arm") < len(course.groups) - 1:
            return Missing(asked.question.notes["arms"], course=course)
        held = _arms_alike(course)
        course = course.counted_alike(rows=course.rows.assign(**held))
    terms = (*held, *(f"{name}:{course.axis}" for name in held))
    model = asked.grouped if asked.course.group == "condition" else fit_course(course, terms)
    table, pooled = _estimates(model, course.groups, asked, held)
    return Found(
        table,
        _sentence(table, course, asked.measure, ", arms alike," * bool(held)),
        asked.question.say(
            "method", formula=model.fit.request.formula, time=when(course.axis, course.horizon)
        ),
        _picture(table, course, asked.measure),
        checks=_checks(table, pooled),
        glance=_range(table, asked.measure),
        verdict=_verdict(_top(table)) if _top(table)["p_best"] >= LEADS else CANNOT_TELL,
        course=model.course,
    )


def _of_named_conditions(course: CourseFrame) -> CourseFrame:
    """Keep named conditions with 11 courses at the horizon."""
    course = course.counted_alike(group="condition")
    counts = course.seen_at_horizon
    enough = set(counts.index[counts >= LEAST_COURSES]) - {SMALL_GROUPS, "not recorded"}

    def kept(rows: pd.DataFrame) -> pd.DataFrame:
        return rows[rows["condition"].isin(enough)].reset_index(drop=True)

    rows = course.tallies.conditions
    n = int(rows[rows.index.isin(enough)].sum())
    return replace(course, rows=each(course.rows, kept, n))


def _arms_alike(course: CourseFrame) -> dict[str, Any]:
    """Return what tells the arms apart, each zero at their mix over all courses."""
    arm, first = course.rows["arm"], ~course.rows["episode_id"].duplicated()
    own = [(arm == name) * 1.0 for name in sorted(arm.unique())[1:]]
    return {f"held_arm_{k}": each - each[first].mean() for k, each in enumerate(own)}


def _estimates(
    model: CourseModel, sizes: Mapping[str, int], asked: Asked, held: Mapping[str, Any]
) -> tuple[pd.DataFrame, Pooled]:
    """Estimate conditions, of so many courses each, by the model that how-much reads too."""
    measure, seed = asked.measure, asked.seed
    axis, horizon = model.course.axis, model.course.horizon
    grid = pd.DataFrame({"condition": list(sizes), axis: horizon})
    grid = grid.assign(**dict.fromkeys(held, 0.0))
    matrix, own = fixed_rows(model.fit, grid), means_on(model, grid).assign(kind="own")
    covariance = model.fit.inference.covariance(matrix)
    widest = (measure.maximum - measure.minimum) / 4
    pooled = pool(own["estimate"], covariance, widest=widest, df=float(own["df"].min()), seed=seed)
    columns = ("std_error", "conf_low", "conf_high", "p_best")
    shrunk = pd.DataFrame({"estimate": pooled.mean, **{c: getattr(pooled, c) for c in columns}})
    table = pd.concat([shrunk.assign(kind="pooled"), own], ignore_index=True)
    table = table.assign(term=2 * [*sizes], n_episodes=2 * [*sizes.values()])
    first = ["term", "kind", "n_episodes"]
    return table[[*first, *[c for c in table if c not in first]]], pooled


def _sentence(table: pd.DataFrame, course: CourseFrame, measure: Instrument, alike: str) -> str:
    pooled = table[table["kind"] == "pooled"]
    top = _top(table)
    leads = "leads" if top["conf_low"] > 0 else "leads unclear"
    return CONDITIONS.say(
        leads if top["p_best"] >= LEADS else "unclear", verdict=_verdict(top),
        best=percent_of_draws(top["p_best"]),
        found=with_interval(top, digits_of(pooled), measure.unit),
        start=CONDITIONS.say(
            "start", time=when(course.axis, course.horizon), means=_range(table, measure),
            whose=(of_whom(course) and f" in patients{of_whom(course)}") + alike,
            n=str(len(pooled)), scale=scale(measure),
        ),
    )  # fmt: skip


def _top(table: pd.DataFrame) -> dict[Any, Any]:
    """Return the row of the condition that is most probably best."""
    pooled = table[table["kind"] == "pooled"]
    return pooled.to_dict("records")[int(np.argmax(pooled["p_best"]))]


def _range(table: pd.DataFrame, measure: Instrument) -> str:
    """Return the lowest and the highest mean."""
    pooled = table[table["kind"] == "pooled"]
    means, digits = pooled["estimate"], digits_of(pooled)
    return f"{limits(means.min(), means.max(), digits)} {measure.unit}"


def _verdict(top: Mapping[Any, Any]) -> str:
    if top["p_best"] < LEADS:
        return "No condition clearly leads"
    most = "improved most" if top["conf_low"] > 0 else "did best"
    return f"Courses for {named(top['term'])} {most}"


def _picture(table: pd.DataFrame, course: CourseFrame, measure: Instrument) -> Picture:
    rows = table[table["kind"] == "pooled"]
    top = _top(table)
    digits = digits_of(rows)
    spoken = "; ".join(
        f"{named(row['term'])}: {plain(row['estimate'], digits)}" for row in rows.to_dict("records")
    )
    title = f"{_verdict(top)} {when(course.axis, course.horizon)}"
    return CONDITIONS.forest(rows, rows["term"], title, unit=measure.unit, spoken=spoken)


def _checks(table: pd.DataFrame, pooled: Pooled) -> tuple[Check, ...]:
    best = float(pooled.p_best.max())
    fewest = int(table["n_episodes"].min())
    return (
        CONDITIONS.check("leads", best >= LEADS, f"highest probability {percent_of_draws(best)}"),
        CONDITIONS.check("courses", fewest >= 30, Text("fewest: ", Count(fewest, "course"))),
    )


CONDITIONS = question("conditions", conditions)

"""Did treatment beat its control? Arms compared, baseline as covariate and as outcome."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from outcomes.dictionary.instruments import Instrument
from outcomes.privacy.text import Count, Text, joined
from outcomes.questions.arms import CLUSTERED, Arms, compared_at, constrained_rows
from outcomes.questions.claim import Words
from outcomes.questions.course_frame import LEAST_COURSES, CourseFrame
from outcomes.questions.course_model import LEAST_RANDOM
from outcomes.questions.picture import Picture, forest
from outcomes.questions.question import Asked, Check, Found, Missing, question
from outcomes.study import Study
from outcomes.words import decimals, interval, scale, turned, when

LORD = 0.5
"""Change and ANCOVA are said to differ beyond this share of the ANCOVA's standard error."""


def trial(asked: Asked) -> Found | Missing:
    """Compare the arms of a trial with its control.

    Parameters
    ----------
    asked : Asked
        The question.

    Returns
    -------
    Found or Missing
        ``.table``: ``kind`` is ``constrained, therapists`` (the answer where three therapists or
        more are recorded in each arm that has any), ``constrained`` (the answer elsewhere),
        ``ancova`` (the answer where scores have no weeks), ``change`` or ``score``; one row an arm
        and time, the answer first. Missing without a named control, or with fewer than ten
        courses of an arm at the time of the answer.
    """
    course, study, measure = asked.course, asked.study, asked.measure
    problem = _missing(study, course)
    if problem:
        return Missing(problem, course=course)
    arms = _arms(study, course, measure)
    table, method = _estimates(study, arms, asked.instrument)
    table.insert(0, "term", table["arm"])
    headline = table["kind"].iloc[0]
    last = table[arms.axis] == arms.times[-1]
    own = table["kind"] == headline
    table = pd.concat([table[own & last], table[own & ~last], table[~own]], ignore_index=True)
    main = table.head(len(arms.treated))
    return Found(
        table,
        _sentence(main, arms, measure, asked.allowed(course.n_courses), study),
        method,
        _picture(main, table, arms, measure),
        checks=_checks(table, arms, study),
        limits=_limits(arms, headline),
        course=course,
    )


def _missing(study: Study, course: CourseFrame) -> str:
    """Why arms cannot be compared, or an empty string."""
    arms = study.courses["arm"].dropna().unique()
    if len(arms) < 2:
        return (
            "the study has one arm or none, and a comparison needs a control. Compare with courses "
            "that wait or have other care, allotted by chance."
        )
    if study.provenance.control not in arms:
        return "no arm is named as the control. Name it in the column map: [study] control = ..."
    counts = course.rows.groupby("arm")["episode_id"].nunique().reindex(arms, fill_value=0)
    if not course.times or counts.min() < LEAST_COURSES:
        return Text(
            f"at least {LEAST_COURSES} courses of each arm with a score at one time are needed; "
            "in the smallest arm ",
            Count(int(counts.min()), "course", there=True),
            " with a later score.",
        )
    here = course.rows[course.rows[course.axis] == course.horizon]
    there = here.groupby("arm")["episode_id"].nunique().reindex(counts.index, fill_value=0)
    if there.min() < LEAST_COURSES:
        return f"an arm has fewer than {LEAST_COURSES} scores {when(course.axis, course.horizon)}."
    return ""


def _arms(study: Study, course: CourseFrame, measure: Instrument) -> Arms:
    rows = course.rows[course.rows["arm"].notna()]
    seen = rows.pivot_table("episode_id", course.axis, "arm", "nunique", fill_value=0)
    enough = seen.index[(seen >= LEAST_COURSES).all(axis=1)]
    times = tuple(t for t in course.times if t in enough and t <= course.horizon)
    control = str(study.provenance.control)
    return Arms(rows, course.axis, times, control, measure.sign)


def _estimates(study: Study, arms: Arms, instrument: str) -> tuple[pd.DataFrame, str]:
    parts = [compared_at(arms, time) for time in arms.times]
    method = (
        "ANCOVA: least squares of improvement on arm and baseline, at each time by itself, those "
        "with a score then; beside it improvement alone and the score alone."
    )
    if arms.axis == "week":
        rows, model = constrained_rows(study, arms, instrument)
        parts.insert(0, rows)
        df = "Satterthwaite" if rows["kind"].iloc[0] == CLUSTERED else "Kenward-Roger"
        method = Text(
            f"Constrained longitudinal model by REML with {df} degrees of freedom on ",
            Count(model.n_observations, "score"),
            f": `{model.request.formula}`. Beside it {method}",
        )
    table = pd.concat(parts, ignore_index=True)
    first = ["kind", "arm", arms.axis, "n_episodes", "n_control"]
    return table[[*first, *[c for c in table if c not in first]]], method


def _sentence(
    main: pd.DataFrame, arms: Arms, measure: Instrument, allowed: Words, study: Study
) -> str:
    digits, time = decimals(measure), when(arms.axis, arms.times[-1])
    parts = [_part(row, arms.control, measure.unit, digits) for row in main.to_dict("records")]
    kind = main["kind"].iloc[0]
    therapists = " and therapists" if kind == CLUSTERED else ""
    return Text(
        f"{measure.title}: {time}, patients had improved by {' and by '.join(parts)}, ",
        _of_whom(kind, arms, study),
        f", allowing for baseline{therapists}: {_claim(allowed, arms)} ({scale(measure)}).",
    )


def _of_whom(kind: str, arms: Arms, study: Study) -> Text:
    """Say whom the difference is about: all who entered, or those with a score then."""
    entered = int(study.courses["arm"].notna().sum())
    if kind.startswith("constrained"):
        return Text("among all ", Count(entered, "course"), " that entered")
    there = len(arms.at(arms.times[-1]))
    return Text("among ", Count(there, "course", of=entered), " with a score then")


def _claim(allowed: Words, arms: Arms) -> str:
    """Say how far the difference may be read; few therapists never stand for all."""
    if allowed.claim != "effect":
        return "a difference, not randomised"
    least = arms.therapists.least
    if 0 < least < LEAST_RANDOM:
        noun = "therapist" if least == 1 else "therapists"
        return f"the effect of being offered care by {least} {noun}, whose own part is in it"
    return "the effect of offering it"


def _part(row: Mapping[Hashable, Any], control: str, unit: str, digits: int) -> str:
    size, low, high, more = turned(row)
    return f"{interval(size, low, high, digits, unit)} {more} in {row['arm']} than in {control}"


def _picture(main: pd.DataFrame, table: pd.DataFrame, arms: Arms, measure: Instrument) -> Picture:
    last = table[table[arms.axis] == arms.times[-1]]
    ways = {
        CLUSTERED: "baseline as outcome (constrained), with therapists",
        "ancova": "baseline as covariate (ANCOVA)",
        "constrained": "baseline as outcome (constrained)",
        "change": "change alone",
        "score": "score alone",
    }
    several = len(arms.treated) > 1
    label = last["kind"].map(ways)
    digits = decimals(measure)
    spoken = "; ".join(
        f"{row['arm']}: {interval(row['estimate'], row['conf_low'], row['conf_high'], digits)}"
        for row in main.to_dict("records")
    )
    time = when(arms.axis, arms.times[-1])
    return forest(
        last,
        last["arm"] + ": " + label if several else label,
        f"Against {arms.control}, {time}",
        f"Difference in improvement ({measure.unit}; right = better than {arms.control})",
        f"Difference in improvement from {arms.control} with 95 % intervals, {time}, in "
        f"several analyses. {ways[main['kind'].iloc[0]]}: {spoken}.",
    )


def _checks(table: pd.DataFrame, arms: Arms, study: Study) -> tuple[Check, ...]:
    last = table[table[arms.axis] == arms.times[-1]].set_index(["kind", "arm"])
    ancova, change = last.loc["ancova"], last.loc["change"]
    gap = (ancova["estimate"] - change["estimate"]).abs() / ancova["std_error"]
    lord = f"ANCOVA {ancova['estimate'].iloc[0]:.2f}, change {change['estimate'].iloc[0]:.2f}"
    started = study.episodes["arm"].value_counts()
    reached = arms.at(arms.times[-1])["arm"].value_counts()
    missing = 1 - (reached / started).dropna()
    shares = joined(
        ", ",
        (
            Text(f"{arm} ", Count(int(n - reached.get(arm, 0)), "course", of=int(n), whom=str(arm)))
            for arm, n in started.items()
        ),
    )
    return (
        Check("chance made the arms", study.provenance.randomised, "as the column map states"),
        Check(
            "change and ANCOVA agree (Lord's paradox)",
            bool((gap <= LORD).all()),
            f"{lord}: they answer different questions where baselines differ",
        ),
        Check(
            "at most 20 % without a score, alike in the arms",
            bool((missing <= 0.2).all() and missing.max() - missing.min() <= 0.1),
            Text("without a score at that time: ", shares),
        ),
    )


def _limits(arms: Arms, headline: str) -> tuple[str, ...]:
    clusters, many = arms.therapists, len(arms.treated) * len(arms.times) > 1
    independent = "patients of one therapist are taken as independent; therapists who differ"
    if headline == CLUSTERED:
        whose = "In the rows without therapists patients of one therapist are taken as independent."
    elif clusters.least:
        whose = (
            f"With fewer than {LEAST_RANDOM} therapists in an arm nobody can tell the treatment "
            f"from who gave it: {independent} would widen the interval."
        )
    else:
        whose = f"Who treated is not recorded for all: {independent} would widen the interval."
    return (
        "Patients who know their arm may report accordingly; this compares offers of care, not "
        "hands alone.",
        whose,
        *(
            ("Other times and arms are shown for completeness and not adjusted for their number.",)
            if many
            else ()
        ),
    )


TRIAL = question("trial", trial)

"""How much did patients improve? Change during care, by condition, pressure and session count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from outcomes.dictionary.instruments import Instrument
from outcomes.errors import FitError
from outcomes.mixed.residual.choose import RULE
from outcomes.questions.answer import Answer, Check, Picture, refusal
from outcomes.questions.beside import beside
from outcomes.questions.claim import basis_of, words
from outcomes.questions.course_frame import LEAST_COURSES, CourseFrame, course_frame
from outcomes.questions.course_model import CourseModel, fit_course, means, therapist_df
from outcomes.questions.ordinal import BOUND_SHARE, ordinal, ordinal_check, share_at_bound
from outcomes.questions.sensitivity import sensitivity, verdict
from outcomes.questions.source import source_of
from outcomes.questions.wording import (
    counted,
    decimals,
    in_words,
    interval,
    percent,
    scale,
    there_are,
    turned,
    when,
)
from outcomes.study import Study

NAME = "how-much"
QUESTION = "How much did patients improve?"
BEFORE = ("baseline", "score_before", "pressure")
"""What a model with pressure must hold too: pressure follows these, and so does the outcome."""
LEAST_LEVELS = 2

ESTIMAND = (
    "Mean change within courses from the course's baseline to the stated time, among those who "
    "start care, in the better direction (positive = better). Regardless of other treatment; "
    "after a course ends, as it would have gone on like similar courses. Not a causal quantity."
)
ASSUMPTIONS = (
    "Scores that are missing, also because a course ended, are like those of courses with the same "
    "scores so far (missing at random).",
    "Courses differ around their group's curve by a normally distributed level and slope.",
)
LIMITS = (
    "This is change during care. Without a comparison group nobody can tell from it how much was "
    "the massage's effect: people come when they are at their worst, and many would have improved "
    "anyway.",
    "In neck-pain trials (0 to 100 scale) treated arms improved by 25.9, placebo arms by 15.7 and "
    "untreated arms by 5.8 (Hu 2022): most of a raw change is not specific to the treatment.",
)
OF_ARMS = "Each arm by itself shows change during care; the question `trial` compares the arms."
OF_PRESSURE = (
    "The pressure row compares scores after a firmer with scores after a lighter visit; therapists "
    "choose pressure for reasons that are not all recorded, so it is an association."
)
OF_SESSIONS = (
    "Session counts are visits received before a score. How many visits a course has in the end "
    "depends on how it went, and says nothing about dose."
)
REFERENCES = (
    "Hu et al. (2022), Arch Phys Med Rehabil, doi 10.1016/j.apmr.2022.10.013 (abstract read).",
    "Barnett, van der Pols & Dobson (2005), Int J Epidemiol 34: regression to the mean.",
    "Bates et al. (2015), J Stat Softw 67(1): mixed models. "
    "Kuznetsova et al. (2017), J Stat Softw 82(13): Satterthwaite degrees of freedom.",
)


@dataclass(frozen=True, eq=False)
class Around:
    """What stands around the mean: other models, other measures of order, change without care."""

    tables: tuple[pd.DataFrame, ...] = ()
    checks: tuple[Check, ...] = ()
    limits: tuple[str, ...] = ()


def how_much(
    study: Study, *, instrument: str, planned: bool = False, thorough: bool = True
) -> Answer:
    """Estimate improvement during care by group, pressure and session count.

    Parameters
    ----------
    study : Study
        A study without errors.
    instrument : str
        Instrument of the outcome.
    planned : bool
        Whether an analysis plan declared the question.
    thorough : bool
        False gives the mean over all courses alone: no groups, no other models beside it.

    Returns
    -------
    Answer
        ``.table`` has one row an estimate: ``kind`` is ``improvement`` (groups at the horizon),
        ``curve`` (all reported times), ``pressure`` (per Walton level, association), ``beside``
        (what would come without care), ``sensitivity`` (the mean at the horizon from other
        models) or ``ordinal`` (log odds of a better score, where over 15 % of scores sit at a
        bound). Refused with fewer than ten courses that have a score after baseline.
    """
    measure = study.instrument(instrument)
    course = course_frame(study, instrument)
    source = source_of(study, n_used=len(course.rows), left_out=course.left_out)
    if course.n_courses < LEAST_COURSES or not course.times:
        return refusal(NAME, QUESTION, _too_few(course), source, estimand=ESTIMAND)
    course = course if thorough else replace(course, group="")
    model = fit_course(course)
    curve = _curves(model)
    curve.insert(0, "kind", "curve")
    at_horizon = curve[curve[course.axis] == course.horizon].assign(kind="improvement")
    pressure, formula, missing = _pressure_rows(course) if thorough else (pd.DataFrame(), "", ())
    table = pd.concat([at_horizon, pressure, curve], ignore_index=True)
    table.insert(0, "term", table["kind"].where(table["kind"] == "pressure", table["group"]))
    around = _around(model, measure, at_horizon) if thorough else Around()
    return Answer(
        name=NAME,
        question=QUESTION,
        sentence=_sentence(course, measure, at_horizon),
        table=pd.concat([table, *around.tables], ignore_index=True),
        picture=_picture(course, measure, curve),
        method=_method(model, formula),
        estimand=ESTIMAND,
        assumptions=ASSUMPTIONS,
        checks=(*_checks(model, study, measure, instrument), *missing, *around.checks),
        limits=(*_limits(course, formula), *around.limits, *_cautions(study, course, planned)),
        references=REFERENCES,
        source=replace(source, n_used=model.fit.n_observations),
    )


def _around(model: CourseModel, measure: Instrument, at_horizon: pd.DataFrame) -> Around:
    overall = at_horizon[at_horizon["group"] == "all"].iloc[0]
    ends = float(overall["conf_low"]), float(overall["conf_high"])
    alone, selection = beside(model, measure)
    others = sensitivity(model.course)
    order, same = _order(model.course, measure, ends)
    return Around((alone, others, order), (verdict(others, *ends), *same), (selection,))


def _limits(course: CourseFrame, pressure_formula: str) -> tuple[str, ...]:
    """Return what this answer cannot show: only what is about something that stands in it."""
    more = (
        (course.group == "arm", OF_ARMS),
        (bool(pressure_formula), OF_PRESSURE),
        (course.axis == "session_count", OF_SESSIONS),
    )
    kept = LIMITS[1:] if course.group == "arm" else LIMITS
    return (*kept, *(sentence for applies, sentence in more if applies))


def _cautions(study: Study, course: CourseFrame, planned: bool) -> tuple[str, ...]:
    clusters = int(course.rows["therapist_id"].nunique())
    basis = basis_of(
        study, contrast=False, planned=planned, n_episodes=course.n_courses, n_clusters=clusters
    )
    return words(basis).cautions


def _curves(model: CourseModel) -> pd.DataFrame:
    """Means of all courses from a model without groups, then those of each group from its own."""
    course = model.course
    if not course.group:
        return means(model, course.times)
    pooled = fit_course(replace(course, group=""))
    return pd.concat([means(pooled, course.times), means(model, course.times)], ignore_index=True)


def _too_few(course: CourseFrame) -> str:
    return (
        f"a mean with an honest interval needs at least {LEAST_COURSES} courses with a score after "
        f"their baseline; {there_are(course.n_courses, 'course')}. Record a score at the start of "
        "each visit."
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


def _pressure_rows(course: CourseFrame) -> tuple[pd.DataFrame, str, tuple[Check, ...]]:
    """Pressure of the last visit before, beside baseline and score before; empty without it."""
    rows = course.rows.dropna(subset=list(BEFORE))
    levels = rows["pressure"].nunique()
    if levels < LEAST_LEVELS or rows["episode_id"].nunique() < LEAST_COURSES:
        return pd.DataFrame(), "", ()
    try:
        fit = fit_course(replace(course, rows=rows.reset_index(drop=True)), BEFORE).fit
    except FitError as error:
        return pd.DataFrame(), "", (Check("pressure can be modelled", False, str(error)),)
    estimate = fit.test({"pressure": 1.0}).drop(columns="term")
    n_episodes = int(rows["episode_id"].nunique())
    labels = pd.DataFrame({"kind": ["pressure"], "group": ["all"], "n_episodes": [n_episodes]})
    return labels.join(estimate), fit.request.formula, ()


def _sentence(course: CourseFrame, measure: Instrument, at_horizon: pd.DataFrame) -> str:
    digits, time = decimals(measure), when(course.axis, course.horizon)
    overall = at_horizon[at_horizon["group"] == "all"].to_dict("records")[0]
    own = at_horizon[at_horizon["group"] != "all"]
    if course.group == "arm" and len(own):
        parts = [
            f"{_found(row, digits, measure.unit)} in the arm {row['group']}"
            for row in own.to_dict("records")
        ]
        start = f"mean improvement {time} was {' and '.join(parts)}"
    else:
        size, low, high, more = turned(overall)
        found = interval(size, low, high, digits, measure.unit)
        verb = "improved" if more == "more" else "got worse"
        verb = verb if round(size, digits) else "changed"
        start = (
            f"during care, patients {verb} by {found} {time}, on average over {course.n_courses} "
            "courses"
        )
    return f"{measure.title}: {start} ({scale(measure)})."


def _found(row: Mapping[Any, Any], digits: int, unit: str = "") -> str:
    return interval(row["estimate"], row["conf_low"], row["conf_high"], digits, unit)


def _picture(course: CourseFrame, measure: Instrument, curve: pd.DataFrame) -> Picture:
    several = curve["group"].nunique() > 1
    data = curve[curve["group"] != "all"] if several and course.group == "arm" else curve
    data = data.rename(columns={course.axis: "x"})
    columns = ["group", "x", "estimate", "conf_low", "conf_high", "n_episodes"]
    last = data[data["x"] == course.horizon]
    digits = decimals(measure)
    spoken = "; ".join(
        f"{in_words(row['group'])}: {_found(row, digits)}" for row in last.to_dict("records")
    )
    axis = "Sessions received before the score"
    if course.axis == "week":
        axis = "Weeks since the first visit"
    return Picture(
        kind="curves",
        data=data[columns].reset_index(drop=True),
        title=f"Improvement during care: {measure.title}",
        x_label=axis,
        y_label=f"Improvement ({measure.unit}; up = better)",
        alt=f"Mean improvement with 95 % intervals over {axis.lower()}. "
        f"{when(course.axis, course.horizon).capitalize()}, {spoken}.",
    )


def _method(model: CourseModel, pressure_formula: str) -> str:
    fit = model.fit
    text = (
        "Linear mixed model by REML with Satterthwaite degrees of freedom: "
        f"`{fit.request.formula}` on {fit.n_observations} scores of {model.course.n_courses} "
        "courses. The mean over all courses comes from the same model without groups. "
        f"Residuals: {RULE} Tried: independent, and correlation that fades with the days between "
        "scores (ou); the sensitivity rows show the mean with independent ones. "
        "The horizon is the latest time that at least half of the courses reach; times with fewer "
        f"than {LEAST_COURSES} courses are not shown."
    )
    if np.isfinite(therapist_df(model.course)):
        text += " Degrees of freedom of a mean: at most the number of therapists less one."
    if pressure_formula:
        text += f" Pressure: `{pressure_formula}`."
    return text


def _checks(
    model: CourseModel, study: Study, measure: Instrument, instrument: str
) -> tuple[Check, ...]:
    fit, at_bound = model.fit, share_at_bound(model.course, measure)
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
            f"{percent(at_bound)} of {instrument} scores",
        ),
        Check(
            "at least 30 courses",
            model.course.n_courses >= 30,
            counted(model.course.n_courses, "course"),
        ),
        Check(
            "a comparison group",
            study.episodes["arm"].nunique() > 1,
            counted(study.episodes["arm"].nunique(), "arm"),
        ),
    )

"""How much did patients improve? Change during care, by condition, pressure and session count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from outcomes.answers.answer import Answer, Check, Picture, refusal
from outcomes.answers.claim import basis_of, words
from outcomes.answers.course_frame import LEAST_COURSES, CourseFrame, course_frame
from outcomes.answers.course_model import CourseModel, fit_course, means
from outcomes.answers.sensitivity import sensitivity, verdict
from outcomes.answers.source import source_of
from outcomes.answers.wording import decimals, interval, percent, scale, when
from outcomes.dictionary.instruments import Instrument
from outcomes.errors import FitError
from outcomes.mixed.residual.choose import RULE
from outcomes.study import Study

NAME = "how-much"
QUESTION = "How much did patients improve?"
BEFORE = ("baseline", "score_before", "pressure")
"""What a model with pressure must hold too: pressure follows these, and so does the outcome."""
LEAST_LEVELS = 2
BOUND_SHARE = 0.15

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
    "The pressure row compares scores after a firmer with scores after a lighter visit; therapists "
    "choose pressure for reasons that are not all recorded, so it is an association.",
    "Session counts are visits received before a score. How many visits a course has in the end "
    "depends on how it went, and says nothing about dose.",
)
ARMS = (
    "An arm's improvement is change during care. The comparison of arms is a question of its own: "
    "did treatment beat its control?"
)
REFERENCES = (
    "Hu et al. (2022), Arch Phys Med Rehabil, doi 10.1016/j.apmr.2022.10.013 (abstract read).",
    "Bates et al. (2015), J Stat Softw 67(1): mixed models. "
    "Kuznetsova et al. (2017), J Stat Softw 82(13): Satterthwaite degrees of freedom.",
)


def how_much(study: Study, *, instrument: str, planned: bool = False) -> Answer:
    """Estimate improvement during care by group, pressure and session count.

    Parameters
    ----------
    study : Study
        A study without errors.
    instrument : str
        Instrument of the outcome.
    planned : bool
        Whether an analysis plan declared the question.

    Returns
    -------
    Answer
        ``.table`` has one row an estimate: ``kind`` is ``improvement`` (groups at the horizon),
        ``curve`` (all reported times), ``pressure`` (per Walton level, association) or
        ``sensitivity`` (the mean at the horizon from other models). Refused with fewer than ten
        courses that have a score after baseline.
    """
    measure = study.instrument(instrument)
    course = course_frame(study, instrument)
    source = source_of(study, n_used=len(course.rows), left_out=course.left_out)
    if course.n_courses < LEAST_COURSES or not course.times:
        return refusal(NAME, QUESTION, _too_few(course), source, estimand=ESTIMAND)
    model = fit_course(course)
    curve = _curves(model)
    curve.insert(0, "kind", "curve")
    at_horizon = curve[curve[course.axis] == course.horizon].assign(kind="improvement")
    pressure, formula = _pressure_rows(course)
    table = pd.concat([at_horizon, pressure, curve], ignore_index=True)
    table.insert(0, "term", table["kind"].where(table["kind"] == "pressure", table["group"]))
    others = sensitivity(course)
    overall = at_horizon[at_horizon["group"] == "all"].iloc[0]
    same = verdict(others, float(overall["conf_low"]), float(overall["conf_high"]))
    return Answer(
        name=NAME,
        question=QUESTION,
        sentence=_sentence(course, measure, at_horizon),
        table=pd.concat([table, others], ignore_index=True),
        picture=_picture(course, measure, curve),
        method=_method(model, formula),
        estimand=ESTIMAND,
        assumptions=ASSUMPTIONS,
        checks=(*_checks(model, study, measure, instrument), same),
        limits=(*_limits(course, pressure=bool(formula)), *_cautions(study, course, planned)),
        references=REFERENCES,
        source=replace(source, n_used=model.fit.n_observations),
    )


def _limits(course: CourseFrame, *, pressure: bool) -> tuple[str, ...]:
    """Return the limits of what is shown: arms, a pressure row, a curve over sessions."""
    alone, usual, row, counts = LIMITS
    kept = (
        (course.group == "arm", ARMS), (course.group != "arm", alone), (True, usual),
        (pressure, row), (course.axis == "session_count", counts),
    )  # fmt: skip
    return tuple(text for holds, text in kept if holds)


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
        f"{course.n_courses} courses have a score after their baseline; at least {LEAST_COURSES} "
        "are needed for a mean with an honest interval. Record a score at the start of each visit."
    )


def _pressure_rows(course: CourseFrame) -> tuple[pd.DataFrame, str]:
    """Pressure of the last visit before, beside baseline and score before; empty without it."""
    rows = course.rows.dropna(subset=list(BEFORE))
    levels = rows["pressure"].nunique()
    if levels < LEAST_LEVELS or rows["episode_id"].nunique() < LEAST_COURSES:
        return pd.DataFrame(), ""
    try:
        fit = fit_course(replace(course, rows=rows.reset_index(drop=True)), BEFORE).fit
    except FitError:
        return pd.DataFrame(), ""
    estimate = fit.test({"pressure": 1.0}).drop(columns="term")
    n_episodes = int(rows["episode_id"].nunique())
    labels = pd.DataFrame({"kind": ["pressure"], "group": ["all"], "n_episodes": [n_episodes]})
    return labels.join(estimate), fit.request.formula


def _sentence(course: CourseFrame, measure: Instrument, at_horizon: pd.DataFrame) -> str:
    digits, time = decimals(measure), when(course.axis, course.horizon)
    overall = at_horizon[at_horizon["group"] == "all"].to_dict("records")[0]
    own = at_horizon[at_horizon["group"] != "all"]
    if course.group == "arm" and len(own):
        parts = [
            f"{_found(row, digits, measure.unit)} in the arm {row['group']}"
            for row in own.to_dict("records")
        ]
        start = f"Improvement in {measure.title} {time} was {' and '.join(parts)}"
    else:
        found = _found(overall, digits, measure.unit)
        verb = "improved" if overall["estimate"] >= 0 else "changed"
        start = (
            f"During care, scores on the {measure.title} {verb} by {found} {time}, "
            f"on average over {course.n_courses} courses"
        )
    return f"{start} ({scale(measure)})."


def _found(row: Mapping[Any, Any], digits: int, unit: str = "") -> str:
    return interval(row["estimate"], row["conf_low"], row["conf_high"], digits, unit)


def _picture(course: CourseFrame, measure: Instrument, curve: pd.DataFrame) -> Picture:
    several = curve["group"].nunique() > 1
    data = curve[curve["group"] != "all"] if several and course.group == "arm" else curve
    data = data.rename(columns={course.axis: "x"})
    columns = ["group", "x", "estimate", "conf_low", "conf_high", "n_episodes"]
    last = data[data["x"] == course.horizon]
    digits = decimals(measure)
    spoken = "; ".join(f"{row['group']}: {_found(row, digits)}" for row in last.to_dict("records"))
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
    if pressure_formula:
        text += f" Pressure: `{pressure_formula}`."
    return text


def _checks(
    model: CourseModel, study: Study, measure: Instrument, instrument: str
) -> tuple[Check, ...]:
    fit, rows = model.fit, model.course.rows
    scores = rows["score"]
    at_bound = max((scores <= measure.minimum).mean(), (scores >= measure.maximum).mean())
    converged = bool(fit.optimum.converged)
    return (
        Check("the optimiser converged", converged, fit.optimum.status),
        Check(
            "no variance is zero", not fit.is_singular, "boundary fit" if fit.is_singular else ""
        ),
        Check(
            f"at most {percent(BOUND_SHARE)} of scores at a bound",
            bool(at_bound <= BOUND_SHARE),
            f"{percent(at_bound)} of {instrument} scores",
        ),
        Check("at least 30 courses", model.course.n_courses >= 30, f"{model.course.n_courses}"),
        Check(
            "a comparison group",
            study.recorded("episodes", "arm"),
            "arms" if study.recorded("episodes", "arm") else "no arms in these data",
        ),
    )

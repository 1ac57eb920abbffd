"""The mixed model of improvement over a course, and the means read off it with intervals."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from outcomes.answers.contrasts import estimates, fixed_rows
from outcomes.answers.course_frame import CourseFrame, courses_by_group
from outcomes.errors import SingularFitWarning
from outcomes.mixed.fit import lmm
from outcomes.mixed.results import MixedFit

LEAST_CLUSTERS = 5
"""Fewer therapists than this cannot show how much therapists vary."""
LEAST_FOR_SLOPE = 3
"""Scores after baseline that the median course must have before it gets a slope of its own."""


@dataclass(frozen=True, eq=False)
class CourseModel:
    """A fitted course model.

    Parameters
    ----------
    course : CourseFrame
        The rows.
    fit : MixedFit
        The model of total change.
    """

    course: CourseFrame
    fit: MixedFit


def fit_course(course: CourseFrame, adjusted_for: tuple[str, ...] = ()) -> CourseModel:
    """Fit improvement against group and time with the random effects the data can carry.

    Parameters
    ----------
    course : CourseFrame
        The rows.
    adjusted_for : tuple of str
        Further columns, such as ``("baseline", "score_before", "pressure")``.

    Returns
    -------
    CourseModel

    Raises
    ------
    FitError
        When the rows cannot carry the model.
    """
    time = _time_term(course)
    fixed = f"{course.group} * {time}" if course.group else time
    formula = " + ".join(["improvement ~ " + fixed, *adjusted_for, *_random_terms(course)])
    with warnings.catch_warnings():  # a boundary fit is listed among the answer's checks
        warnings.simplefilter("ignore", SingularFitWarning)
        return CourseModel(course, lmm(formula, course.rows))


def _time_term(course: CourseFrame) -> str:
    if not course.few_times:
        return f"cr({course.axis}, df=3, constraints='center')"
    return f"C({course.axis})" if course.rows[course.axis].nunique() > 1 else "1"


def _random_terms(course: CourseFrame) -> list[str]:
    rows = course.rows
    typical = rows.groupby("episode_id").size().median()
    slope = not course.few_times and typical >= LEAST_FOR_SLOPE
    terms = [f"(1 + {course.axis} | episode_id)" if slope else "(1 | episode_id)"]
    patients = rows["patient_id"]
    if patients.notna().all() and patients.nunique() < course.n_courses:
        terms.append("(1 | patient_id)")
    therapists = rows["therapist_id"]
    if therapists.notna().all() and therapists.nunique() >= LEAST_CLUSTERS:
        terms.append("(1 | therapist_id)")
    return terms


def means(model: CourseModel, times: tuple[float, ...], conf_level: float = 0.95) -> pd.DataFrame:
    """Return the mean improvement of each group, and of all courses, at the given times.

    Parameters
    ----------
    model : CourseModel
        The fitted model.
    times : tuple of float
        Values of the time axis.
    conf_level : float
        Between 0 and 1.

    Returns
    -------
    DataFrame
        Columns ``group`` ("all" weights groups by their courses), the axis, ``n_episodes`` (courses
        with a score at that time), estimate, std_error, df, statistic, p_value, conf_low,
        conf_high. Groups with fewer than ten courses at a time are not there.
    """
    course = model.course
    weights = course.groups
    cells = [(group, time) for time in times for group in weights]
    grid = pd.DataFrame(cells, columns=[course.group or "all", course.axis])
    rows = fixed_rows(model.fit, grid)
    labels, matrix = [], []
    for time in times:
        at = (grid[course.axis] == time).to_numpy()
        seen = _courses_at(course, time)
        share = np.array(list(weights.values()), dtype=float)
        labels.append(("all", time, sum(seen.values())))
        matrix.append(share / share.sum() @ rows[at])
        if len(weights) > 1:
            own = [(group, time, seen.get(group, 0)) for group in weights]
            enough = [i for i, label in enumerate(own) if label[2] >= 10]
            labels += [own[i] for i in enough]
            matrix += [rows[at][i] for i in enough]
    named = pd.DataFrame(labels, columns=["group", course.axis, "n_episodes"])
    return named.join(estimates(model.fit, np.vstack(matrix), conf_level))


def _courses_at(course: CourseFrame, time: float) -> dict[str, int]:
    return courses_by_group(course.rows[course.rows[course.axis] == time], course.group)

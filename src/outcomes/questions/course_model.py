"""The mixed model of improvement over a course, and the means read off it with intervals."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from outcomes.errors import OutcomesWarning, SingularFitWarning
from outcomes.mixed.fit import MixedFit, choose_residual, lmm
from outcomes.mixed.inference.small_sample import Satterthwaite
from outcomes.mixed.inference.testing import Inference, contrast_table, interval_table
from outcomes.mixed.products.pieces import Pieces
from outcomes.mixed.reading.design import design_matrix
from outcomes.questions.course_frame import (
    LEAST_COURSES,
    MOSTLY_OWN,
    CourseFrame,
    a_tenth_return,
    course_frame,
)
from outcomes.study import Study
from outcomes.tables import once

Array = NDArray[np.float64]


@contextmanager
def quietly() -> Iterator[None]:
    """Fit without warnings that are no news to an answer.

    A variance of zero is among its checks, and a mean needs no more than the sum of variances. A
    group without late scores has no late curve to estimate, and means are read only where ten
    courses have a score. Of the courses compared each may be its patient's only one.
    """
    alone = "'patient_id' groups the rows"
    with warnings.catch_warnings(action="ignore", category=SingularFitWarning):
        for known in ("The fixed part is rank deficient", "Only sums of some variances", alone):
            warnings.filterwarnings("ignore", known, OutcomesWarning)
        yield


def fitted(formula: str, rows: pd.DataFrame, *, reml: bool = True) -> MixedFit:
    """Fit a mixed model; a variance estimated as zero is no news here (`fit.is_singular`).

    Parameters
    ----------
    formula : str
        As in `outcomes.mixed.fit.lmm`.
    rows : DataFrame
        The data.
    reml : bool
        Restricted maximum likelihood.

    Returns
    -------
    MixedFit
    """
    with quietly():
        return lmm(formula, rows, reml=reml)


def fixed_rows(fit: MixedFit, rows: pd.DataFrame) -> Array:
    """Return the fixed part of a model for new rows, estimated terms only.

    Parameters
    ----------
    fit : MixedFit
        The fitted model.
    rows : DataFrame
        Every column of the fixed part.

    Returns
    -------
    array, shape (rows, terms)
    """
    matrix = design_matrix(fit.design.fixed, rows)[:, fit.basis.kept]
    return np.asarray(matrix, dtype=float)


def estimates(fit: MixedFit, contrasts: Any, conf_level: float = 0.95) -> pd.DataFrame:
    """Return each combination of the coefficients with its interval.

    Parameters
    ----------
    fit : MixedFit
        The fitted model.
    contrasts : array, shape (k, terms) or (terms,)
        One combination a row.
    conf_level : float
        Between 0 and 1.

    Returns
    -------
    DataFrame
        estimate, std_error, df, statistic, p_value, conf_low, conf_high; one row a combination.
    """
    matrix = np.atleast_2d(np.asarray(contrasts, dtype=float))
    return contrast_table(fit.estimates.beta, fit.inference, matrix, conf_level)


def with_intervals(estimate: Array, covariance: Array, df: Any) -> pd.DataFrame:
    """Return estimates with their covariance as rows of a table; `df` of each, or of all."""
    return interval_table(estimate, np.sqrt(np.diag(covariance)), df)


RESIDUALS = ("", "ou(day | episode_id)")
"""Residual covariances tried: independent, and correlation that fades with the days between."""
LEAST_CLUSTERS = 5
"""Fewer therapists than this cannot show how much therapists vary."""
LEAST_RANDOM = 3
"""From here on therapists vary in the model of a mean: fewer are said to be these therapists."""
LEAST_PART = 0.4
"""No smaller part of a therapist is told from the courses that others treat in part."""
THERAPIST = "(1 | therapist_id)"
MOST_DF = 5
"""A mean has at most so many degrees of freedom for each therapist but one."""
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
    independent : MixedFit or None
        The same with independent residuals, where a serial correlation was tried beside it.
    """

    course: CourseFrame
    fit: MixedFit
    independent: MixedFit | None = None


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
    of_visits = any(name.startswith("pressure") for name in adjusted_for)  # who treats chose it
    share = 1.0 if of_visits else course.own_share
    course = course.of_courses(of_visits=of_visits)
    formula = course_formula(course, adjusted_for)
    with quietly():
        serial = not adjusted_for and can_be_serial(course)
        if not serial or isinstance(course.rows, Pieces):
            fit = _stood_in(lmm(formula, course.rows), course, share)
            return CourseModel(course, fit, fit if serial else None)
        choice = choose_residual(formula, course.rows, RESIDUALS)
        fit = _stood_in(choice.fit, course, share)
        return CourseModel(course, fit, choice.fits.get(""))


def _stood_in(fit: MixedFit, course: CourseFrame, share: float) -> MixedFit:
    """Return the fit `undiluted` where others gave more than a fifth of the visits of courses."""
    if share >= MOSTLY_OWN or THERAPIST not in fit.request.formula:
        return fit
    plain = re.sub(r" \+ \([^()]*\| therapist_id\)", "", fit.request.formula)
    return undiluted(fit, lmm(plain, course.rows), own_part(share, course.n_therapists))


@once
def pooled_model(study: Study, instrument: str, *timing: Any) -> CourseModel:
    """Return the course model of all courses together; see `course_frame` and `fit_course`."""
    return fit_course(course_frame(study, instrument, *timing).counted_alike(group=""))


@once
def grouped_model(study: Study, instrument: str, *timing: Any) -> CourseModel:
    """Return the course model of the groups that courses fall into; of all where there are none."""
    course = course_frame(study, instrument, *timing)
    return fit_course(course) if course.group else pooled_model(study, instrument, *timing)


def course_formula(
    course: CourseFrame, adjusted_for: tuple[str, ...] = (), *, clusters: bool = True
) -> str:
    """Return the formula, residuals independent; only courses vary without `clusters`."""
    fixed = course.over_time(course.group if len(course.groups) > 1 else "")
    random = _random_terms(course, adjusted_for)[: None if clusters else 1]
    return " + ".join(["improvement ~ " + fixed, *adjusted_for, *random])


def can_be_serial(course: CourseFrame) -> bool:
    """Whether scores a few days apart can be told to resemble each other more than others."""
    tallies = course.tallies
    dated = tallies.days.sum() == len(course.rows) and not tallies.twice
    return bool(dated and not course.few_times and course.typical_size >= LEAST_FOR_SLOPE)


def _random_terms(course: CourseFrame, adjusted_for: tuple[str, ...]) -> list[str]:
    slope = not course.few_times and course.typical_size >= LEAST_FOR_SLOPE
    terms = [f"(1 + {course.axis} | episode_id)" if slope else "(1 | episode_id)"]
    if course.one_score_each:  # of its own at each time, where all of these have courses enough
        each = "us" if course.n_times <= 1 else "idh"
        enough = course.seen.groupby(level=0).sum().min() >= LEAST_COURSES
        terms = [f"{each if enough else 'id'}({course.axis} | episode_id)"]
    if course.patients_return:
        terms.append("(1 | patient_id)")
        if slope and a_tenth_return(course.n_courses, course.tallies.patients):
            terms.append(f"(0 + {course.axis} | patient_id)")
    named = ("arm" if "held_arm" in name else name for name in (course.group, *adjusted_for))
    held = {name for name in named if name in ("arm", "condition")}
    told = not any(map(course.one_therapist_each, held))  # else the groups are the therapists
    if told and course.n_therapists >= LEAST_RANDOM:
        terms.append(THERAPIST)
        if slope:  # what a therapist adds grows with the course: its average is not its end
            terms.append(f"(0 + {course.axis} | therapist_id)")
    return terms


def means(model: CourseModel, times: tuple[float, ...]) -> pd.DataFrame:
    """Return the mean improvement of each group of the model at the given times.

    Parameters
    ----------
    model : CourseModel
        The fitted model; one without groups gives the mean of all courses.
    times : tuple of float
        Values of the time axis.

    Returns
    -------
    DataFrame
        Columns ``group`` ("all" where the model has none), the axis, ``n_episodes`` (courses with a
        score at that time), estimate, std_error, df, statistic, p_value, conf_low, conf_high. A
        group with fewer than 11 courses at a time is not there: nothing is extrapolated.
    """
    course = model.course
    counts = course.seen
    at_times = counts.index.get_level_values(0).isin(times)
    seen = counts[at_times & (counts >= LEAST_COURSES)].reset_index(name="n_episodes")
    cells = seen[["group", course.axis, "n_episodes"]].astype({"group": str})
    grid = cells.rename(columns={"group": course.group or "group"})
    return cells.join(means_on(model, grid))


def means_on(model: CourseModel, grid: pd.DataFrame) -> pd.DataFrame:
    """Return the means that a model predicts for the rows of a grid, as `estimates` does.

    Parameters
    ----------
    model : CourseModel
        The fitted model.
    grid : DataFrame
        Every column of the fixed part; the group, where the model has one.

    Returns
    -------
    DataFrame
        As `estimates`; degrees of freedom as `df_of_mean`.
    """
    found, course = estimates(model.fit, fixed_rows(model.fit, grid)), model.course
    if THERAPIST not in model.fit.request.formula:
        return found
    treating = course.treating(grid[course.group] if course.group else None)
    df = df_of_mean(found["df"], course.treating(), treating)
    return interval_table(found["estimate"].to_numpy(), found["std_error"].to_numpy(), df)


def df_of_mean(df: Any, therapists: Any, treating: Any) -> Array:
    """Return the degrees of freedom of a mean over few therapists.

    Parameters
    ----------
    df : array of float
        Satterthwaite's.
    therapists, treating : float or array of float
        Effective number (`effective_number`) of those of the study, and of those who treat the
        group.

    Notes
    -----
    Where therapists who differ are estimated not to, Satterthwaite's degrees of freedom are those
    of courses, and near the bound of zero they fall below one: an interval was 3,064 points wide on
    a scale of 10. So they lie between therapists less one (containment; two to five) and five
    times that, of the effective number, for a mean over courses has most of its error from who
    treats most. In 6,000 simulated studies a cell (``python -m studies.few_therapists``: 3 to 12
    therapists, equal and with courses in proportion to k^-1 and k^-1.7) intervals hold the truth in
    93.5 to 97 % where therapists differ (92.8 % where one of six has three courses of four), and
    in 97 to 98.7 % where they are alike (99.2 %). Three times as many bounds hold 94 to 98.5 % and
    97 to 99.9 %, and are a tenth wider; without a bound it is 91 to 93 % where one has most.
    """
    least = np.clip(np.asarray(treating) - 1.0, LEAST_RANDOM - 1, LEAST_CLUSTERS)
    most = MOST_DF * np.maximum(np.asarray(therapists, dtype=float) - 1.0, 1.0)
    return np.asarray(np.clip(df, least, most), dtype=float)


def own_part(own_share: Any, least: int) -> Any:
    """Return what a course has more of its own therapist than of any other one of its arm.

    Parameters
    ----------
    own_share : float or array, 0 to 1
        Share of visits that the course's own therapist gave.
    least : int
        Therapists of the arm with fewest.
    """
    return np.maximum(own_share - (1 - own_share) / max(least - 1, 1), LEAST_PART)


def lost_of_therapists(whole: Array, plain: Array, part: Any) -> Array:
    """Return what `undiluted` adds to a covariance of coefficients, shape (..., p, p).

    Parameters
    ----------
    whole, plain : array, shape (..., p, p)
        With therapists who vary, and without.
    part : float or array, shape (...)
        From `own_part`.
    """
    values, vectors = np.linalg.eigh(whole - plain)
    kept = vectors * np.maximum(values, 0.0)[..., None, :]
    more = np.asarray(part, dtype=float)[..., None, None] ** -2 - 1
    return np.asarray(kept @ np.swapaxes(vectors, -1, -2) * more)


def undiluted(fit: MixedFit, plain: MixedFit, part: float) -> MixedFit:
    """Return a fit that knows no more where others stand in for the therapists of courses.

    Courses of one therapist are then alike in part of what is particular to that therapist alone,
    and the mean of an arm has all of it: of five therapists an arm, 60 % of whose visits anybody
    gave, intervals held the truth in 90 % of 113 simulated trials, and now in 96 %.

    Parameters
    ----------
    fit, plain : MixedFit
        With therapists who vary, and the same fixed part without.
    part : float
        From `own_part`.
    """
    if part >= 1:
        return fit
    method, forward = fit.inference.method, fit.inference.forward
    assert isinstance(method, Satterthwaite)
    lost = lost_of_therapists(fit.vcov, plain.estimates.vcov, part)
    slopes = forward @ method.gradients @ forward.T / part
    whole = Satterthwaite(fit.vcov + lost, slopes, method.parameter_covariance)
    return replace(fit, robust_inference=Inference(whole, np.eye(len(forward))))


def of_whom(course: CourseFrame) -> str:
    """Return whose patients a mean is about, where they are too few to stand for others.

    Returns
    -------
    str
        ``" of this one therapist"``, ``" of these two therapists"``, or empty.
    """
    few = {1: " of this one therapist", 2: " of these two therapists"}
    return few.get(course.n_therapists, "")

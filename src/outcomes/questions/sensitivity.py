"""Would the sentence change under another reasonable model? The same mean, several ways."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from outcomes.errors import FitError
from outcomes.mixed.fit import MixedFit
from outcomes.mixed.inference.robust import robust
from outcomes.questions.course_frame import CourseFrame
from outcomes.questions.course_model import (
    LEAST_CLUSTERS,
    THERAPIST,
    CourseModel,
    estimates,
    fitted,
    fixed_rows,
)
from outcomes.questions.question import Check
from outcomes.words import limits

ROBUST = "errors robust to courses (CR2)"
MOST_CLINICS = 12
"""Beyond so many clinics leaving one out can move little, and is not tried."""


def sensitivity(course: CourseFrame, pooled: CourseModel) -> pd.DataFrame:
    """Return the mean improvement at the horizon from several models.

    Parameters
    ----------
    course : CourseFrame
        The rows.
    pooled : CourseModel
        The model of all courses together.

    Returns
    -------
    DataFrame
        One row a model: ``term`` (what differs), ``kind`` (``sensitivity``), estimate, std_error,
        df, conf_low, conf_high, ``n_episodes`` and, of a clinic left out, ``n_clinic``. Models that
        the rows cannot carry are not there.
    """
    fits: list[MixedFit | None] = []
    rows = [_row("independent residuals", pooled.independent, pooled.course, course)]
    for name, part, formula in _variants(course):
        fits.append(_fit(formula, part.rows) if formula else _robust(fits[-1]))
        rows.append(_row(name, fits[-1], part, course))
    rows = [row for row in rows if not row.empty]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()


def verdict(table: pd.DataFrame, low: float, high: float) -> Check:
    """Say in one line whether another model would change the sentence.

    Parameters
    ----------
    table : DataFrame
        From `sensitivity`.
    low, high : float
        Interval of the answer.

    Returns
    -------
    Check
        Passed when every estimate lies within the answer's interval, and every interval holds zero
        if the answer's does and does not if it does not.
    """
    name = "other models would say the same"
    if table.empty:
        return Check(name, False, "no other model could be fitted")
    within = table["estimate"].between(low, high)
    same = (table["conf_low"] * table["conf_high"] > 0) == (low * high > 0)
    differ = table.loc[~(within & same), "term"].tolist()
    ends = limits(table["estimate"].min(), table["estimate"].max(), 2)
    detail = f"{len(table)} models, estimates {ends}"
    return Check(name, not differ, detail + (f"; differs: {', '.join(differ)}" if differ else ""))


def _variants(course: CourseFrame) -> Iterator[tuple[str, CourseFrame, str]]:
    """Name, rows and formula of each model; no formula for the one before with robust errors."""
    spline = f"cr({course.axis}, df=3, constraints='center')"
    time = f"C({course.axis})" if course.few_times else spline
    fixed = f"improvement ~ {course.group} * {time}" if course.group else f"improvement ~ {time}"
    own = "(1 | episode_id)"
    yield "one level a course", course, f"{fixed} + {own}"
    yield ROBUST, course, ""
    yield "adjusted for baseline", course, f"{fixed} + baseline + {own}"
    therapists = course.rows["therapist_id"]
    if therapists.notna().all() and therapists.nunique() >= LEAST_CLUSTERS:
        yield "with therapists", course, f"{fixed} + {own} + {THERAPIST}"
    clinics = course.rows["clinic_id"]
    if clinics.notna().all() and 1 < clinics.nunique() <= MOST_CLINICS:
        for number, clinic in enumerate(sorted(clinics.unique()), start=1):
            rest = course.rows[clinics != clinic].reset_index(drop=True)
            yield f"without clinic {number}", replace(course, rows=rest), f"{fixed} + {own}"


def _fit(formula: str, rows: pd.DataFrame) -> MixedFit | None:
    with suppress(FitError):
        return fitted(formula, rows)
    return None


def _robust(fit: MixedFit | None) -> MixedFit | None:
    with suppress(FitError):
        return fit and robust(fit, "episode_id")
    return None


def _row(name: str, fit: MixedFit | None, part: CourseFrame, whole: CourseFrame) -> pd.DataFrame:
    """Return the row of a model; empty where there is none. A clinic left out is counted too."""
    if fit is None:
        return pd.DataFrame()
    row = estimates(fit, _mean_at_horizon(fit, part))
    row[part.axis] = part.horizon
    if part.n_courses < whole.n_courses:
        row["n_clinic"] = whole.n_courses - part.n_courses
    return row.assign(term=name, kind="sensitivity", group="all", n_episodes=part.n_courses)


def _mean_at_horizon(fit: MixedFit, course: CourseFrame) -> Any:
    """Return the coefficients' weights in the mean over groups, weighted by their courses."""
    weights = course.groups
    grid = pd.DataFrame({course.axis: [course.horizon] * len(weights)})
    if course.group:
        grid[course.group] = list(weights)
    grid["baseline"] = course.rows.drop_duplicates("episode_id")["baseline"].mean()
    share = np.array(list(weights.values()), dtype=float)
    return np.asarray(share / share.sum() @ fixed_rows(fit, grid))

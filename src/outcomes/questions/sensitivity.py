"""Would the sentence change under another reasonable model? The same mean, several ways."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from outcomes.causal.jackknife import interval_row
from outcomes.dictionary.instruments import Instrument
from outcomes.errors import FitError
from outcomes.mixed.fit import MixedFit
from outcomes.mixed.inference.robust import robust
from outcomes.mixed.products.pieces import Pieces
from outcomes.privacy.disclosure import THRESHOLD
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
from outcomes.questions.tallies import each
from outcomes.words import counted, interval, limits

ROBUST = "errors robust to {} (CR2)"
ADJUSTED = "adjusted for baseline, of all who started"
MOST_CLINICS = 12
"""Beyond so many clinics leaving one out can move little, and is not tried."""


def sensitivity(course: CourseFrame, pooled: CourseModel, start: float) -> pd.DataFrame:
    """Return the mean improvement at the horizon from several models.

    Parameters
    ----------
    course : CourseFrame
        The rows.
    pooled : CourseModel
        The model of all courses together.
    start : float
        Mean baseline of all who started, also of those without a later score. Who leaves for the
        score of the first visit is like others of that score, and of no others.

    Returns
    -------
    DataFrame
        One row a model: ``term`` (what differs), ``kind`` (``sensitivity``), estimate, std_error,
        df, conf_low, conf_high, ``n_episodes`` and, of a clinic left out, ``n_clinic``. Models that
        the rows cannot carry are not there.
    """
    fits: list[MixedFit | None] = []
    rows = [_row("independent residuals", pooled.independent, pooled.course, course, start)]
    for name, part, formula in _variants(course):
        fits.append(_fit(formula, part.rows, fits[-1] if fits else None))
        rows.append(_row(name, fits[-1], part, course, start))
    rows = [row for row in rows if not row.empty and row["df"].iloc[0] >= 1]
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
    few = table.reindex(columns=["n_episodes", "n_clinic"]).lt(THRESHOLD).any(axis=1)
    table = table[~few]  # of a clinic of few, or without all but a few, nothing is said
    if table.empty:
        return Check(name, False, "", "No other model could be fitted.")
    within = table["estimate"].between(low, high)
    same = (table["conf_low"] * table["conf_high"] > 0) == (low * high > 0)
    fine = within & same
    return Check(
        name, bool(fine.all()), _told(table, fine), "Not all other models say the same ({detail})."
    )


def _told(table: pd.DataFrame, fine: pd.Series[bool]) -> str:
    """Say how many models there are, their least and largest estimate, and which of them differ."""
    ends = limits(table["estimate"].min(), table["estimate"].max(), 2)
    differ = ", ".join(table.loc[~fine, "term"])
    said = f"{counted(len(table), 'model')}, estimate{'s' * (len(table) > 1)} {ends}"
    return said + f"; another result from: {differ}" * bool(differ)


def _variants(course: CourseFrame) -> Iterator[tuple[str, CourseFrame, str]]:
    """Name, rows and formula of each model; clusters alone for the one before, robust to them."""
    fixed = f"improvement ~ {course.over_time(course.group)}"
    own = f"(1 | episode_id){' + (1 | patient_id)' * course.patients_return}"
    again = not course.tallies.unnamed and course.tallies.patients < course.n_courses
    whose = ("patients", "patient_id") if again else ("courses", "episode_id")
    each_one = f"one level for each course{' and patient' * course.patients_return}"
    yield each_one, course, f"{fixed} + {own}"
    yield ROBUST.format(whose[0]), course, whose[1]
    yield ADJUSTED, course, f"{fixed} + {course.over_time('baseline')} + {own}"
    if course.n_therapists >= LEAST_CLUSTERS:
        yield "with therapists", course, f"{fixed} + {own} + {THERAPIST}"
    clinics = course.tallies.clinics
    if clinics.sum() == len(course.rows) and 1 < len(clinics) <= MOST_CLINICS:
        for number, (clinic, n) in enumerate(sorted(clinics.items()), start=1):
            rest = each(course.rows, partial(_without, clinic), len(course.rows) - n)
            yield f"without clinic {number}", replace(course, rows=rest), f"{fixed} + {own}"


def _without(clinic: Any, rows: pd.DataFrame) -> pd.DataFrame:
    left: pd.DataFrame = rows[rows["clinic_id"] != clinic]
    return left.reset_index(drop=True)


def _fit(formula: str, rows: pd.DataFrame, before: MixedFit | None) -> MixedFit | None:
    """Fit a model; of a column alone, the one before with errors robust to its clusters."""
    with suppress(FitError):
        return fitted(formula, rows) if "~" in formula else before and robust(before, formula)
    return None


def _row(
    name: str, fit: MixedFit | None, part: CourseFrame, whole: CourseFrame, start: float
) -> pd.DataFrame:
    """Return the row of a model; empty where there is none. A clinic left out is counted too."""
    if fit is None:
        return pd.DataFrame()
    row = estimates(fit, _mean_at_horizon(fit, part, start))
    row[part.axis] = part.horizon
    if part.n_courses < whole.n_courses:
        row["n_clinic"] = whole.n_courses - part.n_courses
    return row.assign(term=name, kind="sensitivity", group="all", n_episodes=part.n_courses)


def _mean_at_horizon(fit: MixedFit, course: CourseFrame, start: float) -> Any:
    """Return the coefficients' weights in the mean over groups, weighted by their courses."""
    weights = course.groups
    grid = pd.DataFrame({course.axis: [course.horizon] * len(weights)})
    if course.group:
        grid[course.group] = list(weights)
    grid["baseline"] = start
    share = np.array(list(weights.values()), dtype=float)
    return np.asarray(share / share.sum() @ fixed_rows(fit, grid))


BOUND_SHARE = 0.15
"""Share of scores at one bound of the scale above which their order is modelled too."""
MOST_LEVELS = 10
KIND = "ordinal"
NAME = "a model of the order of scores says the same"


def share_at_bound(course: CourseFrame, measure: Instrument) -> float:
    """Return the share of scores after baseline at the bound of the scale that has more of them."""
    scores = course.tallies.scores
    low, high = scores.index <= measure.minimum, scores.index >= measure.maximum
    return max(int(scores[low].sum()), int(scores[high].sum())) / len(course.rows)


def in_order(
    course: CourseFrame, measure: Instrument, low: float, high: float
) -> tuple[pd.DataFrame, tuple[Check, ...]]:
    """Model the order of scores where many sit at a bound, and say whether it agrees.

    Parameters
    ----------
    course : CourseFrame
        The rows.
    measure : Instrument
    low, high : float
        Interval of the mean improvement.

    Returns
    -------
    rows : DataFrame
        From `ordinal`; empty where it could not be fitted, or few scores sit at a bound.
    checks : tuple of Check
        Of `ordinal_check`; none where few scores do.
    """
    if share_at_bound(course, measure) <= BOUND_SHARE:
        return pd.DataFrame(), ()
    table = pd.DataFrame()
    with suppress(FitError):
        table = ordinal(course, measure)
    return table, (ordinal_check(table, low, high),)


def ordinal(course: CourseFrame, measure: Instrument) -> pd.DataFrame:
    """Return the log odds of a better score at the horizon than at baseline, courses as clusters.

    Parameters
    ----------
    course : CourseFrame
        The rows.
    measure : Instrument
        The instrument, for its direction.

    Returns
    -------
    DataFrame
        One row of kind `KIND`: estimate (cumulative log odds ratio, positive = better), std_error,
        df, statistic, p_value, conf_low, conf_high, n_episodes.

    Raises
    ------
    FitError
        When the model cannot be estimated.

    Notes
    -----
    Cumulative logits by generalized estimating equations with independence working correlation and
    errors robust to courses (Lipsitz, Kim & Zhao 1994, Stat Med 13:1149), on the courses with a
    score at the horizon. Scores of more than ten levels are grouped by their deciles.
    """
    from statsmodels.genmod.cov_struct import OrdinalIndependence
    from statsmodels.genmod.generalized_estimating_equations import OrdinalGEE
    from statsmodels.tools.sm_exceptions import ConvergenceWarning

    if isinstance(course.rows, Pieces):
        must = "the order of scores is modelled where all of them are held"
        raise FitError(must, got="rows in pieces")
    last = course.rows[course.rows[course.axis] == course.horizon].drop_duplicates("episode_id")
    n = len(last)
    levels = _levels(measure.sign * np.concatenate([last["baseline"], last["score"]]))
    after = np.repeat([0.0, 1.0], n)
    if n < 2 or len(np.unique(levels)) < 2:
        must = "an ordinal model has scores of two levels or more"
        raise FitError(must, got="fewer", remedy="Compare other times.")
    groups = np.tile(np.arange(n), 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # judged below by its own result
        warnings.simplefilter("ignore", RuntimeWarning)
        fit = OrdinalGEE(levels, after[:, None], groups, cov_struct=OrdinalIndependence()).fit()
    estimate, error = (float(np.asarray(part)[-1]) for part in (fit.params, fit.bse))
    if not np.isfinite([estimate, error]).all() or error <= 0:
        must = "the ordinal model has a maximum"
        raise FitError(must, got="none", remedy="Too few courses change.")
    about: dict[str, Any] = {"term": "log odds of a better score", "kind": KIND, "group": "all"}
    about[course.axis] = course.horizon
    return pd.DataFrame([interval_row(estimate, error, n - 1, n_episodes=n, **about)])


def _levels(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return ordered codes of scores, at most ten: deciles where there are more."""
    codes, found = pd.factorize(scores, sort=True)
    if len(found) > MOST_LEVELS + 1:
        cuts = np.unique(np.quantile(scores, np.linspace(0, 1, MOST_LEVELS + 1)[1:-1]))
        codes = np.searchsorted(cuts, scores, side="left")
    return np.asarray(codes, dtype=np.int64)


def ordinal_check(table: pd.DataFrame, low: float, high: float) -> Check:
    """Say whether the order of scores has the direction of their mean, and is as clear.

    Parameters
    ----------
    table : DataFrame
        From `ordinal`; empty where it could not be fitted.
    low, high : float
        Interval of the mean improvement.
    """
    if table.empty:
        return Check(NAME, False, "", "A model of the order of scores could not be fitted.")
    estimate, *ends = table.iloc[0][["estimate", "conf_low", "conf_high"]].astype(float)
    clear, was_clear = ends[0] * ends[1] > 0, low * high > 0
    same = clear == was_clear and estimate * (low + high) > 0
    ratio, least, most = np.exp([estimate, *ends])
    odds, stays = interval(ratio, least, most, 1), "stays" if same else "would change"
    detail = f"odds of a better score than at baseline {odds}: the sentence {stays}"
    return Check(
        NAME, bool(same), detail, "A model of the order of scores says otherwise ({detail})."
    )

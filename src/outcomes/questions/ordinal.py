"""Where many scores sit at a bound of the scale: their order modelled beside their mean."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from statsmodels.genmod.cov_struct import OrdinalIndependence
from statsmodels.genmod.generalized_estimating_equations import OrdinalGEE
from statsmodels.tools.sm_exceptions import ConvergenceWarning

from outcomes.causal.jackknife import interval_row
from outcomes.dictionary.instruments import Instrument
from outcomes.errors import FitError
from outcomes.questions.course_frame import CourseFrame
from outcomes.questions.question import Check
from outcomes.words import interval

BOUND_SHARE = 0.15
"""Share of scores at one bound of the scale above which their order is modelled too."""
MOST_LEVELS = 10
KIND = "ordinal"
NAME = "a model of the order of scores says the same"


def share_at_bound(course: CourseFrame, measure: Instrument) -> float:
    """Return the share of scores after baseline at the bound of the scale that has more of them."""
    scores = course.rows["score"]
    ends = ((scores <= measure.minimum).mean(), (scores >= measure.maximum).mean())
    return float(max(ends))


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
    row = {**interval_row(estimate, error, n - 1, n), "term": "log odds of a better score"}
    return pd.DataFrame([{**row, "kind": KIND, course.axis: course.horizon, "group": "all"}])


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
        return Check(NAME, False, "it could not be fitted")
    row = table.iloc[0]
    ends = (float(row["conf_low"]), float(row["conf_high"]))
    clear, was_clear = ends[0] * ends[1] > 0, low * high > 0
    same = clear == was_clear and float(row["estimate"]) * (low + high) > 0
    ratio, least, most = np.exp([float(row["estimate"]), *ends])
    odds = interval(ratio, least, most, 1)
    verdict = "the sentence stays" if same else "the sentence would change"
    return Check(NAME, bool(same), f"odds of a better score than at baseline {odds}: {verdict}")

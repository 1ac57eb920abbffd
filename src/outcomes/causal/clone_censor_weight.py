"""Stop after n sessions, or go on? Courses cloned into both, censored when they deviate, weighted.

A course counts for each strategy as long as it keeps to it (its clones). Those that keep to it to
the end are weighted to stand for all who started: by the inverse of their chance to have done so,
given their scores so far.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from formulaic import model_matrix

from outcomes.causal.jackknife import interval_row
from outcomes.errors import FitError
from outcomes.mixed.likelihood.working import independent_columns
from outcomes.mixed.types import Array

HISTORY = (
    "cr(score_now, df=3, constraints='center')", "cr(change, df=3, constraints='center')",
    "adapted", "age", "condition",
)  # fmt: skip
"""What stopping is modelled by: last score known, its change from baseline, facts of the course."""
TRUNCATION = (0.01, 0.99)
"""Quantiles beyond which weights are set to the quantile (Cole & Hernan 2008)."""
CLOCK = ("session", "np.log(session)")


@dataclass(frozen=True, eq=False)
class Clones:
    """The courses that kept to one strategy to the end.

    Parameters
    ----------
    rows : DataFrame
        One row a course: ``episode_id, cluster, improvement, weight`` (truncated).
    mean, largest, effective_n : float
        Mean of the weights (about 1 when the model fits) and the largest, before truncation;
        courses of equal weight that would tell as much.
    """

    rows: pd.DataFrame
    mean: float
    largest: float
    effective_n: float


def stopping_weights(decisions: pd.DataFrame, history: tuple[str, ...] = HISTORY) -> pd.DataFrame:
    """Weigh each visit for those who went on after it, and for those who stopped there.

    Parameters
    ----------
    decisions : DataFrame
        One row a visit, in order: ``episode_id, session``, ``stopped`` (1 the course ended after
        it, 0 it went on, NaN not known) and the columns of `history`.
    history : tuple of str
        Terms of the pooled logistic model of stopping, beside the visit's number.

    Returns
    -------
    DataFrame
        ``episode_id, session, went_on, stopped_here``: stabilised weights up to and with the visit.

    Raises
    ------
    FitError
        When nobody stopped or nobody went on, or the model says that some could not have done so.

    Notes
    -----
    Product over visits of P(what they did | visit) / P(what they did | visit, history) (Hernan &
    Robins 2016, Am J Epidemiol 183:758; Robins, Hernan & Brumback 2000, Epidemiology 11:550).
    """
    known = decisions[decisions["stopped"].notna()].reset_index(drop=True)
    if known["stopped"].nunique() < 2:
        must = "after some visits courses stopped, and after others they went on"
        raise FitError(must, got="one of the two, or neither", remedy="Compare more sessions.")
    usual, given = _chance(known, ()), _chance(known, history)
    courses = known["episode_id"]
    went_on = np.log1p(-usual) - np.log1p(-given)
    so_far = pd.Series(went_on).groupby(courses, sort=False).cumsum()
    stopped_here = so_far - went_on + np.log(usual) - np.log(given)
    return known[["episode_id", "session"]].assign(
        went_on=np.exp(so_far), stopped_here=np.exp(stopped_here)
    )


@np.errstate(over="ignore")  # a chance of 0, which is judged below
def _chance(known: pd.DataFrame, history: tuple[str, ...]) -> Array:
    """Return the fitted chance of stopping after each visit."""
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM
    from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

    clock = CLOCK[: known["session"].nunique() - 1]
    varied = {str(name) for name in known if known[name].nunique() > 1}
    several = [t for t in history if varied.intersection(re.findall(r"\w+", t))]
    columns = model_matrix(" + ".join(["1", *clock, *several]), known).drop(columns="Intercept")
    matrix = np.column_stack([np.ones(len(known)), independent(columns).to_numpy(float)])
    # judged below by its own result
    with warnings.catch_warnings(action="ignore", category=PerfectSeparationWarning):
        fit = GLM(known["stopped"].to_numpy(float), matrix, family=Binomial()).fit(maxiter=100)
    chance = np.asarray(fit.fittedvalues, dtype=float)
    if not np.all((chance > 1e-8) & (chance < 1 - 1e-8)):
        must = "every course could have gone on and could have stopped after each visit"
        raise FitError(must, got="a chance of 0 or 1", remedy="Compare fewer sessions.")
    return chance


def independent(table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that those before them, and a constant, do not determine.

    Examples
    --------
    >>> list(independent(pd.DataFrame({"a": [0, 1, 2], "b": [1, 1, 1], "c": [1, 3, 5]})))
    ['a']
    """
    kept = independent_columns(np.column_stack([np.ones(len(table)), table]).astype(float))
    return table.iloc[:, kept[1:] - 1]


def clones(outcomes: pd.DataFrame) -> Clones:
    """Return the courses that kept to a strategy, their weights truncated.

    Parameters
    ----------
    outcomes : DataFrame
        One row a course that kept to it: ``episode_id, cluster, improvement, weight``.
    """
    rows = outcomes[["episode_id", "cluster", "improvement", "weight"]].reset_index(drop=True)
    if rows.empty:
        return Clones(rows, np.nan, np.nan, 0.0)
    raw = rows["weight"].to_numpy(float)
    used = np.clip(raw, *np.quantile(raw, TRUNCATION))
    effective = float(used.sum() ** 2 / (used**2).sum())
    return Clones(rows.assign(weight=used), float(raw.mean()), float(raw.max()), effective)


def weighted_means(*strategies: Clones) -> list[dict[str, Any]]:
    """Estimate the mean of each strategy, then each minus the last.

    Parameters
    ----------
    *strategies : Clones
        One or more, at the same time.

    Returns
    -------
    list of dict
        As `interval_row`. Errors are robust to clusters (patients) with the weights taken as known,
        which is cautious; degrees of freedom are the effective number of courses less one.
    """
    from statsmodels.regression.linear_model import WLS

    rows = pd.concat([s.rows.assign(strategy=i) for i, s in enumerate(strategies)])
    dummies = pd.get_dummies(rows["strategy"], dtype=float).to_numpy()
    fit = WLS(rows["improvement"].to_numpy(float), dummies, rows["weight"].to_numpy(float)).fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(rows["cluster"])[0]}
    )
    n, identity = len(strategies), np.eye(len(strategies))
    contrasts = [*identity, *(identity[i] - identity[-1] for i in range(n - 1))]
    found = []
    for pick in contrasts:
        of = [s for s, used in zip(strategies, pick, strict=True) if used]
        error = float(np.sqrt(pick @ fit.cov_params() @ pick))
        df = sum(s.effective_n - 1 for s in of)
        n = sum(len(s.rows) for s in of)
        found.append(interval_row(float(pick @ fit.params), error, df, n_episodes=n))
    return found

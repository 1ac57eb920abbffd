"""Stabilised, truncated inverse-probability weights for pressure chosen visit by visit."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit
from statsmodels.miscmodels.ordinal_model import OrderedModel
from statsmodels.tools.sm_exceptions import ConvergenceWarning, HessianInversionWarning

from outcomes.errors import FitError

Array = NDArray[np.float64]

TRUNCATION = (0.01, 0.99)
"""Quantiles beyond which weights are set to the quantile (Cole & Hernan 2008)."""


@dataclass(frozen=True, eq=False)
class Weights:
    """Weights of visits, up to and with each visit.

    Parameters
    ----------
    table : DataFrame
        ``episode_id, session, weight``: the truncated product of ratios up to the visit.
    mean, largest, effective_n : float
        Mean of the weights (about 1 when the models fit), the largest before truncation, and the
        number of visits with equal weights that would tell as much.
    """

    table: pd.DataFrame
    mean: float
    largest: float
    effective_n: float

    def __repr__(self) -> str:
        return f"Weights({len(self.table)} visits, mean {self.mean:.2f}, max {self.largest:.1f})"


def stabilised_weights(visits: pd.DataFrame) -> Weights:
    """Weigh visits so that pressure no longer depends on the score of the day.

    Parameters
    ----------
    visits : DataFrame
        As in `PressureHistory.visits`.

    Returns
    -------
    Weights

    Raises
    ------
    FitError
        When pressure has one level, or its model cannot be estimated.

    Notes
    -----
    Weight of a visit: product over visits so far of P(pressure | past pressure, baseline facts) /
    P(pressure | the same and the score of the day), both by proportional odds (Robins, Hernan &
    Brumback 2000, Epidemiology 11:550; Cole & Hernan 2008, Am J Epidemiol 168:656).
    """
    columns = _columns(visits)
    usual = _probability(visits["pressure"], columns)
    score = visits[["score_now"]] - visits["score_now"].mean()
    seen = _probability(visits["pressure"], columns.join(score))
    ratio = pd.Series(np.log(usual) - np.log(seen), index=visits.index)
    product = np.exp(ratio.groupby(visits["episode_id"], sort=False).cumsum())
    low, high = np.quantile(product, TRUNCATION)
    weight = np.clip(product, low, high)
    table = visits[["episode_id", "session"]].assign(weight=weight)
    effective = float(weight.sum() ** 2 / (weight**2).sum())
    return Weights(table, float(weight.mean()), float(product.max()), effective)


class _ProportionalOdds(OrderedModel):  # type: ignore[misc]
    """statsmodels' model with its gradient in closed form instead of by differences."""

    def cdf(self, x: Array) -> Array:
        return np.asarray(expit(x))

    def score(self, params: Array) -> Array:
        steps = params[1 - self.k_levels :]  # first threshold, then logs of the gaps
        thresholds = self.transform_threshold_params(params)
        linear = self.exog @ params[: 1 - self.k_levels]
        above = expit(thresholds[self.endog + 1] - linear)
        below = expit(thresholds[self.endog] - linear)
        upper, lower = above * (1 - above), below * (1 - below)
        chance = above - below
        levels = np.arange(self.k_levels - 1)
        first = np.bincount(self.endog, upper / chance, self.k_levels)[levels]
        second = np.bincount(self.endog, lower / chance, self.k_levels)[levels + 1]
        onwards = np.cumsum((first - second)[::-1])[::-1]
        gaps = np.concatenate([[1.0], np.exp(steps[1:])])
        return np.concatenate([self.exog.T @ ((lower - upper) / chance), gaps * onwards])


def _columns(visits: pd.DataFrame) -> pd.DataFrame:
    """Baseline facts and past pressure, as numbers; constant and repeated columns are dropped."""
    before = visits["pressure_before"]
    usual = visits["pressure"].mean()
    table = pd.DataFrame(
        {
            "pressure_before": (before - usual).fillna(0.0),
            "first_visit": before.isna().astype(float),
            "session_log": np.log(visits["session"]),
            "baseline": visits["baseline"] - visits["baseline"].mean(),
            "adapted": visits["adapted"],
            "age": visits["age"] - visits["age"].mean(),
        }
    )
    dummies = pd.get_dummies(visits["condition"], dtype=float).iloc[:, 1:]
    return independent(table.join(dummies))


def independent(table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that those before them, and a constant, do not determine.

    Examples
    --------
    >>> list(independent(pd.DataFrame({"a": [0, 1, 2], "b": [1, 1, 1], "c": [1, 3, 5]})))
    ['a']
    """
    kept: list[str] = []
    matrix = np.ones((len(table), 1))
    for name in table:
        wider = np.column_stack([matrix, table[name]])
        if np.linalg.matrix_rank(wider) > matrix.shape[1]:
            matrix, kept = wider, [*kept, str(name)]
    return table[kept]


def _probability(pressure: pd.Series[float], columns: pd.DataFrame) -> Array:
    """Return the fitted probability of the pressure that was given, shape (visits,)."""
    codes, levels = pd.factorize(pressure, sort=True)
    if len(levels) < 2:
        must = "pressure varies between visits"
        raise FitError(must, got="one level", remedy="Its consequences cannot be compared.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # judged below by its own result
        warnings.simplefilter("ignore", HessianInversionWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        fit = _ProportionalOdds(codes, columns.to_numpy(), distr="logit").fit(
            method="bfgs", disp=0, maxiter=500, skip_hessian=True
        )
        chances = np.asarray(fit.predict(columns.to_numpy()))
    found = chances[np.arange(len(codes)), codes]
    if not np.all(np.isfinite(found)) or found.min() <= 0:
        must = "the model of pressure gives each pressure that was used a chance above 0"
        raise FitError(must, got="a chance of 0", remedy="Some patients never had another level.")
    return np.asarray(found, dtype=float)

"""Predict scores of a patient from other scores of the same patient, correlated residuals included.

With y1 seen and y2 to come, V = Z G Z' + R over both, and W = V21 V11^-1, the prediction is
X2 b + W (y1 - X1 b). Its error has the covariance V22 - W V12 + D cov(b) D', D = X2 - W X1
(Robinson 1991, Stat. Sci. 6, 15; in geostatistics, universal kriging).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from outcomes.mixed.after.predict import new_columns
from outcomes.mixed.margins.reference_grid import grid_offset
from outcomes.mixed.reading.design import design_matrix
from outcomes.mixed.record import Fit
from outcomes.mixed.types import Array


@dataclass(frozen=True)
class Forecast:
    """Scores to come of one patient, given those seen.

    Parameters
    ----------
    rows : array of int, shape (k,)
        Positions of the rows predicted.
    mean : array, shape (k,)
    covariance : array, shape (k, k)
        Of the errors of prediction of new scores, residuals included.
    """

    rows: Array
    mean: Array
    covariance: Array


def predict_given(
    fit: Fit, rows: pd.DataFrame, group: str, seen: Array
) -> Iterator[tuple[Any, Forecast]]:
    """Predict the rows not seen of each patient from its rows seen.

    Parameters
    ----------
    fit : Fit
        Variances are taken as known; the covariance of the coefficients is that of its df method.
    rows : pandas.DataFrame
        The columns of the model, without missing values, and the response, a column, where seen.
        The patients need not be those the model was fitted to.
    group : str
        Column that says whose score a row is. Only scores with the same value are used: a level of
        another factor is shared within it, and unknown else.
    seen : array of bool, shape (n,)

    Yields
    ------
    level, Forecast
        For each level of ``group`` with a row to predict, in order of appearance.

    Raises
    ------
    FormulaError
        A column is absent, or holds a level of the fixed part that the model has not seen.

    Examples
    --------
    >>> from outcomes.mixed.fit import lmm
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"patient": np.repeat(range(40), 5), "visit": np.tile(range(5), 40)})
    >>> data["score"] = 5 - 0.3 * data.visit + rng.normal(size=40)[data.patient]
    >>> data["score"] += rng.normal(size=200)
    >>> fit = lmm("score ~ visit + (1 | patient)", data)
    >>> patient, found = next(predict_given(fit, data, "patient", data["visit"] < 3))
    >>> found.mean.round(1).tolist(), np.sqrt(np.diag(found.covariance)).round(1).tolist()
    ([3.8, 3.5], [1.1, 1.1])
    """
    seen = np.asarray(seen, dtype=bool)
    X = design_matrix(fit.design.fixed, rows)[:, fit.basis.kept]
    Z = [new_columns(factor, rows) for factor in fit.design.factors]
    levels = [_levels(rows, factor.group) for factor in fit.design.factors]
    offset = grid_offset(fit, rows)
    residual = fit.point.residual()
    y = rows[fit.design.formula.response].to_numpy(float) - offset
    for level, found in rows.groupby(group, sort=False).indices.items():
        at = np.asarray(found)
        if seen[at].all():
            continue
        V = residual.covariance(rows.iloc[at])
        for own, code, G in zip(Z, levels, fit.estimates.covariances, strict=True):
            V = V + own[at] @ G @ own[at].T * (code[at][:, None] == code[at])
        mean, covariance = _given(X[at], V, y[at], seen[at], fit)
        to_come = at[~seen[at]]
        yield level, Forecast(to_come, mean + offset[to_come], covariance)


def _levels(rows: pd.DataFrame, columns: tuple[str, ...]) -> Array:
    """Return the number of each row's level of a grouping factor; missing ones are one level."""
    return rows.groupby(list(columns), sort=False, dropna=False).ngroup().to_numpy()


def _given(X: Array, V: Array, y: Array, seen: Array, fit: Fit) -> tuple[Array, Array]:
    old, new = np.flatnonzero(seen), np.flatnonzero(~seen)
    W = np.linalg.solve(V[np.ix_(old, old)], V[np.ix_(old, new)]).T
    D = X[new] - W @ X[old]
    beta, vcov = fit.estimates.beta, fit.vcov
    covariance = V[np.ix_(new, new)] - W @ V[np.ix_(old, new)] + D @ vcov @ D.T
    return D @ beta + W @ y[old], covariance

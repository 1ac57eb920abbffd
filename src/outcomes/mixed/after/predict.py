"""Fitted values for rows that the model may not have seen, and how far off they may be.

`predict_given` predicts scores of a patient from other scores of the same patient, correlated
residuals included. With y1 seen and y2 to come, V = Z G Z' + R over both, and W = V21 V11^-1, the
prediction is X2 b + W (y1 - X1 b). Its error has the covariance V22 - W V12 + D cov(b) D',
D = X2 - W X1 (Robinson 1991, Stat. Sci. 6, 15; in geostatistics, universal kriging).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from outcomes.errors import UsageError, warn
from outcomes.mixed.inference.testing import quantile, require_level
from outcomes.mixed.likelihood.cross_products import effect_rows
from outcomes.mixed.margins.reference_grid import estimable, grid_offset
from outcomes.mixed.reading.design import GroupingFactor, design_matrix, new_rows
from outcomes.mixed.reading.formula import variables
from outcomes.mixed.reading.frame import plain_table, require_columns
from outcomes.mixed.record import Fit
from outcomes.mixed.types import Array

INTERVALS = (None, "confidence", "prediction")


def predict(
    fit: Fit,
    new: pd.DataFrame,
    random: bool = True,
    interval: str | None = None,
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Predict rows.

    Parameters
    ----------
    fit : Fit
    new : pandas.DataFrame
        The columns of the fixed part and, with ``random``, of the random part. A row with a missing
        value there has no prediction, nor one that breaks what the rows of the fit had in common
        where columns are aliased.
    random : bool
        Add the random effects of the levels a row names. A level the model has not seen, or a
        missing one, counts as an average one, and its variance joins the uncertainty. False: the
        fixed part alone, for an average level of everything.
    interval : {None, "confidence", "prediction"}
        "confidence": for the fitted value; "prediction": for a new score. With ``random=False`` a
        new score is one of a new level of everything. Correlated residuals of a patient's other
        scores are not used.
    conf_level : float, between 0 and 1

    Returns
    -------
    pandas.DataFrame
        On the index of ``new``: fitted and, with an interval, std_error (of the fitted value), then
        conf_low, conf_high or pred_low, pred_high. Variances are taken as known but for the
        covariance of the coefficients, which is that of the fit's df method; the confidence
        interval of the fixed part has its df, the others are normal. Prior weights of new rows
        are one.

    Raises
    ------
    FormulaError
        A column is absent, or a fixed categorical column holds a level the model has not seen.
    UsageError
        There is no such interval, or a grouping column is text where the model saw numbers.

    References
    ----------
    Henderson (1975), Biometrics 31, 423; Robinson (1991), Stat. Sci. 6, 15.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from outcomes.mixed.fit import lmm
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"patient": np.repeat(range(20), 6), "visit": np.tile(range(6), 20)})
    >>> level = rng.normal(size=20)[data.patient]
    >>> data["score"] = 5 - 0.3 * data.visit + level + rng.normal(size=120)
    >>> fit = lmm("score ~ visit + (1 | patient)", data)
    >>> new = pd.DataFrame({"patient": [3, 99], "visit": 6})
    >>> predict(fit, new, interval="prediction").round(1)
       fitted  std_error  pred_low  pred_high
    0     2.0        0.4      -0.1        4.1
    1     3.2        0.7       0.8        5.5
    """
    if interval not in INTERVALS:
        must = "interval must be None, 'confidence' or 'prediction'"
        raise UsageError(must, got=f"'{interval}'")
    index = plain_table(new).index
    new = new_rows(new, {n: p for n, p in variables(fit.design.formula).items() if n in new})
    random = random and bool(fit.design.factors)
    X = _told(fit, design_matrix(fit.design.fixed, new))
    fitted = X @ fit.estimates.beta + grid_offset(fit, new)
    Z = [new_columns(factor, new) for factor in fit.design.factors] if random else []
    codes = [known_levels(fit, factor, new) for factor in fit.design.factors] if random else []
    if random:
        for own, code, found in zip(Z, codes, fit.rows.effects, strict=True):
            effects = np.where(code[:, None] >= 0, found.mean[code], 0.0)
            fitted = fitted + np.einsum("ij,ij->i", own, effects)
    table = pd.DataFrame({"fitted": fitted}, index=index)
    if interval is None:
        return table
    require_level(conf_level)
    complete = np.isfinite(fitted)
    variance = np.full(len(new), np.nan)
    if random:
        parts = [own[complete] for own in Z], [code[complete] for code in codes]
        variance[complete] = _random_variance(fit, X[complete], *parts)
    else:
        variance[complete] = fit.inference.variance(X[complete])
    df = np.full(len(new), np.inf)
    if interval == "confidence" and not random:
        df[complete] = fit.inference.df(X[complete])
    added = _new_score_variance(fit, new, random) if interval == "prediction" else 0.0
    half = quantile(df, conf_level) * np.sqrt(variance + added)
    kind = "conf" if interval == "confidence" else "pred"
    limits = {f"{kind}_low": fitted - half, f"{kind}_high": fitted + half}
    return table.assign(std_error=np.sqrt(variance), **limits)


def _told(fit: Fit, every: Array) -> Array:
    """Return the estimated columns of new rows, missing where they do not tell a prediction."""
    X = every[:, fit.basis.kept]
    unknown = np.isfinite(every).all(axis=1) & ~estimable(fit, np.nan_to_num(every))
    if unknown.any():
        warn(f"A prediction would need aliased columns in {unknown.sum():,} of the rows.")
        X[unknown] = np.nan
    return X


def new_columns(factor: GroupingFactor, new: pd.DataFrame) -> Array:
    """Return the columns of a grouping factor's random effects for other rows, shape (k, q)."""
    return np.hstack([design_matrix(c, new, factor.name) for c in factor.columns])


def known_levels(fit: Fit, factor: GroupingFactor, new: pd.DataFrame) -> Array:
    """Return the level of each row of new data, -1 where the model has not seen it, shape (k,).

    Raises
    ------
    FormulaError
        A grouping column is absent.
    UsageError
        A grouping column is text where the model saw numbers, or the other way round.
    """
    require_columns({name: [f"({factor.name})"] for name in factor.group}, new)
    parts = []
    for name in factor.group:
        levels = fit.design.frame.encoded(name).levels
        _require_kind(name, levels, new[name])
        parts.append((levels, levels.get_indexer(pd.Index(new[name]))))
    if len(parts) == 1:
        return np.asarray(parts[0][1])
    labels = [":".join(str(levels[at[i]]) for levels, at in parts) for i in range(len(new))]
    seen = np.all([at >= 0 for _, at in parts], axis=0)
    return np.where(seen, factor.levels.get_indexer(pd.Index(labels)), -1)


def _require_kind(name: str, levels: pd.Index, column: pd.Series) -> None:
    present = pd.Index(column.dropna().astype(object))  # a categorical of numbers holds numbers
    text, numbers = (
        pd.api.types.is_numeric_dtype(kind.infer_objects()) for kind in (levels, present)
    )
    if len(present) and text != numbers:
        must = "A grouping column must be of the kind the model has seen"
        got = "text for numbers" if text else "numbers for text"
        remedy = f"Convert it: new['{name}'].astype(...)."
        raise UsageError(must, got=got, where=f"column '{name}'", remedy=remedy)


def _random_variance(fit: Fit, X: Array, Z: list[Array], codes: list[Array]) -> Array:
    found = fit.rows
    effects = effect_rows(Z, codes, found.factors, found.starts, found.H.shape[1])
    variance = found.prediction_variance(X, effects, fit.inference.root)
    for own, code, covariance in zip(Z, codes, fit.estimates.covariances, strict=True):
        variance += np.where(code < 0, quadratic(own, covariance), 0.0)
    return variance


def quadratic(rows: Array, covariance: Array) -> Array:
    """Return z'Sz for each row z, shape (k,)."""
    return np.asarray(np.einsum("ij,jk,ik->i", rows, covariance, rows))


def _new_score_variance(fit: Fit, new: pd.DataFrame, random: bool) -> Array | float:
    """Return what a new score adds: the residual and, without random effects, all of them."""
    residual = fit.point.residual().variance(new)
    if random:
        return residual
    covariances = zip(fit.design.factors, fit.estimates.covariances, strict=True)
    return np.asarray(residual + sum(quadratic(new_columns(f, new), S) for f, S in covariances))


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
        For each level of ``group`` with a row to predict, in order of appearance. A row that
        aliased columns leave open, or a score seen in such a row, has no prediction (`predict`).

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
    X = _told(fit, design_matrix(fit.design.fixed, rows))
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
    beta = fit.estimates.beta
    covariance = V[np.ix_(new, new)] - W @ V[np.ix_(old, new)] + fit.inference.covariance(D)
    return D @ beta + W @ y[old], covariance

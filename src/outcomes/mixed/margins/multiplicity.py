"""Several contrasts at once: p-values and intervals adjusted for their number."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.optimize import newton
from scipy.stats import studentized_range

from outcomes.errors import UsageError
from outcomes.mixed.inference.testing import quantile
from outcomes.mixed.types import Array

METHODS = ("holm", "tukey", "none")


def adjusted(table: pd.DataFrame, adjust: str, n_means: int, conf_level: float) -> pd.DataFrame:
    """Adjust a family of contrasts.

    Parameters
    ----------
    table : pandas.DataFrame
        As `contrast_table` makes it; rows without an estimate do not count.
    adjust : {"holm", "tukey", "none"}
        "holm": p-values after Holm (1979), Scand. J. Stat. 6, 65; intervals after Bonferroni, since
        Holm's method has none. "tukey": both from the studentised range, exact for all pairs of
        means with equal standard errors and conservative otherwise.
    n_means : int
        Means compared, for Tukey.
    conf_level : float, between 0 and 1
        Simultaneous, unless ``adjust`` is "none".

    Returns
    -------
    pandas.DataFrame
        The same columns.

    Raises
    ------
    UsageError
        There is no such method.
    """
    if adjust not in METHODS:
        must = f"adjust must be one of {', '.join(METHODS)}"
        raise UsageError(must, got=f"'{adjust}'")
    known = table["estimate"].notna().to_numpy()
    if adjust == "none" or known.sum() == 0:
        return table
    df = table["df"].to_numpy()[known]
    p, critical = table["p_value"].to_numpy(copy=True), np.full(len(table), np.nan)
    if adjust == "holm":
        p[known] = holm(p[known])
        critical[known] = quantile(df, 1.0 - (1.0 - conf_level) / known.sum())
    else:
        t = np.abs(table["statistic"].to_numpy()[known])
        p[known], critical[known] = _tukey(t, df, n_means, conf_level)
    half = critical * table["std_error"]
    return table.assign(
        p_value=p, conf_low=table["estimate"] - half, conf_high=table["estimate"] + half
    )


def holm(p: Array) -> Array:
    """Adjust p-values by Holm's step-down method.

    Parameters
    ----------
    p : array, shape (k,)

    Returns
    -------
    array, shape (k,)

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03])).round(2)
    array([0.03, 0.06, 0.06])
    """
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    result = np.empty_like(p)
    result[order] = np.minimum(stepped, 1.0)
    return result


def _tukey(t: Array, df: Array, n_means: int, conf_level: float) -> tuple[Array, Array]:
    """Return p-values and critical values; scipy's own quantile takes a hundred evaluations."""
    root = np.sqrt(2.0)
    each, back = np.unique(np.round(df, 6), return_inverse=True)
    near = float(studentized_range.ppf(conf_level, n_means, np.inf))
    critical = np.empty(len(each))
    for k in reversed(range(len(each))):
        near = _critical(near, n_means, each[k], 1.0 - conf_level)
        critical[k] = near
    p = np.asarray(studentized_range.sf(root * t, n_means, df))
    return p, critical[back] / root


def _critical(near: float, n_means: int, df: float, tail: float) -> float:
    def excess(q: float) -> float:
        return float(np.log(studentized_range.sf(q, n_means, df) / tail))

    return float(newton(excess, near, x1=1.02 * near, tol=1e-7, maxiter=100))

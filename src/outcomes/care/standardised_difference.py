"""Standardised differences between two groups: how unlike they are, whatever the sample size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def number_difference(first: pd.Series[Any], second: pd.Series[Any]) -> float:
    """Return the absolute difference of means in units of the groups' standard deviation.

    Parameters
    ----------
    first, second : Series of float
        Values of the two groups; missing ones are left out.

    Returns
    -------
    float
        0 or more; infinite where neither group varies and the means differ; NaN where a group has
        fewer than two values.

    Notes
    -----
    |m1 - m2| / sqrt((s1^2 + s2^2) / 2), with sample variances (Austin 2009).

    Examples
    --------
    >>> round(number_difference(pd.Series([1.0, 3.0]), pd.Series([2.0, 4.0])), 4)
    0.7071
    """
    spread = np.sqrt((first.var() + second.var()) / 2)
    gap = abs(first.mean() - second.mean())
    if spread == 0:
        return 0.0 if gap == 0 else np.inf
    return float(gap / spread)


def category_difference(first: pd.Series[Any], second: pd.Series[Any]) -> float:
    """Return the standardised difference of two groups in a category of any number of levels.

    Parameters
    ----------
    first, second : Series
        Levels of the two groups; missing ones are left out.

    Returns
    -------
    float
        0 or more; infinite where the groups share no level; NaN where a group is empty.

    Notes
    -----
    Mahalanobis distance of the two vectors of shares, without the last level, in the mean of their
    multinomial covariances (Yang and Dalton 2012). With two levels it is
    |p1 - p2| / sqrt((p1 (1 - p1) + p2 (1 - p2)) / 2).

    Examples
    --------
    >>> category_difference(pd.Series(["a", "a", "b", "b"]), pd.Series(["a", "b", "b", "b"]))
    0.534522...
    """
    first, second = first.dropna(), second.dropna()
    if first.empty or second.empty:
        return np.nan
    levels = pd.unique(pd.concat([first, second], ignore_index=True))[:-1]
    p, q = (np.array([(group == level).mean() for level in levels]) for group in (first, second))
    gap = p - q
    covariance = (np.diag(p) - np.outer(p, p) + np.diag(q) - np.outer(q, q)) / 2
    solved = np.linalg.pinv(covariance, hermitian=True) @ gap
    if not np.allclose(covariance @ solved, gap):
        return np.inf
    return float(np.sqrt(gap @ solved))

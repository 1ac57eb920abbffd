"""Intervals of proportions and differences, and the widening that visits of one patient ask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv

Array = NDArray[np.float64]


def exact_interval(
    events: ArrayLike, trials: ArrayLike, conf_level: float = 0.95
) -> tuple[Array, Array]:
    """Return the Clopper-Pearson interval of proportions.

    Parameters
    ----------
    events, trials : array, same shape
        Counts, 0 <= events <= trials; fractions are allowed, for effective counts.
    conf_level : float
        Between 0 and 1.

    Returns
    -------
    conf_low, conf_high : array
        Proportions; missing where there are no trials.

    Notes
    -----
    Clopper and Pearson 1934, by quantiles of the beta distribution.

    Examples
    --------
    >>> low, high = exact_interval([0, 2], [10, 20])
    >>> low.round(4).tolist(), high.round(4).tolist()
    ([0.0, 0.0123], [0.3085, 0.317])
    """
    x, n = np.broadcast_arrays(np.asarray(events, float), np.asarray(trials, float))
    tail = (1 - conf_level) / 2
    low = betaincinv(np.where(x > 0, x, np.nan), n - x + 1, tail)
    high = betaincinv(x + 1, np.where(x < n, n - x, np.nan), 1 - tail)
    low, high = np.where(x == 0, 0.0, low), np.where(x == n, 1.0, high)
    return np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan)


def difference_of_shares(
    share: Sequence[float], other: Sequence[float]
) -> tuple[float, float, float]:
    """Return how much larger one share is than another of other people, with its interval.

    Parameters
    ----------
    share, other : sequence of three float
        Estimate and the two ends of its interval, 0 to 1; an end that is missing leaves the
        difference without an interval.

    Returns
    -------
    estimate, conf_low, conf_high : float
        Share less `other`, -1 to 1, at the level of the two intervals.

    Notes
    -----
    Recovery of variance estimates (Zou and Donner 2008; of Wilson's intervals it is Newcombe's
    method 10, 1998). Where the two have therapists in common it is too wide, if anything.

    Examples
    --------
    >>> np.round(difference_of_shares((0.8, 0.7, 0.9), (0.6, 0.4, 0.7)), 3).tolist()
    [0.2, 0.059, 0.424]
    """
    (p, low, high), (q, least, most) = share, other
    below, above = np.hypot(p - low, most - q), np.hypot(high - p, q - least)
    return p - q, float(p - q - below), float(p - q + above)


def design_effect(events: pd.Series[Any], clusters: pd.Series[Any]) -> float:
    """Return by how much visits of the same patient widen the variance of a proportion.

    Parameters
    ----------
    events : Series of bool, one a visit
        Whether the visit had an event.
    clusters : Series
        Whose visit it was.

    Returns
    -------
    float
        Variance of the proportion between clusters over that of independent visits, at least 1;
        1 where it cannot be told (one cluster, no event, or events at all visits).

    Notes
    -----
    Variance of a ratio mean by linearisation (Cochran 1977, section 10.5), as Korn and Graubard
    1998 use it to widen exact intervals: n / design effect is the effective number of visits.

    Examples
    --------
    >>> design_effect(pd.Series([1, 1, 0, 0]), pd.Series(["a", "a", "b", "b"]))
    4.0
    """
    n, share = len(events), events.mean() if len(events) else 0.0
    residuals = (events - share).groupby(clusters.to_numpy()).sum()
    k = len(residuals)
    if k < 2 or share in (0.0, 1.0):
        return 1.0
    between = k / (k - 1) * float((residuals**2).sum()) / n**2
    return max(1.0, float(between / (share * (1 - share) / n)))

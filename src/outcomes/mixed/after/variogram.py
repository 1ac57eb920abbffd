"""The empirical variogram: how fast scores of one patient grow apart with time.

Half the mean squared difference of two residuals of a patient, by the distance between them
(Diggle, Heagerty, Liang & Zeger 2002, Analysis of Longitudinal Data, section 3.4). A flat line at
the residual variance says independent; one that rises from below says serial correlation.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from outcomes.errors import UsageError
from outcomes.mixed.record import Fit
from outcomes.mixed.types import Array


def variogram(fit: Fit, time: str, group: str, n_bins: int = 10) -> pd.DataFrame:
    """Tabulate the empirical variogram of a fit's residuals.

    Parameters
    ----------
    fit : Fit
        Residuals are scores minus fixed part and random effects.
    time : str
        Numeric column.
    group : str
        Grouping factor or column: pairs are taken within it.
    n_bins : int
        Distances are put into at most so many bins of about equal numbers of pairs.

    Returns
    -------
    pandas.DataFrame
        distance (mean in the bin, unit of ``time``), semivariance (response units squared),
        correlation (one minus semivariance over the residuals' mean square), n_pairs.

    Raises
    ------
    UsageError
        There is no such column, or no group has two scores.

    Examples
    --------
    >>> from outcomes.mixed.fit import lmm
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"patient": np.repeat(range(40), 5), "visit": np.tile(range(5), 40)})
    >>> data["score"] = rng.normal(size=(40, 5)).cumsum(axis=1).ravel()
    >>> found = variogram(lmm("score ~ visit + cs(visit | patient)", data), "visit", "patient")
    >>> found[["distance", "semivariance", "n_pairs"]].round(1)
       distance  semivariance  n_pairs
    0       1.0           0.4      160
    1       2.0           0.8      120
    2       3.0           0.9       80
    3       4.0           1.0       40
    """
    data = fit.design.frame.data
    if time not in data.columns or fit.design.frame.is_categorical(time):
        must = "time must name a numeric column of the data"
        raise UsageError(must, got=f"'{time}'")
    codes, _ = fit.groups(group)
    residual = fit.y - fit.fitted
    first, second = _pairs(np.asarray(codes))
    if not len(first):
        must = "Some group must have two scores"
        raise UsageError(must, got="one a group", where=f"group '{group}'")
    times = fit.design.frame.numbers(time)
    distance = np.abs(times[first] - times[second])
    half_square = (residual[first] - residual[second]) ** 2 / 2.0
    table = pd.DataFrame({"distance": distance, "semivariance": half_square})
    grouped = table.groupby(_bins(distance, n_bins))
    found = grouped.mean().reset_index(drop=True)
    found["correlation"] = 1.0 - found["semivariance"] / float(np.mean(residual**2))
    return found.assign(n_pairs=grouped.size().to_numpy())


def _pairs(codes: Array) -> tuple[Array, Array]:
    """Return every pair of rows of one group."""
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    first, second = [], []
    for lag in range(1, int(np.bincount(codes).max())):
        same = np.flatnonzero(ordered[lag:] == ordered[:-lag])
        first.append(order[same])
        second.append(order[same + lag])
    empty = np.empty(0, dtype=np.intp)
    return np.concatenate([empty, *first]), np.concatenate([empty, *second])


def _bins(distance: Array, n_bins: int) -> Array:
    """Return the bin of each distance: a bin for each distance where these are few."""
    distinct, position = np.unique(distance, return_inverse=True)
    if len(distinct) <= n_bins:
        return np.asarray(position)
    edges = np.quantile(distance, np.linspace(0.0, 1.0, n_bins + 1)[1:-1])
    return np.searchsorted(np.unique(edges), distance, side="left")

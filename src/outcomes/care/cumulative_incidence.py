"""Cumulative incidence with competing events: the Aalen-Johansen estimator and its interval."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from outcomes.errors import UsageError

Array = NDArray[np.float64]


def cumulative_incidence(
    time: ArrayLike, status: ArrayLike, *, events: int = 2, conf_level: float = 0.95
) -> pd.DataFrame:
    """Estimate how many have had each kind of event by each time, others competing.

    Parameters
    ----------
    time : array, shape (n,)
        Time of the event or of the last look, 0 or more, in any unit.
    status : array of int, shape (n,)
        0 still without an event at the last look (censored); 1, 2, ... kind of the first event.
    events : int
        Number of kinds of event.
    conf_level : float
        Between 0 and 1.

    Returns
    -------
    DataFrame
        One row a kind and a time at which anyone had an event or left: ``event, time, n_at_risk,
        estimate, std_error, conf_low, conf_high``; the interval is missing where the estimate is 0
        or 1.

    Raises
    ------
    UsageError
        When times are negative or missing, or a status is not one of 0 to `events`.

    Notes
    -----
    Variance by the delta method (Marubini and Valsecchi 1995; Dinse and Larson 1986), interval on
    the log(-log) scale. Those still at risk at a time when all of them end add nothing to the
    variance there, so the last row has a standard error too.

    Examples
    --------
    >>> table = cumulative_incidence([1, 2, 3, 4], [1, 2, 0, 1])
    >>> table[table["event"] == 1][["time", "n_at_risk", "estimate"]]
       time  n_at_risk  estimate
    0   1.0          4      0.25
    1   2.0          3      0.25
    2   3.0          2      0.25
    3   4.0          1      0.75
    """
    times, kinds = np.asarray(time, dtype=float), np.asarray(status)
    _check(times, kinds, events)
    moments, position = np.unique(times, return_inverse=True)
    counts = np.zeros((len(moments), events + 1))
    np.add.at(counts, (position, kinds.astype(int)), 1)
    at_risk = counts.sum(axis=1)[::-1].cumsum()[::-1]
    ended = counts[:, 1:].sum(axis=1)
    survival = np.cumprod(1 - ended / at_risk)
    before = np.concatenate([[1.0], survival[:-1]])[: len(moments)]
    parts = []
    for kind in range(1, events + 1):
        estimate = np.cumsum(before * counts[:, kind] / at_risk)
        error = _std_error(estimate, counts[:, kind], ended, at_risk, before)
        low, high = _interval(estimate, error, conf_level)
        columns = {
            "event": kind, "time": moments, "n_at_risk": at_risk.astype(int),
            "estimate": estimate, "std_error": error, "conf_low": low, "conf_high": high,
        }  # fmt: skip
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def _check(times: Array, kinds: NDArray[Any], events: int) -> None:
    known = np.isin(kinds, np.arange(events + 1))
    if times.shape != kinds.shape or not np.all(np.isfinite(times) & (times >= 0)):
        must = "each course has a time of 0 or more, and a status"
        raise UsageError(must, got="a time that is missing or negative, or another number of them")
    if not known.all():
        must = f"a status is a whole number from 0 to {events}"
        raise UsageError(must, got="another value")


def _std_error(estimate: Array, own: Array, ended: Array, at_risk: Array, before: Array) -> Array:
    """Delta-method standard errors: sums over earlier times s of F(t) - F(s) and its square."""
    left = at_risk - ended
    lost = np.divide(ended, at_risk * left, out=np.zeros_like(ended), where=left > 0)
    own_share = before * own / at_risk**2
    squares = (
        estimate**2 * np.cumsum(lost)
        - 2 * estimate * np.cumsum(estimate * lost)
        + np.cumsum(estimate**2 * lost)
    )
    products = estimate * np.cumsum(own_share) - np.cumsum(estimate * own_share)
    own_variance = np.cumsum(before**2 * (at_risk - own) * own / at_risk**3)
    return np.asarray(np.sqrt(np.maximum(squares - 2 * products + own_variance, 0.0)))


def _interval(estimate: Array, error: Array, conf_level: float) -> tuple[Array, Array]:
    inside = (estimate > 0) & (estimate < 1 - 1e-12)
    safe = np.where(inside, estimate, 0.5)
    width = stats.norm.ppf((1 + conf_level) / 2) * error / (safe * -np.log(safe))
    low, high = safe ** np.exp(width), safe ** np.exp(-width)
    return np.where(inside, low, np.nan), np.where(inside, high, np.nan)

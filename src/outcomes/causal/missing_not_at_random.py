"""What the mean would be if the scores that are missing were not like the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from outcomes.mixed.inference.testing import interval_table, quantile
from outcomes.mixed.types import Array


def delta_adjusted(
    estimate: float,
    std_error: float,
    df: float,
    shares: pd.Series[float],
    deltas: Any,
    n_episodes: int,
) -> pd.DataFrame:
    """Return the mean when each reason's leavers did worse by a stated number of points.

    Parameters
    ----------
    estimate, std_error, df : float
        Mean improvement with missing scores like those of similar courses (missing at random).
    shares : Series, index reasons
        Share of all courses that left without a score, by reason.
    deltas : array, shape (settings, reasons) or (settings,)
        Points by which the leavers of each reason did worse, in the instrument's units; one number
        for all reasons when one-dimensional.
    n_episodes : int
        Courses, leavers included.

    Returns
    -------
    DataFrame
        One row a setting: estimate, std_error, df, conf_low, conf_high.

    Notes
    -----
    The limit of delta-adjusted multiple imputation with many imputations: the mean falls by the sum
    of share times delta, and shares estimated from `n_episodes` courses add their multinomial
    variance (Carpenter & Kenward 2013, Multiple Imputation and its Application, ch. 10; Cro et al.
    2020, Stat Med 39:2815).

    Examples
    --------
    >>> share = pd.Series({"cost": 0.25})
    >>> delta_adjusted(2.0, 0.2, 50, share, [0, 4], 100)["estimate"].tolist()
    [2.0, 1.0]
    """
    share = shares.to_numpy(dtype=float)
    settings = np.asarray(deltas, dtype=float)
    table = settings if settings.ndim == 2 else np.outer(settings, np.ones(len(share)))
    mean = estimate - table @ share
    spread = (table**2) @ share - (table @ share) ** 2
    error = np.sqrt(std_error**2 + spread / n_episodes)
    return interval_table(mean, error, df).drop(columns=["statistic", "p_value"])


def tipping_point(
    estimate: float, std_error: float, df: float, shares: pd.Series[float], n_episodes: int,
    *, threshold: float = 0.0, critical: float | None = None,
) -> float:  # fmt: skip
    """Return by how much leavers must have done worse for the interval to reach a threshold.

    Parameters
    ----------
    estimate, std_error, df, shares, n_episodes
        As in `delta_adjusted`, with one delta for all reasons.
    threshold : float
        Mean improvement that is in question, in the instrument's units.
    critical : float, optional
        Standard errors that the interval reaches, where several arms share one level; else by `df`.

    Returns
    -------
    float
        In the instrument's units; 0 when the interval holds the threshold already, infinite when
        nobody left.
    """
    share = float(shares.sum())
    half = critical or float(quantile(np.array([df]), 0.95)[0])
    room = estimate - threshold
    if room <= half * std_error:
        return 0.0
    if share == 0:
        return float("inf")
    # (room - d p)^2 = q^2 (se^2 + d^2 p (1 - p) / n), the smaller root
    a = share**2 - half**2 * share * (1 - share) / n_episodes
    b, c = -2 * room * share, room**2 - half**2 * std_error**2
    if abs(a) < 1e-12:
        return -c / b
    roots = np.roots([a, b, c])
    real = roots[np.isreal(roots)].real
    return float(min(root for root in real if root > 0))


JUMP = "jump to reference"
COPY = "copy increments in reference"


def reference_based(
    differences: Array, covariance: Array, df: float, last_seen: Array, n_arm: int,
    critical: float | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return the difference at the last time, those without a score then imputed by the control.

    Parameters
    ----------
    differences : array, shape (k,)
        Arm minus control at each time, missing scores at random (the constrained model).
    covariance : array, shape (k, k)
        Of the differences.
    df : float
        Degrees of freedom of the last one.
    last_seen : array, shape (k,)
        Courses of the arm whose last score was at baseline, at the first time, ... at the last but
        one.
    n_arm : int
        Courses of the arm.
    critical : float, optional
        As in `tipping_point`.

    Returns
    -------
    DataFrame
        One row each of kind ``jump to reference`` (from then on as the control) and ``copy
        increments in reference`` (what was gained stays, and nothing is added): estimate,
        std_error, df, conf_low, conf_high.

    Notes
    -----
    Carpenter, Roger & Kenward (2013), J Biopharm Stat 23:1352, in closed form: an imputed score is
    its conditional mean given the scores of the course, which shifts by the difference lost, so
    the arm's mean falls by ``sum_k p_k (d_last - d_k)``, or all of
    ``d_last`` each where nothing is kept. Variance by the delta method,
    that of the shares multinomial: as conditional mean imputation with the jackknife has it
    (Wolbers et al. 2022, Pharm Stat 21:1246), which is smaller than Rubin's.

    Examples
    --------
    >>> found = reference_based([1.0, 2.0], 0.04 * np.eye(2), 50, [10, 15], 100)
    >>> found["estimate"].round(2).tolist()  # 2 (1 - 0.25), and 2 - 0.10 * 2 - 0.15 * (2 - 1)
    [1.5, 1.65]
    """
    d, shares = np.asarray(differences, dtype=float), np.asarray(last_seen, dtype=float) / n_arm
    end = np.eye(len(d))[-1]
    kept = np.vstack([np.zeros(len(d)), np.eye(len(d))[:-1]])  # what those who end at k keep
    rows = []
    for kind, loses in ((JUMP, end - 0 * kept), (COPY, end - kept)):
        weights, losses = end - shares @ loses, loses @ d
        spread = shares @ losses**2 - (shares @ losses) ** 2
        error = np.sqrt(weights @ covariance @ weights + spread / n_arm)
        half = float((critical or quantile(np.array([df]), 0.95)[0]) * error)
        estimate = float(weights @ d)
        rows.append(
            {
                "kind": kind, "estimate": estimate, "std_error": float(error), "df": df,
                "conf_low": estimate - half, "conf_high": estimate + half,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)

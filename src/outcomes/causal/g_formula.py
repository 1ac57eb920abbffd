"""Parametric g-formula: the course played forward under a pressure that is always the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from outcomes.causal.marginal_model import interval_row

Array = NDArray[np.float64]
DYNAMIC = ("pressure", "pressure_turn", "score_before", "score_mean")


@dataclass(frozen=True, eq=False)
class Products:
    """Cross-products of the model of the next score, course by course.

    Parameters
    ----------
    gram : array, shape (courses, p, p)
    moment : array, shape (courses, p)
        Columns with columns, and columns with the score; the first are those of `DYNAMIC`.
    """

    gram: Array
    moment: Array

    def coefficients(self, times: Array) -> Array:
        """Return the coefficients of `DYNAMIC`, each course counted so many times."""
        gram = np.tensordot(times, self.gram, axes=1)
        solved = np.linalg.lstsq(gram, times @ self.moment, rcond=1e-10)[0]
        return np.asarray(solved[: len(DYNAMIC)])


def forward_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row a score with what came before it, for the model of the next score.

    Parameters
    ----------
    rows : DataFrame
        Trajectory rows in order; ``adapted`` and ``age`` beside its own columns.

    Returns
    -------
    DataFrame
        With ``pressure_turn`` (last pressure minus the mean of earlier ones; 0 at the first) and
        ``score_mean`` (mean of the scores before, baseline included).
    """
    by_course = rows.groupby("episode_id", sort=False)["score"]
    past = by_course.cumsum() - rows["score"] + rows["baseline"]
    n = rows["session_count"]
    earlier = (rows["pressure_mean"] * n - rows["pressure"]) / (n - 1).where(n > 1)
    table = rows.assign(
        score_mean=past / (by_course.cumcount() + 1),
        pressure_turn=(rows["pressure"] - earlier).fillna(0.0),
    )
    needed = ["pressure", "pressure_mean", "score_before", "baseline", "improvement"]
    return table.dropna(subset=needed).reset_index(drop=True)


def products(rows: pd.DataFrame) -> Products:
    """Return the cross-products of `forward_rows`: the next score is linear in what came before."""
    conditions = pd.get_dummies(rows["condition"].fillna("not recorded"), dtype=float)
    times = pd.get_dummies(rows["session_count"], dtype=float)
    facts = rows[[*DYNAMIC, "baseline", "adapted", "age"]].to_numpy(float)
    columns = np.hstack([facts, conditions, times])
    starts = np.flatnonzero(~rows["episode_id"].duplicated())
    gram = np.add.reduceat(columns[:, :, None] * columns[:, None, :], starts)
    moment = np.add.reduceat(columns * rows[["score"]].to_numpy(float), starts)
    return Products(gram, moment)


def sustained_contrast(coefficients: Array, sign: int, horizon: int) -> float:
    """Return improvement after `horizon` visits, all one level firmer, minus as they were.

    Parameters
    ----------
    coefficients : array, shape (4,)
        Of `DYNAMIC`.
    sign : int
        +1 where a higher score is better, -1 where a lower one is.
    horizon : int
        Visits.

    Returns
    -------
    float
        In the instrument's units a Walton level, positive = better.

    Notes
    -----
    Played forward in a linear model, everything but the difference in pressure cancels
    (Robins 1986, Math Model 7:1393).

    Examples
    --------
    >>> round(sustained_contrast(np.array([-0.2, 0.0, 0.5, 0.0]), -1, 2), 3)
    0.3
    """
    of = dict(zip(DYNAMIC, coefficients, strict=True))
    differences = [0.0]  # the baseline is the same
    for _ in range(horizon):
        change = of["pressure"] + of["score_before"] * differences[-1]
        differences.append(float(change + of["score_mean"] * np.mean(differences)))
    return sign * differences[-1]


def g_formula(
    rows: pd.DataFrame, sign: int, horizon: int, *, seed: int, n_bootstrap: int = 200
) -> dict[str, Any]:
    """Estimate the sustained contrast, with an interval from resampled courses.

    Parameters
    ----------
    rows : DataFrame
        From `forward_rows`, the rows of a course together.
    sign, horizon
        As in `sustained_contrast`.
    seed : int
        Of the resampling.
    n_bootstrap : int
        Resamples, at least 20.

    Returns
    -------
    dict
        As `interval_row`; the standard error is the bootstrap's.
    """
    whole = products(rows)
    n = len(whole.moment)
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n_bootstrap):
        times = np.bincount(rng.integers(0, n, n), minlength=n).astype(float)
        found.append(sustained_contrast(whole.coefficients(times), sign, horizon))
    estimate = sustained_contrast(whole.coefficients(np.ones(n)), sign, horizon)
    return interval_row(estimate, float(np.std(found, ddof=1)), n - 1, n)

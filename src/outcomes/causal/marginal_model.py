"""Marginal structural model: improvement had every visit so far been given one level firmer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from formulaic import model_matrix
from statsmodels.regression.linear_model import WLS

from outcomes.causal.weights import Weights, independent
from outcomes.mixed.inference.testing import quantile, two_sided_p


def with_weights(rows: pd.DataFrame, visits: pd.DataFrame, weights: Weights) -> pd.DataFrame:
    """Return trajectory rows with the weight of the last visit before each score.

    Parameters
    ----------
    rows : DataFrame
        Trajectory.
    visits : DataFrame
        As in `PressureHistory.visits`.
    weights : Weights
        Of the same visits.

    Returns
    -------
    DataFrame
        Rows whose last visit before has a weight, with ``weight``, ``adapted`` and ``age``.
    """
    table = weights.table.assign(adapted=visits["adapted"], age=visits["age"])
    table = table.rename(columns={"session": "session_count"})
    joined = rows.drop(columns=["adapted", "age"], errors="ignore").merge(
        table, on=["episode_id", "session_count"], validate="many_to_one"
    )
    return joined.dropna(subset=["pressure_mean", "improvement"]).reset_index(drop=True)


def weighted_slope(rows: pd.DataFrame, exposure: str = "pressure_mean") -> dict[str, Any]:
    """Estimate the change in improvement for one level more of an exposure, with weights.

    Parameters
    ----------
    rows : DataFrame
        From `with_weights`.
    exposure : str
        Column of the exposure.

    Returns
    -------
    dict
        estimate, std_error, df, statistic, p_value, conf_low, conf_high (95 %), n_episodes.

    Notes
    -----
    Weighted least squares with independence working correlation and errors robust to courses
    (a weighted GEE); degrees of freedom are courses less one. Terms that those before them
    determine are left out; the exposure comes first.
    """
    terms = [exposure, "baseline", "adapted", "age", "C(condition)", "C(session_count)"]
    several = [t for t in terms if rows[t.removeprefix("C(").removesuffix(")")].nunique() > 1]
    frame = rows.assign(condition=rows["condition"].fillna("not recorded"))
    columns = independent(model_matrix(" + ".join(several), frame).drop(columns="Intercept"))
    columns.insert(0, "Intercept", 1.0)
    clusters = pd.factorize(rows["episode_id"])[0]
    fit = WLS(rows["improvement"].to_numpy(), columns.to_numpy(), rows["weight"].to_numpy()).fit(
        cov_type="cluster", cov_kwds={"groups": clusters}
    )
    at = list(columns.columns).index(exposure)
    return interval_row(fit.params[at], fit.bse[at], clusters.max(), clusters.max() + 1)


def interval_row(estimate: float, std_error: float, df: float, n_episodes: int) -> dict[str, Any]:
    """Return an estimate as a row of an answer's table, with its 95 % t interval."""
    half = float(quantile(np.array([df]), 0.95)[0] * std_error)
    statistic = float(estimate / std_error)
    p_value = float(two_sided_p(np.array([statistic]), np.array([df]))[0])
    return {
        "estimate": float(estimate), "std_error": float(std_error), "df": float(df),
        "statistic": statistic, "p_value": p_value,
        "conf_low": float(estimate - half), "conf_high": float(estimate + half),
        "n_episodes": int(n_episodes),
    }  # fmt: skip

"""Tests of linear contrasts of the fixed coefficients, the same for every df method.

A df method (``satterthwaite``, ``kenward_roger``, ``normal``) provides the covariance to use and
the denominator degrees of freedom; the t and F statistics are made here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from scipy import stats

from outcomes.mixed.types import Array


class DfMethod(Protocol):
    """What a method of small-sample inference provides."""

    @property
    def covariance(self) -> Array:
        """Covariance of the coefficients to base standard errors on, shape (p, p)."""
        ...

    def df(self, contrasts: Array) -> Array:
        """Return degrees of freedom of single contrasts, shape (k,) for (k, p)."""
        ...

    def scale_and_df(self, contrasts: Array) -> tuple[float, float]:
        """Return the factor of the joint F statistic and its denominator degrees of freedom."""
        ...


@dataclass(frozen=True)
class Normal:
    """Large-sample inference: infinite degrees of freedom.

    Parameters
    ----------
    covariance : array, shape (p, p)
    """

    covariance: Array

    def df(self, contrasts: Array) -> Array:
        """Return infinity for each contrast, shape (k,)."""
        return np.full(len(contrasts), np.inf)

    def scale_and_df(self, contrasts: Array) -> tuple[float, float]:
        """Return one and infinity."""
        del contrasts
        return 1.0, np.inf


@dataclass(frozen=True)
class JointTest:
    """A joint test that all contrasts are zero.

    Parameters
    ----------
    statistic : float
        F.
    df_num, df_den : float
    p_value : float
    """

    statistic: float
    df_num: float
    df_den: float
    p_value: float


def contrast_table(
    beta: Array, method: DfMethod, contrasts: Array, conf_level: float = 0.95
) -> pd.DataFrame:
    """Test each contrast by itself.

    Parameters
    ----------
    beta : array, shape (p,)
    method : DfMethod
    contrasts : array, shape (k, p)
    conf_level : float, between 0 and 1

    Returns
    -------
    pandas.DataFrame
        estimate, std_error, df, statistic, p_value, conf_low, conf_high; one row a contrast.
    """
    estimate = contrasts @ beta
    variance = np.einsum("ij,jk,ik->i", contrasts, method.covariance, contrasts)
    std_error = np.sqrt(np.maximum(variance, 0.0))
    df = method.df(contrasts)
    statistic = np.divide(
        estimate, std_error, out=np.full_like(estimate, np.nan), where=std_error > 0.0
    )
    half = quantile(df, conf_level) * std_error
    return pd.DataFrame(
        {
            "estimate": estimate,
            "std_error": std_error,
            "df": df,
            "statistic": statistic,
            "p_value": two_sided_p(statistic, df),
            "conf_low": estimate - half,
            "conf_high": estimate + half,
        }
    )


def joint_test(beta: Array, method: DfMethod, contrasts: Array) -> JointTest:
    """Test that all contrasts are zero; linearly dependent rows count once.

    Parameters
    ----------
    beta : array, shape (p,)
    method : DfMethod
    contrasts : array, shape (k, p)
    """
    rows = independent_rows(contrasts) if len(contrasts) else contrasts
    if not len(rows):
        return JointTest(np.nan, 0.0, np.nan, np.nan)
    difference = rows @ beta
    wald = float(difference @ np.linalg.solve(rows @ method.covariance @ rows.T, difference))
    scale, df_den = method.scale_and_df(rows)
    statistic = scale * wald / len(rows)
    tail = stats.chi2.sf(wald, len(rows)) if np.isinf(df_den) else None
    p_value = float(stats.f.sf(statistic, len(rows), df_den) if tail is None else tail)
    return JointTest(statistic, float(len(rows)), df_den, p_value)


def two_sided_p(statistic: Array, df: Array) -> Array:
    """Return the two-sided p-value of t statistics; infinite df mean the normal distribution."""
    from scipy.special import ndtr, stdtr

    low = -np.abs(statistic)
    return np.asarray(2.0 * np.where(np.isinf(df), ndtr(low), stdtr(df, low)))


def quantile(df: Array, conf_level: float) -> Array:
    """Return the two-sided t quantile of a confidence level."""
    from scipy.special import ndtri, stdtrit

    upper = 0.5 + conf_level / 2.0
    return np.asarray(np.where(np.isinf(df), ndtri(upper), stdtrit(df, upper)))


def independent_rows(contrasts: Array, tolerance: float = 1e-9) -> Array:
    """Return rows spanning the same space, shape (rank, p); the rows themselves at full rank."""
    rank = np.linalg.matrix_rank(contrasts, tol=tolerance * max(1.0, np.abs(contrasts).max()))
    if rank == len(contrasts):
        return contrasts
    return np.asarray(np.linalg.svd(contrasts)[2][:rank])

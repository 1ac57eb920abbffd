"""Tests of linear contrasts of the fixed coefficients, the same for every df method.

A df method (``satterthwaite``, ``kenward_roger``, ``normal``) provides the covariance to use and
the denominator degrees of freedom; the t and F statistics are made here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from scipy.special import chdtrc, fdtrc, ndtr, ndtri, stdtr, stdtrit

from outcomes.errors import UsageError
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


SIDES = {
    **dict.fromkeys(("two-sided", "equivalence"), 0),
    **dict.fromkeys(("greater", "noninferiority"), 1),
    **dict.fromkeys(("less", "nonsuperiority"), -1),
}


@dataclass(frozen=True)
class Null:
    """What an estimate is tested against.

    Parameters
    ----------
    value : float
    side : str
        "two-sided", "greater" or "less": what is to be shown; or one of R's names for it where a
        margin is given: "equivalence", "noninferiority", "nonsuperiority".
    delta : float, >= 0
        Margin. Two-sided, the test shows that the estimate is less than this away from the null
        value (two one-sided tests); "greater", that it is no more than this below; "less", that it
        is no more than this above (Lenth 2016, J. Stat. Softw. 69(1)).

    Raises
    ------
    UsageError
        There is no such side, or the margin is negative.
    """

    value: float = 0.0
    side: str = "two-sided"
    delta: float = 0.0

    def __post_init__(self) -> None:
        if self.side not in SIDES:
            must = f"side must be one of {', '.join(SIDES)}"
            raise UsageError(must, got=f"'{self.side}'")
        if not (self.delta >= 0.0 and np.isfinite(self.delta) and np.isfinite(self.value)):
            must = "null must be a finite number, and delta one that is not negative"
            raise UsageError(must, got="another")

    @property
    def direction(self) -> int:
        """1 for "greater", -1 for "less", else 0."""
        return SIDES[self.side]

    @property
    def tail(self) -> int:
        """The tail that p-values come from: both 0, upper 1, lower -1."""
        return self.direction or -int(self.delta > 0.0)

    def statistic(self, estimate: Array, std_error: Array) -> Array:
        """Return the t statistics, shape (k,); NaN without a standard error."""
        gap = estimate - self.value
        gap = gap + self.direction * self.delta if self.direction else gap
        gap = np.abs(gap) - self.delta if self.delta and not self.direction else gap
        nowhere = np.full_like(gap, np.nan)
        return np.asarray(np.divide(gap, std_error, out=nowhere, where=std_error > 0.0))

    def p_value(self, statistic: Array, df: Array) -> Array:
        """Return the p-values of t statistics, shape (k,)."""
        if not self.tail:
            return two_sided_p(statistic, df)
        low = -self.tail * statistic
        return np.asarray(np.where(np.isinf(df), ndtr(low), stdtr(df, low)))

    def interval(self, estimate: Array, half: Array) -> tuple[Array, Array]:
        """Return the limits of an interval, one of them infinite if the test has one side."""
        low = estimate - half if self.direction >= 0 else np.full_like(half, -np.inf)
        high = estimate + half if self.direction <= 0 else np.full_like(half, np.inf)
        return low, high

    def critical(self, df: Array, conf_level: float) -> Array:
        """Return the t quantile of an interval of this confidence level."""
        return quantile(df, 2.0 * conf_level - 1.0 if self.direction else conf_level)


ZERO = Null()


def contrast_table(
    beta: Array,
    method: DfMethod,
    contrasts: Array,
    conf_level: float = 0.95,
    null: Null = ZERO,
    shift: Array | float = 0.0,
) -> pd.DataFrame:
    """Test each contrast by itself.

    Parameters
    ----------
    beta : array, shape (p,)
    method : DfMethod
    contrasts : array, shape (k, p)
    conf_level : float, between 0 and 1
    null : Null
    shift : array, shape (k,)
        What is added to the estimates, such as an offset.

    Returns
    -------
    pandas.DataFrame
        estimate, std_error, df, statistic, p_value, conf_low, conf_high; one row a contrast.
    """
    estimate = contrasts @ beta + shift
    variance = np.einsum("ij,jk,ik->i", contrasts, method.covariance, contrasts)
    std_error = np.sqrt(np.maximum(variance, 0.0))
    df = method.df(contrasts)
    statistic = null.statistic(estimate, std_error)
    low, high = null.interval(estimate, null.critical(df, conf_level) * std_error)
    return pd.DataFrame(
        {
            "estimate": estimate,
            "std_error": std_error,
            "df": df,
            "statistic": statistic,
            "p_value": null.p_value(statistic, df),
            "conf_low": low,
            "conf_high": high,
        }
    )


def joint_test(beta: Array, method: DfMethod, contrasts: Array, null: float = 0.0) -> JointTest:
    """Test that all contrasts have the null value; linearly dependent rows count once.

    Parameters
    ----------
    beta : array, shape (p,)
    method : DfMethod
    contrasts : array, shape (k, p)
    null : float

    Raises
    ------
    UsageError
        Rows depend on each other and the null value is not zero.
    """
    rows = independent_rows(contrasts) if len(contrasts) else contrasts
    if not len(rows):
        return JointTest(np.nan, 0.0, np.nan, np.nan)
    if null and len(rows) < len(contrasts):
        must = "Rows that depend on each other can only be tested against zero"
        raise UsageError(must, got="another null value")
    scale, df_den = method.scale_and_df(rows)
    difference = rows @ beta - null
    wald = float(difference @ np.linalg.solve(rows @ method.covariance @ rows.T, difference))
    statistic = scale * wald / len(rows)
    return JointTest(statistic, float(len(rows)), df_den, f_tail(statistic, len(rows), df_den))


def f_tail(statistic: float, df_num: float, df_den: float) -> float:
    """Return the upper tail of F; infinite denominator df mean the chi-squared distribution."""
    if np.isinf(df_den):
        return float(chdtrc(df_num, statistic * df_num))
    return float(fdtrc(df_num, df_den, statistic))


def two_sided_p(statistic: Array, df: Array) -> Array:
    """Return the two-sided p-value of t statistics; infinite df mean the normal distribution."""
    low = -np.abs(statistic)
    return np.asarray(2.0 * np.where(np.isinf(df), ndtr(low), stdtr(df, low)))


def quantile(df: Array, conf_level: float) -> Array:
    """Return the two-sided t quantile of a confidence level."""
    upper = 0.5 + conf_level / 2.0
    return np.asarray(np.where(np.isinf(df), ndtri(upper), stdtrit(df, upper)))


def independent_rows(contrasts: Array, tolerance: float = 1e-9) -> Array:
    """Return rows spanning the same space, shape (rank, p); the rows themselves at full rank."""
    rank = np.linalg.matrix_rank(contrasts, tol=tolerance * max(1.0, np.abs(contrasts).max()))
    if rank == len(contrasts):
        return contrasts
    return np.asarray(np.linalg.svd(contrasts)[2][:rank])

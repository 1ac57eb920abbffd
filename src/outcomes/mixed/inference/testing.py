"""Tests of linear contrasts of the fixed coefficients, the same for every df method.

A df method (``Satterthwaite``, ``KenwardRoger``) provides the covariance to use and the
denominator degrees of freedom, in the basis in which the model was fitted; `Inference` asks it
about the coefficients, and the t and F statistics are made here. Several contrasts at once have
p-values and intervals adjusted for their number (`adjusted`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pandas as pd
import scipy
from scipy.special import chdtrc, fdtrc, fdtri, ndtr, ndtri, stdtr, stdtrit

from outcomes.errors import UsageError
from outcomes.mixed.covariance import semidefinite_cholesky
from outcomes.mixed.types import Array


class DfMethod(Protocol):
    """What a method of small-sample inference provides, in the working basis."""

    @property
    def covariance(self) -> Array:
        """Covariance of the working coefficients to base standard errors on, shape (p, p)."""
        ...

    def df(self, contrasts: Array) -> Array:
        """Return degrees of freedom of single contrasts, shape (k,) for (k, p)."""
        ...

    def scale_and_df(self, contrasts: Array) -> tuple[float, float]:
        """Return the factor of the joint F statistic and its denominator degrees of freedom."""
        ...


@dataclass(frozen=True)
class Inference:
    """A df method asked about contrasts of the coefficients.

    Contrasts go into the working basis first: where columns nearly determine each other (a year and
    its cube), variances of the coefficients are huge and would cancel.

    Parameters
    ----------
    method : DfMethod
    forward : array, shape (p, p)
        Turns coefficients of the working basis into those of the columns.
    """

    method: DfMethod
    forward: Array

    @cached_property
    def root(self) -> Array:
        """A with A A' the covariance of the coefficients, shape (p, p)."""
        return np.asarray(self.forward @ semidefinite_cholesky(self.method.covariance))

    def variance(self, contrasts: Array) -> Array:
        """Return the variance of each contrast, shape (k,)."""
        return np.asarray(np.sum((contrasts @ self.root) ** 2, axis=1))

    def covariance(self, contrasts: Array) -> Array:
        """Return the covariance of contrasts, shape (k, k)."""
        half = contrasts @ self.root
        return np.asarray(half @ half.T)

    def df(self, contrasts: Array) -> Array:
        """Return degrees of freedom of single contrasts, shape (k,)."""
        return self.method.df(contrasts @ self.forward)

    def scale_and_df(self, contrasts: Array) -> tuple[float, float]:
        """Return the factor of the joint F statistic and its denominator degrees of freedom."""
        return self.method.scale_and_df(contrasts @ self.forward)


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

    def row(self, **labels: object) -> dict[str, object]:
        """Return a row of a table: its labels, df_num, df_den, statistic, p_value."""
        names = ("df_num", "df_den", "statistic", "p_value")
        return {**labels, **{name: getattr(self, name) for name in names}}


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
    inference: Inference,
    contrasts: Array,
    conf_level: float = 0.95,
    null: Null = ZERO,
    shift: Array | float = 0.0,
) -> pd.DataFrame:
    """Test each contrast by itself.

    Parameters
    ----------
    beta : array, shape (p,)
    inference : Inference
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
    require_level(conf_level)
    estimate = contrasts @ beta + shift
    df = inference.df(contrasts)  # NaN where the method knows no variance either
    std_error = np.where(np.isnan(df), np.nan, np.sqrt(inference.variance(contrasts)))
    return interval_table(estimate, std_error, df, conf_level, null)


def interval_table(
    estimate: Array, std_error: Array, df: Any, conf_level: float = 0.95, null: Null = ZERO
) -> pd.DataFrame:
    """Test each estimate by its t statistic; see `contrast_table`.

    Parameters
    ----------
    estimate, std_error : array, shape (k,)
    df : array, shape (k,), or float
        Of each, or of all.
    conf_level : float, between 0 and 1
    null : Null

    Examples
    --------
    >>> interval_table(np.array([2.0]), np.array([0.5]), 10)[["statistic", "conf_low"]].round(3)
       statistic  conf_low
    0        4.0     0.886
    """
    df = np.broadcast_to(np.asarray(df, dtype=float), np.shape(std_error))
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


def joint_test(beta: Array, inference: Inference, contrasts: Array, null: float = 0.0) -> JointTest:
    """Test that all contrasts have the null value; linearly dependent rows count once.

    Parameters
    ----------
    beta : array, shape (p,)
    inference : Inference
    contrasts : array, shape (k, p)
    null : float

    Raises
    ------
    UsageError
        Rows depend on each other and the null value is not zero.
    """
    rows = independent_rows(inference, contrasts) if len(contrasts) else contrasts
    if not len(rows):
        return JointTest(np.nan, 0.0, np.nan, np.nan)
    if null and len(rows) < len(contrasts):
        must = "Rows that depend on each other can only be tested against zero"
        raise UsageError(must, got="another null value")
    scale, df_den = inference.scale_and_df(rows)
    difference = rows @ beta - null
    wald = float(difference @ np.linalg.solve(inference.covariance(rows), difference))
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


def require_level(conf_level: float) -> None:
    """Refuse a confidence level such as 95, with which an interval has no limits."""
    if not 0.0 < conf_level < 1.0:
        must = "conf_level must lie between 0 and 1"
        raise UsageError(must, got="another number", remedy="0.95 is 95 %.")


def quantile(df: Array, conf_level: float) -> Array:
    """Return the two-sided t quantile of a confidence level."""
    upper = 0.5 + conf_level / 2.0
    return np.asarray(np.where(np.isinf(df), ndtri(upper), stdtrit(df, upper)))


def independent_rows(inference: Inference, contrasts: Array, tolerance: float = 1e-7) -> Array:
    """Return combinations of rows that span the same, shape (rank, p); at full rank the rows.

    Judged in the working basis, in which no column's unit makes another's part of a row small.
    """
    working = contrasts @ inference.forward
    sizes = np.linalg.norm(working, axis=1)[:, None]
    sizes = np.where(sizes > 0.0, sizes, 1.0)
    left, spans, _ = np.linalg.svd(working / sizes, full_matrices=False)
    rank = int(np.sum(spans > tolerance))
    return contrasts if rank == len(contrasts) else left[:, :rank].T @ (contrasts / sizes)


DIRECTIONS = 14
"""Logarithm to base two of the directions over which a multivariate t is averaged."""


@dataclass(frozen=True)
class Family:
    """The contrasts that are adjusted together.

    Parameters
    ----------
    p, t, df : array, shape (k,)
    n_means : int
        Means compared.
    covariance : array, shape (k, k)
        Of the estimates, in any unit.
    conf_level : float, between 0 and 1
    null : Null
    """

    p: Array
    t: Array
    df: Array
    n_means: int
    covariance: Array
    conf_level: float
    null: Null = ZERO

    @property
    def k(self) -> int:
        """Number of contrasts."""
        return len(self.p)

    @cached_property
    def rank(self) -> int:
        """Number of independent contrasts."""
        sd = np.sqrt(np.diag(self.covariance))
        return int(np.linalg.matrix_rank(self.covariance / np.outer(sd, sd), tol=1e-8))

    @cached_property
    def directions(self) -> Array:
        """Statistics in many directions at distance one from the null hypothesis, shape (k, m).

        The contrasts are a linear map of as many independent ones as their rank, whose direction is
        uniform on the sphere, and whose squared length is F by the residual variance.
        """
        sd = np.sqrt(np.diag(self.covariance))
        values, vectors = np.linalg.eigh(self.covariance / np.outer(sd, sd))
        scaled = vectors[:, -self.rank :] * np.sqrt(values[-self.rank :])
        points = scipy.stats.qmc.Sobol(self.rank, scramble=False).random_base2(DIRECTIONS)
        normal = ndtri(points + 0.5**DIRECTIONS / 3.0)
        return np.asarray(scaled @ (normal / np.linalg.norm(normal, axis=1, keepdims=True)).T)


def _bonferroni(family: Family) -> Array:
    return family.null.critical(family.df, 1.0 - (1.0 - family.conf_level) / family.k)


def _any_of(k: int, p: Array) -> Array:
    """Return the chance that one of ``k`` independent tests has so small a p-value."""
    return np.asarray(-np.expm1(k * np.log1p(-np.minimum(p, 1.0 - 1e-16))))


def _range_tail(q: Any, n_means: float, df: Any) -> Array:
    return np.asarray(scipy.stats.studentized_range.sf(q, n_means, df))


def _tukey(family: Family) -> Array:
    """Return critical values; scipy's own quantile takes a hundred evaluations."""

    def excess(q: float, df: float) -> float:
        return float(np.log(_range_tail(q, family.n_means, df) / (1.0 - family.conf_level)))

    each, back = np.unique(np.round(family.df, 6), return_inverse=True)
    near = float(scipy.stats.studentized_range.ppf(family.conf_level, family.n_means, np.inf))
    solve = scipy.optimize.newton
    found = [solve(excess, near, args=(df,), x1=1.02 * near, tol=1e-7) for df in each]
    return np.asarray(np.array(found)[back] / np.sqrt(2.0))


def _mvt_tail(family: Family, t: float, df: float, sides: int) -> float:
    """Return the chance that any statistic of the family lies beyond ``t``.

    As emmeans has it from mvtnorm, with whole degrees of freedom.
    """
    far, r, whole = family.directions, family.rank, np.floor(df + 0.25)
    far = np.abs(far).max(axis=0) if sides == 2 else far.max(axis=0)
    squared = np.divide(t, far, out=np.full_like(far, np.inf), where=far != 0.0) ** 2
    tail = chdtrc(r, squared) if whole > 9999 else fdtrc(r, max(whole, 1.0), squared / r)
    beyond = np.where(far > 0.0, tail, 0.0) if t >= 0.0 else np.where(far < 0.0, 1.0 - tail, 1.0)
    return float(beyond.mean())


def _mvt_p(family: Family) -> Array:
    tail = family.null.tail
    t = family.t * tail if tail else np.abs(family.t)
    pairs = zip(t, family.df, strict=True)
    return np.array([_mvt_tail(family, *pair, 1 if tail else 2) for pair in pairs])


def _mvt(family: Family) -> Array:
    def excess(t: float, df: float) -> float:
        return _mvt_tail(family, t, df, 1 if family.null.direction else 2) + family.conf_level - 1.0

    whole, back = np.unique(np.floor(family.df + 0.25), return_inverse=True)
    solve = scipy.optimize.brentq
    return np.array([solve(excess, 0.0, 1e3, args=(df,), xtol=1e-6) for df in whole])[back]


def _dunnettx_tail(family: Family, t: Array, df: Array) -> Array:
    """Return emmeans' approximation to Dunnett's tail: between Tukey's and Sidak's."""
    k = family.k
    n_means = (1.0 + np.sqrt(1.0 + 8.0 * k)) / 2.0
    tukey = _range_tail(np.sqrt(2.0) * t, n_means, df)
    sidak = _any_of(k, two_sided_p(t, df))
    return np.asarray(((k - 1.0) * tukey + sidak) / k)


def _dunnettx(family: Family) -> Array:
    def excess(t: float, df: float) -> float:
        return float(_dunnettx_tail(family, np.array(t), np.array(df))) + family.conf_level - 1.0

    limits = zip(family.df, _bonferroni(family), strict=True)
    solve = scipy.optimize.brentq
    return np.array([solve(excess, 0.0, high, args=(df,), xtol=1e-6) for df, high in limits])


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


Rule = Callable[[Family], Array]
METHODS: dict[str, tuple[Rule, Rule]] = {
    "holm": (lambda family: holm(family.p), _bonferroni),
    "bonferroni": (lambda family: np.minimum(family.k * family.p, 1.0), _bonferroni),
    "BH": (lambda family: scipy.stats.false_discovery_control(family.p, method="bh"), _bonferroni),
    "BY": (lambda family: scipy.stats.false_discovery_control(family.p, method="by"), _bonferroni),
    "sidak": (
        lambda family: _any_of(family.k, family.p),
        lambda own: own.null.critical(own.df, own.conf_level ** (1.0 / own.k)),
    ),
    "mvt": (_mvt_p, _mvt),
    "tukey": (lambda own: _range_tail(np.sqrt(2.0) * abs(own.t), own.n_means, own.df), _tukey),
    "scheffe": (
        lambda own: fdtrc(own.rank, np.minimum(own.df, 1e9), own.t**2 / own.rank),
        lambda own: np.sqrt(own.rank * fdtri(own.rank, np.minimum(own.df, 1e9), own.conf_level)),
    ),
    "dunnettx": (lambda family: _dunnettx_tail(family, abs(family.t), family.df), _dunnettx),
}
"""For each method how it adjusts p-values, and its critical values."""
METHODS["dunnett"] = METHODS["mvt"]
TWO_SIDED = ("tukey", "scheffe", "dunnettx")


def adjusted(table: pd.DataFrame, adjust: str, family: Family) -> pd.DataFrame:
    """Adjust a family of contrasts.

    Parameters
    ----------
    table : pandas.DataFrame
        As `contrast_table` makes it.
    adjust : str
        "holm": p-values after Holm (1979), Scand. J. Stat. 6, 65; "BH", "BY": after Benjamini &
        Hochberg (1995) and Benjamini & Yekutieli (2001); their intervals are Bonferroni's, since
        they have none. "mvt", also called "dunnett": exact, from the multivariate t of the
        contrasts' own covariance; "dunnettx": emmeans' quick approximation to it. "tukey": from
        the studentised range, exact for all pairs of means with equal standard errors and
        conservative otherwise. "scheffe": for all contrasts that could have been asked.
    family : Family
        The rows that have an estimate.

    Returns
    -------
    pandas.DataFrame
        The same columns.

    Raises
    ------
    UsageError
        There is no such method, or it is not for tests of one side.
    """
    if adjust != "none" and adjust not in METHODS:
        must = f"adjust must be one of {', '.join(METHODS)}, none"
        raise UsageError(must, got=f"'{adjust}'")
    if adjust in TWO_SIDED and family.null.tail:
        must = f"The adjustment '{adjust}' is for tests of two sides"
        raise UsageError(must, got="one side or a margin", remedy="Use adjust='mvt' or 'holm'.")
    if adjust == "none" or family.k == 0 or (family.k == 1 and adjust != "scheffe"):
        return table
    known = table["estimate"].notna().to_numpy()
    p, half = table["p_value"].to_numpy(copy=True), np.full(len(table), np.nan)
    of_p, critical = METHODS[adjust]
    p[known] = of_p(family)
    half[known] = critical(family) * table["std_error"].to_numpy()[known]
    low, high = family.null.interval(table["estimate"].to_numpy(), half)
    return table.assign(p_value=p, conf_low=low, conf_high=high)

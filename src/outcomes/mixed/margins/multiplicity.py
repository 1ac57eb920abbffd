"""Several contrasts at once: p-values and intervals adjusted for their number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.optimize import brentq, newton
from scipy.special import chdtrc, fdtrc, fdtri, ndtri
from scipy.stats import false_discovery_control, studentized_range
from scipy.stats.qmc import Sobol

from outcomes.errors import UsageError
from outcomes.mixed.inference.testing import ZERO, Null, two_sided_p
from outcomes.mixed.types import Array

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
        points = Sobol(self.rank, scramble=False).random_base2(DIRECTIONS)
        normal = ndtri(points + 0.5**DIRECTIONS / 3.0)
        return np.asarray(scaled @ (normal / np.linalg.norm(normal, axis=1, keepdims=True)).T)


def _bonferroni(family: Family) -> Array:
    return family.null.critical(family.df, 1.0 - (1.0 - family.conf_level) / family.k)


def _sidak(family: Family) -> Array:
    return family.null.critical(family.df, family.conf_level ** (1.0 / family.k))


def _any_of(k: int, p: Array) -> Array:
    """Return the chance that one of ``k`` independent tests has so small a p-value."""
    return np.asarray(-np.expm1(k * np.log1p(-np.minimum(p, 1.0 - 1e-16))))


def _scheffe_p(family: Family) -> Array:
    df, r = np.minimum(family.df, 1e9), family.rank
    return np.asarray(fdtrc(r, df, family.t**2 / r))


def _scheffe(family: Family) -> Array:
    df = np.minimum(family.df, 1e9)
    return np.asarray(np.sqrt(family.rank * fdtri(family.rank, df, family.conf_level)))


def _tukey_p(family: Family) -> Array:
    found = studentized_range.sf(np.sqrt(2.0) * np.abs(family.t), family.n_means, family.df)
    return np.asarray(found)


def _tukey(family: Family) -> Array:
    """Return critical values; scipy's own quantile takes a hundred evaluations."""

    def excess(q: float, df: float) -> float:
        return float(
            np.log(studentized_range.sf(q, family.n_means, df) / (1.0 - family.conf_level))
        )

    each, back = np.unique(np.round(family.df, 6), return_inverse=True)
    near = float(studentized_range.ppf(family.conf_level, family.n_means, np.inf))
    found = [newton(excess, near, args=(df,), x1=1.02 * near, tol=1e-7) for df in each]
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
    return np.array([brentq(excess, 0.0, 1e3, args=(df,), xtol=1e-6) for df in whole])[back]


def _dunnettx_tail(family: Family, t: Array, df: Array) -> Array:
    """Return emmeans' approximation to Dunnett's tail: between Tukey's and Sidak's."""
    k = family.k
    n_means = (1.0 + np.sqrt(1.0 + 8.0 * k)) / 2.0
    tukey = studentized_range.sf(np.sqrt(2.0) * t, n_means, df)
    sidak = _any_of(k, two_sided_p(t, df))
    return np.asarray(((k - 1.0) * tukey + sidak) / k)


def _dunnettx(family: Family) -> Array:
    def excess(t: float, df: float) -> float:
        return float(_dunnettx_tail(family, np.array(t), np.array(df))) + family.conf_level - 1.0

    limits = zip(family.df, _bonferroni(family), strict=True)
    return np.array([brentq(excess, 0.0, high, args=(df,), xtol=1e-6) for df, high in limits])


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
    "BH": (lambda family: false_discovery_control(family.p, method="bh"), _bonferroni),
    "BY": (lambda family: false_discovery_control(family.p, method="by"), _bonferroni),
    "sidak": (lambda family: _any_of(family.k, family.p), _sidak),
    "mvt": (_mvt_p, _mvt),
    "tukey": (_tukey_p, _tukey),
    "scheffe": (_scheffe_p, _scheffe),
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

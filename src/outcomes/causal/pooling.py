"""Partial pooling of group means: a normal hierarchy, its spread integrated out on a grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtri

from outcomes.mixed.types import Array

GRID = 200
DRAWS = 40_000
FACTORS = 20


@dataclass(frozen=True, eq=False)
class Pooled:
    """Posterior of group means.

    Parameters
    ----------
    mean, std_error, conf_low, conf_high : array, shape (groups,)
        Posterior mean, standard deviation and central 95 % interval.
    p_best : array, shape (groups,)
        Probability of having the largest mean.
    spread : float
        Posterior mean of the standard deviation between groups.
    """

    mean: Array
    std_error: Array
    conf_low: Array
    conf_high: Array
    p_best: Array
    spread: float

    def __repr__(self) -> str:
        return f"Pooled({len(self.mean)} groups, spread {self.spread:.2f})"


def pool(
    estimates: ArrayLike, covariance: ArrayLike, *, widest: float, df: float = np.inf, seed: int = 0
) -> Pooled:
    """Pool estimates of groups towards their common mean, as much as the data ask for.

    Parameters
    ----------
    estimates : array, shape (groups,)
        Estimate of each group.
    covariance : array, shape (groups, groups)
        Sampling covariance of the estimates.
    widest : float
        Upper end of the prior of the standard deviation between groups, uniform from 0, in the
        unit of the estimates.
    df : float
        Degrees of freedom of the covariance, above 0: it is known up to a scaled inverse
        chi-squared factor; infinite where it is known.
    seed : int
        Of the posterior draws.

    Returns
    -------
    Pooled

    Notes
    -----
    Gelman et al., Bayesian Data Analysis, 3rd ed., section 5.4, with correlated estimates: flat
    prior on the common mean, marginal posterior of the spread on a grid, then normal draws; with
    few degrees of freedom draws are of a multivariate t, as a scale mixture of normals.

    Examples
    --------
    >>> pooled = pool([1.0, 2.0, 3.0], np.eye(3), widest=10.0)
    >>> bool(pooled.mean[2] - pooled.mean[0] < 2.0)
    True
    """
    y, v = np.asarray(estimates, dtype=float), np.asarray(covariance, dtype=float)
    spreads = widest * (np.arange(GRID) + 0.5) / GRID
    rng = np.random.default_rng(seed)
    factors = _factors(df)
    parts, chances = [], []
    for factor in factors:
        given = _given_spreads(y, factor * v, spreads)
        log_density = _log_marginal(y, given)
        chance = np.exp(log_density - log_density.max())
        chances.append(chance / chance.sum())
        counts = rng.multinomial(DRAWS // len(factors), chances[-1])
        parts += _draws(y, given, spreads, counts, rng)
    draws, chance = np.vstack(parts), np.mean(chances, axis=0)
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    best = np.bincount(draws.argmax(axis=1), minlength=len(y)) / len(draws)
    mean, sd = draws.mean(axis=0), draws.std(axis=0, ddof=1)
    return Pooled(mean, sd, low, high, best, float(chance @ spreads))


def _factors(df: float) -> Array:
    """Return the factors by which a covariance may be off, each as likely as another."""
    if not np.isfinite(df):
        return np.ones(1)
    return np.asarray(df / chdtri(df, 1.0 - (np.arange(FACTORS) + 0.5) / FACTORS))


Given = tuple[Any, Any, Any]
"""Precision of the estimates, the common mean and its variance, at each spread."""


def _given_spreads(y: Array, v: Array, spreads: Array) -> Given:
    precision = np.linalg.inv(v + spreads[:, None, None] ** 2 * np.eye(len(y)))
    variance = 1.0 / precision.sum(axis=(1, 2))
    return precision, variance * (precision @ y).sum(axis=1), variance


def _log_marginal(y: Array, given: Given) -> Array:
    precision, centre, variance = given
    away = y - centre[:, None]
    log_det = np.linalg.slogdet(precision)[1]
    misfit = np.einsum("si,sij,sj->s", away, precision, away)
    return np.asarray(0.5 * (log_det + np.log(variance) - misfit))


def _draws(y: Array, given: Given, spreads: Array, counts: Any, rng: Any) -> list[Array]:
    """Draw group means, so many at each spread: arrays of shape (draws, groups)."""
    used = np.flatnonzero(counts)
    precision, centre, variance = (part[used] for part in given)
    squared = spreads[used, None, None] ** 2
    inside = squared * np.eye(len(y)) - squared**2 * precision
    inside = (inside + inside.swapaxes(1, 2)) / 2 + 1e-12 * np.eye(len(y))
    gains, roots = squared * precision, np.linalg.cholesky(inside)
    parts = []
    for i, n in enumerate(counts[used]):
        centres = rng.normal(centre[i], np.sqrt(variance[i]), n)[:, None]
        means = centres + (y - centres) @ gains[i].T
        parts.append(means + rng.normal(size=(n, len(y))) @ roots[i].T)
    return parts

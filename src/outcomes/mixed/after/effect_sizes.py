"""Shares of variance: intraclass correlations, and Nakagawa's R2 for mixed models.

The variance of a random term is the mean over the rows of z' Sigma z, so that slopes count at the
values seen (Johnson 2014, Methods Ecol. Evol. 5, 944); that of the fixed part is the sample
variance of X beta (Nakagawa & Schielzeth 2013, Methods Ecol. Evol. 4, 133).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.linalg import block_diag
from scipy.special import expit, logit

from outcomes.errors import UsageError
from outcomes.mixed.after.bootstrap import Bootstrap
from outcomes.mixed.after.tables import parameter_values, random_positions
from outcomes.mixed.covariance import factors_of
from outcomes.mixed.inference.small_sample import parameter_covariance
from outcomes.mixed.inference.testing import quantile, require_level
from outcomes.mixed.record import Fit
from outcomes.mixed.types import Array

Shares = Callable[[Array], Array]

ZERO = 1e-8
"""A share below this is zero."""

STEP = 1e-5
"""Relative step of the differences behind the delta method."""


def icc(fit: Fit, bootstrap: Bootstrap | None = None, conf_level: float = 0.95) -> pd.DataFrame:
    """Estimate intraclass correlations: the share of variance between the levels of a group.

    Parameters
    ----------
    fit : Fit
    bootstrap : Bootstrap, optional
        Draws of this fit, for percentile intervals; the honest choice near a variance of zero.
        None: the delta method on the logit scale.
    conf_level : float, between 0 and 1

    Returns
    -------
    pandas.DataFrame
        group (each grouping factor, then ``all``), kind ("adjusted": of the variance that the fixed
        part leaves; "unadjusted": of all), estimate, std_error, conf_low, conf_high, interval
        ("delta" or "bootstrap"). A share of 0 or 1 has no delta interval.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from outcomes.mixed.fit import lmm
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"patient": np.repeat(range(20), 6), "visit": np.tile(range(6), 20)})
    >>> level = rng.normal(size=20)[data.patient]
    >>> data["score"] = 5 - 0.3 * data.visit + level + rng.normal(size=120)
    >>> icc(lmm("score ~ visit + (1 | patient)", data)).head(1).round(2)
         group      kind  estimate  std_error  conf_low  conf_high interval
    0  patient  adjusted      0.27        0.1      0.12        0.5    delta
    """
    fit.independent("Intraclass correlations", "variance_components()")
    groups = [*(factor.name for factor in fit.design.factors), "all"]
    table = _table(fit, _icc_shares, bootstrap, conf_level)
    table.insert(0, "kind", np.repeat(["adjusted", "unadjusted"], len(groups)))
    table.insert(0, "group", groups * 2)
    return table


def r2(fit: Fit, bootstrap: Bootstrap | None = None, conf_level: float = 0.95) -> pd.DataFrame:
    """Estimate Nakagawa's R2: the share of variance that the model accounts for.

    Parameters
    ----------
    fit : Fit
    bootstrap, conf_level
        As in `icc`.

    Returns
    -------
    pandas.DataFrame
        kind ("marginal": by the fixed part; "conditional": by fixed and random parts), estimate,
        std_error, conf_low, conf_high, interval.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from outcomes.mixed.fit import lmm
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"patient": np.repeat(range(20), 6), "visit": np.tile(range(6), 20)})
    >>> level = rng.normal(size=20)[data.patient]
    >>> data["score"] = 5 - 0.3 * data.visit + level + rng.normal(size=120)
    >>> fit = lmm("score ~ visit + (1 | patient)", data)
    >>> r2(fit)[["kind", "estimate"]].round(2)
              kind  estimate
    0     marginal      0.15
    1  conditional      0.38
    """
    fit.independent("R2 and its parts", "variance_components()")
    table = _table(fit, _r2_shares, bootstrap, conf_level)
    table.insert(0, "kind", ["marginal", "conditional"])
    return table


@dataclass(frozen=True)
class Moments:
    """What variances of the linear predictor need from the rows.

    Parameters
    ----------
    X : array, shape (min(n, p), p)
        Triangular root of the sample covariance of the fixed columns: squares of columns that
        nearly determine each other would cancel to a share above 1.
    Z : tuple of array, shape (q, q)
        Mean of z z' for each grouping factor.
    """

    X: Array
    Z: tuple[Array, ...]


def moments(fit: Fit) -> Moments:
    """Pass once over the rows used."""
    X = fit.X - fit.X.mean(axis=0)
    Z = tuple(factor.Z.T @ factor.Z / fit.n_observations for factor in fit.design.factors)
    return Moments(np.linalg.qr(X, mode="r") / np.sqrt(fit.n_observations - 1.0), Z)


def variance_parts(rows: Moments, beta: Array, covariances: Sequence[Array], sigma: float) -> Array:
    """Return the variance of the fixed part, of each grouping factor, and the residual's."""
    random = [float(np.sum(Z * S)) for Z, S in zip(rows.Z, covariances, strict=True)]
    return np.array([np.sum((rows.X @ beta) ** 2), *random, sigma**2])


def _icc_shares(parts: Array) -> Array:
    random = np.append(parts[1:-1], parts[1:-1].sum())
    return np.concatenate([random / (random[-1] + parts[-1]), random / parts.sum()])


def _r2_shares(parts: Array) -> Array:
    explained = np.array([parts[0], parts[:-1].sum()])
    return np.asarray(explained / parts.sum())


def _table(
    fit: Fit, shares: Shares, bootstrap: Bootstrap | None, conf_level: float
) -> pd.DataFrame:
    require_level(conf_level)
    found = fit.estimates
    rows = moments(fit)
    estimate = shares(variance_parts(rows, found.beta, found.covariances, found.sigma))
    if bootstrap is None:
        std_error, low, high = _delta(fit, rows, shares, estimate, conf_level)
    elif not np.array_equal(bootstrap.estimate, parameter_values(fit), equal_nan=True):
        must = "The bootstrap must be of this fit"
        raise UsageError(must, got="one of another", remedy="Use fit.bootstrap(n, seed).")
    else:
        std_error, low, high = _percentiles(fit, rows, shares, bootstrap, conf_level)
    return pd.DataFrame(
        {
            "estimate": estimate,
            "std_error": std_error,
            "conf_low": low,
            "conf_high": high,
            "interval": "delta" if bootstrap is None else "bootstrap",
        }
    )


def _delta(
    fit: Fit, rows: Moments, shares: Shares, estimate: Array, conf_level: float
) -> tuple[Array, Array, Array]:
    """Linearise in the coefficients, the residual variance and theta."""
    jacobian, p = _jacobian(fit, rows, shares), len(fit.estimates.beta)
    variance = np.sum(jacobian[:, :p] ** 2, axis=1)
    theta = parameter_covariance(fit.optimum.curvature)
    variance += np.einsum("ij,jk,ik->i", jacobian[:, p:], theta, jacobian[:, p:])
    inside = (estimate > ZERO) & (estimate < 1.0 - ZERO) & (variance > 0.0)
    share = np.where(inside, estimate, np.nan)
    std_error = np.where(inside, np.sqrt(np.maximum(variance, 0.0)), np.nan)
    half = quantile(np.array(np.inf), conf_level) * std_error / (share * (1.0 - share))
    return std_error, expit(logit(share) - half), expit(logit(share) + half)


def _jacobian(fit: Fit, rows: Moments, shares: Shares) -> Array:
    """Differentiate shares along the root of the coefficients' covariance, relative sigma^2, theta.

    Columns that nearly determine each other do not move one by one.
    """
    beta, end, sigma = fit.estimates.beta, fit.optimum.end, fit.estimates.sigma
    p = len(beta)
    centre = np.concatenate([beta, [1.0], end])
    moves = STEP * block_diag(fit.estimates.root, np.eye(1 + len(end)))

    def at(values: Array) -> Array:
        variance = sigma**2 * values[p]
        covariances = _covariances(fit, values[p + 1 :], variance)
        return shares(variance_parts(rows, values[:p], covariances, float(np.sqrt(variance))))

    columns = [(at(centre + move) - at(centre - move)) / (2.0 * STEP) for move in moves.T]
    return np.array(columns).T


def _covariances(fit: Fit, theta_working: Array, variance: float) -> tuple[Array, ...]:
    likelihood = fit.independent("Shares of variance", "variance_components()")
    lam = factors_of(theta_working, likelihood.blocks)
    halves = [
        np.linalg.solve(T, L) for T, L in zip(likelihood.working.transforms, lam, strict=True)
    ]
    return tuple(variance * half @ half.T for half in halves)


def _percentiles(
    fit: Fit, rows: Moments, shares: Shares, bootstrap: Bootstrap, conf_level: float
) -> tuple[Array, Array, Array]:
    draws = np.array([shares(_draw_parts(fit, rows, draw)) for draw in bootstrap.draws.to_numpy()])
    tail = (1.0 - conf_level) / 2.0
    low, high = np.quantile(draws, [tail, 1.0 - tail], axis=0)
    return draws.std(axis=0, ddof=1), low, high


def _draw_parts(fit: Fit, rows: Moments, values: Array) -> Array:
    """Return the variance parts of one draw, given all parameters in their order."""
    p = len(fit.estimates.beta)
    covariances, start = [], p
    for factor in fit.design.factors:
        positions = random_positions(factor)
        own = dict(zip(positions, values[start : start + len(positions)], strict=True))
        covariance = np.zeros((factor.q, factor.q))
        for (i, j), value in own.items():
            size = value**2 if i == j else np.nan_to_num(value) * own[i, i] * own[j, j]
            covariance[i, j] = covariance[j, i] = size
        covariances.append(covariance)
        start += len(positions)
    return variance_parts(rows, values[:p], covariances, float(values[-1]))

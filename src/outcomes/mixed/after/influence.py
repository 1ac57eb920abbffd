"""What one group of rows does to the coefficients: the fit without it, compared with the fit.

With the variances held no refit is needed. For rows I, with D = (V^-1)_II,

    X'V(-I)^-1 X = X'V^-1 X - (V^-1 X)_I' C,   C = D^-1 (V^-1 X)_I,
    beta(-I) = beta - (X'V(-I)^-1 X)^-1 C' (V^-1 r)_I,

and C = X_I where no random effect reaches across the groups (Christensen, Pearson & Johnson 1992,
Technometrics 34, 38).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from outcomes.errors import FitError, OutcomesWarning
from outcomes.mixed.fit_design import fit_design
from outcomes.mixed.reading.design import take_rows
from outcomes.mixed.record import Fit
from outcomes.mixed.row_covariance import RowCovariance, is_within
from outcomes.mixed.types import Array

LOST = 1e-9
"""Information below this share of what there was means a coefficient is lost with the group."""


@dataclass(frozen=True)
class Deletion:
    """Fits without each group.

    Parameters
    ----------
    beta : array, shape (k, p)
        Coefficients; missing where they cannot be estimated.
    log_det_ratio : array, shape (k,)
        log det of their covariance over that of the full fit.
    """

    beta: Array
    log_det_ratio: Array


def influence(fit: Fit, group: str, refit: bool = False) -> pd.DataFrame:
    """Tell what leaving out each group of rows would change.

    Parameters
    ----------
    fit : Fit
    group : str
        A grouping factor of the model, or any column of the data.
    refit : bool
        Estimate the variances again without each group: exact, one fit a group. False: hold them,
        which needs no refit.

    Returns
    -------
    pandas.DataFrame
        One row for each group and term: level, n_observations, cooks_distance and covratio (of the
        group: all its rows alike), term, estimate (without the group), dfbeta (the fit's estimate
        minus it), dfbetas (in standard errors of the fit). Missing where a coefficient cannot be
        estimated without the group. Cook's distance is the squared distance between the two sets of
        coefficients in the metric of their covariance, divided by their number.

    Raises
    ------
    UsageError
        There is no such factor or column.

    References
    ----------
    Cook (1977), Technometrics 19, 15; Nieuwenhuis, te Grotenhuis & Pelzer (2012), R J. 4(2), 38.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from outcomes.mixed.fit import lmm
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"patient": np.repeat(range(20), 6), "visit": np.tile(range(6), 20)})
    >>> level = rng.normal(size=20)[data.patient]
    >>> data["score"] = 5 - 0.3 * data.visit + level + rng.normal(size=120)
    >>> found = influence(lmm("score ~ visit + (1 | patient)", data), "patient")
    >>> found[["level", "n_observations", "cooks_distance", "term", "dfbetas"]].head(2).round(2)
       level  n_observations  cooks_distance       term  dfbetas
    0      0               6            0.12  Intercept     0.31
    1      0               6            0.12      visit    -0.50
    """
    codes, levels = fit.groups(group)
    order = np.argsort(codes, kind="stable")
    rows = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    found = _refitted(fit, rows) if refit else _held(fit, codes, rows)
    estimates = fit.estimates
    p = len(estimates.beta)
    dfbeta = estimates.beta - found.beta
    cook = np.einsum("ij,jk,ik->i", dfbeta, np.linalg.inv(estimates.vcov), dfbeta) / p
    return pd.DataFrame(
        {
            "level": levels.repeat(p),
            "n_observations": np.repeat([len(own) for own in rows], p),
            "cooks_distance": np.repeat(cook, p),
            "covratio": np.repeat(np.exp(found.log_det_ratio), p),
            "term": np.tile(np.array(estimates.terms, dtype=object), len(rows)),
            "estimate": found.beta.ravel(),
            "dfbeta": dfbeta.ravel(),
            "dfbetas": (dfbeta / np.sqrt(np.diag(estimates.vcov))).ravel(),
        }
    )


def _held(fit: Fit, codes: Array, rows: list[Array]) -> Deletion:
    found = fit.rows
    separate = all(is_within(factor, codes) for factor in fit.design.factors)
    F = found.X.T @ found.VX
    beta = np.full((len(rows), len(F)), np.nan)
    log_det = np.full(len(rows), np.nan)
    for k, own in enumerate(rows):
        C = found.X[own] if separate else _across(found, own)
        less = F - found.VX[own].T @ C
        if np.linalg.eigvalsh(_relative(less, F))[0] < LOST:
            continue
        beta[k] = fit.estimates.beta - np.linalg.solve(less, C.T @ found.Vr[own])
        log_det[k] = np.linalg.slogdet(F)[1] - np.linalg.slogdet(less)[1]
    return Deletion(beta, log_det)


def _across(found: RowCovariance, rows: Array) -> Array:
    return np.asarray(np.linalg.solve(found.block(rows), found.VX[rows]))


def _relative(less: Array, F: Array) -> Array:
    """Return the information left, in units of what there was."""
    root = np.linalg.inv(np.linalg.cholesky(F))
    inner = root @ less @ root.T
    return np.asarray((inner + inner.T) / 2.0)


def _refitted(fit: Fit, rows: list[Array]) -> Deletion:
    p = len(fit.estimates.beta)
    beta, log_det = np.full((len(rows), p), np.nan), np.full(len(rows), np.nan)
    everything = np.arange(fit.n_observations)
    for k, own in enumerate(rows):
        again = _refit(fit, np.setdiff1d(everything, own))
        if again is not None and again.estimates.terms == fit.estimates.terms:
            beta[k] = again.estimates.beta
            log_det[k] = (
                np.linalg.slogdet(again.estimates.vcov)[1]
                - np.linalg.slogdet(fit.estimates.vcov)[1]
            )
    return Deletion(beta, log_det)


def _refit(fit: Fit, rows: Array) -> Fit | None:
    """Fit some of the rows; None where they cannot carry the model."""
    request = replace(fit.request, df="normal")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutcomesWarning)
        try:
            return fit_design(
                take_rows(fit.design, rows), request, fit.likelihood.near(fit.optimum.end)
            )
        except FitError:
            return None

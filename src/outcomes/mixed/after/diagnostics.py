"""What to look at after a fit: residuals, normal quantiles, the variogram, influence.

The empirical variogram says how fast scores of one patient grow apart with time: half the mean
squared difference of two residuals of a patient, by the distance between them (Diggle, Heagerty,
Liang & Zeger 2002, Analysis of Longitudinal Data, section 3.4). A flat line at the residual
variance says independent; one that rises from below says serial correlation.

Influence is the fit without one group of rows, compared with the fit. With the variances held no
refit is needed. For rows I, with D = (V^-1)_II,

    X'V(-I)^-1 X = X'V^-1 X - (V^-1 X)_I' C,   C = D^-1 (V^-1 X)_I,
    beta(-I) = beta - (X'V(-I)^-1 X)^-1 C' (V^-1 r)_I,

and C = X_I where no random effect reaches across the groups (Christensen, Pearson & Johnson 1992,
Technometrics 34, 38).
"""

from __future__ import annotations

import warnings
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.special import ndtri

from outcomes.errors import FitError, OutcomesWarning, UsageError
from outcomes.mixed.reading.design import take_rows
from outcomes.mixed.record import Fit, fit_design
from outcomes.mixed.row_covariance import is_within
from outcomes.mixed.types import Array

NOTHING = 1e-10
"""Share of a variance below which scores tell nothing about an effect: it is rounding."""


def residuals(fit: Fit) -> pd.DataFrame:
    """Tabulate the residuals of the rows used.

    Parameters
    ----------
    fit : Fit

    Returns
    -------
    pandas.DataFrame
        On the index of the data: fitted; residual (response minus fitted, in its units);
        residual_pearson (in residual standard deviations, sqrt(weight) residual / sigma); leverage
        (change of the fitted value per unit of the score, variances held); residual_standardised
        (Pearson residual / sqrt(1 - leverage), of variance near one); marginal_residual (response
        minus the fixed part). A row that its random effects reproduce has leverage 1 and no
        standardised residual. Where residuals are correlated the Pearson residual is that of a
        score given the patient's earlier ones (nlme's ``normalized``), and so is its leverage.

    References
    ----------
    Nobre & Singer (2007), Biom. J. 49, 863; lme4's ``hatvalues``.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from outcomes.mixed.fit import lmm
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"patient": np.repeat(range(20), 6), "visit": np.tile(range(6), 20)})
    >>> level = rng.normal(size=20)[data.patient]
    >>> data["score"] = 5 - 0.3 * data.visit + level + rng.normal(size=120)
    >>> found = residuals(lmm("score ~ visit + (1 | patient)", data))
    >>> bool(found.residual_standardised.std().round(1) == 1.0)
    True
    """
    pearson = fit.rows.T @ (fit.y - fit.fitted)
    leverage = leverages(fit)
    room = np.where(1.0 - leverage > 1e-10, 1.0 - leverage, np.nan)
    return pd.DataFrame(
        {
            "fitted": fit.fitted,
            "residual": fit.y - fit.fitted,
            "residual_pearson": pearson,
            "leverage": leverage,
            "residual_standardised": pearson / np.sqrt(room),
            "marginal_residual": fit.y - fit.fixed_fitted,
        },
        index=fit.design.frame.data.index,
    )


def leverages(fit: Fit) -> Array:
    """Return the diagonal of the matrix that turns scores into fitted values, shape (n,).

    The fitted value's prediction variance over the residual variance (variances held).
    """
    found = fit.rows
    return found.prediction_variance(found.T @ found.X, found.H, fit.estimates.root)


def normal_quantiles(fit: Fit, group: str | None = None) -> pd.DataFrame:
    """Pair residuals or random effects with the normal quantiles they should resemble.

    Parameters
    ----------
    fit : Fit
    group : str, optional
        A grouping factor, for its random effects; None for the Pearson residuals.

    Returns
    -------
    pandas.DataFrame
        term, value (in standard deviations of its own estimate: shrunken random effects spread by
        less than their variance says, so each is divided by sqrt(variance - conditional variance)),
        normal_quantile, and level for random effects; ascending within each term.

    Raises
    ------
    UsageError
        The model has no such grouping factor.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from outcomes.mixed.fit import lmm
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"patient": np.repeat(range(20), 6), "visit": np.tile(range(6), 20)})
    >>> level = rng.normal(size=20)[data.patient]
    >>> data["score"] = 5 - 0.3 * data.visit + level + rng.normal(size=120)
    >>> fit = lmm("score ~ visit + (1 | patient)", data)
    >>> normal_quantiles(fit, "patient").head(2).round(2)
            term  value  normal_quantile  level
    0  Intercept  -2.31            -1.96      3
    1  Intercept  -1.30            -1.44     12
    """
    if group is None:
        pearson = residuals(fit)["residual_pearson"].to_numpy()
        return _ordered("residual", np.sort(pearson))
    position = fit.factor(group)
    factor, found = fit.design.factors[position], fit.rows.effects[position]
    total = np.diag(fit.estimates.covariances[position])
    own = np.diagonal(found.covariance, axis1=1, axis2=2)
    spread = np.sqrt(np.maximum(total - own, 0.0))
    known = total - own > NOTHING * total
    scaled = np.divide(found.mean, spread, out=np.full_like(found.mean, np.nan), where=known)
    parts = []
    for name, values in zip(factor.names, scaled.T, strict=True):
        order = np.argsort(values)
        parts.append(_ordered(name, values[order]).assign(level=factor.levels[order]))
    return pd.concat(parts, ignore_index=True)


def _ordered(term: str, values: Array) -> pd.DataFrame:
    points = (np.arange(len(values)) + 0.5) / len(values)
    return pd.DataFrame({"term": term, "value": values, "normal_quantile": ndtri(points)})


def variogram(fit: Fit, time: str, group: str, n_bins: int = 10) -> pd.DataFrame:
    """Tabulate the empirical variogram of a fit's residuals.

    Parameters
    ----------
    fit : Fit
        Residuals are scores minus fixed part and random effects.
    time : str
        Numeric column.
    group : str
        Grouping factor or column: pairs are taken within it.
    n_bins : int
        Distances are put into at most so many bins of about equal numbers of pairs.

    Returns
    -------
    pandas.DataFrame
        distance (mean in the bin, unit of ``time``), semivariance (response units squared),
        correlation (one minus semivariance over the residuals' mean square), n_pairs.

    Raises
    ------
    UsageError
        There is no such column, or no group has two scores.

    Examples
    --------
    >>> from outcomes.mixed.fit import lmm
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"patient": np.repeat(range(40), 5), "visit": np.tile(range(5), 40)})
    >>> data["score"] = rng.normal(size=(40, 5)).cumsum(axis=1).ravel()
    >>> found = variogram(lmm("score ~ visit + cs(visit | patient)", data), "visit", "patient")
    >>> found[["distance", "semivariance", "n_pairs"]].round(1)
       distance  semivariance  n_pairs
    0       1.0           0.4      160
    1       2.0           0.8      120
    2       3.0           0.9       80
    3       4.0           1.0       40
    """
    data = fit.design.frame.data
    if time not in data.columns or fit.design.frame.is_categorical(time):
        must = "time must name a numeric column of the data"
        raise UsageError(must, got=f"'{time}'")
    codes, _ = fit.groups(group)
    residual = fit.y - fit.fitted
    first, second = _pairs(np.asarray(codes))
    if not len(first):
        must = "Some group must have two scores"
        raise UsageError(must, got="one a group", where=f"group '{group}'")
    times = fit.design.frame.numbers(time)
    distance = np.abs(times[first] - times[second])
    half_square = (residual[first] - residual[second]) ** 2 / 2.0
    table = pd.DataFrame({"distance": distance, "semivariance": half_square})
    grouped = table.groupby(_bins(distance, n_bins))
    found = grouped.mean().reset_index(drop=True)
    found["correlation"] = 1.0 - found["semivariance"] / float(np.mean(residual**2))
    return found.assign(n_pairs=grouped.size().to_numpy())


def _pairs(codes: Array) -> tuple[Array, Array]:
    """Return every pair of rows of one group."""
    rows = pd.DataFrame({"code": codes, "row": np.arange(len(codes))})
    both = rows.merge(rows, on="code")[["row_x", "row_y"]].to_numpy()
    first, second = both[both[:, 0] < both[:, 1]].T
    return first, second


def _bins(distance: Array, n_bins: int) -> Array:
    """Return the bin of each distance: a bin for each distance where these are few."""
    distinct, position = np.unique(distance, return_inverse=True)
    if len(distinct) <= n_bins:
        return np.asarray(position)
    edges = np.quantile(distance, np.linspace(0.0, 1.0, n_bins + 1)[1:-1])
    return np.searchsorted(np.unique(edges), distance, side="left")


MANY_ROWS = 300
"""With more rows in a group that others share, what is left is solved rather than the group."""

LOST = 1e-9
"""Information below this share of what there was means a coefficient is lost with the group."""


Deletion = tuple[Array, Array]
"""Fits without each group: coefficients, shape (k, p), missing where they cannot be estimated, and
the log of the determinant of their covariance over that of the full fit, shape (k,)."""


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
    beta, log_det_ratio = _refitted(fit, rows) if refit else _held(fit, codes, rows)
    estimates = fit.estimates
    p = len(estimates.beta)
    dfbeta = estimates.beta - beta
    cook = np.sum(np.linalg.solve(estimates.root, dfbeta.T) ** 2, axis=0) / p
    return pd.DataFrame(
        {
            "level": levels.repeat(p),
            "n_observations": np.repeat([len(own) for own in rows], p),
            "cooks_distance": np.repeat(cook, p),
            "covratio": np.repeat(np.exp(log_det_ratio), p),
            "term": np.tile(np.array(estimates.terms, dtype=object), len(rows)),
            "estimate": beta.ravel(),
            "dfbeta": dfbeta.ravel(),
            "dfbetas": (dfbeta / np.sqrt(np.diag(estimates.vcov))).ravel(),
        }
    )


def _held(fit: Fit, codes: Array, rows: list[Array]) -> Deletion:
    found = fit.rows
    separate = all(is_within(factor, codes) for factor in fit.design.factors)
    root = fit.estimates.root
    X, VX = found.X @ root, found.VX @ root  # columns whose information is the identity
    beta, log_det = np.full((len(rows), len(root)), np.nan), np.full(len(rows), np.nan)
    for k, own in enumerate(rows):
        if not separate and len(own) > MANY_ROWS:
            information, score = found.without(own)
            left, moved = root.T @ information @ root, -root.T @ score
        else:
            C = X[own] if separate else np.linalg.solve(found.block(own), VX[own])
            left, moved = np.eye(len(root)) - VX[own].T @ C, C.T @ found.Vr[own]
        if np.linalg.eigvalsh((left + left.T) / 2.0)[0] < LOST:
            continue
        beta[k] = fit.estimates.beta - root @ np.linalg.solve(left, moved)
        log_det[k] = -np.linalg.slogdet(left)[1]
    return beta, log_det


def _refitted(fit: Fit, rows: list[Array]) -> Deletion:
    size, request = np.linalg.slogdet(fit.estimates.root)[1], replace(fit.request, df="normal")
    beta = np.full((len(rows), len(fit.estimates.beta)), np.nan)
    log_det, start = np.full(len(rows), np.nan), fit.likelihood.near(fit.optimum.end)
    for k, own in enumerate(rows):
        kept = np.setdiff1d(np.arange(fit.n_observations), own)
        with warnings.catch_warnings(action="ignore", category=OutcomesWarning), suppress(FitError):
            found = fit_design(take_rows(fit.design, kept), request, start).estimates
            if found.terms == fit.estimates.terms:
                beta[k], log_det[k] = found.beta, 2.0 * (np.linalg.slogdet(found.root)[1] - size)
    return beta, log_det

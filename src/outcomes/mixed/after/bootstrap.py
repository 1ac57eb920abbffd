"""The parametric bootstrap: how estimates vary when the fitted model makes the data again."""

from __future__ import annotations

import warnings
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from outcomes.errors import FitError, OutcomesWarning, UsageError
from outcomes.mixed.after.tables import parameter_names, parameter_values
from outcomes.mixed.inference.testing import require_level
from outcomes.mixed.record import Fit, refit
from outcomes.mixed.types import Array

BATCH = 256
"""Responses drawn at once."""


@dataclass(frozen=True, repr=False)
class Bootstrap:
    """Draws of a parametric bootstrap.

    Parameters
    ----------
    draws : pandas.DataFrame
        One row a successful draw; columns (group, term), as in ``tidy``.
    estimate : array, shape (k,)
        The fit's own.
    n : int
        Draws asked for.
    n_failed : int
        Draws whose model could not be estimated, or whose optimiser stopped early; left out.
    n_singular : int
        Draws with a variance of zero or a correlation of one; kept.
    seed : int
    """

    draws: pd.DataFrame
    estimate: Array
    n: int
    n_failed: int
    n_singular: int
    seed: int

    def __repr__(self) -> str:
        return f"<Bootstrap {self.n:,} draws, {self.n_failed:,} failed, seed {self.seed}>"

    def tidy(self, conf_level: float = 0.95) -> pd.DataFrame:
        """Tabulate percentile intervals.

        Parameters
        ----------
        conf_level : float, between 0 and 1

        Returns
        -------
        pandas.DataFrame
            group, term, estimate, bias (mean of the draws minus the estimate), std_error, conf_low,
            conf_high, n_draws (those on which the parameter is defined). Terms: coefficients,
            ``sd(a)`` and ``cor(a, b)`` of each grouping factor, ``sd`` of the residual.
        """
        require_level(conf_level)
        tail = (1.0 - conf_level) / 2.0
        limits = self.draws.quantile([tail, 1.0 - tail])
        return pd.DataFrame(
            {
                "group": self.draws.columns.get_level_values(0),
                "term": self.draws.columns.get_level_values(1),
                "estimate": self.estimate,
                "bias": self.draws.mean().to_numpy() - self.estimate,
                "std_error": self.draws.std().to_numpy(),
                "conf_low": limits.iloc[0].to_numpy(),
                "conf_high": limits.iloc[1].to_numpy(),
                "n_draws": self.draws.notna().sum().to_numpy(),
            }
        )


def bootstrap(fit: Fit, n: int, seed: int) -> Bootstrap:
    """Draw new scores from a fit and fit the same model to each.

    Parameters
    ----------
    fit : Fit
    n : int, >= 2
        Number of draws.
    seed : int
        Draws are the same for the same seed and fit.

    Returns
    -------
    Bootstrap

    Raises
    ------
    UsageError
        ``n`` is below two, or ``seed`` below zero.
    FitError
        Fewer than two draws could be fitted.

    References
    ----------
    Efron & Tibshirani (1993), An Introduction to the Bootstrap, 6.5; lme4's ``bootMer``.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from outcomes.mixed.fit import lmm
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"patient": np.repeat(range(20), 6), "visit": np.tile(range(6), 20)})
    >>> level = rng.normal(size=20)[data.patient]
    >>> data["score"] = 5 - 0.3 * data.visit + level + rng.normal(size=120)
    >>> bootstrap(lmm("score ~ visit + (1 | patient)", data), n=20, seed=1)
    <Bootstrap 20 draws, 0 failed, seed 1>
    """
    if n < 2 or seed < 0:
        must = "A bootstrap needs at least two draws, and a seed that is not negative"
        raise UsageError(must, got=f"n={n}, seed={seed}")
    rng = np.random.default_rng(seed)
    plain = replace(fit, request=replace(fit.request, df="normal"))
    values, n_singular = [], 0
    for first in range(0, n, BATCH):
        for response in simulate(fit, min(BATCH, n - first), rng).T:
            again = _refitted(plain, response)
            if again is not None:
                values.append(parameter_values(again))
                n_singular += again.is_singular
    if len(values) < 2:
        must = "At least two draws must be estimable"
        raise FitError(must, got=f"{len(values)} of {n}")
    names = parameter_names(fit)
    return Bootstrap(
        draws=pd.DataFrame(
            np.array(values), columns=pd.MultiIndex.from_tuples(names, names=["group", "term"])
        ),
        estimate=parameter_values(fit),
        n=n,
        n_failed=n - len(values),
        n_singular=n_singular,
        seed=seed,
    )


def _refitted(fit: Fit, response: Array) -> Fit | None:
    """Fit to a drawn response; None where no optimum is found."""
    with warnings.catch_warnings(action="ignore", category=OutcomesWarning), suppress(FitError):
        again = refit(fit, response)
        return again if again.optimum.converged else None
    return None


def simulate(fit: Fit, n: int, rng: np.random.Generator) -> Array:
    """Draw responses from a fitted model, random effects and residuals anew.

    Parameters
    ----------
    fit : Fit
    n : int
    rng : numpy.random.Generator

    Returns
    -------
    array, shape (n_rows, n)
        Offset included, as the response of the formula.
    """
    design = fit.design
    normal = rng.standard_normal((n, design.n)).T
    drawn = fit.point.residual().roots()[1] @ normal
    for factor, covariance in zip(design.factors, fit.estimates.covariances, strict=True):
        half = factor.covariance.factor(factor.covariance.theta(covariance))
        effects = rng.standard_normal((n, factor.n_levels, factor.q)) @ half.T
        drawn += np.einsum("ij,kij->ik", factor.Z, effects[:, factor.codes])
    return np.asarray(fit.fixed_fitted[:, None] + drawn)

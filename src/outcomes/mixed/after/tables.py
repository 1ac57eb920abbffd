"""The tables of a fit, one concept a table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from outcomes.mixed.inference.testing import contrast_table
from outcomes.mixed.record import Fit


def tidy(fit: Fit, conf_level: float = 0.95) -> pd.DataFrame:
    """Tabulate the fixed coefficients.

    Parameters
    ----------
    fit : Fit
    conf_level : float, between 0 and 1

    Returns
    -------
    pandas.DataFrame
        term, estimate, std_error, df, statistic, p_value, conf_low, conf_high.
    """
    identity = np.eye(len(fit.estimates.beta))
    table = contrast_table(fit.estimates.beta, fit.inference, identity, conf_level)
    table.insert(0, "term", list(fit.estimates.terms))
    return table


def glance(fit: Fit) -> pd.DataFrame:
    """Summarise a fit in one row.

    Returns
    -------
    pandas.DataFrame
        n_observations, n_dropped, loglik, aic, bic, sigma, reml, is_singular, df_method,
        n_parameters, n_aliased, converged and one n_<group> a grouping factor. As in lme4, AIC and
        BIC count fixed coefficients, covariance parameters and sigma; under REML they compare
        only models with the same fixed part.
    """
    found = fit.estimates
    n_parameters = len(found.beta) + len(found.theta) + 1
    row = {
        "n_observations": fit.design.n,
        "n_dropped": fit.design.frame.n_dropped,
        "loglik": found.loglik,
        "aic": -2.0 * found.loglik + 2.0 * n_parameters,
        "bic": -2.0 * found.loglik + float(np.log(fit.design.n)) * n_parameters,
        "sigma": found.sigma,
        "reml": fit.request.reml,
        "is_singular": fit.is_singular,
        "df_method": fit.request.df,
        "n_parameters": n_parameters,
        "n_aliased": len(found.aliased_terms),
        "converged": fit.optimum.converged,
    }
    row |= {f"n_{factor.name}": factor.n_levels for factor in fit.design.factors}
    return pd.DataFrame([row])


def variance_components(fit: Fit) -> pd.DataFrame:
    """Tabulate the variances, covariances and correlations of the random effects.

    Returns
    -------
    pandas.DataFrame
        group, term_1, term_2, variance, sd_or_corr. A row with an empty term_2 holds a variance
        and standard deviation, another a covariance and correlation. The residual is last: one
        row, or with a residual covariance those of `CorrelatedResidual.components`.
    """
    rows: list[tuple[str, str, str, float, float]] = []
    for factor, covariance in zip(fit.design.factors, fit.estimates.covariances, strict=True):
        sd = np.sqrt(np.diag(covariance))
        start = 0
        for columns in factor.columns:
            size = len(columns.names)
            inside = range(start, start + size)
            rows += [(factor.name, factor.names[j], "", covariance[j, j], sd[j]) for j in inside]
            rows += [
                (
                    factor.name,
                    factor.names[i],
                    factor.names[j],
                    covariance[i, j],
                    covariance[i, j] / (sd[i] * sd[j]) if sd[i] * sd[j] > 0.0 else np.nan,
                )
                for i in inside
                for j in inside
                if i < j
            ]
            start += size
    rows += fit.point.residual().components()
    return pd.DataFrame(rows, columns=["group", "term_1", "term_2", "variance", "sd_or_corr"])


def random_effects(fit: Fit, group: str | None = None) -> pd.DataFrame:
    """Tabulate the random effects of one grouping factor.

    Parameters
    ----------
    fit : Fit
    group : str, optional
        Name of the grouping factor, ``a:b`` for a combination; may be left out where there is one.

    Returns
    -------
    pandas.DataFrame
        level, term, estimate, std_error.

    Raises
    ------
    UsageError
        The model has no such grouping factor.
    """
    position = fit.factor(group)
    factor, found = fit.design.factors[position], fit.rows.effects[position]
    variances = np.diagonal(found.covariance, axis1=1, axis2=2)
    return pd.DataFrame(
        {
            "level": factor.levels.repeat(factor.q),
            "term": np.tile(np.array(factor.names, dtype=object), factor.n_levels),
            "estimate": found.mean.ravel(),
            "std_error": np.sqrt(np.maximum(variances, 0.0)).ravel(),
        }
    )


def augment(fit: Fit) -> pd.DataFrame:
    """Add fitted values and residuals to the rows used.

    Returns
    -------
    pandas.DataFrame
        The data's own rows and index, with fitted, fixed_fitted and residual (response minus
        fitted).
    """
    return fit.design.frame.data.assign(
        fitted=fit.fitted, fixed_fitted=fit.fixed_fitted, residual=fit.y - fit.fitted
    )

"""Random effects: conditional means and their standard errors, as lme4's ``ranef``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from outcomes.errors import UsageError
from outcomes.mixed.after.row_covariance import RowCovariance, row_covariance
from outcomes.mixed.reading.random_effects_design import GroupingFactor
from outcomes.mixed.record import Fit
from outcomes.mixed.types import Array


@dataclass(frozen=True)
class Conditional:
    """Random effects of one grouping factor given the response.

    Parameters
    ----------
    mean : array, shape (n_levels, q)
        Conditional means, in the units of the data.
    covariance : array, shape (n_levels, q, q)
        Conditional covariances, given the fixed coefficients and the variances.
    """

    mean: Array
    covariance: Array


def conditional_effects(fit: Fit) -> tuple[Conditional, ...]:
    """Return the random effects of every grouping factor, in the design's order."""
    found = row_covariance(fit)
    u = found.posterior_mean(found.residual)
    effects = []
    for factor, lam, start in zip(fit.design.factors, found.factors, found.starts, strict=True):
        at = start + np.arange(factor.n_levels * factor.q).reshape(-1, factor.q)
        effects.append(Conditional(u[at] @ lam.T, lam @ _posterior(found, at) @ lam.T))
    return tuple(effects)


def _posterior(found: RowCovariance, at: Array) -> Array:
    """Return M^-1 level by level, shape (n_levels, q, q), from quadratic forms of pairs."""
    n_levels, q = at.shape
    a, b = np.tril_indices(q)
    pairs = np.concatenate([at[:, a].ravel(), at[:, b].ravel()])
    rows = np.tile(np.arange(n_levels * len(a)), 2)
    shape = n_levels * len(a), found.H.shape[1]
    units = sparse.csr_array((np.ones(len(rows)), (rows, pairs)), shape)
    forms = found.posterior_variance(units).reshape(n_levels, -1)
    inverse = np.empty((n_levels, q, q))
    inverse[:, a, b] = inverse[:, b, a] = forms / 4.0
    own = inverse[:, np.arange(q), np.arange(q)]
    for i, j in zip(*np.tril_indices(q, -1), strict=True):
        inverse[:, i, j] = 2.0 * inverse[:, i, j] - (own[:, i] + own[:, j]) / 2.0
        inverse[:, j, i] = inverse[:, i, j]
    return inverse


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
    position = find_factor(fit, group)
    factor, found = fit.design.factors[position], conditional_effects(fit)[position]
    variances = np.diagonal(found.covariance, axis1=1, axis2=2)
    return pd.DataFrame(
        {
            "level": factor.levels.repeat(factor.q),
            "term": np.tile(np.array(factor.names, dtype=object), factor.n_levels),
            "estimate": found.mean.ravel(),
            "std_error": np.sqrt(np.maximum(variances, 0.0)).ravel(),
        }
    )


def find_factor(fit: Fit, group: str | None) -> int:
    """Return the position of a grouping factor; ``a:b`` and ``b:a`` are the same."""
    factors = fit.design.factors
    if group is None and len(factors) == 1:
        return 0
    for position, factor in enumerate(factors):
        if group is not None and (group == factor.name or _same(group, factor)):
            return position
    must = "group must name a grouping factor of the model"
    raise UsageError(
        must,
        got="none" if group is None else f"'{group}'",
        remedy=f"Known: {', '.join(factor.name for factor in factors)}.",
    )


def _same(group: str, factor: GroupingFactor) -> bool:
    return sorted(group.split(":")) == sorted(factor.group)


def fixed_fitted(fit: Fit) -> Array:
    """Return the fixed part plus offset for each row used, shape (n,)."""
    fitted = fit.X @ fit.estimates.beta
    return fitted if fit.design.offset is None else fitted + fit.design.offset


def random_fitted(fit: Fit) -> Array:
    """Return the random effects' part for each row used, shape (n,)."""
    total = np.zeros(fit.design.n)
    for factor, found in zip(fit.design.factors, conditional_effects(fit), strict=True):
        total += np.einsum("ij,ij->i", factor.Z, found.mean[factor.codes])
    return total

"""Random effects: conditional means and their standard errors, as lme4's ``ranef``."""

from __future__ import annotations

import numpy as np
import pandas as pd

from outcomes.errors import UsageError
from outcomes.mixed.likelihood.backward_pass import backwards
from outcomes.mixed.likelihood.deviance import factors_of, profile
from outcomes.mixed.likelihood.forward_pass import forwards
from outcomes.mixed.products.working import make_working
from outcomes.mixed.reading.random_effects_design import GroupingFactor
from outcomes.mixed.record import Fit
from outcomes.mixed.residual.whitened import correlated_effects
from outcomes.mixed.row_covariance import Conditional
from outcomes.mixed.types import Array


def conditional_effects(fit: Fit) -> tuple[Conditional, ...]:
    """Return the random effects of every grouping factor, in the design's order."""
    if fit.correlated is not None:
        return correlated_effects(fit, fit.correlated)
    working = make_working(fit.design, patterns=False)
    products = working.products
    lam = factors_of(fit.optimum.end, working.blocks)
    forward = forwards(products, lam)
    contrast = np.append(-profile(forward.S).beta, 1.0)
    found: dict[int, Conditional] = {}
    for stage, levels in zip(products.stages, backwards(products, forward, lam), strict=True):
        f = stage.factor
        effects = lam[f] @ lam[f].T @ np.einsum("amk,m->ak", levels.U, contrast)
        found[f] = _in_data_units(fit, f, effects.T, np.moveaxis(levels.P, -1, 0))
    if forward.crossed is not None:
        for f in forward.crossed.crossed.factors:
            rows = forward.crossed.levels_of(f)
            effects = forward.crossed.effects[rows] @ contrast
            P = forward.crossed.K[rows[:, :, None], rows[:, None, :]]
            found[f] = _in_data_units(fit, f, effects, P)
    return tuple(found[f] for f in range(len(lam)))


def _in_data_units(fit: Fit, f: int, effects: Array, P: Array) -> Conditional:
    back = np.linalg.inv(fit.working.transforms[f])
    mean = effects @ back.T * fit.working.basis.scale
    return Conditional(mean, fit.estimates.sigma**2 * back @ P @ back.T)


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

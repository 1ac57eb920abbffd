"""The covariance V of the rows a model was fitted to, and which rows belong together."""

from __future__ import annotations

import numpy as np
import pandas as pd

from outcomes.errors import UsageError
from outcomes.mixed.covariance import split_theta
from outcomes.mixed.reading.random_effects_design import GroupingFactor
from outcomes.mixed.record import Fit
from outcomes.mixed.residual.whitened import whitened_covariance
from outcomes.mixed.row_covariance import MarginalCovariance, effect_rows
from outcomes.mixed.types import Array


def marginal_covariance(fit: Fit) -> MarginalCovariance:
    """Prepare the covariance of the rows a model was fitted to."""
    if fit.correlated is not None:
        return whitened_covariance(fit, fit.correlated)
    design = fit.design
    blocks = [factor.covariance for factor in design.factors]
    thetas = split_theta(fit.estimates.theta, blocks)
    factors = tuple(block.factor(theta) for block, theta in zip(blocks, thetas, strict=True))
    sizes = [factor.n_levels * factor.q for factor in design.factors]
    starts = tuple(int(start) for start in np.cumsum([0, *sizes[:-1]]))
    root = np.ones(design.n) if design.weights is None else np.sqrt(design.weights)
    Z = [root[:, None] * factor.Z for factor in design.factors]
    codes = [np.asarray(factor.codes) for factor in design.factors]
    return MarginalCovariance(
        factors=factors,
        starts=starts,
        H=effect_rows(Z, codes, factors, starts, int(sum(sizes))),
        root=root,
        sigma=fit.estimates.sigma,
        X=fit.X,
        residual=design.response - fit.X @ fit.estimates.beta,
    )


def rows_by_group(fit: Fit, group: str) -> tuple[Array, pd.Index]:
    """Return the level of each row used and the levels, for a grouping factor or any column.

    Raises
    ------
    UsageError
        There is no such factor or column, or a row has no value in it.
    """
    for factor in fit.design.factors:
        if group == factor.name or sorted(group.split(":")) == sorted(factor.group):
            return np.asarray(factor.codes), factor.levels
    data = fit.design.frame.data
    if group not in data.columns:
        names = ", ".join(factor.name for factor in fit.design.factors)
        must = "group must name a grouping factor or a column of the data"
        raise UsageError(must, got=f"'{group}'", remedy=f"Grouping factors: {names}.")
    codes, levels = pd.factorize(data[group], sort=True)
    if (codes < 0).any():
        must = "Every row used must belong to a group"
        raise UsageError(must, got=f"{int((codes < 0).sum())} rows without a value", where=group)
    return codes, pd.Index(levels)


def is_within(factor: GroupingFactor, codes: Array) -> bool:
    """Tell whether each level of a grouping factor lies within one group."""
    pairs = np.unique(np.column_stack([factor.codes, codes]), axis=0)
    return len(pairs) == factor.n_levels

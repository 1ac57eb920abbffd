"""All parameters of a fit in one list: coefficients, standard deviations, correlations, sigma."""

from __future__ import annotations

import numpy as np

from outcomes.mixed.likelihood.estimates import Estimates
from outcomes.mixed.reading.design import Design
from outcomes.mixed.reading.random_effects_design import GroupingFactor
from outcomes.mixed.types import Array

FIXED = "fixed"
RESIDUAL = "residual"


def random_positions(factor: GroupingFactor) -> list[tuple[int, int]]:
    """Return the variances (i, i) and correlations (i, j), i < j, that a factor has, in order."""
    found, start = [], 0
    for size in factor.covariance.sizes:
        inside = range(start, start + size)
        found += [(i, i) for i in inside]
        found += [(i, j) for i in inside for j in inside if i < j]
        start += size
    return found


def parameter_names(design: Design, terms: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return group and term of every parameter.

    Coefficients (group ``fixed``), then for each grouping factor ``sd(a)`` and ``cor(a, b)``, then
    the residual ``sd``.
    """
    names = [(FIXED, term) for term in terms]
    for factor in design.factors:
        for i, j in random_positions(factor):
            a, b = factor.names[i], factor.names[j]
            names.append((factor.name, f"sd({a})" if i == j else f"cor({a}, {b})"))
    return [*names, (RESIDUAL, "sd")]


def parameter_values(design: Design, estimates: Estimates) -> Array:
    """Return the estimates in the order of `parameter_names`; NaN for a correlation with zero."""
    parts = [estimates.beta]
    for factor, covariance in zip(design.factors, estimates.covariances, strict=True):
        sd = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        parts.append(
            np.array(
                [
                    sd[i] if i == j else correlation(covariance[i, j], sd[i], sd[j])
                    for i, j in random_positions(factor)
                ]
            )
        )
    return np.concatenate([*parts, [estimates.sigma]])


def correlation(covariance: float, sd_1: float, sd_2: float) -> float:
    """Return a correlation, NaN where a standard deviation is zero."""
    product = sd_1 * sd_2
    return float(np.clip(covariance / product, -1.0, 1.0)) if product > 0.0 else np.nan

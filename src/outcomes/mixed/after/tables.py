"""The tables of a fit, one concept a table; all parameters in one list; hypotheses written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

import numpy as np
import numpy.typing as npt
import pandas as pd

from outcomes.errors import UsageError
from outcomes.mixed.inference.testing import Null, contrast_table, joint_test
from outcomes.mixed.likelihood.estimates import Component
from outcomes.mixed.reading.design import GroupingFactor
from outcomes.mixed.record import Fit
from outcomes.mixed.types import Array

FIXED = "fixed"
RESIDUAL = "residual"


def random_positions(factor: GroupingFactor) -> list[tuple[int, int]]:
    """Return the variances (i, i) and correlations (i, j), i < j, that a factor has, in order."""
    found = []
    for part in factor.parts:
        inside = range(part.start, part.stop)
        found += [(i, i) for i in inside]
        found += [(i, j) for i in inside for j in inside if i < j]
    return found


def random_parameters(
    factors: Sequence[GroupingFactor], covariances: Sequence[Array]
) -> list[Component]:
    """Return the rows of the table of variances, given the covariance of each factor's effects.

    Returns
    -------
    list of (group, term_1, term_2, variance, sd_or_corr)
        A correlation is NaN where a standard deviation is zero.
    """
    rows: list[Component] = []
    for factor, S in zip(factors, covariances, strict=True):
        sd, names = np.sqrt(np.maximum(np.diag(S), 0.0)), factor.names
        for i, j in random_positions(factor):
            size = sd[i] if i == j else correlation(S[i, j], sd[i], sd[j])
            rows.append((factor.name, names[i], "" if i == j else names[j], S[i, j], size))
    return rows


def parameter_names(fit: Fit) -> list[tuple[str, str]]:
    """Return group and term of every parameter.

    Coefficients (group ``fixed``), then for each grouping factor ``sd(a)`` and ``cor(a, b)``, then
    the residual ``sd``.
    """
    names = [(FIXED, term) for term in fit.estimates.terms]
    for group, a, b, _, _ in random_parameters(fit.design.factors, fit.estimates.covariances):
        names.append((group, f"cor({a}, {b})" if b else f"sd({a})"))
    return [*names, (RESIDUAL, "sd")]


def parameter_values(fit: Fit) -> Array:
    """Return the estimates in the order of `parameter_names`; NaN for a correlation with zero."""
    found = fit.estimates
    random = [row[-1] for row in random_parameters(fit.design.factors, found.covariances)]
    return np.concatenate([found.beta, random, [found.sigma]])


def correlation(covariance: float, sd_1: float, sd_2: float) -> float:
    """Return a correlation, NaN where a standard deviation is zero."""
    product = sd_1 * sd_2
    return float(np.clip(covariance / product, -1.0, 1.0)) if product > 0.0 else np.nan


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
    rows = random_parameters(fit.design.factors, fit.estimates.covariances)
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


def hypothesis_table(
    fit: Fit,
    hypothesis: Mapping[str, float] | npt.ArrayLike,
    conf_level: float = 0.95,
    *,
    null: float = 0.0,
    side: str = "two-sided",
    delta: float = 0.0,
) -> pd.DataFrame:
    """Test linear combinations of the fixed coefficients.

    Parameters
    ----------
    fit : Fit
    hypothesis : str, dict of str to float, or array, shape (p,) or (k, p)
        A term by itself, weights by term name, or a matrix over the estimated terms in their order.
    conf_level : float, between 0 and 1
    null, side, delta : float, str, float
        What the test is against: `outcomes.mixed.inference.testing.Null`. A joint test has two
        sides and no margin.

    Returns
    -------
    pandas.DataFrame
        For one combination, a row as in ``tidy``; for several, one row of their joint F test: term,
        df_num, df_den, statistic, p_value.

    Raises
    ------
    UsageError
        A term is not in the model, or the matrix has another number of columns.
    """
    against = Null(null, side, delta)
    contrasts = contrast_matrix(fit, hypothesis)
    if len(contrasts) == 1:
        table = contrast_table(fit.estimates.beta, fit.inference, contrasts, conf_level, against)
        table.insert(0, "term", [_label(fit, contrasts[0])])
        return table
    if against.tail:
        must = "A joint test has two sides and no margin"
        raise UsageError(must, got="one side or a margin")
    joint = joint_test(fit.estimates.beta, fit.inference, contrasts, null)
    return pd.DataFrame([joint.row(term=f"{len(contrasts)} combinations")])


def contrast_matrix(fit: Fit, hypothesis: Mapping[str, float] | npt.ArrayLike) -> Array:
    """Return the contrasts over the estimated terms, shape (k, p)."""
    terms = fit.estimates.terms
    if isinstance(hypothesis, str):
        hypothesis = {hypothesis: 1.0}
    if not isinstance(hypothesis, Mapping):
        return _matrix(hypothesis, terms)
    unknown = [name for name in hypothesis if name not in terms]
    if unknown:
        near = [match for name in unknown for match in get_close_matches(name, terms, n=1)]
        aliased = [name for name in unknown if name in fit.estimates.aliased_terms]
        must = "A hypothesis names estimated terms"
        got = ", ".join(f"'{name}'" for name in unknown)
        where = "not estimated: the columns before it determine it" if aliased else ""
        remedy = f"Did you mean {', '.join(near)}?" if near else f"Terms: {', '.join(terms)}."
        raise UsageError(must, got=got, where=where, remedy=remedy)
    return _matrix([hypothesis.get(name, 0.0) for name in terms], terms)


def _matrix(rows: npt.ArrayLike, terms: tuple[str, ...]) -> Array:
    must = f"A hypothesis needs {len(terms)} columns of finite numbers, not all zero, one a term"
    remedy = f"Terms: {', '.join(terms)}."
    try:
        matrix = np.atleast_2d(np.asarray(rows, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise UsageError(must, got="something else", remedy=remedy) from error
    if matrix.ndim != 2 or matrix.shape[1] != len(terms):
        raise UsageError(must, got=f"{matrix.shape[-1]} columns", remedy=remedy)
    if not np.isfinite(matrix).all() or not matrix.any(axis=1).all() or not len(matrix):
        raise UsageError(must, got="others", remedy=remedy)
    return matrix


def _label(fit: Fit, contrast: Array) -> str:
    parts = [
        name if weight == 1.0 else f"{weight:g} * {name}"
        for name, weight in zip(fit.estimates.terms, contrast, strict=True)
        if weight
    ]
    return " + ".join(parts) or "0"

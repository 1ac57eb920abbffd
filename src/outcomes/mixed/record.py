"""The record of a fit: what was asked, how the optimum was found, what was estimated.

It knows no table. Functions take it; `fit.MixedFit` binds them as methods. A design that is built
is fitted here: condition, minimise, report; warn where a fit must be warned of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
import pandas as pd

from outcomes.errors import ConvergenceWarning, FitError, SingularFitWarning, UsageError, warn
from outcomes.mixed.inference.small_sample import inference
from outcomes.mixed.inference.testing import Inference
from outcomes.mixed.likelihood.by_elimination import ByElimination, by_elimination
from outcomes.mixed.likelihood.by_visit.likelihood import by_visit
from outcomes.mixed.likelihood.estimates import Estimates
from outcomes.mixed.likelihood.working import FixedBasis
from outcomes.mixed.reading.design import Design, group_codes
from outcomes.mixed.row_covariance import RowCovariance, row_covariance
from outcomes.mixed.search import Likelihood, Optimum, Point, minimise, one_blas_thread
from outcomes.mixed.types import Array

Kind = TypeVar("Kind", bound="Fit")


@dataclass(frozen=True)
class Request:
    """What was asked.

    Parameters
    ----------
    formula : str
    reml : bool
    df : {"satterthwaite", "kenward-roger", "normal"}
    weighted : bool
        Whether prior weights were given.
    """

    formula: str
    reml: bool
    df: str
    weighted: bool


@dataclass(frozen=True, repr=False)
class Fit:
    """A fitted linear mixed-effects model.

    Parameters
    ----------
    request : Request
    optimum : Optimum
        The record of the optimisation.
    estimates : Estimates
    point : Point
        The likelihood at the optimum.
    robust_inference : Inference or None
        Cluster-robust inference, in the place of the method asked for.
    """

    request: Request
    optimum: Optimum
    estimates: Estimates
    point: Point
    robust_inference: Inference | None = None

    def __repr__(self) -> str:
        groups = [f"{factor.name} {factor.n_levels:,}" for factor in self.design.factors]
        if self.design.formula.residual is not None:
            group = self.design.formula.residual.group
            groups = [f"{group[-1]} {len(group_codes(group, self.design.frame)[1]):,}"]
        kind = "REML" if self.request.reml else "ML"
        return (
            f"<MixedFit {self.request.formula}: {self.design.n:,} rows, {', '.join(groups)}; "
            f"{kind}, sigma {self.estimates.sigma:.3g}>"
        )

    @property
    def likelihood(self) -> Likelihood:
        """The likelihood that was maximised."""
        return self.point.likelihood

    @property
    def design(self) -> Design:
        """Response, fixed columns and random effects of the rows used."""
        return self.point.likelihood.design

    @property
    def basis(self) -> FixedBasis:
        """Which fixed columns are estimated, and the basis the optimisation worked in."""
        return self.point.likelihood.basis

    @property
    def n_observations(self) -> int:
        """Rows used."""
        return self.design.n

    @property
    def dropped(self) -> Mapping[str, int]:
        """Rows with a missing value, by column."""
        return self.design.frame.dropped

    @property
    def aliased_terms(self) -> tuple[str, ...]:
        """Columns of the fixed part that could not be estimated."""
        return self.estimates.aliased_terms

    @property
    def is_singular(self) -> bool:
        """Whether a variance is zero or a correlation is one."""
        return bool(self.estimates.singular_terms)

    @property
    def has_free_variances(self) -> bool:
        """Whether other variances fit as well, as with ``(1 + x | g) + (1 | g)``."""
        twice = any(len({*own.names}) < len(own.names) for own in self.design.factors)
        inside = self.design.formula.residual is None and not self.is_singular
        return twice or (inside and self.optimum.is_flat)

    @property
    def loglik(self) -> float:
        """(Restricted) log-likelihood."""
        return self.estimates.loglik

    @property
    def X(self) -> Array:  # noqa: N802
        """Estimated fixed columns expanded over the rows used, shape (n, p)."""
        return np.asarray(self.design.fixed.matrix[:, self.basis.kept])

    @property
    def y(self) -> Array:
        """Response of the rows used, shape (n,)."""
        return self.design.y

    @cached_property
    def inference(self) -> Inference:
        """Covariance and degrees of freedom by the method asked for."""
        if self.robust_inference is not None:
            return self.robust_inference
        with one_blas_thread():
            return inference(self.request.df, self.optimum.curvature, self.point)

    @property
    def vcov(self) -> Array:
        """Covariance of the fixed coefficients that tests use, shape (p, p)."""
        return self.inference.covariance(np.eye(len(self.estimates.beta)))

    @cached_property
    def rows(self) -> RowCovariance:
        """The covariance of the rows used, and the random effects given their response."""
        return row_covariance(self.design, self.estimates, self.X, self.point.residual().roots())

    def __getstate__(self) -> dict[str, object]:
        """Leave out what can be made again, and cannot be stored."""
        return {name: value for name, value in vars(self).items() if name != "rows"}

    @cached_property
    def fixed_fitted(self) -> Array:
        """The fixed part plus offset of the rows used, shape (n,)."""
        fitted = self.X @ self.estimates.beta
        return fitted if self.design.offset is None else fitted + self.design.offset

    @cached_property
    def fitted(self) -> Array:
        """The fixed part plus random effects of the rows used, shape (n,)."""
        total = self.fixed_fitted.copy()
        for factor, found in zip(self.design.factors, self.rows.effects, strict=True):
            total += np.einsum("ij,ij->i", factor.Z, found.mean[factor.codes])
        return total

    def factor(self, group: str | None) -> int:
        """Return the position of a grouping factor; ``a:b`` and ``b:a`` are the same.

        Raises
        ------
        UsageError
            The model has no such grouping factor, or several where none is named.
        """
        factors = self.design.factors
        if group is None and len(factors) == 1:
            return 0
        named = [group is not None and own.is_called(group) for own in factors]
        if any(named):
            return named.index(True)
        must = "group must name a grouping factor of the model"
        got = "none" if group is None else f"'{group}'"
        remedy = f"Known: {', '.join(own.name for own in factors) or 'none'}."
        raise UsageError(must, got=got, remedy=remedy)

    def groups(self, group: str) -> tuple[Array, pd.Index]:
        """Return the level of each row used and the levels, for a grouping factor or any column.

        Raises
        ------
        UsageError
            There is no such factor or column, or a row has no value in it.
        """
        for factor in self.design.factors:
            if factor.is_called(group):
                return np.asarray(factor.codes), factor.levels
        data = self.design.frame.data
        if group not in data.columns:
            names = ", ".join(factor.name for factor in self.design.factors)
            must = "group must name a grouping factor or a column of the data"
            raise UsageError(must, got=f"'{group}'", remedy=f"Grouping factors: {names}.")
        codes, levels = pd.factorize(data[group], sort=True)
        if (codes < 0).any():
            must, missing = "Every row used must belong to a group", int((codes < 0).sum())
            raise UsageError(must, got=f"no value in {missing} of the rows", where=group)
        return codes, pd.Index(levels)

    def bound(self, kind: type[Kind]) -> Kind:
        """Return the same fit as a class of record that binds more functions as methods."""
        return kind(*(getattr(self, field.name) for field in fields(self)))

    def independent(self, what: str, instead: str) -> ByElimination:
        """Return the likelihood of independent residuals.

        Parameters
        ----------
        what, instead : str
            What is defined for these only, and what to use where residuals are correlated.

        Raises
        ------
        UsageError
            The model has a residual covariance.
        """
        if isinstance(self.likelihood, ByElimination):
            return self.likelihood
        must = f"{what} need independent residuals"
        raise UsageError(must, got=f"'{self.design.formula.residual}'", remedy=f"Use {instead}.")


def fit_design(design: Design, request: Request, start: Array | None = None) -> Fit:
    """Fit a design that is already built.

    Parameters
    ----------
    design : Design
    request : Request
    start : array, shape (n_theta,), optional
        Theta to start from, in the working basis.

    Returns
    -------
    Fit

    Raises
    ------
    FitError
        The data cannot carry the model.
    UsageError
        Kenward-Roger is asked where it is not defined.
    """
    prepare = by_elimination if design.formula.residual is None else by_visit
    with one_blas_thread():
        likelihood = prepare(design, request.reml)
    return fit_likelihood(likelihood, request, start)


def fit_likelihood(likelihood: Likelihood, request: Request, start: Array | None = None) -> Fit:
    """Search a likelihood that is already made; see `fit_design`."""
    with one_blas_thread():
        if request.df == "kenward-roger":
            likelihood.require_slopes()
        optimum, point = minimise(likelihood, likelihood.start() if start is None else start)
        fit = Fit(request, optimum, point.estimates(), point)
    _require_maximum(likelihood.design, fit.estimates, optimum)
    _warn_of(fit)
    return fit


def refit(fit: Fit, response: Array) -> Fit:
    """Fit the same model to another response on the same rows.

    Parameters
    ----------
    fit : Fit
    response : array, shape (n,)
        In the order of the rows used, offset included.

    Returns
    -------
    Fit
        Started from the optimum of ``fit``.
    """
    design = replace(fit.design, y=np.asarray(response, dtype=np.float64))
    return fit_design(design, fit.request, fit.likelihood.near(fit.optimum.end))


def _require_maximum(design: Design, estimates: Estimates, optimum: Optimum) -> None:
    """Refuse a residual covariance that the search could only follow towards zero."""
    residual = str(design.formula.residual)
    if residual in estimates.singular_terms and not optimum.converged:
        must = "The likelihood must have a maximum"
        got = "a residual covariance that shrinks to nothing"
        remedy = (
            "Either these patients are too few for it (csh, ar1h, cs and ar1 have fewer "
            "parameters than us), or its groups and the fixed part reproduce every score."
        )
        raise FitError(must, got=got, where=residual, remedy=remedy)


def _warn_of(fit: Fit) -> None:
    """Warn of columns and variances that are not unique, and of a search that stopped early."""
    estimates, optimum = fit.estimates, fit.optimum
    aliased, singular = map(", ".join, (estimates.aliased_terms, estimates.singular_terms))
    if aliased:
        text = f"The fixed part is rank deficient; not estimated: {aliased}."
        warn(text)
    if singular:
        text = f"A variance is zero or a correlation is one in {singular}."
        warn(text, SingularFitWarning)
    if fit.has_free_variances:
        terms = ", ".join(map(str, fit.design.formula.random))
        text = f"Only sums of some variances can be told from these rows, not each of {terms}."
        warn(text)
    if not optimum.converged:
        text = (
            f"The optimiser stopped early: {optimum.message}; largest gradient element "
            f"{optimum.gradient_norm:.1e} after {optimum.evaluations} evaluations."
        )
        warn(text, ConvergenceWarning)

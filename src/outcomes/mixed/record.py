"""The record of a fit: what was asked, how the optimum was found, what was estimated.

It knows no table. Functions take it; `results.MixedFit` binds them as methods.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TypeVar

import numpy as np

from outcomes.errors import UsageError
from outcomes.mixed.inference.inference import df_method
from outcomes.mixed.inference.kenward_roger import KenwardRoger, kenward_roger
from outcomes.mixed.inference.testing import DfMethod
from outcomes.mixed.likelihood.deviance import Objective
from outcomes.mixed.one_thread import one_blas_thread
from outcomes.mixed.optimise import Optimum
from outcomes.mixed.products.working import Working
from outcomes.mixed.reading.design import Design
from outcomes.mixed.residual.inference import correlated_kenward_roger
from outcomes.mixed.residual.solved import Correlated
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


@dataclass(frozen=True)
class Estimates:
    """What was estimated, in the units of the data.

    Parameters
    ----------
    terms : tuple of str
        Names of the estimated coefficients, length p.
    aliased_terms : tuple of str
        Columns left out because those before them determine them.
    beta : array, shape (p,)
        Fixed coefficients.
    vcov : array, shape (p, p)
        Their covariance (unadjusted).
    sigma : float
        Residual standard deviation.
    theta : array, shape (n_theta,)
        Relative Cholesky factors of the random effects, on lme4's scale and in its order.
    covariances : tuple of array, shape (q, q)
        Covariance of the random effects of each grouping factor.
    loglik : float
        (Restricted) log-likelihood.
    singular_terms : tuple of str
        Random terms with a zero variance or a correlation of one.
    """

    terms: tuple[str, ...]
    aliased_terms: tuple[str, ...]
    beta: Array
    vcov: Array
    sigma: float
    theta: Array
    covariances: tuple[Array, ...]
    loglik: float
    singular_terms: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class Fit:
    """A fitted linear mixed-effects model.

    Parameters
    ----------
    request : Request
    optimum : Optimum
        The record of the optimisation.
    estimates : Estimates
    design : Design
        Response, fixed columns and random effects of the rows used.
    working : Working
        The cross-products in the basis the optimisation worked in.
    correlated : Correlated or None
        What was solved where the residuals of a patient are correlated.
    robust_inference : DfMethod or None
        Cluster-robust inference, in the place of the method asked for.
    """

    request: Request
    optimum: Optimum
    estimates: Estimates
    design: Design
    working: Working
    correlated: Correlated | None = None
    robust_inference: DfMethod | None = None

    def __repr__(self) -> str:
        groups = ", ".join(f"{factor.name} {factor.n_levels:,}" for factor in self.design.factors)
        if self.correlated is not None:
            layout = self.correlated.model.layout
            groups = f"{layout.term.group[-1]} {len(layout.levels):,}"
        kind = "REML" if self.request.reml else "ML"
        return (
            f"<MixedFit {self.request.formula}: {self.design.n:,} rows, {groups}; "
            f"{kind}, sigma {self.estimates.sigma:.3g}>"
        )

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
    def loglik(self) -> float:
        """(Restricted) log-likelihood."""
        return self.estimates.loglik

    @property
    def X(self) -> Array:  # noqa: N802
        """Estimated fixed columns expanded over the rows used, shape (n, p)."""
        return np.asarray(self.design.fixed.matrix[:, self.working.basis.kept])

    @property
    def y(self) -> Array:
        """Response of the rows used, shape (n,)."""
        return self.design.y

    @cached_property
    def objective(self) -> Objective:
        """The likelihood that was maximised, in the working basis."""
        return Objective(self.working.products, self.working.blocks, self.request.reml)

    @cached_property
    def inference(self) -> DfMethod:
        """Covariance and degrees of freedom by the method asked for."""
        if self.robust_inference is not None:
            return self.robust_inference
        basis, vcov = self.working.basis, self.estimates.vcov
        unit = self.estimates.sigma if self.correlated is None else basis.scale
        with one_blas_thread():
            return df_method(self.request.df, vcov, self.optimum, basis.R, unit, self._adjusted)

    def _adjusted(self) -> KenwardRoger:
        if self.correlated is not None:
            return correlated_kenward_roger(self.correlated)
        return kenward_roger(self.objective, self.optimum.end)

    @property
    def vcov(self) -> Array:
        """Covariance of the fixed coefficients that tests use, shape (p, p)."""
        return self.inference.covariance

    def bound(self, kind: type[Kind]) -> Kind:
        """Return the same fit as a class of record that binds more functions as methods."""
        return kind(*(getattr(self, field.name) for field in fields(self)))

    def require_independent(self, what: str, instead: str) -> None:
        """Refuse what is defined for independent residuals only.

        Raises
        ------
        UsageError
            The model has a residual covariance.
        """
        if self.correlated is not None:
            must = f"{what} need independent residuals"
            got = f"'{self.correlated.model.layout.term}'"
            raise UsageError(must, got=got, remedy=f"Use {instead}.")

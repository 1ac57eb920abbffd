"""What a likelihood of covariance parameters offers: to a search, to inference, to tables.

Two follow it. `by_elimination`: independent residuals, random effects eliminated group by group.
`by_visit`: the residuals of a patient correlated, patients sorted by the visits they have. Both
work in a well-conditioned basis (`conditioning`); what they report is in the units of the data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import pandas as pd
from scipy import sparse

from outcomes.mixed.likelihood.estimates import Estimates
from outcomes.mixed.products.conditioning import FixedBasis
from outcomes.mixed.reading.design import Design
from outcomes.mixed.types import Array

Component = tuple[str, str, str, float, float]
"""A row of the table of variances: group, term_1, term_2, variance, sd_or_corr."""


@dataclass(frozen=True)
class Curvature:
    """Exact second derivatives at one theta, in the working basis.

    Parameters
    ----------
    hessian : array, shape (k, k)
        Of the deviance in every variance parameter: theta, after the residual variance where theta
        is relative to it.
    Phi : array, shape (p, p)
        (X'V^-1X)^-1.
    d_Phi : array, shape (k, p, p)
        Derivatives of the coefficients' covariance in the same parameters.
    searched : array, shape (n_parameters, n_parameters)
        Hessian of the deviance in theta, the residual variance at its best.
    """

    hessian: Array
    Phi: Array
    d_Phi: Array  # noqa: N815
    searched: Array


@dataclass(frozen=True)
class Slopes:
    """How X'V^-1X and log|V| answer to the variance parameters, in the working basis.

    With V_r = dV/dtau_r and Q_rs = X'V^-1 V_r V^-1 V_s V^-1 X.

    Parameters
    ----------
    Phi : array, shape (p, p)
    P : array, shape (k, p, p)
        d(X'V^-1X)/dtau_r.
    traces : array, shape (k, k)
        tr(V^-1 V_r V^-1 V_s).
    fixed_traces : array, shape (k, k)
        tr(Phi Q_rs).
    weighted_Q : callable
        Takes W, shape (k, k), to sum_rs W_rs Q_rs.
    """

    Phi: Array
    P: Array
    traces: Array
    fixed_traces: Array
    weighted_Q: Callable[[Array], Array]  # noqa: N815


class Residual(Protocol):
    """The covariance R of the residuals, in the units of the data."""

    def roots(self) -> tuple[sparse.csr_array, sparse.csr_array]:
        """Return T and its inverse over the rows used, T R T' being the identity."""
        ...

    def variance(self, new: pd.DataFrame) -> Array | float:
        """Return the residual variance of other rows; prior weights count as one."""
        ...

    def covariance(self, new: pd.DataFrame) -> Array:
        """Return the residual covariance of other rows of one patient, shape (k, k)."""
        ...

    def components(self) -> list[Component]:
        """Return the residual's rows of the table of variances."""
        ...


class Point(Protocol):
    """A likelihood at one theta."""

    @property
    def theta(self) -> Array:
        """Covariance parameters, shape (n_parameters,)."""
        ...

    @property
    def value(self) -> float:
        """The deviance; infinite where it is not defined."""
        ...

    @property
    def gradient(self) -> Array:
        """Its exact gradient, shape (n_parameters,)."""
        ...

    @property
    def metric(self) -> Array:
        """Its Hessian, shape (n_parameters, n_parameters), or a cheap approximation."""
        ...

    @property
    def is_exact(self) -> bool:
        """Whether ``metric`` is the Hessian."""
        ...

    @property
    def likelihood(self) -> Likelihood:
        """The likelihood it is a point of."""
        ...

    @property
    def unit(self) -> float:
        """What a standard deviation of one in the working basis is in the units of the data."""
        ...

    def curvature(self) -> Curvature:
        """Return exact second derivatives."""
        ...

    def slopes(self) -> Slopes:
        """Return what Kenward and Roger's method needs."""
        ...

    def estimates(self) -> Estimates:
        """Report what theta determines, in the units of the data."""
        ...

    def residual(self) -> Residual:
        """Return the covariance of the residuals."""
        ...


class Likelihood(Protocol):
    """A (restricted) likelihood of covariance parameters."""

    @property
    def design(self) -> Design:
        """Response, fixed columns and random effects of the rows used."""
        ...

    @property
    def basis(self) -> FixedBasis:
        """The basis of the fixed columns."""
        ...

    @property
    def reml(self) -> bool:
        """Whether it is restricted."""
        ...

    def start(self) -> Array:
        """Return where a search begins."""
        ...

    def near(self, theta: Array) -> Array:
        """Return a start close to the optimum of another response: no variance quite zero."""
        ...

    def at(self, theta: Array) -> Point:
        """Evaluate the deviance."""
        ...

    def require_slopes(self) -> None:
        """Refuse what has no `Slopes`.

        Raises
        ------
        UsageError
            Kenward and Roger's method is not defined for this likelihood.
        """
        ...

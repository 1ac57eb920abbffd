"""The likelihood of random effects beside independent residuals, by elimination."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

from outcomes.mixed.likelihood.curvature import curvature
from outcomes.mixed.likelihood.deviance import Evaluation, Objective, evaluate, factors_of
from outcomes.mixed.likelihood.estimates import Estimates, Solved, report
from outcomes.mixed.likelihood.protocol import Component, Curvature, Slopes
from outcomes.mixed.likelihood.start import starting_theta
from outcomes.mixed.likelihood.variance_slopes import variance_slopes
from outcomes.mixed.products.conditioning import FixedBasis
from outcomes.mixed.products.working import Working, make_working
from outcomes.mixed.reading.design import Design
from outcomes.mixed.types import Array

NUDGE = 0.05
"""Relative standard deviation that a search near another one's end starts from at least."""


@dataclass(frozen=True)
class ByElimination:
    """A likelihood of theta, the relative Cholesky factors of the random effects.

    Parameters
    ----------
    design : Design
    working : Working
        The cross-products, and the basis they are in.
    reml : bool
    """

    design: Design
    working: Working
    reml: bool

    @property
    def basis(self) -> FixedBasis:
        """The basis of the fixed columns."""
        return self.working.basis

    @cached_property
    def objective(self) -> Objective:
        """The deviance in the working basis."""
        blocks = tuple(factor.covariance for factor in self.design.factors)
        return Objective(self.working.products, blocks, self.reml)

    def start(self) -> Array:
        """Return where a search begins: moments of the least-squares residuals."""
        return starting_theta(self.objective)

    def near(self, theta: Array) -> Array:
        """Return a start close to the optimum of another response: no variance quite zero."""
        nudge = NUDGE * self.objective.is_diagonal
        return np.where(np.abs(theta) < nudge, nudge, theta)

    def at(self, theta: Array) -> EliminationPoint:
        """Evaluate the deviance."""
        return EliminationPoint(**vars(evaluate(self.objective, theta)), likelihood=self)

    def require_slopes(self) -> None:
        """Accept: the slopes are defined."""


@dataclass(frozen=True)
class EliminationPoint(Evaluation):
    """The likelihood at one theta.

    Parameters
    ----------
    likelihood : ByElimination
    """

    likelihood: ByElimination

    is_exact = False

    @property
    def unit(self) -> float:
        """The residual standard deviation."""
        variance = self.solved.rss / self.likelihood.objective.degrees
        return self.likelihood.basis.scale * float(np.sqrt(variance))

    def curvature(self) -> Curvature:
        """Return exact second derivatives."""
        return curvature(self.likelihood.objective, self)

    def slopes(self) -> Slopes:
        """Return what Kenward and Roger's method needs."""
        return variance_slopes(self.likelihood.objective, self.theta)

    def estimates(self) -> Estimates:
        """Report what theta determines, in the units of the data."""
        design, basis, solved = self.likelihood.design, self.likelihood.basis, self.solved
        found = Solved(
            deviance=self.value,
            beta=solved.beta,
            Phi=solved.Phi,
            unit=self.unit,
            variance=solved.rss / self.likelihood.objective.degrees,
            factors=factors_of(self.theta, self.likelihood.objective.blocks),
            transforms=self.likelihood.working.transforms,
        )
        return report(design, basis, self.likelihood.reml, found)

    def residual(self) -> IndependentResidual:
        """Return the covariance of the residuals."""
        return IndependentResidual(self.unit, self.likelihood.design)


@dataclass(frozen=True)
class IndependentResidual:
    """Residuals that are independent.

    Parameters
    ----------
    sigma : float
    design : Design
    """

    sigma: float
    design: Design

    def roots(self) -> tuple[sparse.csr_array, sparse.csr_array]:
        """Return T and its inverse over the rows used, T R T' being the identity."""
        weights = self.design.weights
        root = np.ones(self.design.n) if weights is None else np.sqrt(weights)
        both = root / self.sigma, self.sigma / root
        T, back = (sparse.csr_array(sparse.diags_array(values)) for values in both)
        return T, back

    def variance(self, new: pd.DataFrame) -> float:
        """Return the residual variance of other rows; prior weights count as one."""
        del new
        return self.sigma**2

    def covariance(self, new: pd.DataFrame) -> Array:
        """Return the residual covariance of other rows of one patient, shape (k, k)."""
        return self.sigma**2 * np.eye(len(new))

    def components(self) -> list[Component]:
        """Return the residual's row of the table of variances."""
        return [("residual", "", "", self.sigma**2, self.sigma)]


def by_elimination(design: Design, reml: bool) -> ByElimination:
    """Prepare the likelihood of a design without a residual covariance.

    Raises
    ------
    FitError
        The data cannot carry the model.
    """
    return ByElimination(design, make_working(design), reml)

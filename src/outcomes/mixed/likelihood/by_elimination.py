"""The likelihood of random effects beside independent residuals, and where its search begins."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

from outcomes.mixed.covariance import BlockCovariance
from outcomes.mixed.likelihood.cross_products import Crossed, CrossProducts
from outcomes.mixed.likelihood.deviance import (
    Evaluation,
    Objective,
    curvature,
    evaluate,
    factors_of,
    variance_slopes,
)
from outcomes.mixed.likelihood.estimates import (
    Component,
    Curvature,
    Estimates,
    Slopes,
    Solved,
    report,
)
from outcomes.mixed.likelihood.working import FixedBasis, Working, make_working
from outcomes.mixed.reading.design import Design
from outcomes.mixed.types import Array

SMALLEST, LARGEST = 0.1, 10.0
"""Bounds of a starting relative standard deviation: away from the saddle at zero."""


def starting_theta(objective: Objective) -> Array:
    """Solve the moment equations of each grouping factor by itself (Rao's MINQUE at V = I).

    With r_l = Z_l'e of the least-squares residuals e, sums of r_l r_l' have expectation
    sum_l A_l Psi A_l + sigma^2 sum_l A_l, and e'e has n sigma^2 + tr(Psi sum_l A_l), but for the
    fixed coefficients.

    Parameters
    ----------
    objective : Objective

    Returns
    -------
    array, shape (n_theta,)
        In the working basis.
    """
    sums = _sums(objective.products)
    n, total = objective.products.n, float(objective.products.C[-1, -1])
    parts = [_solve(block, *sums[f], n, total) for f, block in enumerate(objective.blocks)]
    return np.concatenate(parts)


def _solve(block: BlockCovariance, J: Array, h: Array, R: Array, n: int, total: float) -> Array:
    E = np.array(block.directions())
    q = block.q
    twice = J.reshape(q, q, q, q).transpose(0, 2, 1, 3).reshape(q * q, q * q)
    flat = E.reshape(len(E), -1)
    system = np.zeros((len(E) + 1, len(E) + 1))
    system[1:, 1:] = flat @ twice @ flat.T
    system[0, 1:] = system[1:, 0] = flat @ h.ravel()
    system[0, 0] = n
    solution = np.linalg.lstsq(system, np.append(total, flat @ R.ravel()), rcond=None)[0]
    variance = max(float(solution[0]), 0.05 * total / n)
    sigma = np.tensordot(solution[1:], E, axes=1) / variance
    values, vectors = np.linalg.eigh(sigma)
    bounded = np.clip(values, SMALLEST**2, LARGEST**2)
    return block.theta((vectors * bounded) @ vectors.T)


def _sums(products: CrossProducts) -> dict[int, tuple[Array, Array, Array]]:
    """Return, for each factor, sum vec(A_l)vec(A_l)', sum A_l and sum r_l r_l'."""
    found: dict[int, tuple[Array, ...]] = {}
    for stage in products.stages:
        flat = stage.A.reshape(-1, stage.A.shape[-1])
        r = stage.B[:, -1]
        R = r @ r.T
        if stage.moments is not None:
            R = stage.moments[..., -1, -1].sum(axis=-1)
        own = (flat * stage.count) @ flat.T, stage.A @ stage.count, R
        known = found.get(stage.factor)
        found[stage.factor] = (
            own if known is None else tuple(a + b for a, b in zip(known, own, strict=True))
        )
    if products.crossed is not None:
        found |= _crossed_sums(products.crossed)
    return found  # type: ignore[return-value]


def _crossed_sums(crossed: Crossed) -> dict[int, tuple[Array, ...]]:
    found: dict[int, tuple[Array, ...]] = {}
    start = 0
    for f, levels, q in zip(crossed.factors, crossed.n_levels, crossed.q, strict=True):
        rows = start + np.arange(levels * q).reshape(levels, q)
        A = crossed.A[rows[:, :, None], rows[:, None, :]]
        r = crossed.B[rows, -1]
        flat = A.reshape(levels, -1)
        found[f] = flat.T @ flat, A.sum(axis=0), r.T @ r
        start += levels * q
    return found


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

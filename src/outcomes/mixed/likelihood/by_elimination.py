"""The profiled (RE)ML deviance of random effects beside independent residuals, by elimination.

Bates, Maechler, Bolker & Walker (2015), J. Stat. Softw. 67(1), eq. 34 and 42. Everything here is in
the working basis; constants of the change of basis are added where a likelihood is reported.

V = sum_r tau_r V_r is linear in the variances and covariances tau, so all that Kenward and Roger's
method needs are derivatives of two functions of them (`EliminationPoint.slopes`):

    P_r = d(X'V^-1X)/dtau_r                     (P_r = -X'V^-1 V_r V^-1 X)
    Q_rs + Q_sr = d^2(X'V^-1X)/dtau_r dtau_s
    tr(V^-1V_rV^-1V_s) = -d^2 log|V| / dtau_r dtau_s

First derivatives come from the elimination's sums, second ones from their exact directional
derivatives, and the residual variance's from V being homogeneous of degree one in tau (Euler).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from outcomes.mixed.covariance import BlockCovariance, factors_of
from outcomes.mixed.likelihood.cross_products import CrossProducts, level_sums
from outcomes.mixed.likelihood.elimination import STEP, Eliminated, eliminate
from outcomes.mixed.likelihood.estimates import Component, Curvature, Estimates, Slopes, report
from outcomes.mixed.likelihood.working import FixedBasis, Working, make_working
from outcomes.mixed.reading.design import Design
from outcomes.mixed.types import Array

NOTHING = 1e-200
"""Sum of squares of residuals that rounding made negative; `estimates` refuses such a fit."""

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

    @property
    def products(self) -> CrossProducts:
        """The cross-products."""
        return self.working.products

    @cached_property
    def blocks(self) -> tuple[BlockCovariance, ...]:
        """Theta's layout, grouping factor by grouping factor."""
        return tuple(factor.covariance for factor in self.design.factors)

    @property
    def degrees(self) -> int:
        """Divisor of the residual variance: n, or n - p under REML."""
        return self.products.n - (self.products.p if self.reml else 0)

    @cached_property
    def is_diagonal(self) -> Array:
        """Which elements of theta are relative standard deviations, shape (n_theta,)."""
        return np.concatenate([block.is_diagonal for block in self.blocks])

    def start(self) -> Array:
        """Return where a search begins: moments of the least-squares residuals."""
        return starting_theta(self)

    def near(self, theta: Array) -> Array:
        """Return a start close to the optimum of another response: no variance quite zero."""
        nudge = NUDGE * self.is_diagonal
        return np.where(np.abs(theta) < nudge, nudge, theta)

    def at(self, theta: Array) -> EliminationPoint:
        """Evaluate the deviance, its gradient and an approximate Hessian."""
        lam = factors_of(theta, self.blocks)
        found, df = eliminate(self.products, lam), self.degrees
        solved = profile(found.S)
        G = covariance_gradients(found, solved, solved.rss / df, self.reml)
        fixed = solved.log_det_fixed if self.reml else 0.0
        left = np.maximum(solved.rss, NOTHING)
        value = found.log_det + fixed + df * (1.0 + np.log(2.0 * np.pi * left / df))
        gradient, metric = theta_gradient(self.blocks, G, lam), _metric(self, found, G, lam)
        return EliminationPoint(theta, value, gradient, metric, solved, self)

    def require_slopes(self) -> None:
        """Accept: the slopes are defined."""


@dataclass(frozen=True)
class Profile:
    """What theta determines, in the working basis (complex in a complex direction).

    Parameters
    ----------
    beta : array, shape (p,)
    Phi : array, shape (p, p)
        (X'V^-1X)^-1 at sigma = 1.
    rss : float
        Penalised residual sum of squares.
    log_det_fixed : float
        log|X'V^-1X|.
    """

    beta: Array
    Phi: Array
    rss: Any
    log_det_fixed: Any


@dataclass(frozen=True)
class EliminationPoint:
    """The deviance at one theta.

    Parameters
    ----------
    theta : array, shape (n_theta,)
    value : float
        Minus twice the profiled log-likelihood.
    gradient : array, shape (n_theta,)
        Exact.
    metric : array, shape (n_theta, n_theta)
        Approximate Hessian, at no cost.
    solved : Profile
    likelihood : ByElimination
    """

    theta: Array
    value: Any
    gradient: Array
    metric: Array
    solved: Profile
    likelihood: ByElimination

    is_exact = False

    @property
    def variance(self) -> Any:
        """The residual variance, in the working basis."""
        return self.solved.rss / self.likelihood.degrees

    @property
    def unit(self) -> float:
        """The residual standard deviation."""
        return self.likelihood.basis.scale * float(np.sqrt(self.variance))

    def curvature(self) -> Curvature:
        """Differentiate exactly, one directional elimination for each element of theta.

        The residual variance is the unit; its derivatives come first.
        """
        own, k = self.likelihood, len(self.theta)
        lam = factors_of(self.theta, own.blocks)
        H = np.empty((k + 1, k + 1))
        H[0, 0] = own.degrees
        d_Phi = [self.solved.Phi]
        for r, unit in enumerate(np.eye(k)):
            d_lam = factors_of(unit, own.blocks)
            halves = [d @ block.T for d, block in zip(d_lam, lam, strict=True)]
            moved = eliminate(own.products, lam, [half + half.T for half in halves])
            solved = profile(moved.S)
            shifted = [block + 1j * STEP * d for block, d in zip(lam, d_lam, strict=True)]
            G = covariance_gradients(moved, solved, self.variance, own.reml)
            H[1 + r, 1:] = theta_gradient(own.blocks, G, shifted).imag / STEP
            H[0, 1 + r] = H[1 + r, 0] = -solved.rss.imag / STEP / self.variance
            d_Phi.append(solved.Phi.imag / STEP)
        H = (H + H.T) / 2.0
        searched = H[1:, 1:] - np.outer(H[0, 1:], H[0, 1:]) / own.degrees
        return Curvature(H, self.solved.Phi, np.array(d_Phi), searched)

    def slopes(self) -> Slopes:
        """Differentiate in the variances and covariances, the residual's last, at sigma = 1."""
        own = self.likelihood
        lam = factors_of(self.theta, own.blocks)
        sigmas = [block @ block.T for block in lam]
        found = eliminate(own.products, lam)
        directions = _directions(own.blocks)
        tau = np.array([_inner(d, sigmas) / _inner(d, d) for d in directions])
        P, slopes = _first(found, directions)
        moved = [_first(eliminate(own.products, lam, one), directions) for one in directions]
        second = (np.array(part).imag / STEP for part in zip(*moved, strict=True))
        F = found.S[:-1, :-1]
        P, R, traces = _with_residual(own.products.n, tau, F, P, slopes, *second)
        Phi = self.solved.Phi
        return Slopes(
            Phi=Phi,
            P=P,
            traces=traces,
            fixed_traces=0.5 * np.einsum("ij,rsji->rs", Phi, R),
            weighted_Q=lambda W: np.einsum("rs,rsij->ij", W, R / 2.0),
        )

    def estimates(self) -> Estimates:
        """Report what theta determines, in the units of the data."""
        own, solved = self.likelihood, self.solved
        return report(
            own.design,
            own.basis,
            own.reml,
            deviance=self.value,
            beta=solved.beta,
            Phi=solved.Phi,
            unit=self.unit,
            variance=self.variance,
            factors=factors_of(self.theta, own.blocks),
            transforms=own.working.transforms,
        )

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


def profile(S: Array) -> Profile:
    """Solve for the fixed coefficients, given W'V^-1W."""
    F, g = S[:-1, :-1], S[:-1, -1]
    Phi = np.linalg.inv(F) if len(F) else F
    beta = Phi @ g
    log_det = np.linalg.slogdet(F.real)[1] if len(F) else 0.0
    return Profile(beta, Phi, S[-1, -1] - np.sum(g * beta), log_det)


def _metric(
    own: ByElimination, found: Eliminated, gradients: Sequence[Array], lam: Sequence[Array]
) -> Array:
    """Approximate the Hessian: expected information, and the curvature of Sigma in theta.

    The fixed coefficients' share and the information between grouping factors are left out.
    """
    metric = np.zeros((len(own.is_diagonal),) * 2)
    slopes, start = [], 0
    for block, H, J, G, L in zip(own.blocks, found.H, found.J, gradients, lam, strict=True):
        part = slice(start, start + block.n_theta)
        flat = block.slopes(L).reshape(block.n_theta, -1)
        information = J.reshape([block.q] * 4).swapaxes(1, 2).reshape(J.shape)
        metric[part, part] = flat @ information @ flat.T + block.curvature(G)
        slopes.append(flat @ H.ravel())
        start += block.n_theta
    v = np.concatenate(slopes)
    return np.asarray(metric - np.outer(v, v) / own.products.n)


def covariance_gradients(
    found: Eliminated, solved: Profile, variance: Any, reml: bool
) -> list[Array]:
    """Return, per grouping factor, G with d deviance = tr(G dSigma) at fixed residual variance."""
    contrast = np.append(-solved.beta, 1.0)
    gradients = []
    for H, T in zip(found.H, found.T, strict=True):
        G = H - T @ contrast @ contrast / variance
        if reml:
            G = G - np.einsum("abij,ij->ab", T[..., :-1, :-1], solved.Phi)
        gradients.append(G)
    return gradients


def theta_gradient(
    blocks: Sequence[BlockCovariance], gradients: Sequence[Array], lam: Sequence[Array]
) -> Array:
    """Turn gradients in Sigma into one in theta, shape (n_theta,)."""
    parts = [
        2.0 * (G @ block)[layout.rows, layout.columns]
        for layout, G, block in zip(blocks, gradients, lam, strict=True)
    ]
    return np.concatenate(parts)


def _directions(blocks: Sequence[BlockCovariance]) -> list[list[Array]]:
    """Return dSigma of every grouping factor, for each variance and covariance."""
    zeros = [np.zeros((block.q, block.q)) for block in blocks]
    return [
        [*zeros[:position], direction, *zeros[position + 1 :]]
        for position, block in enumerate(blocks)
        for direction in block.directions()
    ]


def _inner(left: list[Array], right: list[Array]) -> Any:
    return sum(np.sum(a * b) for a, b in zip(left, right, strict=True))


def _first(found: Eliminated, directions: list[list[Array]]) -> tuple[Array, Array]:
    """Return P_r, shape (k, p, p), and d log|V|/dtau_r, shape (k,)."""
    P = [
        -sum(np.einsum("abij,ab->ij", T, E) for T, E in zip(found.T, direction, strict=True))
        for direction in directions
    ]
    slopes = [_inner(list(found.H), direction) for direction in directions]
    return np.array(P)[:, :-1, :-1], np.array(slopes)


def _with_residual(
    n: int, tau: Array, F: Array, P: Array, slopes: Array, R: Array, second_log: Array
) -> tuple[Array, Array, Array]:
    """Append the residual variance (equal to one here) by Euler's theorem.

    X'V^-1X has degree -1 in tau, its first derivatives -2; d log|V| has degree -1 and sums to n.
    """
    P_residual = -F - np.tensordot(tau, P, axes=1)
    R_mixed = -2.0 * P - np.tensordot(R, tau, axes=([1], [0]))
    R_residual = -2.0 * P_residual - np.tensordot(tau, R_mixed, axes=1)
    log_mixed = -slopes - second_log @ tau
    log_residual = -(n - tau @ slopes) - tau @ log_mixed
    whole_P = np.concatenate([P, P_residual[None]])
    top = np.concatenate([R, R_mixed[:, None]], axis=1)
    bottom = np.concatenate([R_mixed, R_residual[None]])[None]
    second = np.block([[second_log, log_mixed[:, None]], [log_mixed[None], log_residual]])
    return whole_P, np.concatenate([top, bottom]), -second


SMALLEST, LARGEST = 0.1, 10.0
"""Bounds of a starting relative standard deviation: away from the saddle at zero."""


def starting_theta(likelihood: ByElimination) -> Array:
    """Solve the moment equations of each grouping factor by itself (Rao's MINQUE at V = I).

    With r_l = Z_l'e of the least-squares residuals e, sums of r_l r_l' have expectation
    sum_l A_l Psi A_l + sigma^2 sum_l A_l, and e'e has n sigma^2 + tr(Psi sum_l A_l), but for the
    fixed coefficients.

    Parameters
    ----------
    likelihood : ByElimination

    Returns
    -------
    array, shape (n_theta,)
        In the working basis.
    """
    products = likelihood.products
    n, total, sums = products.n, float(products.C[-1, -1]), level_sums(products)
    parts = [_solve(block, n, total, *sums[f]) for f, block in enumerate(likelihood.blocks)]
    return np.concatenate(parts)


def _solve(block: BlockCovariance, n: int, total: float, J: Array, h: Array, R: Array) -> Array:
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

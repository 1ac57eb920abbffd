"""The profiled (RE)ML deviance, its exact gradient and its exact Hessian.

Bates, Maechler, Bolker & Walker (2015), J. Stat. Softw. 67(1), eq. 34 and 42. Everything here is in
the working basis; constants of the change of basis are added where a likelihood is reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from outcomes.mixed.covariance import BlockCovariance, split_theta
from outcomes.mixed.cross_products import CrossProducts
from outcomes.mixed.elimination import STEP, Eliminated, eliminate

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Objective:
    """A likelihood of theta.

    Parameters
    ----------
    products : CrossProducts
    blocks : tuple of BlockCovariance
        Theta's layout, grouping factor by grouping factor.
    reml : bool
    """

    products: CrossProducts
    blocks: tuple[BlockCovariance, ...]
    reml: bool

    @property
    def degrees(self) -> int:
        """Divisor of the residual variance: n, or n - p under REML."""
        return self.products.n - (self.products.p if self.reml else 0)

    @property
    def n_theta(self) -> int:
        """Number of covariance parameters, the residual variance apart."""
        return sum(block.n_theta for block in self.blocks)


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


def factors_of(theta: Array, blocks: Sequence[BlockCovariance]) -> list[Array]:
    """Return Lambda of each grouping factor."""
    parts = split_theta(theta, blocks)
    return [block.factor(part) for block, part in zip(blocks, parts, strict=True)]


def profile(S: Array) -> Profile:
    """Solve for the fixed coefficients, given W'V^-1W."""
    p = len(S) - 1
    F, g = S[:p, :p], S[:p, p]
    Phi = np.linalg.inv(F) if p else F
    beta = Phi @ g
    rss = S[p, p] - g @ beta
    log_det = np.linalg.slogdet(F.real)[1] if p else 0.0
    return Profile(beta, Phi, rss, log_det)


def deviance(objective: Objective, S: Array, log_det: Any) -> float:
    """Return minus twice the profiled log-likelihood."""
    solved = profile(S)
    df = objective.degrees
    fixed = solved.log_det_fixed if objective.reml else 0.0
    value = log_det + fixed + df * (1.0 + np.log(2.0 * np.pi * solved.rss / df))
    return float(np.real(value))


def value_and_gradient(objective: Objective, theta: Array) -> tuple[float, Array]:
    """Return the deviance and its gradient in theta, shape (n_theta,)."""
    lam = factors_of(theta, objective.blocks)
    found = eliminate(objective.products, lam)
    return deviance(objective, found.S, found.log_det), _gradient(objective, found, lam)


def hessian(objective: Objective, theta: Array) -> Array:
    """Return the exact Hessian of the deviance, shape (n_theta, n_theta)."""
    lam = factors_of(theta, objective.blocks)
    rows = []
    for k in range(objective.n_theta):
        d_lam, directions = theta_direction(objective.blocks, lam, k)
        found = eliminate(objective.products, lam, directions)
        shifted = [block + 1j * STEP * d for block, d in zip(lam, d_lam, strict=True)]
        rows.append(_gradient(objective, found, shifted).imag / STEP)
    H = np.array(rows).reshape(objective.n_theta, objective.n_theta)
    return (H + H.T) / 2.0


def theta_direction(
    blocks: Sequence[BlockCovariance], lam: Sequence[Array], k: int
) -> tuple[list[Array], list[Array]]:
    """Return dLambda and dSigma of each grouping factor for element k of theta."""
    unit = np.zeros(sum(block.n_theta for block in blocks))
    unit[k] = 1.0
    d_lam = factors_of(unit, blocks)
    halves = [d @ block.T for d, block in zip(d_lam, lam, strict=True)]
    return d_lam, [half + half.T for half in halves]


def covariance_gradients(
    found: Eliminated, solved: Profile, variance: Any, reml: bool
) -> list[Array]:
    """Return, per grouping factor, G with d deviance = tr(G dSigma) at fixed residual variance."""
    contrast = np.append(-solved.beta, 1.0)
    p = len(solved.beta)
    gradients = []
    for H, T in zip(found.H, found.T, strict=True):
        fitted = np.tensordot(T @ contrast, contrast, axes=(1, 0))
        G = H - fitted / variance
        if reml and p:
            G = G - np.einsum("aibj,ij->ab", T[:, :p, :, :p], solved.Phi)
        gradients.append(G)
    return gradients


def _gradient(objective: Objective, found: Eliminated, lam: Sequence[Array]) -> Array:
    solved = profile(found.S)
    variance = solved.rss / objective.degrees
    gradients = covariance_gradients(found, solved, variance, objective.reml)
    return theta_gradient(objective.blocks, gradients, lam)


def theta_gradient(
    blocks: Sequence[BlockCovariance], gradients: Sequence[Array], lam: Sequence[Array]
) -> Array:
    """Turn gradients in Sigma into one in theta, shape (n_theta,)."""
    parts = [
        2.0 * (G @ block)[layout.rows, layout.columns]
        for layout, G, block in zip(blocks, gradients, lam, strict=True)
    ]
    return np.concatenate(parts)

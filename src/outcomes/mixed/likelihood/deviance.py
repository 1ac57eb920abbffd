"""The profiled (RE)ML deviance and its exact gradient.

Bates, Maechler, Bolker & Walker (2015), J. Stat. Softw. 67(1), eq. 34 and 42. Everything here is in
the working basis; constants of the change of basis are added where a likelihood is reported.
Arrays may have a first axis for several responses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from outcomes.mixed.covariance import BlockCovariance, split_theta
from outcomes.mixed.likelihood.elimination import Eliminated, eliminate
from outcomes.mixed.products.cross_products import CrossProducts
from outcomes.mixed.types import Array

NOTHING = 1e-200
"""Sum of squares of residuals that rounding made negative; `estimates` refuses such a fit."""


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

    @property
    def is_diagonal(self) -> Array:
        """Which elements of theta are relative standard deviations, shape (n_theta,)."""
        return np.concatenate([block.is_diagonal for block in self.blocks])

    def eliminate(
        self, lam: Sequence[Array], directions: Sequence[Array] | None = None
    ) -> Eliminated:
        """Eliminate all random effects at Lambda, along dSigma if given."""
        return eliminate(self.products, lam, directions)


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
class Evaluation:
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
    """

    theta: Array
    value: Any
    gradient: Array
    metric: Array
    solved: Profile


def factors_of(theta: Array, blocks: Sequence[BlockCovariance]) -> list[Array]:
    """Return Lambda of each grouping factor."""
    parts = split_theta(theta, blocks)
    return [block.factor(part) for block, part in zip(blocks, parts, strict=True)]


def profile(S: Array) -> Profile:
    """Solve for the fixed coefficients, given W'V^-1W."""
    p = S.shape[-1] - 1
    F, g = S[..., :p, :p], S[..., :p, p]
    Phi = np.linalg.inv(F) if p else F
    beta = (Phi @ g[..., None])[..., 0]
    rss = S[..., p, p] - np.sum(g * beta, axis=-1)
    log_det = np.linalg.slogdet(F.real)[1] if p else np.zeros(S.shape[:-2])
    return Profile(beta, Phi, rss, log_det)


def deviance(objective: Objective, solved: Profile, log_det: Any) -> Any:
    """Return minus twice the profiled log-likelihood."""
    df = objective.degrees
    fixed = solved.log_det_fixed if objective.reml else 0.0
    left = np.maximum(solved.rss, NOTHING)
    return log_det + fixed + df * (1.0 + np.log(2.0 * np.pi * left / df))


def evaluate(objective: Objective, theta: Array) -> Evaluation:
    """Evaluate the deviance, its gradient and an approximate Hessian at one theta."""
    lam = factors_of(theta, objective.blocks)
    found = objective.eliminate(lam)
    solved = profile(found.S)
    G = covariance_gradients(found, solved, solved.rss / objective.degrees, objective.reml)
    return Evaluation(
        theta=theta,
        value=deviance(objective, solved, found.log_det),
        gradient=theta_gradient(objective.blocks, G, lam),
        metric=_metric(objective, found, G, lam),
        solved=solved,
    )


def _metric(
    objective: Objective, found: Eliminated, gradients: Sequence[Array], lam: Sequence[Array]
) -> Array:
    """Approximate the Hessian: expected information, and the curvature of Sigma in theta.

    The fixed coefficients' share and the information between grouping factors are left out.
    """
    lead = lam[0].shape[:-2]
    metric = np.zeros((*lead, objective.n_theta, objective.n_theta))
    slopes, start = [], 0
    for block, H, J, G, own in zip(objective.blocks, found.H, found.J, gradients, lam, strict=True):
        rows, columns = block.positions
        D = np.zeros((*lead, block.n_theta, block.q, block.q))
        D[..., np.arange(block.n_theta), rows, :] = own[..., columns].swapaxes(-2, -1)
        D = D + D.swapaxes(-2, -1)
        part = slice(start, start + block.n_theta)
        same = columns[:, None] == columns
        flat = D.reshape(*lead, block.n_theta, -1)
        information = J.reshape(*lead, *[block.q] * 4).swapaxes(-3, -2).reshape(J.shape)
        metric[..., part, part] = flat @ information @ flat.swapaxes(-2, -1)
        metric[..., part, part] += 2.0 * G[..., rows[:, None], rows] * same
        slopes.append(flat @ H.reshape(*lead, -1, 1))
        start += block.n_theta
    v = np.concatenate(slopes, axis=-2)
    return np.asarray(metric - v @ v.swapaxes(-2, -1) / objective.products.n)


def covariance_gradients(
    found: Eliminated, solved: Profile, variance: Any, reml: bool
) -> list[Array]:
    """Return, per grouping factor, G with d deviance = tr(G dSigma) at fixed residual variance."""
    p = solved.beta.shape[-1]
    contrast = np.concatenate([-solved.beta, np.ones((*solved.beta.shape[:-1], 1))], axis=-1)
    unit = np.asarray(variance)[..., None, None]
    gradients = []
    for H, T in zip(found.H, found.T, strict=True):
        half = (T @ contrast[..., None, None, :, None])[..., 0]
        G = H - (half @ contrast[..., None, :, None])[..., 0] / unit
        if reml and p:
            G = G - np.einsum("...abij,...ij->...ab", T[..., :p, :p], solved.Phi)
        gradients.append(G)
    return gradients


def theta_gradient(
    blocks: Sequence[BlockCovariance], gradients: Sequence[Array], lam: Sequence[Array]
) -> Array:
    """Turn gradients in Sigma into one in theta, shape (n_theta,)."""
    parts = [
        2.0 * (G @ block)[..., layout.rows, layout.columns]
        for layout, G, block in zip(blocks, gradients, lam, strict=True)
    ]
    return np.concatenate(parts, axis=-1)

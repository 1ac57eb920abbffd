"""The profiled (RE)ML deviance and its exact derivatives.

Bates, Maechler, Bolker & Walker (2015), J. Stat. Softw. 67(1), eq. 34 and 42. Everything here is in
the working basis; constants of the change of basis are added where a likelihood is reported.
Arrays may have a first axis for several responses.

V = sum_r tau_r V_r is linear in the variances and covariances tau, so all that Kenward and Roger's
method needs are derivatives of two functions of them (`variance_slopes`):

    P_r = d(X'V^-1X)/dtau_r                     (P_r = -X'V^-1 V_r V^-1 X)
    Q_rs + Q_sr = d^2(X'V^-1X)/dtau_r dtau_s
    tr(V^-1V_rV^-1V_s) = -d^2 log|V| / dtau_r dtau_s

First derivatives come from the elimination's sums, second ones from their exact directional
derivatives, and the residual variance's from V being homogeneous of degree one in tau (Euler).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from outcomes.mixed.covariance import BlockCovariance, split_theta
from outcomes.mixed.likelihood.cross_products import CrossProducts
from outcomes.mixed.likelihood.elimination import STEP, Eliminated, eliminate
from outcomes.mixed.likelihood.estimates import Curvature, Slopes
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


def curvature(objective: Objective, at: Evaluation) -> Curvature:
    """Differentiate exactly, one directional elimination for each element of theta.

    The residual variance is the unit; its derivatives come first. A first axis may hold many
    responses.

    Parameters
    ----------
    objective : Objective
    at : Evaluation

    Returns
    -------
    Curvature
    """
    lam = factors_of(at.theta, objective.blocks)
    variance = at.solved.rss / objective.degrees
    k = objective.n_theta
    H = np.empty((*at.theta.shape[:-1], k + 1, k + 1))
    H[..., 0, 0] = objective.degrees
    d_Phi = [at.solved.Phi]
    for r, unit in enumerate(np.eye(k)):
        d_lam = factors_of(unit, objective.blocks)
        halves = [d @ block.swapaxes(-2, -1) for d, block in zip(d_lam, lam, strict=True)]
        moved = objective.eliminate(lam, [half + half.swapaxes(-2, -1) for half in halves])
        solved = profile(moved.S)
        shifted = [block + 1j * STEP * d for block, d in zip(lam, d_lam, strict=True)]
        G = covariance_gradients(moved, solved, variance, objective.reml)
        H[..., 1 + r, 1:] = theta_gradient(objective.blocks, G, shifted).imag / STEP
        H[..., 0, 1 + r] = H[..., 1 + r, 0] = -solved.rss.imag / STEP / variance
        d_Phi.append(solved.Phi.imag / STEP)
    H = (H + H.swapaxes(-2, -1)) / 2.0
    cross = H[..., 0, 1:]
    searched = H[..., 1:, 1:] - cross[..., :, None] * cross[..., None, :] / objective.degrees
    return Curvature(H, at.solved.Phi, np.stack(d_Phi, axis=-3), searched)


def variance_slopes(objective: Objective, theta: Array) -> Slopes:
    """Differentiate in the variances and covariances, the residual's last, at sigma = 1.

    Parameters
    ----------
    objective : Objective
        Under REML.
    theta : array, shape (n_theta,)
    """
    lam = factors_of(theta, objective.blocks)
    sigmas = [block @ block.T for block in lam]
    found = eliminate(objective.products, lam)
    Phi = profile(found.S).Phi
    directions = _directions(objective)
    tau = np.array([_inner(d, sigmas) / _inner(d, d) for d in directions])
    P, slopes = _first(found, directions)
    second_F, second_log = [], []
    for direction in directions:
        moved = eliminate(objective.products, lam, direction)
        d_P, d_slopes = _first(moved, directions)
        second_F.append(d_P.imag / STEP)
        second_log.append(d_slopes.imag / STEP)
    F = found.S[:-1, :-1]
    P, R, traces = _with_residual(
        F, P, np.array(second_F), slopes, np.array(second_log), tau, objective.products.n
    )
    return Slopes(
        Phi=Phi,
        P=P,
        traces=traces,
        fixed_traces=0.5 * np.einsum("ij,rsji->rs", Phi, R),
        weighted_Q=lambda W: np.einsum("rs,rsij->ij", W, R / 2.0),
    )


def _directions(objective: Objective) -> list[list[Array]]:
    """Return dSigma of every grouping factor, for each variance and covariance."""
    found = []
    for position, block in enumerate(objective.blocks):
        for direction in block.directions():
            zeros = [np.zeros((other.q, other.q)) for other in objective.blocks]
            zeros[position] = direction
            found.append(zeros)
    return found


def _inner(left: list[Array], right: list[Array]) -> float:
    return float(sum(np.sum(a * b) for a, b in zip(left, right, strict=True)))


def _first(found: Eliminated, directions: list[list[Array]]) -> tuple[Array, Array]:
    """Return P_r, shape (k, p, p), and d log|V|/dtau_r, shape (k,)."""
    P, slopes = [], []
    for direction in directions:
        P.append(
            -sum(np.einsum("abij,ab->ij", T, E) for T, E in zip(found.T, direction, strict=True))[
                :-1, :-1
            ]
        )
        slopes.append(sum(np.sum(H * E) for H, E in zip(found.H, direction, strict=True)))
    return np.array(P), np.array(slopes)


def _with_residual(
    F: Array, P: Array, R: Array, slopes: Array, second_log: Array, tau: Array, n: int
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

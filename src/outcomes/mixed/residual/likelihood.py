"""The (RE)ML deviance with a residual covariance, its exact gradient and exact Hessian.

For a patient V = R + Z D Z'; random effects that reach across patients (a therapist's) stay
columns C with a ridge, as in Henderson's equations. With U = V^-1 [X, C Lambda, y], S = sum
U' V U, F its leading block plus the ridge, and c = (-b, 1) for the solution b of F b = g,

    deviance = sum log|V| + log|F| + c'Sc            (ML: log|F| over C's part only)
    d/dr     = <Omega, S_r> + sum tr(V^-1 V_r),      Omega = cc' + Psi,  S_r = -U' V_r U
    d2/drds  = <Omega, S_rs> + d2 sum log|V| - 2 u_r' F^-1 u_s - tr(Psi S_r Psi S_s),

with u_r the leading part of S_r c and Psi the inverse of what stands in the determinant. Nothing
here is done row by row: see `batches`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from outcomes.mixed.residual.objective import CorrelatedObjective, parameter_directions

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Solution:
    """What one set of parameters determines.

    Parameters
    ----------
    theta : array, shape (k,)
    value : float
        The deviance, without constants; infinite where some V is not positive definite.
    S : array, shape (m, m)
        [X C y]' V^-1 [X C y] without the random effects that reach across.
    B : array, shape (m, m)
        Takes C to C Lambda.
    coefficients : array, shape (m - 1,)
        Fixed coefficients, then spherical random effects.
    inverse : array, shape (m - 1, m - 1)
        F^-1.
    Psi : array, shape (m, m)
    K, U : lists of array, by stratum and batch
    """

    theta: Array
    value: float
    S: Array = field(default_factory=lambda: np.empty(0))
    B: Array = field(default_factory=lambda: np.empty(0))
    coefficients: Array = field(default_factory=lambda: np.empty(0))
    inverse: Array = field(default_factory=lambda: np.empty(0))
    Psi: Array = field(default_factory=lambda: np.empty(0))
    K: tuple[tuple[Array, ...], ...] = ()
    U: tuple[tuple[Array, ...], ...] = ()

    @property
    def Omega(self) -> Array:  # noqa: N802
        """Weight of S in the first derivatives."""
        contrast = np.append(-self.coefficients, 1.0)
        return np.asarray(np.outer(contrast, contrast) + self.Psi)


@dataclass(frozen=True)
class Derivatives:
    """Exact derivatives at a solution.

    Parameters
    ----------
    gradient : array, shape (k,)
    hessian : array, shape (k, k)
    slopes : array, shape (k, m, m)
        Derivatives of B'SB.
    """

    gradient: Array
    hessian: Array
    slopes: Array


def solve(objective: CorrelatedObjective, theta: Array) -> Solution:
    """Evaluate the deviance."""
    D = _random_covariance(objective.own_factor(theta))
    log_det, S = 0.0, 0.0
    all_K, all_U = [], []
    for stratum, free in zip(objective.strata, objective.residual_free(theta), strict=True):
        Ks, Us = [], []
        for position, batch in enumerate(stratum.batches):
            R = stratum.covariances(free, position)
            V = R + batch.Z @ D @ batch.Z.transpose(0, 2, 1)
            try:
                root, K = np.linalg.cholesky(V), np.linalg.inv(V)
            except np.linalg.LinAlgError:
                return Solution(theta, np.inf)
            diagonal = np.diagonal(root, axis1=1, axis2=2)
            log_det += 2.0 * float(batch.counts @ np.log(diagonal).sum(axis=1))
            U = K[batch.pattern] @ batch.W
            m = U.shape[2]
            S = S + batch.W.reshape(-1, m).T @ U.reshape(-1, m)
            Ks.append(K)
            Us.append(U)
        all_K.append(tuple(Ks))
        all_U.append(tuple(Us))
    return _solved(objective, theta, log_det, np.asarray(S), tuple(all_K), tuple(all_U))


def _random_covariance(lam: Array) -> Array:
    return np.asarray(lam @ lam.T)


def _solved(
    objective: CorrelatedObjective,
    theta: Array,
    log_det: float,
    S: Array,
    K: tuple[tuple[Array, ...], ...],
    U: tuple[tuple[Array, ...], ...],
) -> Solution:
    B = _expansion(objective, objective.across_factors(theta), len(S))
    moved = B.T @ ((S + S.T) / 2.0) @ B
    p, size = objective.p, len(S) - 1
    F = moved[:size, :size].copy()
    F[np.arange(p, size), np.arange(p, size)] += 1.0
    inside = slice(0, size) if objective.reml else slice(p, size)
    try:
        inverse = np.linalg.inv(F)
        determinant = np.linalg.cholesky(F[inside, inside])
    except np.linalg.LinAlgError:
        return Solution(theta, np.inf)
    coefficients = inverse @ moved[:size, size]
    rss = moved[size, size] - moved[:size, size] @ coefficients
    Psi = np.zeros_like(S)
    Psi[inside, inside] = np.linalg.inv(F[inside, inside])
    value = log_det + 2.0 * float(np.log(np.diag(determinant)).sum()) + float(rss)
    return Solution(theta, value, S, B, coefficients, inverse, Psi, K, U)


def _expansion(objective: CorrelatedObjective, factors: list[Array], m: int) -> Array:
    """Return the matrix that takes [X C y] to [X C Lambda y]."""
    B = np.eye(m)
    start = objective.p
    for part, factor in zip(objective.across, factors, strict=True):
        size = part.n_levels * part.block.q
        B[start : start + size, start : start + size] = np.kron(np.eye(part.n_levels), factor)
        start += size
    return B


def differentiate(objective: CorrelatedObjective, at: Solution) -> Derivatives:
    """Return the exact gradient and Hessian of the deviance at a solution."""
    k, k_across = objective.n_parameters, sum(part.block.n_theta for part in objective.across)
    inner = k - k_across
    gradient, hessian = np.zeros(k), np.zeros((k, k))
    raw = np.zeros((inner, *at.S.shape))
    for position in range(len(objective.strata)):
        own = _stratum_derivatives(objective, at, position)
        gradient[:inner] += own.gradient
        hessian[:inner, :inner] += own.hessian
        raw += own.slopes
    slopes = np.concatenate([at.B.T @ raw @ at.B, np.zeros((k_across, *at.S.shape))])
    _add_across(objective, at, raw, gradient, hessian, slopes)
    contrast = np.append(-at.coefficients, 1.0)
    u = (slopes @ contrast)[:, :-1]
    T = at.Psi @ slopes
    hessian -= 2.0 * u @ at.inverse @ u.T
    hessian -= T.reshape(k, -1) @ T.transpose(0, 2, 1).reshape(k, -1).T
    return Derivatives(gradient, (hessian + hessian.T) / 2.0, slopes)


def _stratum_derivatives(
    objective: CorrelatedObjective, at: Solution, position: int
) -> Derivatives:
    """Return what one stratum adds: first derivatives, the second ones at fixed solution, S_r."""
    stratum = objective.strata[position]
    free = objective.residual_free(at.theta)[position]
    Omega = at.B @ at.Omega @ at.B.T
    sums, pairs, slopes = np.zeros(()), np.zeros(()), np.zeros(())
    for batch_position, batch in enumerate(stratum.batches):
        directions = stratum.directions(free, batch_position)
        K, U = at.K[position][batch_position], at.U[position][batch_position]
        fitted = batch.by_pattern(U @ Omega @ U.transpose(0, 2, 1))
        weighted = batch.counts[:, None, None] * K
        sums = sums + directions.sums(weighted - fitted)
        pairs = pairs + directions.pairs(K, 2.0 * fitted - weighted)
        slopes = slopes + directions.slopes(U, batch.pattern)
    C, curvature = parameter_directions(objective, at.theta, position, sums)
    hessian = C @ pairs @ C.T + curvature
    m = len(at.S)
    raw = -(C @ slopes.reshape(C.shape[1], -1)).reshape(len(C), m, m)
    return Derivatives(C @ sums, hessian, (raw + raw.transpose(0, 2, 1)) / 2.0)


def _add_across(
    objective: CorrelatedObjective,
    at: Solution,
    raw: Array,
    gradient: Array,
    hessian: Array,
    slopes: Array,
) -> None:
    """Fill in what the random effects that reach across patients add."""
    moves = _across_moves(objective, len(at.S))
    if not moves:
        return
    start = len(raw)
    S = (at.S + at.S.T) / 2.0
    for t, move in enumerate(moves, start):
        half = move.T @ S @ at.B
        slopes[t] = half + half.T
        gradient[t] = np.sum(at.Omega * slopes[t])
        mixed = 2.0 * np.einsum("ij,rij->r", at.Omega, move.T @ raw @ at.B)
        hessian[t, :start] += mixed
        hessian[:start, t] += mixed
        for other, second in enumerate(moves, start):
            hessian[t, other] += 2.0 * np.sum(at.Omega * (move.T @ S @ second))


def _across_moves(objective: CorrelatedObjective, m: int) -> list[Array]:
    """Return dB of each parameter of the random effects that reach across patients."""
    moves, start = [], objective.p
    for part in objective.across:
        size = part.n_levels * part.block.q
        for unit in np.eye(part.block.n_theta):
            move = np.zeros((m, m))
            inside = slice(start, start + size)
            move[inside, inside] = np.kron(np.eye(part.n_levels), part.block.factor(unit))
            moves.append(move)
        start += size
    return moves

"""The (RE)ML deviance with a residual covariance, its exact gradient and exact Hessian.

For a patient V = R + Z D Z'; random effects that reach across patients (a therapist's) stay
columns C with a ridge, as in Henderson's equations. With U = V^-1 [X, C Lambda, y], S = sum
U' V U, F its leading block plus the ridge, and c = (-b, 1) for the solution b of F b = g,

    deviance = sum log|V| + log|F| + c'Sc            (ML: log|F| over C's part only)
    d/dr     = <Omega, S_r> + sum tr(V^-1 V_r),      Omega = cc' + Psi,  S_r = -U' V_r U
    d2/drds  = <Omega, S_rs> + d2 sum log|V| - 2 u_r' F^-1 u_s - tr(Psi S_r Psi S_s),

with u_r the leading part of S_r c and Psi the inverse of what stands in the determinant. Nothing
here is done row by row: see `batches`. A patient touches few columns of C, so U'V U and <Omega,
U'V_r U> are made of the elements of S and Omega at pairs of those columns: patients' own small
products are scattered into S and S_r, and Omega is gathered.

B takes [X C y] to [X C Lambda y]. It is the identity but for a block kron(I, Lambda) for each
grouping factor, and dB/dt is kron(I, unit) in one block and zero elsewhere, so both work on the
rows or columns of their block only, q at a time; neither is ever written out. With Omega the weight
of B'SB in the first derivatives and S_t = dB'SB + (dB'SB)',

    d/dt     = <Omega, S_t>,
    d2/dtdu  = 2 <dB_t Omega dB_u', S>,
    d2/dtdr  = 2 <dB_t Omega, S_r B>          for r of V, all at fixed solution.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
from scipy.linalg import cho_solve
from scipy.linalg.lapack import dpotri

from outcomes.errors import UsageError
from outcomes.mixed.likelihood.by_visit.batches import Batch, Directions
from outcomes.mixed.likelihood.by_visit.courses import CoursePoint, Stratum
from outcomes.mixed.likelihood.by_visit.model import (
    Model,
    parameter_directions,
)
from outcomes.mixed.types import Array


def expanded(model: Model, factors: list[Array], M: Array) -> Array:
    """Return M B for a factor Lambda of each part, M of shape (..., m)."""
    if not factors:
        return M
    out = M.copy(order="K")
    for inside, factor in zip(_blocks(model), factors, strict=True):
        out[..., inside] = _by_level(M[..., inside], factor)
    return out


def on_both_sides(model: Model, factors: list[Array], M: Array) -> Array:
    """Return B'MB for symmetric M, shape (m, m)."""
    return expanded(model, factors, expanded(model, factors, M).T)


def _blocks(model: Model) -> list[slice]:
    """Return where the columns of each part stand in [X C y]."""
    sizes = [n * part.q for n, part in zip(model.n_levels, model.across, strict=True)]
    ends = model.p + np.cumsum([0, *sizes])
    return [slice(int(a), int(b)) for a, b in pairwise(ends)]


def _by_level(M: Array, factor: Array) -> Array:
    """Return M kron(I, factor)."""
    if len(factor) == 1:  # a random intercept: scaling moves less memory than a product
        return np.asarray(M * factor[0, 0])
    return np.asarray((M.reshape(-1, len(factor)) @ factor).reshape(M.shape))


def _moves(model: Model) -> list[tuple[slice, Array]]:
    """Return dB of each parameter: where its block is, and the unit that is repeated there."""
    return [
        (inside, part.covariance.factor(unit))
        for inside, part in zip(_blocks(model), model.across, strict=True)
        for unit in np.eye(part.covariance.n_theta)
    ]


def across_derivatives(
    model: Model, S: Array, SB: Array, raw: Array, Omega: Array
) -> tuple[Array, Array, Array]:
    """Return what the parameters of these random effects add at fixed solution.

    Parameters
    ----------
    model : Model
    S, SB : array, shape (m, m)
    raw : array, shape (k_inner, m, m)
        S_r B for the parameters of V.
    Omega : array, shape (m, m)

    Returns
    -------
    gradient : array, shape (k_across,)
    hessian : array, shape (k_across, k)
        Columns: the parameters of V, then these.
    slopes : array, shape (k_across, m, m)
        S_t.
    """
    found = _moves(model)
    gradient, slopes = np.zeros(len(found)), np.zeros((len(found), *S.shape))
    hessian = np.zeros((len(found), len(raw) + len(found)))
    for t, (own, unit) in enumerate(found):
        half = _by_level(SB[own].T, unit)
        slopes[t][:, own] = half
        slopes[t][own] += half.T
        gradient[t] = 2.0 * np.sum(Omega[:, own] * half)
        moved = _by_level(Omega[:, own], unit.T).T
        hessian[t, : len(raw)] = 2.0 * np.tensordot(raw[:, own], moved, axes=2)
        for u, (other, second) in enumerate(found, len(raw)):
            twice = _by_level(moved[:, other], second.T)
            hessian[t, u] = 2.0 * np.sum(twice * S[own, other])
    return gradient, hessian, slopes


Evaluated = tuple[Batch, Array, Array]
"""A batch with its K and U."""


@dataclass(frozen=True)
class BatchPoint:
    """What one set of parameters determines in a stratum whose patients are sorted by visits.

    Parameters
    ----------
    batches : list of tuple
    S : array, shape (m, m)
    log_det : float
    """

    batches: list[Evaluated]
    S: Array
    log_det: float


def batch_point(stratum: Stratum, free: Array, lam: Array) -> BatchPoint | None:
    """Evaluate a stratum batch by batch; None where some V is not positive definite."""
    S, log_det = np.zeros((stratum.source.m, stratum.source.m)), 0.0
    D = lam @ lam.T
    found: list[Evaluated] = []
    for batch in stratum.batches:
        V = stratum.structure.covariances(free, batch.times)
        V = V + batch.Z @ D @ batch.Z.transpose(0, 2, 1)
        try:
            root, K = np.linalg.cholesky(V), np.linalg.inv(V)
        except np.linalg.LinAlgError:
            return None
        diagonal = np.diagonal(root, axis1=1, axis2=2)
        log_det += 2.0 * float(batch.counts @ np.log(diagonal).sum(axis=1))
        U = K[batch.pattern] @ batch.W
        batch.add_products(batch.W, U, S)
        found.append((batch, K, U))
    return BatchPoint(found, S, log_det)


@dataclass(frozen=True)
class Solution:
    """What one set of parameters determines.

    Parameters
    ----------
    model : Model
    theta : array, shape (k,)
    value : float
        The deviance, without constants; infinite where some V is not positive definite.
    S : array, shape (m, m)
        [X C y]' V^-1 [X C y] without the random effects that reach across.
    root, root_own : array, shape (m - 1, m - 1) and (d, d)
        Lower Cholesky factors of F, and of its last rows and columns, which stand in the
        determinant.
    coefficients : array, shape (m - 1,)
        Fixed coefficients, then spherical random effects.
    parts : tuple of CoursePoint or BatchPoint
        Of each stratum.
    """

    model: Model
    theta: Array
    value: float
    S: Array = field(default_factory=lambda: np.empty(0))
    root: Array = field(default_factory=lambda: np.empty(0))
    root_own: Array = field(default_factory=lambda: np.empty(0))
    coefficients: Array = field(default_factory=lambda: np.empty(0))
    parts: tuple[CoursePoint | BatchPoint, ...] = ()

    @property
    def sorted_parts(self) -> Iterator[tuple[Batch, Array, Array, Directions, Array]]:
        """Yield every batch with its K and U, the directions of its dV, and each parameter's."""
        lam = self.model.inner_factor(self.theta)
        for position, free in enumerate(self.model.residual_free(self.theta)):
            stratum, part = self.model.strata[position], self.parts[position]
            known = part if isinstance(part, BatchPoint) else batch_point(stratum, free, lam)
            if known is None:
                must = "Kenward-Roger needs a residual correlation below one"
                raise UsageError(must, got="one that is one", remedy="Use df='satterthwaite'.")
            for (batch, K, U), (_, found) in zip(
                known.batches, stratum.sorted_at(free), strict=True
            ):
                C, _ = parameter_directions(self.model, self.theta, position, np.zeros(found.size))
                yield batch, K, U, found, C

    @cached_property
    def inverse(self) -> Array:
        """F^-1, shape (m - 1, m - 1); points of a search that are passed by never need it."""
        return _inverse(self.root)

    @cached_property
    def Psi(self) -> Array:  # noqa: N802
        """Inverse of what stands in the determinant, zero elsewhere, shape (m, m)."""
        Psi = np.zeros_like(self.S)
        inside = slice(len(self.root) - len(self.root_own), -1)
        is_whole = len(self.root_own) == len(self.root)
        Psi[inside, inside] = self.inverse if is_whole else _inverse(self.root_own)
        return Psi

    @cached_property
    def Omega(self) -> Array:  # noqa: N802
        """Weight of S in the first derivatives."""
        contrast = np.append(-self.coefficients, 1.0)
        return np.asarray(np.outer(contrast, contrast) + self.Psi)

    @cached_property
    def derivatives(self) -> Derivatives:
        """Exact derivatives of the deviance."""
        return differentiate(self)


def _inverse(root: Array) -> Array:
    """Return the inverse of L L'."""
    if not len(root):
        return root
    lower, _ = dpotri(root, lower=True)
    return np.asarray(np.tril(lower) + np.tril(lower, -1).T)


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


def solve(model: Model, theta: Array) -> Solution:
    """Evaluate the deviance."""
    lam, parts = model.inner_factor(theta), list[CoursePoint | BatchPoint]()
    S, log_det = np.zeros((model.m, model.m)), 0.0
    for stratum, free in zip(model.strata, model.residual_free(theta), strict=True):
        known = stratum.courses
        part = batch_point(stratum, free, lam) if known is None else known.at(free, lam)
        if part is None:
            return Solution(model, theta, np.inf)
        parts.append(part)
        S, log_det = S + part.S, log_det + part.log_det
    S = (S + S.T) / 2.0
    moved = on_both_sides(model, model.across_factors(theta), S)
    p, size = model.p, len(S) - 1
    F = moved[:size, :size].copy()
    F[np.arange(p, size), np.arange(p, size)] += 1.0
    try:
        root = np.linalg.cholesky(F)
        root_own = root if model.reml else np.linalg.cholesky(F[p:, p:])
    except np.linalg.LinAlgError:
        return Solution(model, theta, np.inf)
    beta = cho_solve((root, True), moved[:size, size], check_finite=False)
    rss = moved[size, size] - moved[:size, size] @ beta
    value = log_det + 2.0 * float(np.log(np.diag(root_own)).sum()) + float(rss)
    return Solution(model, theta, value, S, root, root_own, beta, tuple(parts))


def differentiate(at: Solution) -> Derivatives:
    """Return the exact gradient and Hessian of the deviance at a solution."""
    model = at.model
    k = len(model.tie)
    inner = k - model.n_parameters + model.n_inner
    gradient, hessian = np.zeros(k), np.zeros((k, k))
    raw = np.zeros((inner, *at.S.shape))
    turned = [factor.T for factor in model.across_factors(at.theta)]
    Omega = on_both_sides(model, turned, at.Omega)  # B Omega B': the weight of S before Lambda
    for position in range(len(model.strata)):
        own = _stratum_derivatives(at, position, Omega, raw)
        gradient[:inner] += own[0]
        hessian[:inner, :inner] += own[1]
    factors = model.across_factors(at.theta)
    half = expanded(model, factors, raw)
    slopes = expanded(model, factors, half.transpose(0, 2, 1)).transpose(0, 2, 1)
    if factors:
        SB = expanded(model, factors, at.S)
        gradient[inner:], rows, more = across_derivatives(model, at.S, SB, half, at.Omega)
        hessian[inner:] = rows
        hessian[:inner, inner:] = rows[:, :inner].T
        slopes = np.concatenate([slopes, more])
    if model.lone is not None:
        tie, k = model.tie, model.n_parameters
        gradient, hessian = gradient @ tie, tie.T @ hessian @ tie
        slopes = np.tensordot(tie, slopes, axes=(0, 0))
    contrast = np.append(-at.coefficients, 1.0)
    u = (slopes @ contrast)[:, :-1]
    hessian -= 2.0 * u @ at.inverse @ u.T
    T = at.Psi @ slopes
    hessian -= T.reshape(k, -1) @ T.transpose(0, 2, 1).reshape(k, -1).T  # tr(Psi S_r Psi S_s)
    return Derivatives(gradient, (hessian + hessian.T) / 2.0, slopes)


def _stratum_derivatives(
    at: Solution, position: int, Omega: Array, raw: Array
) -> tuple[Array, Array]:
    """Return what one stratum adds to first derivatives, and to second ones at fixed solution.

    ``Omega`` is the weight of S before Lambda; what the stratum adds to S_r, shape (k_inner, m, m),
    is added to ``raw``.
    """
    stratum, part = at.model.strata[position], at.parts[position]
    free = at.model.residual_free(at.theta)[position]
    if isinstance(part, CoursePoint):
        return _course_derivatives(at, position, part, Omega, raw)
    sums, pairs, batches = np.zeros(()), np.zeros(()), part.batches
    directions = [own for _, own in stratum.sorted_at(free)]
    for (batch, K, U), own in zip(batches, directions, strict=True):
        fitted = batch.by_pattern(U @ batch.within(Omega) @ U.transpose(0, 2, 1))
        weighted = batch.counts[:, None, None] * K
        sums = sums + own.sums(weighted - fitted)
        pairs = pairs + own.pairs(K, 2.0 * fitted - weighted)
    C, curvature = parameter_directions(at.model, at.theta, position, sums)
    for r in np.flatnonzero(C.any(axis=1)):
        _add_touched(batches, directions, C[r], raw[r])
    _add_whole(batches, directions, C, raw)
    return C @ sums, C @ pairs @ C.T + curvature


def _course_derivatives(
    at: Solution, position: int, part: CoursePoint, Omega: Array, raw: Array
) -> tuple[Array, Array]:
    """Put the derivatives of a stratum of courses where its parameters stand."""
    model, inner = at.model, len(raw)
    start = sum(stratum.structure.n_parameters for stratum in model.strata[:position])
    places = np.r_[start : start + 2, model.n_residual : inner]
    own, second, slopes, G = part.derivatives(
        model.inner.slopes(model.inner_factor(at.theta)), Omega
    )
    second[2:, 2:] += model.inner.curvature(G)
    gradient, hessian = np.zeros(inner), np.zeros((inner, inner))
    gradient[places], hessian[np.ix_(places, places)] = own, second
    raw[places] += slopes
    return gradient, hessian


def _add_touched(
    batches: list[Evaluated], directions: list[Directions], weights: Array, into: Array
) -> None:
    """Add S_r = -sum U' V_r U, V_r = sum_i w_i E_i, of batches that keep only touched columns."""
    for (batch, _, U), own in zip(batches, directions, strict=True):
        if batch.columns is not None:
            batch.add_products(U, -own.combine(weights)[batch.pattern] @ U, into)


def _add_whole(
    batches: list[Evaluated], directions: list[Directions], C: Array, raw: Array
) -> None:
    """Add the S_r of batches that keep all columns: sums with each E first, then parameters."""
    slopes = np.zeros(())
    for (batch, _, U), own in zip(batches, directions, strict=True):
        if batch.columns is None:
            slopes = slopes + own.slopes(U, batch.pattern)
    if slopes.ndim:
        found = -(C @ slopes.reshape(len(slopes), -1)).reshape(raw.shape)
        raw += (found + found.transpose(0, 2, 1)) / 2.0

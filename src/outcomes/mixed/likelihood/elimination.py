"""Blockwise elimination of the random effects, forwards for values and backwards for gradients.

With V = I + Z Sigma Z' (sigma = 1) and W the fixed columns and the response, forwards gives log|V|
and W'V^-1W, stage by stage; backwards what each group holds of V^-1, and so, for each grouping
factor, the two sums from which every first derivative follows:

    H = sum_l Z_l'V^-1Z_l          T = sum_l (Z_l'V^-1W) outer (Z_l'V^-1W)

Both passes accept a direction dSigma. Results then are complex, their imaginary part being the
exact derivative in that direction times ``STEP`` (complex-step differentiation), so second
derivatives need no code and no step size of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse

from outcomes.mixed.likelihood.batched import (
    congruence,
    gram,
    identity_minus,
    invert,
    multiply,
    multiply_constant,
    outer,
    transpose,
    weighted_gram,
    weighted_moments,
)
from outcomes.mixed.likelihood.cross_products import CrossProducts, Link, Stage, combined, indicator
from outcomes.mixed.likelihood.crossed import CrossedStep, eliminate_crossed
from outcomes.mixed.types import Array

STEP = 1e-30
"""Size of the imaginary direction; its square is lost in rounding, so there is no truncation."""


@dataclass(frozen=True)
class Step:
    """What one stage leaves behind for the pass backwards."""

    A: Array
    B: Array
    K: Array
    links: dict[int, Array]
    crossed: tuple[Any, ...]


Forward = tuple[Any, Array, list[Step], CrossedStep | None]
"""What is there after all random effects are eliminated: log|V|, W'V^-1W, and each step."""
Left = tuple[Any, Any, tuple[Array, Array] | None]
"""What is there before they are: log|V|, W'V^-1W, and the products of the crossed factors."""


def forwards(
    products: CrossProducts, factors: Sequence[Array], directions: Sequence[Array] | None = None
) -> Forward:
    """Eliminate stage by stage; steps of groups eliminated some at a time are not kept."""
    crossed = products.crossed
    left: Left = 0.0, products.C, None if crossed is None else (crossed.A, crossed.B)
    steps, left = _through(products.stages, left, factors, directions)
    for stages in products.kept or ():
        left = _through(stages, left, factors, directions)[1]
    log_det, S, rest = left
    if crossed is None or rest is None:
        return log_det, S, steps, None
    last = eliminate_crossed(crossed, rest, factors, directions, STEP)
    return log_det + last.log_det, S - last.explained, steps, last


def _through(
    stages: Sequence[Stage], left: Left, factors: Sequence[Array],
    directions: Sequence[Array] | None,
) -> tuple[list[Step], Left]:  # fmt: skip
    """Eliminate stages that lie in none but these."""
    log_det, S, rest = left
    A = [stage.A for stage in stages]
    B = [stage.B for stage in stages]
    C = [{link.to: link.C for link in stage.links} for stage in stages]
    D = [stage.crossed for stage in stages]
    steps = []
    for s, stage in enumerate(stages):
        direction = None if directions is None else STEP * _covariance(stage, directions)
        if direction is not None and not direction.any():
            direction = None
        K, logs = posterior(A[s], _root(stage, factors), direction)
        log_det = log_det + logs @ stage.count
        if stage.moments is not None:
            S = S - weighted_moments(K, stage.moments)
            if rest is not None:
                between = weighted_moments(K, stage.between)
                rest = rest[0] - weighted_moments(K, stage.within), rest[1] - between
            steps.append(Step(A[s], B[s], K, {}, ()))
            continue
        S = S if S is None else S - weighted_gram(K, B[s])
        KD = _scale_rows(K, D[s])
        for link in stage.links:
            t = link.to
            KC = multiply(K, C[s][t])
            A[t] = _minus(A[t], link, multiply(transpose(C[s][t]), KC))
            B[t] = _minus(B[t], link, multiply(transpose(KC), B[s]))
            for u in C[t]:
                C[t][u] = _minus(C[t][u], link, multiply(transpose(KC), C[s][u]))
            D[t] = _minus_members(D[t], link, C[s][t], KD)
        if rest is not None:
            rest = _minus_crossed(rest, D[s], KD, multiply(K, B[s]))
        steps.append(Step(A[s], B[s], K, C[s], D[s]))
    return steps, (log_det, S, rest)


def _root(stage: Stage, factors: Sequence[Array]) -> Array:
    """Return Lambda of a stage, together with that of a factor that is eliminated with it."""
    if stage.shared is None:
        return factors[stage.factor]
    later, W = stage.shared
    both = np.hstack([factors[stage.factor], W @ factors[later]])
    return np.asarray(np.linalg.qr(both.T, mode="r")).T


def _covariance(stage: Stage, sigmas: Sequence[Array]) -> Array:
    """Return Sigma of a stage likewise."""
    if stage.shared is None:
        return sigmas[stage.factor]
    later, W = stage.shared
    return np.asarray(sigmas[stage.factor] + W @ sigmas[later] @ W.T)


def posterior(A: Array, lam: Array, direction: Array | None) -> tuple[Array, Array]:
    """Return K = (Sigma^-1 + A)^-1, defined for singular Sigma too, and log|I + A Sigma|.

    Parameters
    ----------
    A : array, shape (q, q, n_groups)
    lam : array, shape (q, q) or (q, k)
        Lambda, or another root of Sigma.
    direction : array, shape (q, q), or None
        Imaginary part of Sigma.
    """
    M = congruence(transpose(lam), A.real)
    diagonal = np.arange(len(M))
    M[diagonal, diagonal] += 1.0
    inverse, logs = invert(M)
    K = congruence(lam, inverse)
    if direction is None and not np.iscomplexobj(A):
        return K, logs
    dK: Any = 0.0
    dlogs: Any = 0.0
    if np.iscomplexobj(A):
        dK = -multiply(multiply(K, A.imag), K)
        dlogs = np.sum(K * A.imag, axis=(0, 1))
    if direction is not None:
        N = identity_minus(multiply(A.real, K))
        moved = multiply_constant(direction, N)
        dK = dK + multiply(transpose(N), moved)
        dlogs = dlogs + np.sum(moved * A.real, axis=(0, 1))
    return K + 1j * dK, logs + 1j * dlogs


def _minus(target: Array, link: Link, values: Array) -> Array:
    """Take off a later stage's products what its members explain."""
    result = np.array(target, dtype=np.result_type(target, values))
    result[..., link.present] -= link.sum(values)
    return result


def _scale_rows(K: Array, D: tuple[Any, ...]) -> list[Any]:
    """Return K_i D_i, one matrix a random column."""
    return [_scaled(row, D) for row in K] if D else []


def _scaled(row: Array, D: Sequence[Any]) -> Any:
    return sum((_row(row[b], D[b]) for b in range(1, len(D))), _row(row[0], D[0]))


def _row(scale: Array, D: Any) -> Any:
    if isinstance(D, np.ndarray):
        return scale[:, None] * D
    values = D.data * np.repeat(scale, np.diff(D.indptr))
    return sparse.csr_array((values, D.indices, D.indptr), D.shape)


def _minus_crossed(
    rest: tuple[Array, Array], D: tuple[Any, ...], KD: list[Any], KB: Array
) -> tuple[Array, Array]:
    A, B = rest
    for left, right, kb in zip(D, KD, KB, strict=True):
        part = left.T @ right
        A = A - (part if isinstance(part, np.ndarray) else part.toarray())
        B = B - left.T @ kb.T
    return A, B


def _minus_members(D: tuple[Any, ...], link: Link, C: Array, KD: list[Any]) -> tuple[Any, ...]:
    """Take off a later stage's products with the crossed factors what its members explain."""
    if not D:
        return D
    members = indicator(link.parent, D[0].shape[0])
    return tuple(
        d
        - sum(
            (members @ _row(C[a, c], KD[a]) for a in range(1, len(KD))),
            members @ _row(C[0, c], KD[0]),
        )
        for c, d in enumerate(D)
    )


Sums = dict[int, tuple[Any, Any, Any]]
"""H, T and J of each grouping factor."""


def backwards(
    products: CrossProducts,
    steps: Sequence[Step],
    crossed: CrossedStep | None,
    factors: Sequence[Array],
    directions: Sequence[Array] | None = None,
) -> Sums:
    """Substitute backwards, and sum what each stage's groups hold.

    A group holds H = Z_i'V^-1Z_i, U = Z_i'V^-1W and P, the covariance of its effects given the
    response, at sigma = 1; N = I - A K.
    """
    sums: Sums = {} if crossed is None else dict(crossed.sums())
    _back(products.stages, steps, crossed, sums, factors, directions)
    nothing: Left = 0.0, None, None
    for stages in products.kept or ():
        again, _ = _through(stages, nothing, factors, directions)
        _back(stages, again, crossed, sums, factors, directions)
    return sums


def _back(
    stages: Sequence[Stage], steps: Sequence[Step], crossed: CrossedStep | None, sums: Sums,
    factors: Sequence[Array], directions: Sequence[Array] | None,
) -> None:  # fmt: skip
    """Add to the sums what the groups of stages hold that lie in none but these."""
    later = Later(crossed)
    targets = {link.to for stage in stages for link in stage.links}
    for s in reversed(range(len(steps))):
        stage, step = stages[s], steps[s]
        N = identity_minus(multiply(step.A, step.K))
        H, P, U = multiply(N, step.A), step.K, step.B
        if stage.moments is None:
            U = multiply(N, U - later.fitted(stage, step))
        if stage.links:
            explained = later.explained(s, stage, step)
            H = H - multiply(multiply(N, explained), transpose(N)) / stage.count
            P = P + multiply(multiply(step.K, explained), step.K)
        taken, G = later.taken(stage, step, N)
        if s in targets:
            lam = factors[stage.factor]
            sigma = multiply_constant(lam, transpose(lam))
            sigma = sigma if directions is None else sigma + 1j * STEP * directions[stage.factor]
            later.effects[s] = multiply_constant(sigma, U)
            later.reach[s] = combined(G, sigma.T)
            later.joint[s, s] = P
        T = outer(U) if stage.moments is None else _of_patterns(N, stage, crossed)
        _add(sums, stage.factor, (H, T, taken), stage.count)
        if stage.shared is not None:
            f, W = stage.shared
            T = np.einsum("ac,bd,abij->cdij", W, W, T)
            taken = taken if crossed is None else W.T @ taken @ W
            _add(sums, f, (congruence(W.T, H), T, taken), stage.count)


def _add(sums: Sums, f: int, found: tuple[Array, Array, Any], count: Array) -> None:
    """Add what a stage holds; J without what crossed factors take off, since it is a guide only."""
    (H, T, taken), known = found, sums.get(f, (0.0, 0.0, 0.0))
    flat = H.reshape(-1, *H.shape[2:])
    own = H @ count - taken, T, gram(flat * count, flat)
    sums[f] = own[0] + known[0], own[1] + known[1], own[2] + known[2]


def _of_patterns(N: Array, stage: Stage, crossed: CrossedStep | None) -> Array:
    """Sum vec(U_i) vec(U_i)' over the groups of patterns, U_i = N_i (B_i - D_i effects)."""
    both = N[:, None, :, None] * N[None, :, None, :]
    T = weighted_moments(both, stage.moments)
    if crossed is None:
        return T
    E = crossed.effects
    half = E.T @ weighted_moments(both, stage.between)
    fitted = E.T @ weighted_moments(both, stage.within) @ E
    return np.asarray(T - half - half.transpose(1, 0, 3, 2) + fitted)


@dataclass
class Later:
    """What a stage needs of those after it, filled from the last one backwards.

    Parameters
    ----------
    crossed : CrossedStep or None
    effects : dict
        For each stage Sigma_i Z_i'V^-1W, shape (q, m, n_groups).
    joint : dict
        For pairs of stages the covariance of a group's effects with those of the later group it
        lies in, given the response, shape (q, q_later, n_groups).
    reach : dict
        For each stage Sigma_i Z_i'V^-1F, F the columns of crossed effects and V without them: q
        matrices, shape (n_groups, d).
    """

    crossed: CrossedStep | None
    effects: dict[int, Array] = field(default_factory=dict)
    joint: dict[tuple[int, int], Array] = field(default_factory=dict)
    reach: dict[int, list[Any]] = field(default_factory=dict)

    def fitted(self, stage: Stage, step: Step) -> Any:
        """Return what the later effects account for of Z_i'V^-1W."""
        total: Any = 0.0
        for link in stage.links:
            total = total + multiply(step.links[link.to], self.effects[link.to][..., link.parent])
        if self.crossed is not None:
            total = total + np.stack([(D @ self.crossed.effects).T for D in step.crossed])
        return total

    def explained(self, s: int, stage: Stage, step: Step) -> Array:
        """Return C P C' of later nested effects, shape (q, q, n_groups); note their covariance."""
        total: Any = 0.0
        links = {link.to: link for link in stage.links}
        for to in links:
            CP: Any = 0.0
            for u, C in step.links.items():
                first, P = (u, self.joint[u, to]) if u <= to else (to, transpose(self.joint[to, u]))
                CP = CP + multiply(C, P[..., links[first].parent])
            self.joint[s, to] = -multiply(step.K, CP)
            total = total + multiply(CP, transpose(step.links[to]))
        return np.asarray(total)

    def taken(self, stage: Stage, step: Step, N: Array) -> tuple[Any, list[Any]]:
        """Return what the crossed factors take off the sum of H, G P G', and G = Z_i'V^-1F."""
        if self.crossed is None:
            return 0.0, []
        K = self.crossed.K
        if stage.within is not None:
            own = (stage.within @ K.ravel()).reshape(N.shape)
            return multiply(multiply(N, own), transpose(N)).sum(axis=-1), []
        D = list(step.crossed)
        for link in stage.links:
            own = [reach[link.parent] for reach in self.reach[link.to]]
            through = [_scaled(C, own) for C in step.links[link.to]]
            D = [left - right for left, right in zip(D, through, strict=True)]
        G = [_scaled(row, D) for row in N]
        return np.array([[_inner(a, b, K) for b in G] for a in G]), G


def _inner(left: Any, right: Any, K: Array) -> Any:
    """Sum a'Kb over the rows of two matrices."""
    if isinstance(left, np.ndarray):
        return np.sum((left.T @ right) * K)
    both = (left.T @ right).tocoo()
    return both.data @ K[both.coords]


@dataclass(frozen=True)
class Eliminated:
    """V^-1-weighted sums at one value of the covariance.

    Parameters
    ----------
    log_det : float or complex
        log|V|.
    S : array, shape (m, m)
        W'V^-1W.
    H : tuple of array, shape (q, q)
        For each grouping factor of the design.
    T : tuple of array, shape (q, q, m, m)
        For each grouping factor of the design.
    J : tuple of array, shape (q * q, q * q)
        sum_l vec(H_l) vec(H_l)', the information between the elements of each Sigma.
    """

    log_det: Any
    S: Array
    H: tuple[Array, ...]
    T: tuple[Array, ...]
    J: tuple[Array, ...]


def eliminate(
    products: CrossProducts, factors: Sequence[Array], directions: Sequence[Array] | None = None
) -> Eliminated:
    """Eliminate all random effects.

    Parameters
    ----------
    products : CrossProducts
    factors : sequence of array, shape (q, q)
        Lambda of each grouping factor of the design.
    directions : sequence of array, shape (q, q), optional
        dSigma of each grouping factor.

    Returns
    -------
    Eliminated
    """
    log_det, S, steps, crossed = forwards(products, factors, directions)
    sums = backwards(products, steps, crossed, factors, directions)
    return Eliminated(log_det, S, *zip(*(sums[f] for f in range(len(factors))), strict=True))

"""Eliminate the random effects stage by stage: log|V| and W'V^-1W, W the fixed columns and y."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from outcomes.mixed.likelihood.batched import (
    congruence,
    identity_minus,
    invert,
    multiply,
    multiply_constant,
    multiply_transposed,
    transpose,
    weighted_gram,
    weighted_moments,
)
from outcomes.mixed.likelihood.crossed import CrossedStep, eliminate_crossed
from outcomes.mixed.products.cross_products import CrossProducts, Link
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


@dataclass(frozen=True)
class Forward:
    """The state after all random effects are eliminated."""

    log_det: Any
    S: Array
    steps: tuple[Step, ...]
    crossed: CrossedStep | None


def forwards(
    products: CrossProducts,
    factors: Sequence[Array],
    directions: Sequence[Array] | None = None,
) -> Forward:
    """Eliminate stage by stage."""
    S: Array = products.C
    log_det: Any = 0.0
    A = [stage.A for stage in products.stages]
    B = [stage.B for stage in products.stages]
    C = [{link.to: link.C for link in stage.links} for stage in products.stages]
    D = [stage.crossed for stage in products.stages]
    rest = None if products.crossed is None else (products.crossed.A, products.crossed.B)
    steps = []
    for s, stage in enumerate(products.stages):
        direction = None if directions is None else STEP * directions[stage.factor]
        if direction is not None and not direction.any():
            direction = None
        K, logs = posterior(A[s], factors[stage.factor], direction)
        log_det = log_det + logs @ stage.count
        if stage.moments is not None:
            S = S - weighted_moments(K, stage.moments)
            steps.append(Step(A[s], B[s], K, {}, ()))
            continue
        S = S - weighted_gram(K, B[s])
        KD = _scale_rows(K, D[s])
        for link in stage.links:
            t = link.to
            KC = multiply(K, C[s][t])
            A[t] = _minus(A[t], link, multiply_transposed(C[s][t], KC))
            B[t] = _minus(B[t], link, multiply_transposed(KC, B[s]))
            for u in C[t]:
                C[t][u] = _minus(C[t][u], link, multiply_transposed(KC, C[s][u]))
            D[t] = _minus_members(D[t], link, C[s][t], KD)
        if rest is not None:
            rest = _minus_crossed(rest, D[s], KD, multiply(K, B[s]))
        steps.append(Step(A[s], B[s], K, C[s], D[s]))
    if products.crossed is None or rest is None:
        return Forward(log_det, S, tuple(steps), None)
    last = eliminate_crossed(products.crossed, rest, factors, directions, STEP)
    return Forward(log_det + last.log_det, S - last.explained, tuple(steps), last)


def posterior(A: Array, lam: Array, direction: Array | None) -> tuple[Array, Array]:
    """Return K = (Sigma^-1 + A)^-1, defined for singular Sigma too, and log|I + A Sigma|.

    Parameters
    ----------
    A : array, shape (q, q, n_groups)
    lam : array, shape (q, q)
        Lambda.
    direction : array, shape (q, q), or None
        Imaginary part of Sigma.
    """
    inverse, logs = invert(_plus_identity(congruence(transpose(lam), A.real)))
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
        dK = dK + multiply_transposed(N, moved)
        dlogs = dlogs + np.sum(moved * A.real, axis=(0, 1))
    return K + 1j * dK, logs + 1j * dlogs


def _minus(target: Array, link: Link, values: Array) -> Array:
    """Take off a later stage's products what its members explain."""
    result = np.array(target, dtype=np.result_type(target, values))
    result[..., link.present] -= link.sum(values)
    return result


def _plus_identity(matrix: Array) -> Array:
    diagonal = np.arange(len(matrix))
    matrix[diagonal, diagonal] += 1.0
    return matrix


def _scale_rows(K: Array, D: tuple[Any, ...]) -> list[Any]:
    """Return K_i D_i, one matrix a random column."""
    return [
        sum((_row(K[a, b], D[b]) for b in range(1, len(D))), _row(K[a, 0], D[0]))
        for a in range(len(D))
    ]


def _row(scale: Array, D: Any) -> Any:
    return scale[:, None] * D if isinstance(D, np.ndarray) else sparse.diags_array(scale) @ D


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
    n_later = D[0].shape[0]
    n = len(link.parent)
    members = sparse.csr_array((np.ones(n), (link.parent, np.arange(n))), shape=(n_later, n))
    return tuple(
        d
        - sum(
            (members @ _row(C[a, c], KD[a]) for a in range(1, len(KD))),
            members @ _row(C[0, c], KD[0]),
        )
        for c, d in enumerate(D)
    )

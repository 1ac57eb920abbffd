"""The dense end of the elimination: crossed grouping factors, all levels at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import lapack

from outcomes.mixed.likelihood.batched import outer
from outcomes.mixed.likelihood.cross_products import Crossed
from outcomes.mixed.types import Array

REGULAR = 1e-3
"""Relative standard deviations above this may be divided by."""


@dataclass(frozen=True)
class CrossedStep:
    """The crossed factors after elimination.

    Parameters
    ----------
    crossed : Crossed
        Their layout.
    A : array, shape (d, d)
        Z'V^-1Z before they are eliminated themselves.
    K : array, shape (d, d)
        Covariance of their effects given the response, at sigma = 1.
    U : array, shape (d, m)
        Z'V^-1W.
    effects : array, shape (d, m)
        Sigma U.
    log_det : float or complex
    explained : array, shape (m, m)
        What their elimination takes off W'V^-1W.
    sigma : tuple of array, shape (q, q)
        Sigma of each factor.
    regular : bool
        Whether every Sigma is far enough from singular to divide by.
    """

    crossed: Crossed
    A: Array
    K: Array
    U: Array
    effects: Array
    log_det: Any
    explained: Array
    sigma: tuple[Array, ...]
    regular: bool

    def sums(self) -> dict[int, tuple[Array, Array, Array]]:
        """Return the sums over levels, factor by factor."""
        half = None if self.regular else self.A @ self.K
        found = {}
        for position, f in enumerate(self.crossed.factors):
            rows = self.levels_of(f)
            if half is None:
                H = self._blocks(rows, np.linalg.inv(self.sigma[position]))
            else:
                H = np.array([[self._diagonal(half, a, b) for b in rows.T] for a in rows.T])
            flat = H.reshape(-1, len(rows))
            U = np.ascontiguousarray(np.moveaxis(self.U[rows], 0, -1))
            found[f] = H.sum(axis=-1), outer(U), flat @ flat.T
        return found

    def _blocks(self, rows: Array, back: Array) -> Array:
        """Return the blocks of A - A K A as Sigma^-1 - Sigma^-1 K Sigma^-1, shape (q, q, n)."""
        own = self.K[rows[:, :, None], rows[:, None, :]]
        return np.moveaxis(back - back @ own @ back, 0, -1)

    def _diagonal(self, half: Array, a: Array, b: Array) -> Array:
        """Return elements (a_l, b_l) of A - A K A for each level l."""
        return np.asarray(self.A[a, b] - np.einsum("ld,ld->l", half[a], self.A[b]))

    def levels_of(self, f: int) -> Array:
        """Return the positions of a factor's effects, shape (n_levels, q)."""
        position = self.crossed.factors.index(f)
        sizes = np.multiply(self.crossed.n_levels, self.crossed.q)
        start = int(sizes[:position].sum())
        return start + np.arange(sizes[position]).reshape(-1, self.crossed.q[position])


def eliminate_crossed(
    crossed: Crossed,
    rest: tuple[Array, Array],
    factors: Sequence[Array],
    directions: Sequence[Array] | None,
    step: float,
) -> CrossedStep:
    """Eliminate the crossed factors, given what the stages before left of A and B."""
    A, B = rest
    lam = [factors[f] for f in crossed.factors]
    M = times_blocks(crossed, times_blocks(crossed, A.real, lam).T, lam)
    M[np.diag_indices_from(M)] += 1.0
    inverse, log_det = _invert(M)
    lam_t = [block.T for block in lam]
    K = times_blocks(crossed, times_blocks(crossed, inverse, lam_t).T, lam_t)
    sigma = [block @ block.T for block in lam]
    regular = min(np.abs(np.diag(block)).min() for block in lam) > REGULAR
    if directions is not None or np.iscomplexobj(A):
        d_sigma = None
        if directions is not None:
            d_sigma = [step * directions[f] for f in crossed.factors]
            sigma = [s + 1j * d for s, d in zip(sigma, d_sigma, strict=True)]
        K, log_det = _differentiate(crossed, A, K, log_det, d_sigma)
    U = B - A @ (K @ B)
    effects = times_blocks(crossed, U.T, sigma).T
    explained = B.T @ (K @ B)
    return CrossedStep(crossed, A, K, U, effects, log_det, explained, tuple(sigma), regular)


def _differentiate(
    crossed: Crossed, A: Array, K: Array, log_det: Any, d_sigma: list[Array] | None
) -> tuple[Array, Any]:
    dK: Any = 0.0
    d_log: Any = 0.0
    if np.iscomplexobj(A):
        dK = -K @ A.imag @ K
        d_log = np.sum(K * A.imag)
    if d_sigma is not None and any(d.any() for d in d_sigma):
        N = np.eye(len(K)) - A.real @ K
        dN = times_blocks(crossed, N.T, d_sigma)
        dK = dK + dN @ N
        d_log = d_log + np.sum(dN * A.real)
    return K + 1j * dK, log_det + 1j * d_log


def times_blocks(crossed: Crossed, matrix: Array, blocks: Sequence[Array]) -> Array:
    """Multiply from the right by a matrix with one block a level."""
    if set(crossed.q) == {1}:
        return np.asarray(matrix * np.repeat([block[0, 0] for block in blocks], crossed.n_levels))
    parts, start = [], 0
    for block, levels, q in zip(blocks, crossed.n_levels, crossed.q, strict=True):
        part = matrix[:, start : start + levels * q]
        parts.append((part.reshape(-1, q) @ block).reshape(len(matrix), levels * q))
        start += levels * q
    return np.concatenate(parts, axis=1)


def _invert(matrix: Array) -> tuple[Array, float]:
    """Invert a positive definite matrix; also its log-determinant."""
    upper, _ = lapack.dpotrf(matrix.T, lower=0, overwrite_a=1)
    log_det = float(2.0 * np.log(np.diag(upper)).sum())
    inverse, _ = lapack.dpotri(upper, lower=0, overwrite_c=1)
    diagonal = np.diag(inverse).copy()
    inverse = inverse + inverse.T
    np.fill_diagonal(inverse, diagonal)
    return inverse, log_det

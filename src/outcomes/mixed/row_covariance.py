"""Algebra with the covariance V of the rows used, after a fit: V^-1 M, posterior variances.

With the spherical effects u, b = Lambda u, and H = W^1/2 Z Lambda,

    V = sigma^2 W^-1/2 (H H' + I) W^-1/2,    V^-1 = sigma^-2 W^1/2 (I - H M^-1 H') W^1/2,

where M = H'H + I is sparse, positive definite and at least one (Bates et al. 2015, eq. 19). The
prediction error of x'beta + z'b is that of Henderson's mixed-model equations (Robinson 1991,
Stat. Sci. 6, 15).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import SuperLU, splu

from outcomes.mixed.types import Array

CHUNK = 512
"""Right-hand sides solved at once."""


@dataclass(frozen=True)
class Conditional:
    """Random effects of one grouping factor given the response.

    Parameters
    ----------
    mean : array, shape (n_levels, q)
        Conditional means, in the units of the data.
    covariance : array, shape (n_levels, q, q)
        Conditional covariances, given the fixed coefficients and the variances.
    """

    mean: Array
    covariance: Array


@dataclass(frozen=True)
class MarginalCovariance:
    """The covariance of the rows used.

    Parameters
    ----------
    factors : tuple of array, shape (q, q)
        Lambda of each grouping factor.
    starts : tuple of int
        First spherical effect of each grouping factor.
    H : sparse array, shape (n, n_effects)
    root : array, shape (n,)
        Square roots of the prior weights.
    sigma : float
    X : array, shape (n, p)
        Estimated fixed columns.
    residual : array, shape (n,)
        Response minus fixed part and offset.
    """

    factors: tuple[Array, ...]
    starts: tuple[int, ...]
    H: sparse.csr_array
    root: Array
    sigma: float
    X: Array
    residual: Array

    @cached_property
    def M(self) -> SuperLU:  # noqa: N802
        """Factorised H'H + I."""
        M = (self.H.T @ self.H + sparse.identity(self.H.shape[1])).tocsc()
        return splu(M, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})

    def scale(self, columns: Array) -> Array:
        """Return the rows with residuals that are independent and of variance sigma^2."""
        return self.root * columns if columns.ndim == 1 else self.root[:, None] * columns

    def covariance(self, rows: Array) -> Array:
        """Return V of some rows, shape (k, k)."""
        H, root = self.H[rows], self.root[rows]
        inner = (H @ H.T).toarray() + np.eye(len(rows))
        return np.asarray(self.sigma**2 * inner / np.outer(root, root))

    def solve(self, columns: Array) -> Array:
        """Return V^-1 M for columns M, shape (n,) or (n, k)."""
        root = self.root if columns.ndim == 1 else self.root[:, None]
        scaled = root * columns
        return np.asarray(
            root * (scaled - self.H @ self.M.solve(self.H.T @ scaled)) / self.sigma**2
        )

    @cached_property
    def VX(self) -> Array:  # noqa: N802
        """V^-1 X, shape (n, p)."""
        return self.solve(self.X)

    @cached_property
    def Vr(self) -> Array:  # noqa: N802
        """V^-1 times the residual, shape (n,)."""
        return self.solve(self.residual)

    @cached_property
    def expected_effects(self) -> Array:
        """M^-1 H' W^1/2 X: how the spherical effects answer to the coefficients."""
        return np.asarray(self.M.solve(self.H.T @ (self.root[:, None] * self.X)))

    def prediction_variance(self, X: Array, effects: sparse.csr_array, vcov: Array) -> Array:
        """Return the variance of the error of x'beta + a'u for each row, shape (k,).

        Parameters
        ----------
        X : array, shape (k, p)
        effects : sparse array, shape (k, n_effects)
            Rows a of spherical effects, the same number of entries in each.
        vcov : array, shape (p, p)
            Covariance of the coefficients.
        """
        gap = X - effects @ self.expected_effects
        given = self.sigma**2 * self.posterior_variance(effects)
        return np.asarray(given + np.einsum("ij,jk,ik->i", gap, vcov, gap))

    def posterior_variance(self, effects: sparse.csr_array) -> Array:
        """Return a' M^-1 a for each row a, shape (k,)."""
        M = sparse.csr_array(self.H.T @ self.H + sparse.eye_array(self.H.shape[1]))
        ends = [*self.starts[1:], self.H.shape[1]]
        largest = sorted(
            zip(self.starts, ends, self.factors, strict=True), key=lambda part: part[0] - part[1]
        )
        order = np.concatenate([np.arange(start, end) for start, end, _ in largest])
        blocks = [(end - start, len(factor)) for start, end, factor in largest]
        return quadratic_in_inverse(M[order][:, order], blocks, effects[:, order])

    def block(self, rows: Array) -> Array:
        """Return V^-1 at some rows and the same columns, shape (k, k)."""
        H = self.H[rows]
        active = np.unique(H.indices)
        wanted = np.zeros((self.H.shape[1], len(active)))
        wanted[active, np.arange(len(active))] = 1.0
        inverse = self.M.solve(wanted)[active]
        own = H[:, active].toarray()
        root = self.root[rows]
        inner = np.eye(len(rows)) - own @ inverse @ own.T
        return np.asarray(root[:, None] * inner * root / self.sigma**2)


def effect_rows(
    Z: Sequence[Array],
    codes: Sequence[Array],
    factors: Sequence[Array],
    starts: Sequence[int],
    n_effects: int,
) -> sparse.csr_array:
    """Return rows z'Lambda over all spherical effects; a level of -1 leaves zeros.

    Parameters
    ----------
    Z : sequence of array, shape (k, q)
    codes : sequence of array of int, shape (k,)
    factors : sequence of array, shape (q, q)
    starts : sequence of int
    n_effects : int
    """
    data, columns = [], []
    for own, code, lam, start in zip(Z, codes, factors, starts, strict=True):
        known = code >= 0
        data.append(np.where(known[:, None], own @ lam, 0.0))
        level = np.where(known, code, 0).astype(np.int64)
        columns.append(start + level[:, None] * len(lam) + np.arange(len(lam)))
    values = np.hstack(data)
    k, width = values.shape
    pointers = np.arange(0, k * width + 1, width)
    return sparse.csr_array(
        (values.ravel(), np.hstack(columns).ravel(), pointers), shape=(k, n_effects)
    )


def quadratic_in_inverse(
    M: sparse.csr_array, blocks: Sequence[tuple[int, int]], rows: sparse.csr_array
) -> Array:
    """Return v' M^-1 v for each row v, eliminating one grouping factor after another.

    While the levels of a factor do not meet, their part of M is one small block a level. What is
    left of crossed factors is dense.

    Parameters
    ----------
    M : sparse array, shape (n, n)
    blocks : sequence of tuple of int
        Effects of each factor, and of each of its levels; the largest factor first.
    rows : sparse array, shape (k, n)
    """
    if not blocks:
        return np.zeros(rows.shape[0])
    (size, q), *others = blocks
    own = M[:size, :size].tocoo()
    if not np.array_equal(own.row // q, own.col // q):
        root = np.linalg.inv(np.linalg.cholesky(M.toarray()))
        parts = np.array_split(np.arange(rows.shape[0]), 1 + rows.shape[0] // CHUNK)
        return np.concatenate([np.sum((rows[part] @ root.T) ** 2, axis=1) for part in parts])
    levels = np.zeros((size // q, q, q))
    levels[own.row // q, own.row % q, own.col % q] = own.data
    places = np.arange(size // q + 1)
    inverse = sparse.bsr_array((np.linalg.inv(levels), places[:-1], places), (size, size)).tocsr()
    head, reach = rows[:, :size], M[:size, size:]
    through = head @ inverse
    left = M[size:, size:] - reach.T @ (inverse @ reach)
    rest = quadratic_in_inverse(left, others, rows[:, size:] - through @ reach)
    return np.asarray(through.multiply(head).sum(axis=1)) + rest

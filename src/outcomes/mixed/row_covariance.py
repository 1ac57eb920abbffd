"""Algebra with the covariance V of the rows used, after a fit: V^-1 M, random effects given y.

With T R T' = I for the residual covariance R, spherical effects u, b = Lambda u, H = T Z Lambda,

    V = T^-1 (H H' + I) T'^-1,    V^-1 = T' (I - H M^-1 H') T,

where M = H'H + I is sparse, positive definite and at least one (Bates et al. 2015, eq. 19). The
prediction error of x'beta + z'b is that of Henderson's mixed-model equations (Robinson 1991,
Stat. Sci. 6, 15).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import SuperLU, splu

from outcomes.errors import UsageError
from outcomes.mixed.likelihood.cross_products import effect_rows
from outcomes.mixed.likelihood.estimates import Estimates
from outcomes.mixed.reading.design import Design, GroupingFactor
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
class RowCovariance:
    """The covariance of the rows used.

    Parameters
    ----------
    factors : tuple of array, shape (q, q)
        Lambda of each grouping factor, with Lambda Lambda' the covariance of its effects.
    starts : tuple of int
        First spherical effect of each grouping factor.
    H : sparse array, shape (n, n_effects)
    T, back : sparse array, shape (n, n)
        T makes residuals independent with variance one; its inverse.
    X : array, shape (n, p)
        Estimated fixed columns.
    residual : array, shape (n,)
        Response minus fixed part and offset.
    """

    factors: tuple[Array, ...]
    starts: tuple[int, ...]
    H: sparse.csr_array
    T: sparse.csr_array
    back: sparse.csr_array
    X: Array
    residual: Array

    @cached_property
    def _information(self) -> sparse.csr_array:
        return sparse.csr_array(self.H.T @ self.H + sparse.eye_array(self.H.shape[1]))

    @cached_property
    def M(self) -> SuperLU:  # noqa: N802
        """Factorised H'H + I."""
        options = {"SymmetricMode": True}
        return splu(self._information.tocsc(), permc_spec="MMD_AT_PLUS_A", options=options)

    def posterior_mean(self, columns: Array) -> Array:
        """Return M^-1 H' T M for columns M: the spherical effects that rows imply."""
        if not self.H.shape[1]:
            return np.zeros((0, *columns.shape[1:]))
        return np.asarray(self.M.solve(self.H.T @ (self.T @ columns)))

    def solve(self, columns: Array) -> Array:
        """Return V^-1 M for columns M, shape (n,) or (n, k)."""
        return np.asarray(self.T.T @ (self.T @ columns - self.H @ self.posterior_mean(columns)))

    @cached_property
    def VX(self) -> Array:  # noqa: N802
        """V^-1 X, shape (n, p)."""
        return self.solve(self.X)

    @cached_property
    def Vr(self) -> Array:  # noqa: N802
        """V^-1 times the residual, shape (n,)."""
        return self.solve(self.residual)

    def covariance(self, rows: Array) -> Array:
        """Return V of some rows, all those of their patients, shape (k, k)."""
        own = self._effects[rows]
        used, place = np.unique(own.indices, return_inverse=True)
        H = np.zeros((len(rows), len(used)))
        H[np.repeat(np.arange(len(rows)), np.diff(own.indptr)), place] = own.data
        effects = H @ H.T
        if self._residual_variance is not None:
            return np.asarray(effects + np.diag(self._residual_variance[rows]))
        back = self.back[rows]
        return np.asarray(effects + (back @ back.T).toarray())

    @cached_property
    def _effects(self) -> sparse.csr_array:
        """Z Lambda over the rows used."""
        return sparse.csr_array(self.back @ self.H)

    @cached_property
    def _residual_variance(self) -> Array | None:
        """The diagonal of R where it is all there is."""
        return None if self.back.nnz > self.back.shape[0] else self.back.diagonal() ** 2

    def block(self, rows: Array) -> Array:
        """Return V^-1 at some rows and the same columns, shape (k, k)."""
        own = self.T[:, rows]
        reach = (self.H.T @ own).toarray()
        inner = reach.T @ self.M.solve(reach) if len(reach) else 0.0
        return np.asarray((own.T @ own).toarray() - inner)

    def without(self, rows: Array) -> tuple[Array, Array]:
        """Return X'V^-1X, shape (p, p), and X'V^-1 times the residual of all other rows.

        Raises
        ------
        UsageError
            The rows hold part of a patient whose residuals are correlated.
        """
        kept = np.setdiff1d(np.arange(len(self.X)), rows)
        T, back = self.T[kept][:, kept], self.back[kept][:, kept]
        if T.nnz + self.T[rows][:, rows].nnz < self.T.nnz:
            must = "Where residuals are correlated, so large a group must hold whole patients"
            raise UsageError(must, got="parts of them", remedy="Use refit=True.")
        X, residual = self.X[kept], self.residual[kept]
        left = replace(self, H=self.H[kept], T=T, back=back, X=X, residual=residual)
        return X.T @ left.VX, X.T @ left.Vr

    def prediction_variance(self, X: Array, effects: sparse.csr_array, root: Array) -> Array:
        """Return the variance of the error of x'beta + a'u for each row, shape (k,).

        Parameters
        ----------
        X : array, shape (k, p)
        effects : sparse array, shape (k, n_effects)
            Rows a of spherical effects, the same number of entries in each.
        root : array, shape (p, p)
            A with A A' the covariance of the coefficients.
        """
        gap = X - effects @ self.posterior_mean(self.X)
        fixed = np.sum((gap @ root) ** 2, axis=1)
        return np.asarray(self.posterior_variance(effects) + fixed)

    @property
    def _parts(self) -> list[tuple[Array, int, int]]:
        """Lambda of each grouping factor, and where its spherical effects begin and end."""
        ends = [*self.starts[1:], self.H.shape[1]][: len(self.factors)]
        return list(zip(self.factors, self.starts, ends, strict=True))

    @cached_property
    def effects(self) -> tuple[Conditional, ...]:
        """The random effects of every grouping factor, in the design's order."""
        u, found = self.posterior_mean(self.residual), []
        for lam, start, end in self._parts:
            at = np.arange(start, end).reshape(-1, len(lam))
            found.append(Conditional(u[at] @ lam.T, lam @ self._posterior(at) @ lam.T))
        return tuple(found)

    def _posterior(self, at: Array) -> Array:
        """Return M^-1 level by level, shape (n_levels, q, q)."""
        n_levels, q = at.shape
        alone = level_blocks(self._information, q) if len(self.factors) == 1 else None
        if alone is not None:
            return np.asarray(np.linalg.inv(alone))
        a, b = np.tril_indices(q)
        pairs = np.concatenate([at[:, a].ravel(), at[:, b].ravel()])
        rows = np.tile(np.arange(n_levels * len(a)), 2)
        shape = n_levels * len(a), self.H.shape[1]
        units = sparse.csr_array((np.ones(len(rows)), (rows, pairs)), shape)
        forms = self.posterior_variance(units).reshape(n_levels, -1)  # of e_a + e_b
        inverse = np.empty((n_levels, q, q))
        inverse[:, a, b] = inverse[:, b, a] = forms / 4.0
        own = np.diagonal(inverse, axis1=1, axis2=2)
        sums = (own[:, :, None] + own[:, None, :]) / 2.0
        return np.where(np.eye(q, dtype=bool), inverse, 2.0 * inverse - sums)

    def posterior_variance(self, effects: sparse.csr_array) -> Array:
        """Return a' M^-1 a for each row a, shape (k,)."""
        if not self.factors:
            return np.zeros(effects.shape[0])
        largest = sorted(self._parts, key=lambda part: part[1] - part[2])
        order = np.concatenate([np.arange(start, end) for _, start, end in largest])
        blocks = [(end - start, len(factor)) for factor, start, end in largest]
        return quadratic_in_inverse(self._information[order][:, order], blocks, effects[:, order])


def row_covariance(
    design: Design, estimates: Estimates, X: Array, roots: tuple[sparse.csr_array, sparse.csr_array]
) -> RowCovariance:
    """Prepare the covariance of the rows a model was fitted to."""
    (T, back), factors = roots, estimates.roots
    ends = np.cumsum([0, *(factor.n_levels * factor.q for factor in design.factors)])
    starts = tuple(int(end) for end in ends[:-1])
    H = sparse.csr_array((design.n, 0))
    if factors:
        Z = [factor.Z for factor in design.factors]
        codes = [np.asarray(factor.codes) for factor in design.factors]
        H = sparse.csr_array(T @ effect_rows(Z, codes, factors, starts, int(ends[-1])))
    return RowCovariance(factors, starts, H, T, back, X, design.response - X @ estimates.beta)


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
    levels = level_blocks(M[:size, :size], q)
    if levels is None:
        root = np.linalg.inv(np.linalg.cholesky(M.toarray()))
        parts = np.array_split(np.arange(rows.shape[0]), 1 + rows.shape[0] // CHUNK)
        return np.concatenate([np.sum((rows[part] @ root.T) ** 2, axis=1) for part in parts])
    places = np.arange(size // q + 1)
    inverse = sparse.bsr_array((np.linalg.inv(levels), places[:-1], places), (size, size)).tocsr()
    head, reach = rows[:, :size], M[:size, size:]
    through = head @ inverse
    left = M[size:, size:] - reach.T @ (inverse @ reach)
    rest = quadratic_in_inverse(left, others, rows[:, size:] - through @ reach)
    return np.asarray(through.multiply(head).sum(axis=1)) + rest


def level_blocks(M: sparse.csr_array, q: int) -> Array | None:
    """Return the block of each level, shape (n_levels, q, q); None where levels meet."""
    own = M.tocoo()
    if not np.array_equal(own.row // q, own.col // q):
        return None
    levels = np.zeros((M.shape[0] // q, q, q))
    levels[own.row // q, own.row % q, own.col % q] = own.data
    return levels


def is_within(factor: GroupingFactor, codes: Array) -> bool:
    """Tell whether each level of a grouping factor lies within one group."""
    pairs = np.unique(np.column_stack([factor.codes, codes]), axis=0)
    return len(pairs) == factor.n_levels

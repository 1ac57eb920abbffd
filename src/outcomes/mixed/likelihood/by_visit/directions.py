"""Sums over patterns that first and second derivatives of the likelihood are made of.

The derivatives of every V are combinations of a few matrices E_1, E_2, ... of a stratum. Where each
visit has its own variance, E is one pair of visits, the same for all patterns, and sums over
patterns come before anything is done for each parameter; otherwise E is written out by pattern.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from outcomes.mixed.likelihood.by_visit.batches import Batch
from outcomes.mixed.types import Array


class Directions(Protocol):
    """The matrices E of one batch: first those of R, then those of the random effects."""

    @property
    def size(self) -> int:
        """How many there are."""
        ...

    def combine(self, weights: Array) -> Array:
        """Return sum_i w_i E_i by pattern, shape (P, n, n)."""
        ...

    def sums(self, A: Array) -> Array:
        """Return sum_p <E_i, A_p> for A of shape (P, n, n), shape (e,)."""
        ...

    def pairs(self, K: Array, M: Array) -> Array:
        """Return sum_p tr(E_i K_p E_j M_p), shape (e, e)."""
        ...

    def slopes(self, U: Array, pattern: Array) -> Array:
        """Return sum_g U_g' E_i U_g for U of shape (G, n, m), shape (e, m, m)."""
        ...


@dataclass(frozen=True)
class VisitDirections:
    """E_(a,b) = l_a l_b' for columns l of L: indicators of visits, then random-effect columns.

    Parameters
    ----------
    L : array, shape (P, n, l)
    a, b : array of int, shape (e,)
    """

    L: Array
    a: Array
    b: Array

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.a)

    def combine(self, weights: Array) -> Array:
        """Return sum_i w_i E_i by pattern."""
        inner = np.zeros((self.L.shape[2], self.L.shape[2]))
        inner[self.a, self.b] = weights
        return np.asarray(self.L @ inner @ self.L.transpose(0, 2, 1))

    def sums(self, A: Array) -> Array:
        """Return sum_p <E_i, A_p>."""
        return np.asarray(self._within(A).sum(axis=0)[self.a, self.b])

    def pairs(self, K: Array, M: Array) -> Array:
        """Return sum_p tr(E_i K_p E_j M_p)."""
        size = self.L.shape[2]
        left, right = self._within(K).reshape(len(K), -1), self._within(M).reshape(len(M), -1)
        whole = (left.T @ right).reshape(size, size, size, size)
        a, b = self.a, self.b
        return np.asarray(whole[b[:, None], a, b, a[:, None]])

    def slopes(self, U: Array, pattern: Array) -> Array:
        """Return sum_g U_g' E_i U_g."""
        size, m = self.L.shape[2], U.shape[2]
        flat = (self.L.transpose(0, 2, 1)[pattern] @ U).reshape(len(U), size * m)
        whole = (flat.T @ flat).reshape(size, m, size, m)
        return np.asarray(whole[self.a, :, self.b, :])

    def _within(self, A: Array) -> Array:
        return np.asarray(self.L.transpose(0, 2, 1) @ A @ self.L)


@dataclass(frozen=True)
class PatternDirections:
    """E_i written out for each pattern.

    Parameters
    ----------
    E : array, shape (e, P, n, n)
    n_first, n_parts : int
        Of the first ``n_parts``, those of R, only ``n_first`` enter first derivatives.
    """

    E: Array
    n_first: int
    n_parts: int

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.E)

    def combine(self, weights: Array) -> Array:
        """Return sum_i w_i E_i by pattern."""
        return np.tensordot(weights, self.E, axes=1)

    def sums(self, A: Array) -> Array:
        """Return sum_p <E_i, A_p>."""
        return np.asarray(self.E.reshape(len(self.E), -1) @ A.ravel())

    def pairs(self, K: Array, M: Array) -> Array:
        """Return sum_p tr(E_i K_p E_j M_p)."""
        right = (K @ self.E @ M).transpose(0, 1, 3, 2)
        return np.asarray(self.E.reshape(len(self.E), -1) @ right.reshape(len(self.E), -1).T)

    def slopes(self, U: Array, pattern: Array) -> Array:
        """Return sum_g U_g' E_i U_g."""
        m = U.shape[2]
        flat = U.reshape(-1, m)
        found = np.zeros((len(self.E), m, m))
        for i in (*range(self.n_first), *range(self.n_parts, len(self.E))):
            found[i] = flat.T @ (self.E[i][pattern] @ U).reshape(-1, m)
        return found


def visit_directions(visits: Array, batch: Batch) -> VisitDirections:
    """Prepare a batch in which each visit has its own variance; the same for all parameters."""
    v, q = len(visits), batch.Z.shape[2]
    at = np.searchsorted(visits, batch.times)
    indicators = (at[:, :, None] == np.arange(v)).astype(np.float64)
    own = [np.indices((size, size)).reshape(2, -1) + start for size, start in ((v, 0), (q, v))]
    a, b = np.concatenate(own, axis=1)
    return VisitDirections(np.concatenate([indicators, batch.Z], axis=2), a, b)


def pattern_directions(parts: Array, batch: Batch) -> PatternDirections:
    """Write out the matrices of a batch, given those of R, shape (e, P, n, n)."""
    Z = np.moveaxis(batch.Z, 2, 0)
    products = Z[:, None, :, :, None] * Z[None, :, :, None, :]
    q, patterns, n = Z.shape
    E = np.concatenate([parts, products.reshape(q * q, patterns, n, n)])
    return PatternDirections(E, min(len(parts), 2), len(parts))

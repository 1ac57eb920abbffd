"""Covariance of the random effects: theta, the relative Cholesky factor, the relative covariance.

As in lme4, the random effects of one grouping factor have covariance sigma^2 Sigma with
Sigma = Lambda Lambda', Lambda lower triangular; theta holds Lambda's free elements column by
column, term by term. Terms on one grouping factor make a block-diagonal Lambda.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from outcomes.mixed.types import Array

SINGULAR, REGULAR = 1e-4, 1e-6
"""A relative standard deviation below this counts as zero, as in lme4's ``isSingular``.

Pivots relatively above the second are those of a matrix that LAPACK may factor.
"""


@dataclass(frozen=True)
class BlockCovariance:
    """Where the elements of theta stand in Lambda, for one grouping factor.

    Parameters
    ----------
    sizes : tuple of int
        Number of random effects of each term on this factor.
    """

    sizes: tuple[int, ...]

    @cached_property
    def q(self) -> int:
        """Random effects per level."""
        return sum(self.sizes)

    @property
    def n_theta(self) -> int:
        """Number of covariance parameters."""
        return len(self.rows)

    @cached_property
    def positions(self) -> Array:
        """Row and column in Lambda of each element of theta, shape (2, n_theta)."""
        starts = np.cumsum([0, *self.sizes])
        parts = [start + np.array(np.triu_indices(size))[::-1]
                 for start, size in zip(starts, self.sizes, strict=False)]  # fmt: skip
        return np.concatenate([np.empty((2, 0), dtype=np.intp), *parts], axis=1)

    @cached_property
    def rows(self) -> Array:
        """Row in Lambda of each element of theta."""
        return np.asarray(self.positions[0])

    @cached_property
    def columns(self) -> Array:
        """Column in Lambda of each element of theta."""
        return np.asarray(self.positions[1])

    @cached_property
    def is_diagonal(self) -> Array:
        """Which elements of theta are relative standard deviations, shape (n_theta,)."""
        return np.asarray(self.rows == self.columns)

    def factor(self, theta: Array) -> Array:
        """Return Lambda, shape (..., q, q) for theta of shape (..., n_theta)."""
        lam = np.zeros((*theta.shape[:-1], self.q, self.q), dtype=theta.dtype)
        lam[..., self.rows, self.columns] = theta
        return lam

    def theta(self, sigma: Array) -> Array:
        """Return theta of a relative covariance Sigma, shape (q, q), which may be singular."""
        return np.asarray(semidefinite_cholesky(sigma)[self.rows, self.columns])

    def slopes(self, lam: Array) -> Array:
        """Return the derivatives of Lambda Lambda' in theta, shape (..., n_theta, q, q)."""
        D = np.zeros((*lam.shape[:-2], self.n_theta, self.q, self.q))
        D[..., np.arange(self.n_theta), self.rows, :] = lam[..., self.columns].swapaxes(-2, -1)
        return D + D.swapaxes(-2, -1)

    def curvature(self, G: Array) -> Array:
        """Return the sums of its second derivatives with G, shape (..., n_theta, n_theta)."""
        both = (G + G.swapaxes(-2, -1))[..., self.rows[:, None], self.rows]
        return np.asarray(both * (self.columns[:, None] == self.columns))

    def directions(self) -> list[Array]:
        """Return the symmetric 0/1 matrices E_r with Sigma = sum_r tau_r E_r."""
        unit = np.eye(self.q)
        lower = unit[self.rows][:, :, None] * unit[self.columns][:, None]
        return list(np.maximum(lower, lower.swapaxes(1, 2)))


def factors_of(theta: Array, blocks: Sequence[BlockCovariance]) -> list[Array]:
    """Return Lambda of each grouping factor."""
    parts = np.split(theta, np.cumsum([block.n_theta for block in blocks], dtype=int), axis=-1)
    return [block.factor(part) for block, part in zip(blocks, parts, strict=False)]


def semidefinite_cholesky(sigma: Array) -> Array:
    """Return lower-triangular L with L L' = sigma, zero columns where sigma is singular."""
    variance = np.einsum("...ii->...i", sigma)
    with suppress(np.linalg.LinAlgError):  # in a tenth of the time, where nothing is near zero
        lower = np.linalg.cholesky(sigma)
        if (np.einsum("...ii->...i", lower) ** 2 > REGULAR * variance).all():
            return np.asarray(lower)
    lower, rest = np.zeros(sigma.shape), np.array(sigma, dtype=float)
    least = 1e-15 * np.maximum(variance, 0.0)
    for j in range(sigma.shape[-1]):
        pivot = rest[..., j, j]
        size = np.where(pivot > least[..., j], np.sqrt(np.maximum(pivot, 0.0)), np.inf)
        column = rest[..., j:, j] / size[..., None]
        lower[..., j:, j] = column
        rest[..., j:, j:] -= column[..., :, None] * column[..., None, :]
    return lower


def is_singular(sigma: Array) -> bool:
    """Tell whether a relative covariance has a variance of zero or a correlation of one."""
    return bool(np.diag(semidefinite_cholesky(sigma)).min() < SINGULAR)

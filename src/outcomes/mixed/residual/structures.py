"""Residual covariances as functions of unconstrained numbers, with exact derivatives.

``ByDistance`` has one standard deviation s and R = s^2 f(|t - s|); ``ByVisit`` covers the kinds in
which each visit has its own: unstructured (R = L L', log-Cholesky; Pinheiro & Bates 1996, Stat.
Comput. 6, 289) and R_ij = s_i s_j f_ij.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from outcomes.mixed.residual.correlation import Correlation
from outcomes.mixed.types import Array


@dataclass(frozen=True)
class ByDistance:
    """One variance, and a correlation that depends on the distance in time.

    The free numbers are log s and, with a correlation, that of the correlation.

    Parameters
    ----------
    correlation : Correlation or None
        None for independent residuals.
    """

    correlation: Correlation | None

    @property
    def n_parameters(self) -> int:
        """Number of free numbers."""
        return 1 if self.correlation is None else 2

    @property
    def names(self) -> tuple[str, ...]:
        """What each free number stands for."""
        return ("variance", "correlation")[: self.n_parameters]

    def parts(self, free: Array, times: Array) -> Array:
        """Return R and, with a correlation, its first two derivatives in it, (e, P, n, n)."""
        distance = np.abs(times[:, :, None] - times[:, None, :])
        variance = np.exp(2.0 * free[0])
        if self.correlation is None:
            return np.asarray(variance * (np.eye(times.shape[1]) + 0.0 * distance)[None])
        return np.asarray(variance * np.array(self.correlation.curve(distance, float(free[1]))))

    def covariances(self, free: Array, times: Array) -> Array:
        """Return R at sets of times, shape (P, n, n)."""
        variance = np.exp(2.0 * free[0])
        if self.correlation is None:
            return np.broadcast_to(
                variance * np.eye(times.shape[1]), (*times.shape, times.shape[1])
            )
        distance = np.abs(times[:, :, None] - times[:, None, :])
        return np.asarray(variance * self.correlation.value(distance, float(free[1])))

    def matrix(self, free: Array, times: Array) -> Array:
        """Return R at one set of times, shape (n, n)."""
        return np.asarray(self.covariances(free, times[None])[0])

    def jacobian(self, free: Array) -> Array:
        """Return the derivatives of R in terms of the parts, shape (k, e)."""
        del free
        return np.array([[2.0]]) if self.correlation is None else np.diag([2.0, 1.0, 0.0])[:2]

    def curvature(self, free: Array, sums: Array) -> Array:
        """Return sum <d2R/dr ds, G>, given the sums of the parts with G, shape (k, k)."""
        del free
        if self.correlation is None:
            return 4.0 * sums[None]
        return np.array([[4.0 * sums[0], 2.0 * sums[1]], [2.0 * sums[1], sums[2]]])


@dataclass(frozen=True)
class ByVisit:
    """A variance for each visit; the covariances free, or from a correlation of the distance.

    Parameters
    ----------
    visits : array, shape (v,)
        Places in time of the visits, ascending.
    correlation : Correlation or None
        None where ``unstructured``, or for independent residuals.
    unstructured : bool
    """

    visits: Array
    correlation: Correlation | None
    unstructured: bool

    @property
    def v(self) -> int:
        """Number of visits."""
        return len(self.visits)

    @property
    def n_parameters(self) -> int:
        """Number of free numbers."""
        if self.unstructured:
            return self.v * (self.v + 1) // 2
        return self.v + (self.correlation is not None)

    @cached_property
    def lower(self) -> tuple[Array, Array]:
        """Row and column in L of each free number: the diagonal first."""
        rows, columns = np.tril_indices(self.v, -1)
        diagonal = np.arange(self.v)
        return np.concatenate([diagonal, rows]), np.concatenate([diagonal, columns])

    def factor(self, free: Array) -> Array:
        """Return L, shape (v, v)."""
        L = np.zeros((self.v, self.v))
        L[self.lower] = free
        np.fill_diagonal(L, np.exp(free[: self.v]))
        return L

    def _scaled(self, free: Array) -> tuple[Array, Array, Array]:
        sd = np.exp(free[: self.v])
        scale = np.outer(sd, sd)
        if self.correlation is None:
            zero = np.zeros_like(scale)
            return scale * np.eye(self.v), zero, zero
        distance = np.abs(self.visits[:, None] - self.visits)
        value, first, second = self.correlation.curve(distance, float(free[-1]))
        return scale * value, scale * first, scale * second

    def matrix(self, free: Array) -> Array:
        """Return R over all visits, shape (v, v)."""
        if self.unstructured:
            L = self.factor(free)
            return np.asarray(L @ L.T)
        return self._scaled(free)[0]

    @cached_property
    def _own(self) -> Array:
        """How often visit a occurs in each pair (i, j), shape (v, v, v)."""
        unit = np.eye(self.v)
        return np.asarray(unit[:, :, None] + unit[:, None, :])

    def jacobian(self, free: Array) -> Array:
        """Return the derivatives of R, flattened, shape (k, v * v)."""
        if self.unstructured:
            L = self.factor(free)
            rows, columns = self.lower
            D = np.zeros((self.n_parameters, self.v, self.v))
            D[np.arange(len(D)), rows] = L[:, columns].T
            D[: self.v] *= np.diag(L)[:, None, None]
            return np.asarray((D + D.transpose(0, 2, 1)).reshape(len(D), -1))
        R, first, _ = self._scaled(free)
        parts = [R * self._own]
        if self.correlation is not None:
            parts.append(first[None])
        return np.concatenate(parts).reshape(self.n_parameters, -1)

    def curvature(self, free: Array, sums: Array) -> Array:
        """Return sum <d2R/dr ds, G>, given G summed over visits, flattened, shape (k, k)."""
        G = sums.reshape(self.v, self.v)
        G = (G + G.T) / 2.0
        return (
            self._free_curvature(free, G) if self.unstructured else self._scaled_curvature(free, G)
        )

    def _free_curvature(self, free: Array, G: Array) -> Array:
        L = self.factor(free)
        rows, columns = self.lower
        slope = np.where(rows == columns, L[rows, columns], 1.0)
        H = 2.0 * G[np.ix_(rows, rows)] * (columns[:, None] == columns) * np.outer(slope, slope)
        H[np.arange(self.v), np.arange(self.v)] += 2.0 * np.diag(G @ L) * np.diag(L)
        return np.asarray(H)

    def _scaled_curvature(self, free: Array, G: Array) -> Array:
        R, first, second = self._scaled(free)
        flat = self._own.reshape(self.v, -1)
        H = np.zeros((self.n_parameters, self.n_parameters))
        H[: self.v, : self.v] = (flat * (G * R).ravel()) @ flat.T
        if self.correlation is not None:
            H[-1, : self.v] = H[: self.v, -1] = flat @ (G * first).ravel()
            H[-1, -1] = np.sum(G * second)
        return H


Structure = ByDistance | ByVisit

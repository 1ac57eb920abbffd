"""Residual covariances as functions of unconstrained numbers, with exact derivatives.

`Stationary` has one standard deviation s and R = s^2 f(|t - s|); `PerVisit` covers the kinds in
which each visit has its own: unstructured (R = L L', log-Cholesky; Pinheiro & Bates 1996, Stat.
Comput. 6, 289) and R_ij = s_i s_j f_ij. A correlation f has one free number; ``curve`` gives it
with its first two derivatives in that number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from outcomes.mixed.likelihood.by_visit.batches import (
    Batch,
    Directions,
    pattern_directions,
    visit_directions,
)
from outcomes.mixed.types import Array

Curve = tuple[Array, Array, Array]
At = Callable[[Array], Directions]
"""Takes the free numbers to the directions of a batch."""


@dataclass(frozen=True)
class Autoregressive:
    """AR(1): rho^|j - i| over numbered visits, rho = tanh(free)."""

    def curve(self, distance: Array, free: float) -> Curve:
        """Return the correlation at each distance and its derivatives."""
        rho, d = np.tanh(free), distance
        slope = 1.0 - rho**2
        once, twice = rho ** np.maximum(d - 1.0, 0.0), rho ** np.maximum(d - 2.0, 0.0)
        first = d * once * slope
        second = d * (d - 1.0) * twice * slope**2 - 2.0 * rho * first
        return rho**d, first, second

    def start(self, distance: float, value: float) -> float:
        """Return the free number for a correlation of neighbours."""
        del distance
        return float(np.arctanh(value))


@dataclass(frozen=True)
class OrnsteinUhlenbeck:
    """Continuous AR(1): exp(-rate |t - s|) over any times, rate = exp(free)."""

    def curve(self, distance: Array, free: float) -> Curve:
        """Return the correlation at each distance and its derivatives."""
        reach = distance * np.exp(free)
        value = np.exp(-reach)
        return value, -reach * value, (reach**2 - reach) * value

    def start(self, distance: float, value: float) -> float:
        """Return the free number for a correlation at a distance."""
        return float(np.log(-np.log(max(value, 0.05)) / distance))


@dataclass(frozen=True)
class Compound:
    """Compound symmetry: the same correlation between any two scores of a patient.

    Parameters
    ----------
    lowest : float
        Smallest correlation that leaves the largest patient positive definite, -1/(n - 1).
    """

    lowest: float

    def curve(self, distance: Array, free: float) -> Curve:
        """Return the correlation at each distance and its derivatives."""
        share = 1.0 / (1.0 + np.exp(-free))
        room = (1.0 - self.lowest) * (distance > 0.0)
        value = np.where(distance > 0.0, self.lowest + room * share, 1.0)
        slope = share * (1.0 - share)
        return value, room * slope, room * slope * (1.0 - 2.0 * share)

    def start(self, distance: float, value: float) -> float:
        """Return the free number for a correlation."""
        del distance
        share = (value - self.lowest) / (1.0 - self.lowest)
        return float(np.log(share / (1.0 - share)))


Correlation = Autoregressive | OrnsteinUhlenbeck | Compound
"""A correlation of the distance between two scores."""


@dataclass(frozen=True)
class Stationary:
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
    def visits(self) -> None:
        """None: all visits have the same variance."""

    def parts(self, free: Array, times: Array) -> Array:
        """Return R and, with a correlation, its first two derivatives in it, (e, P, n, n)."""
        distance = np.abs(times[:, :, None] - times[:, None, :])
        variance = np.exp(2.0 * free[0])
        if self.correlation is None:
            return np.asarray(variance * (np.eye(times.shape[1]) + 0.0 * distance)[None])
        return np.asarray(variance * np.array(self.correlation.curve(distance, float(free[1]))))

    def covariances(self, free: Array, times: Array) -> Array:
        """Return R at sets of times, shape (P, n, n)."""
        return np.asarray(self.parts(free, times)[0])

    def directions(self, batch: Batch) -> At:
        """Prepare the matrices that derivatives of V in a batch are made of."""
        return lambda free: pattern_directions(self.parts(free, batch.times), batch)

    def start(self, residual: Array, patients: Array, times: Array, *near: float) -> Array:
        """Return free numbers to start from; ``near``: gap and correlation of neighbours."""
        del patients, times
        scale = np.array([np.log(np.mean(residual**2)) / 2.0])
        return _with_correlation(scale, self.correlation, *near)

    def names(self, labels: dict[float, str]) -> list[str]:
        """Return what each free number stands for."""
        del labels
        return ["the residual variance", "the residual correlation"][: self.n_parameters]

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
class PerVisit:
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

    def covariances(self, free: Array, times: Array) -> Array:
        """Return R at sets of times, shape (P, n, n)."""
        L = self.factor(free) if self.unstructured else None
        R = self._scaled(free)[0] if L is None else L @ L.T
        at = np.searchsorted(self.visits, times)
        return np.asarray(R[at[:, :, None], at[:, None, :]])

    def directions(self, batch: Batch) -> At:
        """Prepare a batch: its matrices are the same for all free numbers."""
        found = visit_directions(self.visits, batch)
        return lambda _: found

    def start(self, residual: Array, patients: Array, times: Array, *near: float) -> Array:
        """Return free numbers to start from; ``near``: gap and correlation of neighbours."""
        covariance = _moments(residual, patients, np.searchsorted(self.visits, times), self.v)
        if not self.unstructured:
            scale = np.log(np.diag(covariance)) / 2.0
            return _with_correlation(scale, self.correlation, *near)
        free = np.linalg.cholesky(covariance)[self.lower]
        free[: self.v] = np.log(free[: self.v])
        return np.asarray(free)

    def names(self, labels: dict[float, str]) -> list[str]:
        """Return what each free number stands for."""
        visits = [labels[float(visit)] for visit in self.visits]
        names = [f"the variance at {visit}" for visit in visits]
        if self.unstructured:
            rows, columns = (part[self.v :] for part in self.lower)
            pairs = zip(columns, rows, strict=True)
            return names + [f"the covariance of {visits[a]} and {visits[b]}" for a, b in pairs]
        return names + ["the residual correlation"] * (self.correlation is not None)

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


Structure = Stationary | PerVisit
"""A residual covariance as a function of free numbers."""


def _with_correlation(scale: Array, correlation: Correlation | None, *near: float) -> Array:
    """Add the start of a correlation, given that of neighbours and their gap."""
    return scale if correlation is None else np.append(scale, correlation.start(*near))


def _moments(residual: Array, patients: Array, visits: Array, v: int) -> Array:
    """Return mean products of residuals by pair of visits, made positive definite."""
    _, patient = np.unique(patients, return_inverse=True)
    wide, seen = np.zeros((patient.max() + 1, v)), np.zeros((patient.max() + 1, v))
    wide[patient, visits], seen[patient, visits] = residual, 1.0
    products = wide.T @ wide / np.maximum(seen.T @ seen, 1.0)
    values, vectors = np.linalg.eigh(products)
    floor = 0.1 * float(np.mean(np.diag(products)))
    return np.asarray(vectors * np.maximum(values, floor) @ vectors.T)

"""Residuals that remember one score back: ar1 and ou, course by course without a matrix of them.

Given the score before it, a score does not depend on earlier ones. With f the correlation over the
gap between neighbours, the precision P of the residuals is therefore tridiagonal (Rue & Held 2005,
Gaussian Markov Random Fields, 1.1),

    s^2 w'Pw = sum w_t^2 + sum u (w_t - w_t-1)^2 + v (w_t^2 + w_t-1^2),
    u = f / (1 - f^2),    v = -f / (1 + f),    log|R| = n log s^2 + sum log(1 - f^2),

the second sum over neighbours. So X'PX is a sum over distinct gaps, of which there are few: with
days that differ for everyone as with numbered visits an evaluation hardly depends on the number of
patients, but for their own random effects. With A = Z'PZ, B = Z'PW of a course, K = (D^-1 + A)^-1,
E = KB and P_r a derivative of P,

    W'V^-1W = sum W'PW - B'E,    its derivative sum (W - ZE)' P_r (W - ZE),

and with J_r = Z'P_r (W - ZE), the second one at P_rs less J_r'K J_s + J_s'K J_r.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import sparse

from outcomes.mixed.likelihood.by_visit.batches import Batch, Directions, Rows, make_batches
from outcomes.mixed.likelihood.by_visit.layout import Layout
from outcomes.mixed.likelihood.by_visit.structures import (
    At,
    Autoregressive,
    Correlation,
    Curve,
    OrnsteinUhlenbeck,
    Stationary,
    Structure,
)
from outcomes.mixed.types import Array

FEW = 8
"""Courses that mostly tell the parameters apart."""

MOST_COLUMNS = 64
"""Beside more, most of them of other levels, each patient's own few columns are less work."""


@dataclass(frozen=True)
class Courses:
    """The rows of a stratum, course by course in order of time.

    Parameters
    ----------
    correlation : Autoregressive or OrnsteinUhlenbeck
    W : array, shape (n, m)
    Z : array, shape (n, q)
    first : array of int, shape (g,)
        First row of each course.
    gaps : array, shape (d,)
        Distinct times between neighbours.
    gap : array of int, shape (n,)
        Which of them lies before a row; d before the first of a course.
    """

    correlation: Correlation
    W: Array
    Z: Array
    first: Array
    gaps: Array
    gap: Array

    @cached_property
    def counts(self) -> Array:
        """How often each gap occurs, shape (d,)."""
        return np.bincount(self.gap, minlength=len(self.gaps) + 1)[:-1]

    @cached_property
    def _columns(self) -> Array:
        return np.hstack([self.Z, self.W])

    @cached_property
    def moments(self) -> Array | None:
        """W'W, then for each gap what u and v multiply; None where that is more than the rows."""
        n, m = self.W.shape
        if len(self.gaps) * m > n:
            return None
        found = [self.W.T @ self.W]
        for rows in np.split(np.argsort(self.gap, kind="stable"), np.cumsum(self.counts))[:-1]:
            later, earlier = self.W[rows], self.W[rows - 1]
            step = later - earlier
            found += [step.T @ step, later.T @ later + earlier.T @ earlier]
        return np.array(found)

    def forms(self, weights: Array) -> Array:
        """Return W'PW for weights of the moments, shape (k, 1 + 2d), as (k, m, m)."""
        if self.moments is not None:
            return np.tensordot(weights, self.moments, axes=1)
        return np.array([self.W.T @ self.times(own[None], self.W)[0] for own in weights])

    def times(self, weights: Array, X: Array) -> Array:
        """Return PX for the same weights, shape (k, n, c)."""
        ends = np.zeros((len(weights), 1))
        u, v = (np.hstack([weights[:, i::2], ends])[:, self.gap[1:], None] for i in (1, 2))
        step = u * np.diff(X, axis=0)
        found = weights[:, :1, None] * X
        found[:, 1:] += step + v * X[1:]
        found[:, :-1] += v * X[:-1] - step
        return np.asarray(found)

    def by_course(self, weights: Array) -> Array:
        """Return Z'P[Z W] of each course, shape (k, g, q, q + m)."""
        (n, q), (k, g) = self.Z.shape, (len(weights), len(self.first))
        if not q:
            return np.zeros((k, g, 0, self.W.shape[1]))
        values = self.times(weights, self.Z).transpose(0, 2, 1).ravel()
        starts = (n * np.arange(k * q)[:, None] + self.first).ravel()
        places = np.tile(np.arange(n), k * q)
        left = sparse.csr_array((values, places, np.append(starts, len(values))), (k * q * g, n))
        found = (left @ self._columns).reshape(k, q, g, -1)
        return np.asarray(found.transpose(0, 2, 1, 3))

    def at(self, free: Array, lam: Array) -> CoursePoint | None:
        """Evaluate at log s, the correlation's number and Lambda; None where f^2 is not below 1."""
        n, q = self.Z.shape
        curve = self.correlation.curve(self.gaps, float(free[1]))
        if not (curve[0] ** 2 < 1.0).all():
            return None
        u, v, logs = _parts_of(curve)
        weights = np.zeros((3, 1 + 2 * len(self.gaps)))
        weights[0, 0], weights[:, 1::2], weights[:, 2::2] = 1.0, u, v
        weights *= np.exp(-2.0 * free[0])
        ends = self.by_course(weights)
        A, B = ends[..., :q], ends[..., q:]
        M = np.eye(q) + lam.T @ A[0] @ lam
        K = lam @ np.linalg.solve(M, np.broadcast_to(lam.T, M.shape))
        logs = logs @ self.counts
        log_det = 2.0 * n * free[0] + logs[0] + np.linalg.slogdet(M)[1].sum()
        return CoursePoint(n, logs, self.forms(weights), A, B, K, _times(K, B[0]), float(log_det))


def _parts_of(curve: Curve) -> tuple[Array, Array, Array]:
    """Return u, v and log(1 - f^2) with two derivatives, each of shape (3, d)."""
    f, once, twice = curve
    h, r = 1.0 / (1.0 - f**2), 1.0 / (1.0 + f)
    parts = (
        (f * h, (1.0 + f**2) * h**2, 2.0 * f * (3.0 + f**2) * h**3),
        (-f * r, -(r**2), 2.0 * r**3),
        (np.log1p(-(f**2)), -2.0 * f * h, -2.0 * (1.0 + f**2) * h**2),
    )
    u, v, logs = (np.array([a, b * once, c * once**2 + b * twice]) for a, b, c in parts)
    return u, v, logs


def _summed(left: Array, right: Array) -> Array:
    """Return sum L'R over courses, for shapes (g, q, m)."""
    m = left.shape[-1]
    return left.reshape(-1, m).T @ right.reshape(-1, m)


@dataclass(frozen=True)
class CoursePoint:
    """What one set of parameters determines in a stratum.

    A first axis of three holds derivatives in the correlation's number, of order 0, 1 and 2.

    Parameters
    ----------
    n : int
        Rows.
    logs : array, shape (3,)
        log|R| of s = 1.
    C : array, shape (3, m, m)
        W'PW.
    A, B : array, shape (3, g, q, q) and (3, g, q, m)
    K, E : array, shape (g, q, q) and (g, q, m)
    log_det : float
        log|V|.
    """

    n: int
    logs: Array
    C: Array
    A: Array
    B: Array
    K: Array
    E: Array
    log_det: float

    @property
    def S(self) -> Array:  # noqa: N802
        """W'V^-1W, shape (m, m)."""
        return np.asarray(self.C[0] - _summed(self.B[0], self.E))

    def derivatives(self, D: Array, Omega: Array) -> tuple[Array, Array, Array, Array]:
        """Differentiate log|V| + <Omega, S> in log s, the correlation's number and the effects.

        Parameters
        ----------
        D : array, shape (k, q, q)
            Derivatives of the covariance of random effects.
        Omega : array, shape (m, m)

        Returns
        -------
        gradient : array, shape (2 + k,)
        hessian : array, shape (2 + k, 2 + k)
            Without the second derivatives of that covariance.
        slopes : array, shape (2 + k, m, m)
            Derivatives of S.
        G : array, shape (q, q)
            What those second derivatives are multiplied by.
        """
        J = self.B - _times(self.A, self.E)
        X = np.array([
            C - _summed(own, self.E) - _summed(self.E, B)
            for C, own, B in zip(self.C, J, self.B, strict=True)
        ])  # fmt: skip
        h = np.sum(X * Omega, axis=(1, 2)) + np.sum(self.K * self.A, axis=(1, 2, 3))
        A, own, k = TURN * self.A[:2], TURN * J[:2], 2 + len(D)
        moved, KA = (own.reshape(-1, len(Omega)) @ Omega).reshape(own.shape), _times(self.K, A)
        gradient, hessian, G = np.zeros(k), np.zeros((k, k)), np.zeros(self.A.shape[2:])
        gradient[:2] = 2.0 * self.n - 2.0 * h[0], h[1] + self.logs[1]
        hessian[:2, :2] = [[4.0 * h[0], -2.0 * h[1]], [-2.0 * h[1], h[2] + self.logs[2]]]
        hessian[:2, :2] -= 2.0 * _traced(_times(self.K, own), moved)
        hessian[:2, :2] -= _traced(KA, KA.swapaxes(2, 3))
        slopes = [*(TURN[:, 0] * X[:2]), *(-_summed(J[0], _times(d, J[0])) for d in D)]
        if len(D):
            rest = np.eye(len(G)) - _times(self.K, self.A[0])
            T = _times(self.A[0], rest)
            fitted = np.einsum("gam,rgbm->rgab", J[0], moved)  # F Omega J_r'
            G = np.sum(T + fitted[0] / 2.0, axis=0)
            gradient[2:] = np.tensordot(D, G, axes=2)
            inner = np.tensordot(T, fitted[0] + T, axes=(0, 0))
            hessian[2:, 2:] = -np.einsum("aij,jkli,bkl->ab", D, inner, D)
            sides = _times(_times(rest.swapaxes(1, 2), A) - 2.0 * fitted, rest)
            hessian[:2, 2:] = _traced(np.sum(sides, axis=1), D)
            hessian[2:, :2] = hessian[:2, 2:].T
        return gradient, hessian, np.array(slopes), G


TURN = np.array([-2.0, 1.0])[:, None, None, None]
"""The derivative of P in log s is -2P, that in the correlation's number has its own form."""


def _times(left: Array, right: Array) -> Array:
    """Return products of many matrices; of one column each, by far quicker element by element."""
    return np.asarray(left * right if left.shape[-1] == 1 else left @ right)


def _traced(left: Array, right: Array) -> Array:
    """Return sums over all but the first axis of each."""
    return left.reshape(len(left), -1) @ right.reshape(len(right), -1).T


@dataclass(frozen=True)
class Stratum:
    """Patients who share the parameters of R.

    Parameters
    ----------
    structure : Structure
    layout : Layout
    rows : array of bool, shape (n,)
        Theirs.
    source : Rows
    Z : array, shape (n, q)
        Columns of the patients' own random effects.
    """

    structure: Structure
    layout: Layout
    rows: Array
    source: Rows
    Z: Array

    @cached_property
    def batches(self) -> tuple[Batch, ...]:
        """The patients sorted by their visits."""
        return make_batches(self.layout, self.rows, self.source, self.Z)

    @cached_property
    def courses(self) -> Courses | None:
        """The rows course by course, where that is all that the likelihood asks for."""
        structure, kinds = self.structure, Autoregressive | OrnsteinUhlenbeck
        if self.source.m > MOST_COLUMNS or not isinstance(structure, Stationary):
            return None
        if not isinstance(structure.correlation, kinds):
            return None
        rows, first = self.layout.by_course(self.rows)
        between = np.diff(self.layout.times[rows], prepend=0.0)
        between[first] = np.inf
        gaps, gap = np.unique(between, return_inverse=True)
        return Courses(
            structure.correlation, self.source.whole(rows), self.Z[rows], first, gaps[:-1], gap
        )

    @cached_property
    def few(self) -> Stratum:
        """The longest courses alone, where all are not sorted anyway."""
        if self.courses is None:
            return self
        longest = np.argsort(-np.bincount(self.layout.codes[self.rows]), kind="stable")[:FEW]
        return replace(self, rows=self.rows & np.isin(self.layout.codes, longest))

    @cached_property
    def _prepared(self) -> list[At]:
        return [self.structure.directions(batch) for batch in self.batches]

    def sorted_at(self, free: Array) -> list[tuple[Batch, Directions]]:
        """Return every batch with the matrices that derivatives of its V are made of."""
        directions = (prepared(free) for prepared in self._prepared)
        return list(zip(self.batches, directions, strict=True))

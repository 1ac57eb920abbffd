"""The constrained model of many trials at once, therapists beside patients: arrays over all trials.

A trial has some 200 scores, and fitting it takes as long as calling the steps of a fit. Here every
step is taken for all trials of a batch, each at its own parameters. These are the elements of the
covariance R of the occasions, and the variances of what therapists add: V is linear in them, so

    D'  = tr(P K_k) - y'P K_k P y
    D'' = 2 y'P K_k P K_l P y - tr(P K_k P K_l)

with K_k the derivatives of V and P what it is in REML (Harville 1977, JASA 72, 320). The search
takes the average information for D'' (Gilmour, Thompson & Cullis 1995, Biometrics 51, 1440), the
end and Satterthwaite's degrees of freedom the exact one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from outcomes.mixed.search import ROUNDING, downhill
from outcomes.mixed.types import Array

CLOSE = 1e-9
"""Promised decrease of the deviance from which exact second derivatives take over."""
ENDED = 1e-16
"""Promised decrease at the optimum."""
NONE = 1e-5
"""Standard deviation between therapists, relative to that of scores, that is on its way to zero."""
MOST_STEPS = 60


@dataclass(frozen=True, eq=False)
class Trials:
    """Courses of several trials with the same occasions, sorted by trial and therapist.

    Parameters
    ----------
    scores, X, Z : array, shape (courses, occasions), (..., p), (..., q)
        What was seen, the fixed columns and those of the course's therapist; zero where not seen.
    seen : array of bool, shape (courses, occasions)
    trial, cluster : array of int, shape (courses,)
        From 0 without gaps.
    """

    scores: Array
    X: Array
    Z: Array
    seen: Any
    trial: Any
    cluster: Any

    @cached_property
    def patterns(self) -> tuple[Any, Any, Any]:
        """Trial and seen occasions of each pattern, and each course's pattern."""
        n = self.seen.shape[1]
        code = self.trial * 2**n + self.seen @ (2 ** np.arange(n))
        _, first, own = np.unique(code, return_index=True, return_inverse=True)
        return self.trial[first], self.seen[first], own

    @cached_property
    def columns(self) -> Array:
        """Z, X and the scores side by side."""
        return np.concatenate([self.Z, self.X, self.scores[..., None]], axis=2)

    @cached_property
    def trial_of_cluster(self) -> Any:
        """Trial of each cluster."""
        return self.trial[_starts(self.cluster)]

    @cached_property
    def basis(self) -> Array:
        """Derivatives of R in its elements, shape (k, occasions, occasions)."""
        rows, columns = np.tril_indices(self.seen.shape[1])
        unit = np.eye(self.seen.shape[1])
        K = unit[rows][:, :, None] * unit[columns][:, None]
        return np.maximum(K, K.swapaxes(1, 2))

    def by_cluster(self, values: Array) -> Array:
        """Sum what courses have."""
        return np.add.reduceat(values, _starts(self.cluster))

    def by_trial(self, values: Array) -> Array:
        """Sum what clusters have."""
        return np.add.reduceat(values, _starts(self.trial_of_cluster))


def _starts(codes: Any) -> Any:
    return np.flatnonzero(np.diff(codes, prepend=-1))


def _t(matrix: Array) -> Array:
    return matrix.swapaxes(-2, -1)


class Fit:
    """All trials at their parameters.

    Parameters
    ----------
    trials : Trials
    R : array, shape (trials, occasions, occasions)
    v : array, shape (trials, q)
        Variances of what therapists add.
    """

    def __init__(self, trials: Trials, R: Array, v: Array) -> None:
        self.trials, self.R, self.v = trials, R, v
        of, seen, own = trials.patterns
        both = seen[:, :, None] & seen[:, None]
        M = np.where(both, R[of], np.eye(R.shape[1]))
        self.A = (np.linalg.inv(M) * both)[own]
        q, p = v.shape[1], trials.X.shape[2]
        self.AW = self.A @ trials.columns
        S = trials.by_cluster(_t(trials.columns) @ self.AW)
        root = np.sqrt(v[trials.trial_of_cluster])
        C = np.eye(q) + root[:, :, None] * S[:, :q, :q] * root[:, None]
        self.U = root[:, :, None] * np.linalg.inv(C) * root[:, None]
        self.Szz, self.Szx, Szy = S[:, :q, :q], S[:, :q, q:-1], S[:, :q, -1]
        total = trials.by_trial(S[:, q:, q:] - _t(S[:, :q, q:]) @ self.U @ S[:, :q, q:])
        self.Phi = np.linalg.inv(total[:, :p, :p])
        self.beta = (self.Phi @ total[:, :p, p:])[..., 0]
        left = Szy - (self.Szx @ self.beta[trials.trial_of_cluster][..., None])[..., 0]
        u = (self.U @ left[..., None])[..., 0]
        self.Zr = left - (self.Szz @ u[..., None])[..., 0]
        self.VX = self.AW[..., q:-1] - self.AW[..., :q] @ (self.U @ self.Szx)[trials.cluster]
        self.r = self.AW[..., -1] - np.einsum(
            "ntk,nk->nt",
            self.AW[..., :-1],
            np.concatenate([u[trials.cluster], self.beta[trials.trial]], axis=1),
        )
        logs = np.linalg.slogdet(M)[1][own]
        self.deviance = (
            trials.by_trial(trials.by_cluster(logs) + np.linalg.slogdet(C)[1])
            + np.linalg.slogdet(total[:, :p, :p])[1]
            + total[:, p, p]
            - np.einsum("sp,sp->s", self.beta, total[:, :p, p])
        )
        self.ZX = self.Szx - self.Szz @ self.U @ self.Szx

    @cached_property
    def gradient(self) -> Array:
        """Of the deviance in the elements of R and in v, shape (trials, k + q)."""
        trials, q = self.trials, self.v.shape[1]
        AZ, Phi = self.AW[..., :q], self.Phi[trials.trial]
        own = self.A - AZ @ self.U[trials.cluster] @ _t(AZ) - self.VX @ Phi @ _t(self.VX)
        own -= self.r[:, :, None] * self.r[:, None]
        G = trials.by_trial(trials.by_cluster(own))
        ZVZ = self.Szz - self.Szz @ self.U @ self.Szz
        ZPZ = ZVZ - self.ZX @ self.Phi[trials.trial_of_cluster] @ _t(self.ZX)
        of_v = trials.by_trial(np.einsum("cqq->cq", ZPZ) - self.Zr**2)
        return np.concatenate([np.einsum("kab,sab->sk", trials.basis, G), of_v], axis=1)

    @cached_property
    def information(self) -> Array:
        """Average information y'P K_k P K_l P y, shape (trials, k + q, k + q)."""
        trials, q = self.trials, self.v.shape[1]
        of_R = np.einsum("kab,nb->nak", trials.basis, self.r) * trials.seen[..., None]
        w = np.concatenate([of_R, trials.Z * self.Zr[trials.cluster][:, None]], axis=2)
        crossed = trials.by_cluster(
            _t(np.concatenate([trials.columns[..., :-1], w], 2)) @ self.A @ w
        )
        Zw, Xw, ww = (
            crossed[:, :q],
            crossed[:, q : q + self.Szx.shape[2]],
            crossed[:, -w.shape[2] :],
        )
        inner = trials.by_trial(ww - _t(Zw) @ self.U @ Zw)
        XVw = trials.by_trial(Xw - _t(self.Szx) @ self.U @ Zw)
        return np.asarray(inner - _t(XVw) @ self.Phi @ XVw)

    @cached_property
    def hessian(self) -> Array:
        """Exact second derivatives of the deviance, shape (trials, k + q, k + q)."""
        traces = [self._traces(k) for k in range(len(self.v))]
        return np.asarray(2.0 * self.information - np.array(traces))

    def _traces(self, k: int) -> Array:
        """Return tr(P K_k P K_l) of one trial, P written out."""
        trials, q = self.trials, self.v.shape[1]
        own, clusters = trials.trial == k, trials.trial_of_cluster == k
        number = trials.cluster[own] - trials.cluster[own].min()
        A, VX, Z = self.A[own], self.VX[own], trials.Z[own]
        n, T, _ = A.shape
        apart = np.eye(clusters.sum())[number][:, None, :, None]

        def spread(columns: Array) -> Array:
            return np.asarray((apart * columns[:, :, None]).reshape(n * T, -1))

        AZ = self.AW[own][..., :q]
        AZU = spread(AZ @ self.U[clusters][number])
        P = np.zeros((n, T, n, T))
        P[np.arange(n), :, np.arange(n)] = A
        P = P.reshape(n * T, n * T)
        flat = VX.reshape(n * T, -1)
        P -= np.hstack([AZU, flat @ self.Phi[k]]) @ np.hstack([spread(AZ), flat]).T
        PZ = P @ spread(Z)
        pairs = P.reshape(n, T, n, T).transpose(1, 3, 0, 2).reshape(T * T, -1)
        basis = trials.basis
        t = (pairs @ pairs.T).reshape(T, T, T, T)
        of_R = np.einsum("kab,lcd,bcad->kl", basis, basis, t, optimize=True)
        by_row = PZ.reshape(n, T, -1, q)
        mixed = np.einsum("kab,nacq,nbcq->kq", basis, by_row, by_row, optimize=True)
        ZPZ = (spread(Z).T @ PZ).reshape(clusters.sum(), q, clusters.sum(), q)
        of_v = np.einsum("cqdr,cqdr->qr", ZPZ, ZPZ)
        return np.block([[of_R, mixed], [mixed.T, of_v]])

    def contrast(self, weights: Array) -> tuple[Array, Array, Array]:
        """Return estimate, standard error and Satterthwaite's df of a combination."""
        trials = self.trials
        half = self.Phi @ weights
        at = np.einsum("ntp,np->nt", self.VX, half[trials.trial])
        of_R = trials.by_trial(trials.by_cluster(at[:, :, None] * at[:, None]))
        of_v = np.einsum("cqp,cp->cq", self.ZX, half[trials.trial_of_cluster]) ** 2
        slope = np.concatenate(
            [np.einsum("kab,sab->sk", trials.basis, of_R), trials.by_trial(of_v)], axis=1
        )
        variance = half @ weights
        spread = 2.0 * np.einsum("sk,skl,sl->s", slope, self.inverse, slope)
        return self.beta @ weights, np.sqrt(variance), 2.0 * variance**2 / spread

    @cached_property
    def inverse(self) -> Array:
        """Inverse of the Hessian among parameters that are not at zero."""
        k = len(self.trials.basis)
        free = np.concatenate([np.ones((len(self.v), k), bool), self.v > 0], axis=1)
        both = free[:, :, None] & free[:, None]
        H = np.where(both, self.hessian, np.eye(both.shape[1]))
        return np.asarray(np.linalg.inv(H) * both)


def fitted(trials: Trials) -> tuple[Fit, Any]:
    """Fit all trials by REML; returns them at their optimum, and which of them got there."""
    found = _searched(trials)
    ended = np.zeros(len(found.v), bool)
    for _ in range(4):
        step = -np.einsum("skl,sl->sk", found.inverse, found.gradient)
        step[ended] = 0.0  # a trial ends where it would alone
        left = np.einsum("sk,sk->s", step, found.gradient) / 2.0
        ended |= (np.abs(left) < ENDED) & _is_lowest(found)
        if ended.all():
            break
        k = len(trials.basis)
        R = found.R + np.einsum("sk,kab->sab", step[:, :k], trials.basis)
        able = (np.linalg.eigvalsh(R)[:, 0] > 0) & (found.v + step[:, k:] >= 0).all(axis=1)
        R = np.where(able[:, None, None], R, found.R)
        found = Fit(trials, R, np.where(able[:, None], found.v + step[:, k:], found.v))
    return found, ended


def _is_lowest(found: Fit) -> Any:
    """Whether the deviance is curved upwards, and grows with each variance that is zero."""
    k = len(found.trials.basis)
    inward = np.where(found.v > 0, 0.0, found.gradient[:, k:])
    return (inward >= 0).all(axis=1) & (np.linalg.eigvalsh(found.inverse)[:, 0] > -1e-8)


def _searched(trials: Trials) -> Fit:
    """Walk downhill in the Cholesky factor of R and in standard deviations, all trials at once."""
    T, q, n = trials.seen.shape[1], trials.Z.shape[2], int(trials.trial.max()) + 1
    rows, columns = np.tril_indices(T)
    counts = np.bincount(trials.trial, trials.seen.sum(axis=1))
    mean = np.bincount(trials.trial, trials.scores.sum(axis=1)) / counts
    rest = (trials.scores - mean[trials.trial][:, None]) * trials.seen
    scale = np.sqrt(np.bincount(trials.trial, (rest**2).sum(axis=1)) / counts)
    start = np.linalg.cholesky(0.5 * (np.eye(T) + 1.0))[rows, columns]
    theta = scale[:, None] * np.append(start, np.full(q, 0.2))
    k = len(rows)

    def at(theta: Array) -> Fit:
        L = np.zeros((n, T, T))
        L[:, rows, columns] = theta[:, :k]
        return Fit(trials, L @ _t(L), theta[:, k:] ** 2)

    def slopes(theta: Array, point: Fit) -> tuple[Array, Array]:
        L = np.zeros((n, T, T))
        L[:, rows, columns] = theta[:, :k]
        J = np.zeros((n, k + q, k + q))
        unit = np.eye(T)[rows]
        own = unit[None, :, :, None] * _t(L)[:, columns][:, :, None]
        J[:, :k, :k] = np.einsum("slab->sabl", own + _t(own))[:, rows, columns]
        J[:, np.arange(k, k + q), np.arange(k, k + q)] = 2.0 * theta[:, k:]
        metric = _t(J) @ point.information @ J
        metric[:, np.arange(k, k + q), np.arange(k, k + q)] += 2.0 * point.gradient[:, k:]
        return np.einsum("skl,sk->sl", J, point.gradient), metric

    point, length, active = at(theta), np.ones(n), np.ones(n, bool)
    gradient, metric = slopes(theta, point)
    for _ in range(MOST_STEPS):
        step = downhill(metric, gradient)
        promised = np.einsum("sk,sk->s", gradient, step)
        active = -promised / 2.0 > CLOSE
        if not active.any():
            break
        length = np.where(active, length, 0.0)
        tried = theta + length[:, None] * step
        better = at(tried)
        least = 1e-4 * length * promised + ROUNDING * np.abs(point.deviance)
        good = (better.deviance <= point.deviance + least) & active
        theta = np.where(good[:, None], tried, theta)
        length = np.where(good, 1.0, length / 2.0)
        length = np.where(active, length, 1.0)
        point = at(theta) if not good[active].all() else better
        gradient, metric = slopes(theta, point)
    theta[:, k:] = np.where(np.abs(theta[:, k:]) < NONE * scale[:, None], 0.0, theta[:, k:])
    return at(theta)

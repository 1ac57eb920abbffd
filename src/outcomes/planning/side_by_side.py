"""Mixed models of many studies at once: every step is taken for all of them, each at its own theta.

A study has some hundred scores, and fitting it takes as long as calling the steps of a fit. Here
they are calls of arrays over all studies. Scores lie in blocks (a course, or the courses of a
patient) that are independent but for columns of random effects across blocks (therapists) and the
fixed columns. With K_k the derivatives of V in the variances and covariances, V being linear in
them, and P what it is in REML (Harville 1977, JASA 72, 320),

    D'_k  = tr(P K_k) - y'P K_k P y
    D''_kl = 2 y'P K_k P K_l P y - tr(P K_k P K_l)

are exact, and P = V0^-1 - F F' with V0 block by block and F as narrow as the columns are few. Those
of the residual variance follow from V being homogeneous of degree one (Euler).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from outcomes.mixed.covariance import BlockCovariance, semidefinite_cholesky
from outcomes.mixed.likelihood.batched import gram, identity_minus, multiply, weighted_gram
from outcomes.mixed.likelihood.elimination import posterior
from outcomes.mixed.search import descend_all
from outcomes.mixed.types import Array

ENDED = 1e-15
"""Promised decrease of the deviance at the optimum."""
LONGEST = 0.5
"""Longest step in a standard deviation, that of a study's scores being one."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """Blocks with the same random columns Z, and what their rows add up to.

    Parameters
    ----------
    A, B : array, shape (q, q, studies, blocks), (q, m, studies, blocks)
        Z'Z and Z'W; zero where a study has fewer blocks. W holds the columns across blocks, the
        fixed columns and the scores.
    basis : array, shape (k, q, q)
        Derivatives of the covariance of a block's effects in its variances and covariances.
    seen : array of bool, shape (q, studies, blocks), optional
        Which occasions were seen, where a block has no residual beside its effects: Z then is the
        identity, and A is not used.
    """

    A: Array
    B: Array
    basis: Array
    seen: Any = None


@dataclass(frozen=True, eq=False)
class Models:
    """The same model of several studies.

    Parameters
    ----------
    blocks : tuple of Blocks
    C : array, shape (m, m, studies)
        W'W; zero without a residual.
    n, logs : array, shape (studies,)
        Rows, and what else belongs to the deviance.
    across : array of int, shape (d,)
        Number of the variance of each random column across blocks.
    q : int
        Effects of a course, whose covariance is free; other elements of the basis are variances.
    """

    blocks: tuple[Blocks, ...]
    C: Array
    n: Array
    across: Any
    q: int
    logs: Any = 0.0

    def of(self, studies: Any) -> Models:
        """Return some of the studies."""
        blocks = tuple(
            Blocks(
                own.A[:, :, studies], own.B[:, :, studies], own.basis,
                None if own.seen is None else own.seen[:, studies],
            )
            for own in self.blocks
        )  # fmt: skip
        return replace(
            self,
            blocks=blocks,
            C=self.C[..., studies],
            n=self.n[studies],
            logs=self.logs[studies] if np.ndim(self.logs) else self.logs,
        )

    @property
    def residual(self) -> bool:
        """Whether scores have a residual beside the effects of their block."""
        return self.blocks[0].seen is None

    @cached_property
    def kinds(self) -> Array:
        """Which columns across blocks a variance is of, shape (variances, d)."""
        return np.eye(int(self.across.max(initial=-1)) + 1)[:, self.across]

    @cached_property
    def free(self) -> BlockCovariance:
        """Layout of a course's Cholesky factor, whose elements are free."""
        return BlockCovariance((self.q,))

    def start(self) -> Array:
        """Return where a search begins; scores have a variance of about one."""
        k = len(self.blocks[0].basis) - self.free.n_theta + len(self.kinds)
        V = 0.5 * (np.eye(self.q) + 1.0)
        if self.residual:
            V = 0.49 * np.diag(0.25 ** np.arange(self.q))
        one = [*self.free.theta(V), *np.full(k, 0.2), *[0.7] * self.residual]
        return np.tile(one, (len(self.n), 1))


def symmetric(q: int) -> Array:
    """Return the derivatives of a symmetric matrix in its lower elements, shape (k, q, q)."""
    return np.array(BlockCovariance((q,)).directions())


def _t(matrix: Array) -> Array:
    return matrix.swapaxes(-2, -1)


def _first(values: Array) -> Array:
    return np.moveaxis(values, -1, 0)


class Fit:
    """All studies at their parameters.

    Parameters
    ----------
    models : Models
    theta : array, shape (studies, k)
        Elements of the Cholesky factor of a course's effects, and standard deviations: of further
        elements of the basis, of the columns across blocks, and of the residual.
    """

    def __init__(self, models: Models, theta: Array) -> None:
        self.models, self.theta = models, theta
        d, free = len(models.across), models.free
        k, self.L = free.n_theta, free.factor(theta[:, : free.n_theta])
        sigma = (self.L @ _t(self.L))[..., free.rows, free.columns]
        self.linear = np.concatenate([sigma, theta[:, k:] ** 2], axis=1)
        self.unit = self.linear[:, -1] if models.residual else np.ones(len(theta))
        self.parts = [self._inside(own) for own in models.blocks]
        S = _first(sum((S for *_, S, _ in self.parts), models.C / self.unit))
        logs = sum(logs for *_, logs in self.parts) + models.residual * models.n * np.log(self.unit)
        v = self.linear[:, len(models.blocks[0].basis) :][:, : len(models.kinds)] @ models.kinds
        root = np.sqrt(v)
        C = np.linalg.cholesky(np.eye(d) + root[:, :, None] * S[:, :d, :d] * root[:, None])
        half = np.linalg.inv(C) * root[:, None]
        Y = half @ S[:, :d, d:]
        total = S[:, d:, d:] - _t(Y) @ Y
        p = total.shape[1] - 1
        self.empty = np.einsum("spp->sp", total[:, :p, :p]) == 0.0
        X = np.linalg.cholesky(total[:, :p, :p] + np.eye(p) * self.empty[:, None])
        back = np.linalg.inv(X)
        self.Phi = _t(back) @ back
        z = (back @ total[:, :p, p:])[..., 0]
        self.beta = (_t(back) @ z[..., None])[..., 0]
        self.rss = total[:, p, p] - np.sum(z * z, axis=1)
        diagonals = [np.log(np.einsum("sdd->sd", part)).sum(axis=1) for part in (C, X)]
        self.deviance = models.logs + logs + 2.0 * sum(diagonals) + self.rss
        XU = -_t(half) @ Y[..., :p]
        self.fixed = np.concatenate([XU, np.broadcast_to(np.eye(p), (len(theta), p, p))], axis=1)
        F = np.concatenate([_t(half), np.zeros((len(theta), p, d))], axis=1)
        F = np.concatenate([F, self.fixed @ _t(back) * ~self.empty[:, None]], axis=2)
        u = _t(half) @ (half @ S[:, :d, -1:] - Y[..., :p] @ self.beta[..., None])
        w = np.concatenate([-u[..., 0], -self.beta, np.ones((len(theta), 1))], axis=1)
        self.S, self.F, self.w = S, F, w

    def _inside(self, own: Blocks) -> tuple[Array, Array, Array, Array]:
        """Return Z'V0^-1Z, Z'V0^-1W, its share of W'V0^-1W, and of log|V0|."""
        sigma = np.einsum("kab,sk->abs", own.basis, self.linear[:, : len(own.basis)])
        if own.seen is not None:
            H, logs = _inverses(sigma, own.seen)
            U = multiply(H, own.B)
            return H, U, np.sum([gram(*both) for both in zip(own.B, U, strict=True)], axis=0), logs
        A, B = own.A / self.unit[:, None], own.B / self.unit[:, None]
        L = np.moveaxis(semidefinite_cholesky(_first(sigma)), 0, -1)[..., None]
        K, logs = posterior(A, L, None)
        N = identity_minus(multiply(A, K))
        return multiply(N, A), multiply(N, B), -weighted_gram(K, B), logs.sum(axis=-1)

    def _columns(self) -> Iterator[tuple[Array, Array, Array, Array]]:
        """Yield basis, Z'V0^-1Z, Z'V0^-1F and Z'Py of each kind of blocks, studies first."""
        r = self.F.shape[2]
        for own, (H, U, _, _) in zip(self.models.blocks, self.parts, strict=True):
            W = U.transpose(2, 0, 1, 3)
            yield (
                own.basis, H, _t(self.F)[:, None] @ W[:, :, :r],
                (self.w[:, None, None] @ W)[:, :, 0],
            )  # fmt: skip

    @cached_property
    def slopes(self) -> tuple[Array, Array]:
        """tr(P K_k) and y'P K_k P y, shape (studies, k)."""
        models = self.models
        a = b = np.zeros(())
        for basis, H, L, e in self._columns():
            flat = L.reshape(*L.shape[:2], -1)
            a = a + np.einsum("kab,sab->sk", basis, _first(H.sum(axis=-1)) - flat @ _t(flat))
            b = b + np.einsum("kab,sab->sk", basis, e @ _t(e))
        a = np.concatenate([a, np.einsum("sdd->sd", self.inner) @ models.kinds.T], axis=1)
        b = np.concatenate([b, self.across**2 @ models.kinds.T], axis=1)
        if not models.residual:
            return a, b
        known = models.n - np.sum(~self.empty, axis=1), self.rss
        a, b = (
            np.concatenate([x, self._euler(whole, x)[:, None]], axis=1)
            for x, whole in zip((a, b), known, strict=True)
        )
        return a, b

    def _euler(self, whole: Array, known: Array) -> Array:
        """Return what the residual variance has, of values that add up when weighted by them."""
        k = known.shape[-1]
        linear = self.linear[:, :k] if known.ndim == 2 else self.linear[:, None, :k]
        return np.asarray(
            (whole - np.sum(linear * known, axis=-1))
            / (self.unit if known.ndim == 2 else self.unit[:, None])
        )

    @cached_property
    def inner(self) -> Array:
        """Zo'P Zo of the columns across blocks."""
        d = len(self.models.across)
        Lo = self.S[:, :d, :-1] @ self.F
        return np.asarray(self.S[:, :d, :d] - Lo @ _t(Lo))

    @cached_property
    def across(self) -> Array:
        """Zo'P y."""
        return np.asarray((self.S[:, : len(self.models.across)] @ self.w[..., None])[..., 0])

    @property
    def gradient(self) -> Array:
        """Of the deviance in variances and covariances, shape (studies, k)."""
        a, b = self.slopes
        return a - b

    @cached_property
    def hessian(self) -> Array:
        """Second derivatives of the deviance in variances and covariances."""
        models, d = self.models, len(self.models.across)
        Lo = self.S[:, :d, :-1] @ self.F
        traces = inner = t = M = mixed = moved = np.zeros(())
        for (basis, H, L, e), (_, U, _, _) in zip(self._columns(), self.parts, strict=True):
            EH = np.einsum("kab,bcsi->skaci", basis, H)
            EL = np.einsum("kab,sbci->skaci", basis, np.einsum("sari,sbri->sabi", L, L))
            v = np.einsum("kab,sbi->skai", basis, e)
            flat = (*EH.shape[:2], -1)
            one, two = EH.reshape(flat), EH.swapaxes(2, 3).reshape(flat)
            between = EL.swapaxes(2, 3).reshape(flat) @ _t(one)
            traces = traces + one @ _t(two) - between - _t(between)
            Hv = np.einsum("absi,skbi->skai", H, v)
            inner = inner + v.reshape(flat) @ _t(Hv.reshape(flat))
            t = t + np.einsum("sari,skai->skr", L, v)
            pairs = L[:, :, None] @ _t(L)[:, None]
            M = M + np.einsum("kab,sabrt->skrt", basis, pairs)
            R = U.transpose(2, 0, 1, 3)[:, :, :d] - Lo[:, None] @ L
            mixed = mixed + np.einsum("kab,sadi,sbdi->skd", basis, R, R, optimize=True)
            moved = moved + np.einsum("skai,sadi->skd", v, R)
        flat = (*M.shape[:2], -1)
        traces = traces + M.reshape(flat) @ _t(M.reshape(flat))
        inner = inner - t @ _t(t)
        kinds = models.kinds.T
        square = _t(kinds[None]) @ self.inner**2 @ kinds
        crossed = self.across[:, :, None] * self.inner * self.across[:, None]
        traces = bordered(traces, mixed @ kinds, square)
        inner = bordered(inner, (moved * self.across[:, None]) @ kinds, kinds.T @ crossed @ kinds)
        if models.residual:
            a, b = self.slopes
            traces, inner = self._with_residual(traces, a), self._with_residual(inner, b)
        return np.asarray(2.0 * inner - traces)

    def _with_residual(self, known: Array, whole: Array) -> Array:
        beside = self._euler(whole[:, :-1], known)
        last = self._euler(whole[:, -1], beside)
        return bordered(known, beside[..., None], last[:, None, None])

    @cached_property
    def jacobian(self) -> Array:
        """Derivatives of variances and covariances in theta."""
        free, size = self.models.free, self.theta.shape[1]
        k, J = free.n_theta, np.zeros((len(self.theta), size, size))
        J[:, :k, :k] = _t(free.slopes(self.L)[..., free.rows, free.columns])
        J[:, np.arange(k, size), np.arange(k, size)] = 2.0 * self.theta[:, k:]
        return J

    @cached_property
    def slope(self) -> Array:
        """Gradient in theta."""
        return np.asarray(np.einsum("skl,sk->sl", self.jacobian, self.gradient))

    @cached_property
    def in_theta(self) -> tuple[Array, Array]:
        """Gradient and second derivatives in theta."""
        J, g, free = self.jacobian, self.gradient, self.models.free
        k, size = free.n_theta, J.shape[1]
        H = _t(J) @ self.hessian @ J
        H[:, :k, :k] += free.curvature(free.factor(g[:, :k]))
        H[:, np.arange(k, size), np.arange(k, size)] += 2.0 * g[:, k:]
        return self.slope, H

    def contrast(self, weights: Array) -> tuple[Array, Array, Array]:
        """Return a combination of coefficients, its variance, and what theta changes that by.

        Parameters
        ----------
        weights : array, shape (studies, p) or (p,)
        """
        weights = np.broadcast_to(weights, self.beta.shape)
        half = (self.Phi @ weights[..., None])[..., 0]
        variance = np.sum(half * weights, axis=1)
        columns = (self.fixed @ half[..., None])[..., 0]
        slope: Any = 0.0
        for own, (_, U, _, _) in zip(self.models.blocks, self.parts, strict=True):
            f = (columns[:, None, None] @ U.transpose(2, 0, 1, 3)[:, :, :-1])[:, :, 0]
            slope = slope + np.einsum("kab,sab->sk", own.basis, f @ _t(f))
        over = (self.S[:, : len(self.models.across), :-1] @ columns[..., None])[..., 0]
        slope = np.concatenate([slope, over**2 @ self.models.kinds.T], axis=1)
        if self.models.residual:
            slope = np.concatenate([slope, self._euler(variance, slope)[:, None]], axis=1)
        return (
            np.sum(self.beta * weights, axis=1), variance,
            np.einsum("skl,sk->sl", self.jacobian, slope),
        )  # fmt: skip


def bordered(inside: Array, beside: Array, corner: Array) -> Array:
    """Return symmetric matrices with a further row and column, or several."""
    top = np.concatenate([inside, beside], axis=2)
    return np.concatenate([top, np.concatenate([_t(beside), corner], axis=2)], axis=1)


def _inverses(sigma: Array, seen: Any) -> tuple[Array, Array]:
    """Invert the covariance of the occasions seen, once a pattern."""
    codes = np.tensordot(2 ** np.arange(len(seen)), seen, axes=1)
    used, own = np.unique(codes, return_inverse=True)
    masks = (used[:, None] >> np.arange(len(seen))) & 1 == 1
    both = masks[:, :, None] & masks[:, None]
    M = np.where(both, _first(sigma)[:, None], np.eye(len(seen)))
    logs, inverse = np.linalg.slogdet(M)[1], np.linalg.inv(M) * both
    own, of = own.reshape(codes.shape), np.arange(codes.shape[0])[:, None]
    return np.moveaxis(inverse[of, own], (-2, -1), (0, 1)), logs[of, own].sum(axis=1)


def searched(models: Models) -> tuple[Fit, Any]:
    """Fit all models by REML; returns them at their optimum, and which of them got there."""
    parts: dict[int, Models] = {len(models.n): models}

    def at(studies: Any, theta: Array) -> Fit:
        if len(studies) not in parts:
            parts[len(studies)] = models.of(studies)
        return Fit(parts[len(studies)], theta)

    theta, ended = descend_all(at, models.start(), ENDED, LONGEST)
    return Fit(models, theta), ended

"""The deviance (ML) with one parameter held, as an unconstrained function of all others.

Each function has the exact gradient, from d deviance = tr(G dSigma) at a fixed residual variance:

- a coefficient held at b adds (b - beta_j)^2 / Phi_jj to the residual sum of squares, with the
  other coefficients and sigma at their best; what is left to search is theta;
- for a standard deviation held at s, the effect is put first in its covariance, whose Cholesky
  factor then starts with the row (s, 0, ...); for a correlation held at r, the two effects are put
  first, and the first rows are a (1, 0, ...) and c (r, sqrt(1 - r^2), 0, ...) with log a and log c
  free; sigma is simply given. What is left to search is the rest of the factors, and log sigma.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from scipy.linalg import qr, solve_triangular

from outcomes.mixed.covariance import semidefinite_cholesky
from outcomes.mixed.likelihood.by_elimination import ByElimination
from outcomes.mixed.likelihood.deviance import (
    covariance_gradients,
    factors_of,
    profile,
    theta_gradient,
)
from outcomes.mixed.likelihood.elimination import eliminate
from outcomes.mixed.record import Fit
from outcomes.mixed.types import Array

LOG_2PI = float(np.log(2.0 * np.pi))


class Held(Protocol):
    """A deviance with one parameter held."""

    @property
    def start(self) -> Array:
        """Where the other parameters stand at the optimum."""
        ...

    @property
    def nudged(self) -> Array:
        """Which of them are standard deviations, where zero is stationary."""
        ...

    def evaluate(self, others: Array, value: float) -> tuple[float, Array]:
        """Return the deviance and its gradient in the others."""
        ...


@dataclass(frozen=True)
class HeldCoefficient:
    """A fixed coefficient held, in the units of the data.

    Parameters
    ----------
    fit : Fit
        By maximum likelihood.
    likelihood : ByElimination
    j : int
        Position of the coefficient.
    """

    fit: Fit
    likelihood: ByElimination
    j: int

    @property
    def start(self) -> Array:
        """Theta at the optimum, in the working basis."""
        return self.fit.optimum.end

    @property
    def nudged(self) -> Array:
        """Diagonal elements of theta."""
        return self.likelihood.objective.is_diagonal

    def evaluate(self, others: Array, value: float) -> tuple[float, Array]:
        """Return the deviance and its gradient in theta."""
        objective, basis = self.likelihood.objective, self.likelihood.basis
        lam = factors_of(others, objective.blocks)
        found = eliminate(objective.products, lam)
        solved = profile(found.S)
        unit = np.eye(len(basis.R))[self.j]
        a = solve_triangular(basis.R, unit, trans="T")
        along = solved.Phi @ a
        gap = (value - basis.start[self.j]) / basis.scale - a @ solved.beta
        held = replace(
            solved,
            beta=solved.beta + along * gap / (a @ along),
            rss=solved.rss + gap**2 / (a @ along),
        )
        variance = held.rss / objective.products.n
        G = covariance_gradients(found, held, variance, reml=False)
        size = found.log_det + objective.products.n * (1.0 + LOG_2PI + np.log(variance))
        return float(size), theta_gradient(objective.blocks, G, lam)


@dataclass(frozen=True)
class Block:
    """One term's covariance.

    Parameters
    ----------
    factor : int
        Position of the grouping factor.
    inside : slice
        The term's effects among those of the factor.
    transform : array, shape (k, k)
        Working effects are this times the block's own coordinates: the held effects, then others.
    L : array, shape (k, k)
        Cholesky factor of the coordinates' covariance at the optimum, in working units of the
        response.
    """

    factor: int
    inside: slice
    transform: Array
    L: Array


@dataclass(frozen=True)
class HeldCovariance:
    """A standard deviation, a correlation or sigma held.

    Parameters
    ----------
    fit : Fit
        By maximum likelihood.
    likelihood : ByElimination
    blocks : tuple of Block
        Every term; the one with the held parameter has the held effects as first coordinates.
    held : int or None
        Position of that block; None when sigma is held.
    kind : {"sd", "cor", "sigma"}
    """

    fit: Fit
    likelihood: ByElimination
    blocks: tuple[Block, ...]
    held: int | None
    kind: str

    @property
    def start(self) -> Array:
        """Free elements of the factors, then log sigma unless it is held."""
        parts = [block.L[self._free(k)] for k, block in enumerate(self.blocks)]
        if self.kind == "cor" and self.held is not None:
            L = self.blocks[self.held].L
            parts.insert(self.held + 1, np.log([L[0, 0], np.hypot(L[1, 0], L[1, 1])]))
        sigma = [] if self.kind == "sigma" else [np.log(self._sigma)]
        return np.concatenate([*parts, sigma])

    @property
    def nudged(self) -> Array:
        """Diagonal elements of the factors."""
        parts = []
        for k in range(len(self.blocks)):
            rows, columns = self._free(k)
            parts.append(np.asarray(rows == columns))
            if self.kind == "cor" and k == self.held:
                parts.append(np.array([False, False]))
        sigma = [] if self.kind == "sigma" else [np.array([False])]
        return np.concatenate([*parts, *sigma])

    @property
    def _sigma(self) -> float:
        return self.fit.estimates.sigma / self.likelihood.basis.scale

    def _free(self, k: int) -> tuple[Array, Array]:
        """Return rows and columns of the free elements of a block's factor."""
        size = len(self.blocks[k].L)
        rows, columns = np.tril_indices(size)
        if k != self.held:
            return rows, columns
        fixed = rows < (1 if self.kind == "sd" else 2)
        return rows[~fixed], columns[~fixed]

    def _unpack(self, others: Array, value: float) -> tuple[list[Array], float]:
        scale, start, found = self.likelihood.basis.scale, 0, []
        for k, block in enumerate(self.blocks):
            L = np.zeros_like(block.L)
            free = self._free(k)
            L[free] = others[start : start + len(free[0])]
            start += len(free[0])
            if k == self.held and self.kind == "sd":
                L[0, 0] = value / scale
            elif k == self.held:
                L[:2, :2] = np.exp(others[start : start + 2])[:, None] * _directions(value)
                start += 2
            found.append(L)
        sigma = value / scale if self.kind == "sigma" else float(np.exp(others[-1]))
        return found, sigma

    def evaluate(self, others: Array, value: float) -> tuple[float, Array]:
        """Return the deviance and its gradient in the others."""
        objective = self.likelihood.objective
        factors, sigma = self._unpack(others, value)
        lam = [np.zeros((block.q, block.q)) for block in objective.blocks]
        for block, L in zip(self.blocks, factors, strict=True):
            lam[block.factor][block.inside, block.inside] = block.transform @ L / sigma
        found = eliminate(objective.products, lam)
        solved = profile(found.S)
        G = covariance_gradients(found, solved, sigma**2, reml=False)
        n = objective.products.n
        size = found.log_det + n * (LOG_2PI + 2.0 * np.log(sigma)) + solved.rss / sigma**2
        return float(size), self._gradient(factors, G, sigma, solved.rss)

    def _gradient(self, factors: list[Array], G: list[Array], sigma: float, rss: float) -> Array:
        parts, slope = [], 2.0 * (self.likelihood.objective.products.n - rss / sigma**2)
        for k, (block, L) in enumerate(zip(self.blocks, factors, strict=True)):
            own = block.transform.T @ G[block.factor][block.inside, block.inside]
            d_L = 2.0 * own @ block.transform @ L / sigma**2
            parts.append(d_L[self._free(k)])
            if k == self.held and self.kind == "cor":
                parts.append(np.sum(d_L[:2, :2] * L[:2, :2], axis=1))
            slope -= float(np.sum(d_L * L))
        return np.concatenate([*parts, [] if self.kind == "sigma" else [slope]])


def _directions(correlation: float) -> Array:
    return np.array([[1.0, 0.0], [correlation, np.sqrt(max(0.0, 1.0 - correlation**2))]])


def held_covariance(
    fit: Fit,
    likelihood: ByElimination,
    factor: int | None = None,
    position: tuple[int, int] | None = None,
) -> HeldCovariance:
    """Hold the variance (i, i) or correlation (i, j) of a grouping factor; sigma if none is given.

    Parameters
    ----------
    fit : Fit
        By maximum likelihood.
    factor : int, optional
        Position of the grouping factor.
    position : tuple of int, optional
        Effects of one term on it.
    """
    blocks: list[Block] = []
    held = None
    for f, grouping in enumerate(fit.design.factors):
        start = 0
        for size in grouping.covariance.sizes:
            inside = slice(start, start + size)
            if f == factor and position is not None and start <= position[0] < start + size:
                held = len(blocks)
                first = [k - start for k in dict.fromkeys(position)]
                blocks.append(_block(fit, likelihood, f, inside, first))
            else:
                blocks.append(_block(fit, likelihood, f, inside, None))
            start += size
    kind = "sigma" if position is None else ("sd" if position[0] == position[1] else "cor")
    return HeldCovariance(fit, likelihood, tuple(blocks), held, kind)


def _block(
    fit: Fit, likelihood: ByElimination, factor: int, inside: slice, first: list[int] | None
) -> Block:
    """Put the held effects first, and complete them by working effects, which are conditioned."""
    T = likelihood.working.transforms[factor][inside, inside]
    covariance = fit.estimates.covariances[factor][inside, inside] / likelihood.basis.scale**2
    held = np.linalg.inv(T)[first or []]
    beside = np.eye(len(T)) - np.linalg.pinv(held) @ held
    chosen = np.sort(qr(beside, pivoting=True)[2][: len(T) - len(held)])
    coordinates = np.vstack([held, np.eye(len(T))[chosen]])
    L = semidefinite_cholesky(coordinates @ T @ covariance @ T.T @ coordinates.T)
    return Block(factor, inside, np.linalg.inv(coordinates), L)

"""Algebra with V where residuals are correlated: rows are first made independent.

T is lower triangular patient by patient with T R T' = I, R including prior weights. With
H = T Z Lambda, V^-1 = T'(I - H M^-1 H')T and M = H'H + I, so that everything made for independent
residuals holds for the rows T y, at residual variance one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from outcomes.mixed.record import Fit
from outcomes.mixed.residual.solved import Correlated
from outcomes.mixed.residual.structures import ByDistance
from outcomes.mixed.row_covariance import CHUNK, Conditional, MarginalCovariance, effect_rows
from outcomes.mixed.types import Array


@dataclass(frozen=True)
class WhitenedCovariance(MarginalCovariance):
    """The covariance of rows whose residuals are correlated.

    Parameters
    ----------
    T : sparse array, shape (n, n)
        Makes residuals independent with variance one.
    """

    T: sparse.csr_array

    def scale(self, columns: Array) -> Array:
        """Return T M: rows with independent residuals."""
        return np.asarray(self.T @ columns)

    def solve(self, columns: Array) -> Array:
        """Return V^-1 M for columns M, shape (n,) or (n, k)."""
        scaled = self.T @ columns
        if self.H.shape[1]:
            scaled = scaled - self.H @ self.M.solve(self.H.T @ scaled)
        return np.asarray(self.T.T @ scaled)

    @cached_property
    def expected_effects(self) -> Array:
        """M^-1 H' T X."""
        if not self.H.shape[1]:
            return np.zeros((0, self.X.shape[1]))
        return np.asarray(self.M.solve(self.H.T @ (self.T @ self.X)))

    def block(self, rows: Array) -> Array:
        """Return V^-1 at some rows and the same columns, shape (k, k)."""
        own = self.T[:, rows].toarray()
        inner = own.T @ own
        if self.H.shape[1]:
            reach = self.H.T @ own
            inner -= reach.T @ self.M.solve(reach)
        return np.asarray(inner)

    def covariance(self, rows: Array) -> Array:
        """Return V of some rows, all the rows of their patients, shape (k, k)."""
        back = np.linalg.inv(self.T[rows][:, rows].toarray())
        H = self.H[rows]
        return np.asarray(back @ ((H @ H.T).toarray() + np.eye(len(rows))) @ back.T)


def whitened_covariance(fit: Fit, correlated: Correlated) -> WhitenedCovariance:
    """Prepare the covariance of the rows a model was fitted to."""
    factors = _factors(correlated)
    design = fit.design
    sizes = [factor.n_levels * factor.q for factor in design.factors]
    starts = tuple(int(start) for start in np.cumsum([0, *sizes])[: len(sizes)])
    T = whitener(fit, correlated)
    H = sparse.csr_array((design.n, int(sum(sizes))))
    if sizes:
        Z = [factor.Z for factor in design.factors]
        codes = [np.asarray(factor.codes) for factor in design.factors]
        H = sparse.csr_array(T @ effect_rows(Z, codes, factors, starts, int(sum(sizes))))
    return WhitenedCovariance(
        factors=factors,
        starts=starts,
        H=H,
        root=np.ones(design.n),
        sigma=1.0,
        X=fit.X,
        residual=design.response - fit.X @ fit.estimates.beta,
        T=T,
    )


def _factors(correlated: Correlated) -> tuple[Array, ...]:
    """Return Lambda of each grouping factor in the units of the data, in the design's order."""
    model, end = correlated.model, correlated.solution.theta
    found = dict(zip(model.across, model.objective.across_factors(end), strict=True))
    if model.own is not None:
        found[model.own] = model.objective.own_factor(end)
    scale = model.basis.scale
    return tuple(scale * found[i] / model.scales[i][:, None] for i in sorted(found))


def whitener(fit: Fit, correlated: Correlated) -> sparse.csr_array:
    """Return T, the inverse Cholesky factors of R patient by patient, over the rows used."""
    layout, scale = correlated.model.layout, correlated.model.basis.scale
    order = np.lexsort((layout.times, layout.codes))
    codes = layout.codes[order]
    first = np.flatnonzero(np.append(True, codes[1:] != codes[:-1]))
    size = np.diff(np.append(first, len(codes)))
    parts: list[tuple[Array, Array, Array]] = []
    for stratum in range(len(layout.stratum_names)):
        for n in np.unique(size):
            own = order[first[size == n][:, None] + np.arange(n)]
            own = own[layout.strata[own[:, 0]] == stratum]
            if len(own):
                root = np.linalg.inv(
                    np.linalg.cholesky(_residual(correlated, stratum, layout.times[own]))
                )
                at = np.broadcast_to(own[:, :, None], root.shape)
                parts.append((root / scale, at, at.transpose(0, 2, 1)))
    data, rows, columns = (np.concatenate([p[i].ravel() for p in parts]) for i in range(3))
    kept = data != 0.0
    T = sparse.csr_array((data[kept], (rows[kept], columns[kept])), shape=(len(order),) * 2)
    if fit.design.weights is None:
        return T
    return sparse.csr_array(T @ sparse.diags_array(np.sqrt(fit.design.weights)))


def _residual(correlated: Correlated, stratum: int, times: Array) -> Array:
    """Return R at sets of times, shape (k, n, n), in working units."""
    structure = correlated.model.objective.strata[stratum].structure
    free = correlated.residual_free[stratum]
    if isinstance(structure, ByDistance):
        return structure.covariances(free, times)
    at = np.searchsorted(structure.visits, times)
    return np.asarray(structure.matrix(free)[at[:, :, None], at[:, None, :]])


def correlated_effects(fit: Fit, correlated: Correlated) -> tuple[Conditional, ...]:
    """Return the random effects of every grouping factor, in the design's order."""
    found = whitened_covariance(fit, correlated)
    if not found.factors:
        return ()
    u = found.M.solve(found.H.T @ (found.T @ found.residual))
    effects = []
    for factor, lam, start in zip(fit.design.factors, found.factors, found.starts, strict=True):
        own = u[start : start + factor.n_levels * factor.q].reshape(-1, factor.q)
        inner = _posterior(found, start, factor.n_levels, factor.q)
        effects.append(Conditional(own @ lam.T, lam @ inner @ lam.T))
    return tuple(effects)


def _posterior(found: WhitenedCovariance, start: int, n_levels: int, q: int) -> Array:
    """Return M^-1 level by level, shape (n_levels, q, q)."""
    blocks = np.empty((n_levels, q, q))
    step = max(1, CHUNK // q)
    for first in range(0, n_levels, step):
        levels = np.arange(first, min(n_levels, first + step))
        at = start + levels[:, None] * q + np.arange(q)
        wanted = np.zeros((found.H.shape[1], at.size))
        wanted[at.ravel(), np.arange(at.size)] = 1.0
        solved = found.M.solve(wanted)
        columns = np.arange(at.size).reshape(at.shape)
        blocks[levels] = solved[at[:, :, None], columns[:, None, :]]
    return blocks


def correlated_draws(fit: Fit, correlated: Correlated, normal: Array) -> Array:
    """Turn independent standard normal numbers into residuals of a fit, shape (n, k)."""
    return np.asarray(splu(whitener(fit, correlated).tocsc()).solve(normal))

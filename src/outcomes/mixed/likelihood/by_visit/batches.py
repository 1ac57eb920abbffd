"""Patients with the same visits, all at once; many of them replaced by a few that stand for them.

The likelihood depends on the rows W_i (fixed columns and response) of the patients of a pattern
only through sum_i vec(W_i) vec(W_i)'. Its rank is small (columns that are constant within patients
add one each), so a pattern of any number of patients is kept as a few rows with the same sum.

With random effects that reach across patients, W_i is zero but for the few columns that patient i
touches. Where that is less work, W keeps only those, and only patients of a pattern who touch the
same columns are added up; an index says which columns they are. Narrower patients are filled up
with columns of zeros, whose index may be anything: they add zero wherever they are scattered.

The derivatives of every V are combinations of a few matrices E_1, E_2, ... of a stratum
(`Directions`). Where each visit has its own variance, E is one pair of visits, the same for all
patterns, and sums over patterns come before anything is done for each parameter; otherwise E is
written out by pattern.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from outcomes.mixed.likelihood.by_visit.layout import Layout
from outcomes.mixed.types import Array

ROUNDING = 1e-14
"""Directions relatively smaller than this in the sum of squares are rounding."""

SLOWER = 10.0
"""Small products and their scattering take about so many times as long as one large product."""


@dataclass(frozen=True)
class Rows:
    """The rows of [X, C, y].

    Parameters
    ----------
    X : array, shape (n, p)
    C : array, shape (n, c)
        The elements of C that may differ from zero.
    at : array of int, shape (n, c)
        Their columns in [X, C, y].
    y : array, shape (n,)
    m : int
        Columns of [X, C, y].
    """

    X: Array
    C: Array
    at: Array
    y: Array
    m: int

    def whole(self, rows: Array) -> Array:
        """Return all columns of some rows, shape (*rows.shape, m)."""
        W = np.zeros((*rows.shape, self.m))
        np.put_along_axis(W, self.at[rows], self.C[rows], axis=-1)
        return self._with_ends(W, rows)

    def touched(self, rows: Array) -> tuple[Array, Array]:
        """Return only the columns that each patient touches.

        Parameters
        ----------
        rows : array of int, shape (patients, n)

        Returns
        -------
        W : array, shape (patients, n, w)
            X, the patient's columns of C, zeros up to the most columns of any patient, y.
        columns : array of int, shape (patients, w)
            Columns of W in [X, C, y]; zero for those that only fill up.
        """
        patients, n = rows.shape
        p, c = self.X.shape[1], self.C.shape[1]
        own, place = _distinct(self.at[rows].reshape(patients, n * c))
        W = np.zeros((patients, n, p + own.shape[1] + 1))
        np.put_along_axis(W, p + place.reshape(patients, n, c), self.C[rows], axis=2)
        fixed = np.broadcast_to(np.arange(p), (patients, p))
        last = np.full((patients, 1), self.m - 1)
        return self._with_ends(W, rows), np.concatenate([fixed, own, last], axis=1)

    def _with_ends(self, W: Array, rows: Array) -> Array:
        W[..., : self.X.shape[1]] = self.X[rows]
        W[..., -1] = self.y[rows]
        return W


def make_rows(X: Array, levels: Sequence[tuple[Array, Array, int]], y: Array) -> Rows:
    """Put the columns of a model together.

    Parameters
    ----------
    X : array, shape (n, p)
    levels : sequence of (codes, Z, n_levels)
        Of each grouping factor that reaches across patients: the level of each row, shape (n,),
        and the columns of its random effects, shape (n, q). C holds them level by level.
    y : array, shape (n,)
    """
    at, start = [np.empty((len(y), 0), dtype=np.intp)], X.shape[1]
    for codes, Z, n_levels in levels:
        q = Z.shape[1]
        at.append(start + codes[:, None].astype(np.intp) * q + np.arange(q))
        start += n_levels * q
    C = np.column_stack([np.empty((len(y), 0)), *(Z for _, Z, _ in levels)])
    return Rows(X, C, np.concatenate(at, axis=1), y, start + 1)


def _distinct(values: Array) -> tuple[Array, Array]:
    """Return each row's distinct values, filled up with zeros, and where each value stands there.

    Parameters
    ----------
    values : array of int, shape (patients, k)

    Returns
    -------
    distinct : array of int, shape (patients, most)
    place : array of int, shape (patients, k)
    """
    order = np.argsort(values, axis=1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=1)
    rank = np.zeros_like(ordered)
    rank[:, 1:] = np.cumsum(ordered[:, 1:] != ordered[:, :-1], axis=1)
    distinct = np.zeros((len(values), int(rank.max(initial=-1)) + 1), dtype=np.intp)
    np.put_along_axis(distinct, rank, ordered, axis=1)
    place = np.empty_like(rank)
    np.put_along_axis(place, order, rank, axis=1)
    return distinct, place


@dataclass(frozen=True)
class Batch:
    """The patterns of one stratum that have the same number of rows.

    Parameters
    ----------
    times : array, shape (P, n)
        Places in time of each pattern.
    Z : array, shape (P, n, q)
        Columns of the patients' own random effects.
    counts : array, shape (P,)
        Patients of each pattern.
    W : array, shape (G, n, w)
        Rows of patients, or of those that stand for them: fixed columns, columns of other random
        effects, response.
    starts : array of int, shape (P,)
        First of each pattern along the first axis of W.
    columns : array of int, shape (G, w), or None
        Where the columns of W stand in [X, C, y]; None where W has all m of them.
    """

    times: Array
    Z: Array
    counts: Array
    W: Array
    starts: Array
    columns: Array | None

    @cached_property
    def pattern(self) -> Array:
        """Pattern of each element of W, shape (G,)."""
        lengths = np.diff(np.append(self.starts, len(self.W)))
        return np.repeat(np.arange(len(self.starts)), lengths)

    def by_pattern(self, values: Array) -> Array:
        """Sum over the elements of each pattern, along the first axis."""
        return np.asarray(np.add.reduceat(values, self.starts, axis=0))

    @cached_property
    def pairs(self) -> Array:
        """Places in a flattened (m, m) matrix of each element's pairs of columns, (G, w, w)."""
        assert self.columns is not None
        m = int(self.columns[0, -1]) + 1  # the response is last
        return self.columns[:, :, None] * m + self.columns[:, None, :]

    def within(self, M: Array) -> Array:
        """Return a matrix over all columns at those of W: (G, w, w), or (m, m) if W has all."""
        return M if self.columns is None else M.ravel()[self.pairs]

    def add_products(self, A: Array, B: Array, into: Array) -> None:
        """Add sum_g A_g' B_g, both of shape (G, n, w), to a matrix over all columns, (m, m)."""
        if self.columns is None:
            w = A.shape[2]
            into += A.reshape(-1, w).T @ B.reshape(-1, w)
        else:
            products = A.transpose(0, 2, 1) @ B
            np.add.at(into.reshape(-1), self.pairs.ravel(), products.ravel())


def make_batches(layout: Layout, kept: Array, source: Rows, Z: Array) -> tuple[Batch, ...]:
    """Sort some rows into patterns.

    Parameters
    ----------
    layout : Layout
    kept : array of bool, shape (n,)
        All rows of a patient or none.
    source : Rows
    Z : array, shape (n, q)

    Returns
    -------
    tuple of Batch
    """
    rows, first = layout.by_course(kept)
    size = np.diff(np.append(first, len(rows)))
    return tuple(
        _batch(rows[first[size == n][:, None] + np.arange(n)], layout.times, source, Z)
        for n in np.unique(size)
    )


def _batch(rows: Array, times: Array, source: Rows, Z: Array) -> Batch:
    """Gather the patients of one size; ``rows`` has shape (patients, n)."""
    keys = np.concatenate([times[rows], Z[rows].reshape(len(rows), -1)], axis=1)
    order, starts = _equal_rows(keys)
    rows = rows[order]
    counts = np.diff(np.append(starts, len(rows)))
    W, columns, first = _gathered(rows, counts, source)
    W, lengths = _reduced(W, first)
    ends = np.append(0, np.cumsum(lengths))
    return Batch(
        times=times[rows[starts]],
        Z=Z[rows[starts]],
        counts=counts,
        W=W,
        starts=ends[np.searchsorted(first, starts)].astype(np.intp),
        columns=None if columns is None else np.repeat(columns[first], lengths, axis=0),
    )


def _gathered(rows: Array, counts: Array, source: Rows) -> tuple[Array, Array | None, Array]:
    """Return W and its columns before patients are added up, and where each sum is to begin."""
    starts = np.append(0, np.cumsum(counts)[:-1])
    if not source.C.shape[1]:
        return source.whole(rows), None, starts
    W, columns = source.touched(rows)
    order, first = _same_columns(columns, counts)
    alike = np.diff(np.append(first, len(rows)))
    if SLOWER * _work(alike, *W.shape[1:]) > _work(counts, W.shape[1], source.m):
        return source.whole(rows), None, starts
    return W[order], columns[order], first


def _same_columns(columns: Array, counts: Array) -> tuple[Array, Array]:
    """Put patients of a pattern with equal columns together; patterns keep their places."""
    pattern = np.repeat(np.arange(len(counts)), counts)
    _, kind = np.unique(np.column_stack([pattern, columns]), axis=0, return_inverse=True)
    order = np.argsort(kind, kind="stable")
    return order, np.flatnonzero(np.append(True, np.diff(kind[order]) != 0))


def _work(counts: Array, n: int, w: int) -> float:
    """Return the work that groups of patients cost: see `_stand_ins`."""
    kept = np.where(counts > 2 * n, np.minimum(counts, n * w), counts)
    return float(kept.sum()) * w**2


def _reduced(W: Array, first: Array) -> tuple[Array, Array]:
    """Replace each run of patients by its stand-ins; also return their numbers."""
    if len(W) == len(first):
        return W, np.ones(len(W), dtype=np.intp)
    kept = [_stand_ins(part) for part in np.split(W, first[1:])]
    return np.concatenate(kept), np.array([len(part) for part in kept])


def _equal_rows(keys: Array) -> tuple[Array, Array]:
    """Return an order that puts equal rows together, and where each kind begins."""
    whole = np.ascontiguousarray(keys + 0.0).view(
        np.dtype((np.void, keys.itemsize * keys.shape[1]))
    )
    _, kind = np.unique(whole.ravel(), return_inverse=True)
    order = np.argsort(kind, kind="stable")
    ordered = kind[order]
    return order, np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))


def _stand_ins(W: Array) -> Array:
    """Return rows with the same sum of vec(W_i) vec(W_i)', shape (at most count, n, m)."""
    count, n, m = W.shape
    if count <= 2 * n:
        return W
    flat = W.reshape(count, n * m)
    if count <= n * m:
        values, vectors = np.linalg.eigh(flat @ flat.T)
        kept = vectors[:, values > ROUNDING * values[-1]].T @ flat
    else:
        values, vectors = np.linalg.eigh(flat.T @ flat)
        large = values > ROUNDING * values[-1]
        kept = np.sqrt(values[large])[:, None] * vectors[:, large].T
    return np.asarray(kept.reshape(-1, n, m))


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
    """

    E: Array

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
        for i, E in enumerate(self.E):
            found[i] = flat.T @ (E[pattern] @ U).reshape(-1, m)
        return found


Directions = VisitDirections | PatternDirections
"""The matrices E of one batch: first those of R, then those of the random effects."""


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
    return PatternDirections(np.concatenate([parts, products.reshape(q * q, patterns, n, n)]))

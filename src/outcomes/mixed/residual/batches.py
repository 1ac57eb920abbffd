"""Patients with the same visits, all at once; many of them replaced by a few that stand for them.

The likelihood depends on the rows W_i (fixed columns and response) of the patients of a pattern
only through sum_i vec(W_i) vec(W_i)'. Its rank is small (columns that are constant within patients
add one each), so a pattern of any number of patients is kept as a few rows with the same sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from outcomes.mixed.residual.layout import Layout

Array = npt.NDArray[Any]

ROUNDING = 1e-14
"""Directions relatively smaller than this in the sum of squares are rounding."""


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
    W : array, shape (G, n, m)
        Rows of patients, or of those that stand for them: fixed columns, columns of other random
        effects, response.
    starts : array of int, shape (P,)
        First of each pattern along the first axis of W.
    """

    times: Array
    Z: Array
    counts: Array
    W: Array
    starts: Array

    @cached_property
    def pattern(self) -> Array:
        """Pattern of each element of W, shape (G,)."""
        lengths = np.diff(np.append(self.starts, len(self.W)))
        return np.repeat(np.arange(len(self.starts)), lengths)

    def by_pattern(self, values: Array) -> Array:
        """Sum over the elements of each pattern, along the first axis."""
        return np.asarray(np.add.reduceat(values, self.starts, axis=0))


def make_batches(layout: Layout, stratum: int, W: Array, Z: Array) -> tuple[Batch, ...]:
    """Sort the rows of a stratum into patterns.

    Parameters
    ----------
    layout : Layout
    stratum : int
    W : array, shape (n, m)
    Z : array, shape (n, q)

    Returns
    -------
    tuple of Batch
    """
    rows = np.flatnonzero(layout.strata == stratum)
    rows = rows[np.lexsort((layout.times[rows], layout.codes[rows]))]
    codes = layout.codes[rows]
    first = np.flatnonzero(np.append(True, codes[1:] != codes[:-1]))
    size = np.diff(np.append(first, len(rows)))
    return tuple(
        _batch(rows[first[size == n][:, None] + np.arange(n)], layout.times, W, Z)
        for n in np.unique(size)
    )


def _batch(rows: Array, times: Array, W: Array, Z: Array) -> Batch:
    """Gather the patients of one size; ``rows`` has shape (patients, n)."""
    keys = np.concatenate([times[rows], Z[rows].reshape(len(rows), -1)], axis=1)
    order, starts = _equal_rows(keys)
    rows = rows[order]
    counts = np.diff(np.append(starts, len(rows)))
    kept = (
        [_stand_ins(W[own]) for own in np.split(rows, starts[1:])]
        if len(rows) > len(starts)
        else [W[rows]]
    )
    lengths = [len(part) for part in kept] if len(kept) == len(starts) else counts
    return Batch(
        times=times[rows[starts]],
        Z=Z[rows[starts]],
        counts=counts,
        W=np.concatenate(kept),
        starts=np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.intp),
    )


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

"""The rows [X, C, y] of a model, C kept by its nonzero elements.

C has a column for each level (and random effect) of the grouping factors that reach across
patients, hundreds in all, but a row is nonzero in one level of each factor only, and a patient in
the few levels he met. So a patient's rows are gathered with just the columns they touch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from outcomes.mixed.types import Array


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

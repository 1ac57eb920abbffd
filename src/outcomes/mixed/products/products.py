"""The cross-products of a part of the rows, and how those of two parts become those of both.

F holds the columns of a row: those of the crossed effects, then the row-level fixed columns and the
response in the place of the row's stratum. A group of the finest factor enters a likelihood through
A = Z'Z and Q = Z'F, and only through sum Q'K(A)Q. K is the same for all groups of one pattern A, so
that the sum over a pattern needs no more than the moments

    T[a, b] = sum_i Q_i[a]'Q_i[b]        sum_i Q_i'KQ_i = sum_ab K[a, b] T[a, b]

These are sums over groups: those of parts add up, and with repeated visits they stay as small as
they are. Groups that share a unit (courses of one patient) are kept as rows, to be joined at the
end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from outcomes.errors import FitError
from outcomes.mixed.products.agreed import Agreed, row_columns, same_levels
from outcomes.mixed.reading.columns import build_columns, response_of
from outcomes.mixed.reading.design import group_codes
from outcomes.mixed.reading.frame import ModelFrame, model_frame
from outcomes.mixed.types import Array


@dataclass(frozen=True)
class Together:
    """Groups of the finest factor that share a unit with others, row by row.

    Parameters
    ----------
    unit, own : Index, shape (k,)
        Labels of unit and group.
    A : array, shape (k, q, q)
        Z'Z.
    Q : sparse array, shape (k * q, columns)
        Z'F.
    """

    unit: pd.Index
    own: pd.Index
    A: Array
    Q: Any


@dataclass(frozen=True)
class Products:
    """The cross-products of some rows.

    Parameters
    ----------
    agreed : Agreed
        What parts agree on.
    n : int
        Rows.
    C : sparse array, shape (columns, columns)
        F'F.
    patterns : array, shape (n_patterns, q (q + 1) / 2)
        Lower triangles of A, sorted.
    count : array, shape (n_patterns,)
        Groups of each pattern.
    moments : sparse array, shape (n_patterns * q (q + 1) / 2, columns ** 2)
        T, upper triangles: what each element of K is multiplied by, a row an element.
    together : Together
    alone : Index
        Labels of the groups behind the moments.
    """

    agreed: Agreed
    n: int
    C: Any
    patterns: Array
    count: Array
    moments: Any
    together: Together
    alone: pd.Index


def products_of(agreed: Agreed, data: pd.DataFrame) -> Products:
    """Pass once over the rows of a part.

    Parameters
    ----------
    agreed : Agreed
        From a survey of all parts.
    data : DataFrame
        Every row of the finest groups that are in it.

    Returns
    -------
    Products
    """
    frame = model_frame(agreed.formula, data)
    F = _columns(agreed, frame)
    finest = agreed.factors[agreed.finest]
    codes, own = group_codes(finest.group, frame)
    Z = _random(finest.terms, frame)
    by_group = sparse.csr_array(
        (np.ones(len(codes)), (codes, np.arange(len(codes)))), shape=(len(own), len(codes))
    )
    A = np.stack([by_group @ (z[:, None] * Z) for z in Z.T], axis=1)
    Q = [(by_group @ F.multiply(z[:, None]).tocsr()).tocsr() for z in Z.T]
    unit, apart = _units(agreed, frame, codes, own)
    patterns, pattern = _numbered(A[~apart])
    return Products(
        agreed=agreed,
        n=frame.n_rows,
        C=(F.T @ F).tocsr(),
        patterns=patterns,
        count=np.bincount(pattern, minlength=len(patterns)).astype(float),
        moments=_moments([q[~apart] for q in Q], pattern, len(patterns)),
        together=Together(unit[apart], own[apart], A[apart], _interleaved([q[apart] for q in Q])),
        alone=own[~apart],
    )


def _random(terms: Sequence[Any], frame: ModelFrame) -> Array:
    return np.hstack([build_columns(term.expression, frame).matrix for term in terms])


def _columns(agreed: Agreed, frame: ModelFrame) -> Any:
    """Return F, shape (n, columns)."""
    n, values, columns = frame.n_rows, [], []
    for f, offset in zip(agreed.crossed, agreed.offsets, strict=False):
        factor = agreed.factors[f]
        codes, levels = group_codes(factor.group, frame)
        place = agreed.survey.groups[factor.group].get_indexer(levels)[codes]
        Z = _random(factor.terms, frame)
        values.append(Z)
        columns.append(offset + place[:, None] * Z.shape[1] + np.arange(Z.shape[1]))
    fixed = same_levels(agreed, frame.data)
    rows = row_columns(agreed, fixed, response_of(agreed.formula.response, frame))
    stratum = np.zeros(n, dtype=np.int64)
    for name in agreed.strata:
        stratum = stratum * len(agreed.survey.levels[name]) + fixed[name].cat.codes.to_numpy()
    values.append(rows)
    start = agreed.offsets[-1] + stratum * rows.shape[1]
    columns.append(start[:, None] + np.arange(rows.shape[1]))
    flat, place = np.hstack(values), np.hstack(columns)
    starts = np.arange(0, flat.size + 1, flat.shape[1])
    return sparse.csr_array((flat.ravel(), place.ravel(), starts), shape=(n, agreed.n_columns))


def _units(
    agreed: Agreed, frame: ModelFrame, codes: Array, own: pd.Index
) -> tuple[pd.Index, Array]:
    """Return each group's unit, and whether it shares that with other groups."""
    if agreed.unit is None:
        return own, np.zeros(len(own), dtype=bool)
    of_row, levels = group_codes(agreed.factors[agreed.unit].group, frame)
    of_group = np.empty(len(own), dtype=np.intp)
    of_group[codes] = of_row
    unit = levels[of_group]
    return unit, unit.isin(agreed.repeated)


def _numbered(A: Array) -> tuple[Array, Array]:
    """Return the patterns that occur, and that of each group."""
    rows, columns = np.tril_indices(A.shape[-1])
    found, pattern = np.unique(A[:, rows, columns], axis=0, return_inverse=True)
    return found.reshape(-1, len(rows)), pattern.ravel()


def _moments(Q: list[Any], pattern: Array, n_patterns: int) -> Any:
    """Return T by pattern and element of K, on upper triangles of the columns."""
    width, pairs = Q[0].shape[1], list(zip(*np.tril_indices(len(Q)), strict=True))
    shape = (n_patterns * len(pairs), width * width)
    keys, values = [], []
    for k, (a, b) in enumerate(pairs):
        left = Q[a]
        spread = sparse.csr_array(
            (left.data, left.indices + np.repeat(pattern, np.diff(left.indptr)) * width,
             left.indptr), shape=(left.shape[0], n_patterns * width),
        )  # fmt: skip
        sums = (spread.T @ Q[b]).tocoo()
        g, i = np.divmod(sums.coords[0].astype(np.int64), width)
        j = sums.coords[1].astype(np.int64)
        kept = (i <= j) if a == b else np.ones(len(i), dtype=bool)
        twice = np.where((a != b) & (i == j), 2.0, 1.0)
        place = np.minimum(i, j) * width + np.maximum(i, j)
        keys.append(((g * len(pairs) + k)[kept], place[kept]))
        values.append((sums.data * twice)[kept])
    rows, columns = (np.concatenate(part) for part in zip(*keys, strict=True))
    return sparse.coo_array((np.concatenate(values), (rows, columns)), shape=shape).tocsr()


def _interleaved(Q: list[Any]) -> Any:
    """Return the rows of several matrices in turn."""
    q, k = len(Q), Q[0].shape[0]
    order = np.arange(q * k).reshape(q, k).T.ravel()
    return sparse.vstack(Q, format="csr")[order]


def merge(a: Products, b: Products) -> Products:
    """Add up the cross-products of two parts.

    Parameters
    ----------
    a, b : Products
        Of parts with the same `Agreed`.

    Returns
    -------
    Products
        Those of all rows of both. Associative and commutative up to rounding; a level of a crossed
        factor or of a unit that is in both parts is one level.

    Raises
    ------
    FitError
        The parts have not agreed, or a group of the finest factor has rows in both: a course that
        is split over parts, or a part that is there twice.
    """
    if a.agreed is not b.agreed and a.agreed.survey.groups.keys() != b.agreed.survey.groups.keys():
        must = "Parts are merged whose columns were agreed on together"
        raise FitError(must, got="others")
    name = ":".join(a.agreed.factors[a.agreed.finest].group)
    twice = int(_labels(a).isin(_labels(b)).sum())
    if twice:
        must = f"Every row of a level of '{name}' is in one part"
        got = f"{twice} {'level' if twice == 1 else 'levels'} in several parts"
        raise FitError(must, got=got, remedy="Write each course into one part, each part once.")
    patterns, place = np.unique(
        np.concatenate([a.patterns, b.patterns]), axis=0, return_inverse=True
    )
    place = place.ravel()
    width = patterns.shape[1]
    rows = (place[:, None] * width + np.arange(width)).ravel()
    stacked = sparse.vstack([a.moments, b.moments], format="csr")
    choose = sparse.csr_array(
        (np.ones(len(rows)), (rows, np.arange(len(rows)))),
        shape=(len(patterns) * width, len(rows)),
    )
    return replace(
        a,
        n=a.n + b.n,
        C=a.C + b.C,
        patterns=patterns,
        count=np.bincount(
            place, weights=np.concatenate([a.count, b.count]), minlength=len(patterns)
        ),
        moments=(choose @ stacked).tocsr(),
        together=Together(
            a.together.unit.append(b.together.unit),
            a.together.own.append(b.together.own),
            np.concatenate([a.together.A, b.together.A]),
            sparse.vstack([a.together.Q, b.together.Q], format="csr"),
        ),
        alone=a.alone.append(b.alone),
    )


def _labels(products: Products) -> pd.Index:
    return products.alone.append(products.together.own)


def merge_all(parts: Iterable[Products]) -> Products:
    """Merge as a tree: each product takes part in few merges, and few are held at once.

    Raises
    ------
    FitError
        There is none, or two do not merge.
    """
    held: list[tuple[int, Products]] = []
    for part in parts:
        size, whole = 1, part
        while held and held[-1][0] <= size:
            other, before = held.pop()
            size, whole = size + other, merge(before, whole)
        held.append((size, whole))
    if not held:
        must = "A model needs rows"
        raise FitError(must, got="no part with any")
    result = held[-1][1]
    for _, before in reversed(held[:-1]):
        result = merge(before, result)
    return result

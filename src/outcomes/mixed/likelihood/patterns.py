"""Make the work of an evaluation smaller: moments for groups alike, pieces that fit the cache.

Groups with equal Z_i'Z_i have equal M_i and K_i, so of their Z_i'W_i only the second moments
sum_i vec(B_i) vec(B_i)' enter a likelihood. With session counts as random slope there are as many
patterns as kinds of course, and a likelihood evaluation no longer depends on the number of groups.

Groups of one stage do not depend on one another, so a stage may be eliminated piece by piece: a
piece whose arrays stay in cache is several times faster than one pass after another over all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from outcomes.mixed.likelihood.cross_products import CrossProducts, Stage, make_link
from outcomes.mixed.types import Array

DIGITS = 13
"""Decimals, of the largest, to which products of equal visits agree after a change of basis."""

WORTHWHILE = 2
"""Moments must be this many times smaller than the products they replace."""


def compress(products: CrossProducts) -> CrossProducts:
    """Replace the finest groups of one pattern by their moments, where that saves work.

    Within a later group (a therapist, say) the groups of one pattern enter through their sum as
    well, and only so. A rotation among them puts that sum into one group and leaves the others
    without any product with the later group: these are kept as moments.

    Parameters
    ----------
    products : CrossProducts

    Returns
    -------
    CrossProducts
        The same likelihood; unchanged where few patterns repeat, or beside crossed factors where
        there are several nested ones.
    """
    finest, *others = products.stages
    q, m, n_groups = finest.B.shape
    d = 0 if products.crossed is None else len(products.crossed.A)
    if d and (others or finest.links):
        return products
    found = find_patterns(finest)
    if found is None or len(found[1]) * q * max(WORTHWHILE * m, d) > n_groups:
        return products
    pattern, first = found
    if not others:
        return replace(products, stages=(_summed(finest, pattern, first),))
    cells, pattern_of_cell = _cells(finest, pattern)
    if WORTHWHILE * len(pattern_of_cell) > n_groups:
        return products
    moments = _summed(finest, pattern, first)
    rest = replace(
        moments,
        count=np.zeros(len(first)),
        moments=moments.moments - _second_moments(cells.B, pattern_of_cell, len(first)),
    )
    moved = [
        replace(stage, links=tuple(replace(link, to=link.to + 1) for link in stage.links))
        for stage in (cells, *others)
    ]
    return replace(products, stages=(rest, *moved))


def find_patterns(stage: Stage) -> tuple[Array, Array] | None:
    """Give the same number to groups whose products of random columns are all equal.

    Parameters
    ----------
    stage : Stage

    Returns
    -------
    pattern : array of int, shape (n_groups,)
    first : array of int, shape (n_patterns,)
        A group of each pattern. None where the numbering is not exact.
    """
    rows, columns = np.tril_indices(len(stage.A))
    values = [stage.A[rows, columns]]
    values += [link.C.reshape(-1, link.C.shape[-1]) for link in stage.links]
    stacked = np.concatenate(values)
    size = np.abs(stacked).max(axis=1, keepdims=True)
    return alike(np.round(stacked / np.where(size > 0.0, size, 1.0), DIGITS))


def alike(columns: Array) -> tuple[Array, Array] | None:
    """Give equal columns of a matrix one number, and return the first of each number.

    Returns
    -------
    tuple or None
        None where other columns than equal ones have one sum of weighted elements.
    """
    key = np.zeros(columns.shape[1])
    for weight, value in zip(np.sqrt(np.arange(len(columns)) + 2.0), columns, strict=True):
        key += weight * value
    _, first, number = np.unique(key, return_index=True, return_inverse=True)
    exact = np.array_equal(columns[:, first][:, number], columns)
    return (number, first) if exact else None


def pattern_keys(stage: Stage) -> Array:
    """Return what is equal for groups of one pattern, shape (n_groups, q (q + 1) / 2)."""
    return stage.A[np.tril_indices(len(stage.A))].T


def summed_patterns(groups: Stage) -> Stage:
    """Add up groups of one pattern, products with crossed factors as well.

    Parameters
    ----------
    groups : Stage
        In columns as they are: products of equal visits are equal.
    """
    return _summed(groups, *numbered(pattern_keys(groups).T))


def numbered(columns: Iterable[Any]) -> tuple[Array, Array]:
    """Give equal rows of a table one number, in sorted order.

    Parameters
    ----------
    columns : iterable of array or Series, shape (n,)
        At least one; no value missing.

    Returns
    -------
    number : array of int, shape (n,)
    first : array of int, shape (n_different,)
        The first row of each number.
    """
    keys = list(columns)
    number = pd.Series(0, range(len(keys[0]))).groupby(keys, observed=True).ngroup().to_numpy()
    first = np.empty(number.max(initial=-1) + 1, dtype=np.intp)
    first[number[::-1]] = np.arange(len(number))[::-1]
    return number, first


def _summed(groups: Stage, pattern: Array, first: Array) -> Stage:
    n, between, within = len(first), None, None
    if groups.crossed:
        crossed = [sparse.csr_array(D) for D in groups.crossed]
        d, m = crossed[0].shape[1], groups.B.shape[1]
        spread = [_by_pattern(D, pattern, n) for D in crossed]
        between = np.array([[(D.T @ b.T).reshape(n, d, m) for b in groups.B] for D in spread])
        pairs = [(D.T @ other).reshape((n, d * d)) for D in spread for other in crossed]
        within = sparse.vstack(pairs, format="csr")
    return Stage(
        factor=groups.factor,
        A=np.ascontiguousarray(groups.A[..., first]),
        B=np.empty((*groups.B.shape[:2], 0)),
        count=np.bincount(pattern, minlength=n).astype(float),
        moments=_second_moments(groups.B, pattern, n),
        between=between,
        within=within,
    )


def _by_pattern(D: sparse.csr_array, pattern: Array, n: int) -> sparse.csr_array:
    """Give the columns of each pattern's groups a place of their own, (n_groups, n * d)."""
    k, d = D.shape
    columns = D.indices + np.repeat(pattern, np.diff(D.indptr)) * d
    return sparse.csr_array((D.data, columns, D.indptr), shape=(k, n * d))


def joined_patterns(stages: Sequence[Stage]) -> Stage:
    """Add up the sums over the patterns of several sets of groups."""
    one = stages[0]
    place, first = numbered(np.concatenate([pattern_keys(stage) for stage in stages]).T)
    places = np.split(place, np.cumsum([stage.A.shape[-1] for stage in stages[:-1]]))
    pairs, n = np.arange(len(one.A) ** 2), len(first)

    def dense(name: str) -> Array:
        parts = [getattr(stage, name) for stage in stages]
        total = np.zeros((*parts[0].shape[:2], n, *parts[0].shape[3:]))
        for part, own in zip(parts, places, strict=True):
            total[:, :, own] += part
        return total

    def thin(part: Any, own: Array) -> Any:
        rows = (pairs[:, None] * n + own).ravel()
        shape = len(pairs) * n, len(rows)
        return sparse.csr_array((np.ones(len(rows)), (rows, np.arange(len(rows)))), shape) @ part

    crossed = one.within is not None
    within = [thin(s.within, own) for s, own in zip(stages, places, strict=True) if crossed]
    return replace(
        one,
        A=np.concatenate([stage.A for stage in stages], axis=-1)[..., first],
        count=np.bincount(place, np.concatenate([stage.count for stage in stages]), n),
        moments=dense("moments"),
        between=dense("between") if crossed else None,
        within=sum(within[1:], within[0]) if crossed else None,
    )


def _second_moments(B: Array, pattern: Array, n_patterns: int) -> Array:
    """Sum vec(B_i) vec(B_i)' over the groups of each pattern, shape (q, q, n_patterns, m, m)."""
    q, m, n_groups = B.shape
    counts = np.bincount(pattern, minlength=n_patterns)
    flat, order = B.reshape(q * m, n_groups), np.argsort(pattern, kind="stable")
    ends = np.cumsum(counts)
    moments = np.empty((n_patterns, q * m, q * m))
    for g, (start, end) in enumerate(zip(ends - counts, ends, strict=True)):
        part = np.take(flat, order[start:end], axis=1)
        np.matmul(part, part.T, out=moments[g])
    by_pair = moments.reshape(-1, q, m, q, m).transpose(1, 3, 0, 2, 4)
    return np.ascontiguousarray(by_pair)


def _cells(stage: Stage, pattern: Array) -> tuple[Stage, Array]:
    """Put the groups of one pattern within one later group into one, by their scaled sum."""
    order, starts, counts = _cell_order(stage, pattern)
    first = order[starts]
    root = np.sqrt(counts)
    q, m, n_groups = stage.B.shape
    rows = stage.B.reshape(q * m, n_groups)
    summed = np.array([np.add.reduceat(row[order], starts) for row in rows]) / root
    cells = Stage(
        factor=stage.factor,
        A=np.ascontiguousarray(stage.A[..., first]),
        B=summed.reshape(q, m, -1),
        count=counts.astype(float),
        links=tuple(
            make_link(link.to, link.parent[first], link.C[..., first] * root)
            for link in stage.links
        ),
    )
    return cells, pattern[first]


def _cell_order(stage: Stage, pattern: Array) -> tuple[Array, Array, Array]:
    """Sort groups by later group and pattern; where each cell starts, and its size."""
    cell = stage.links[0].parent * (int(pattern.max()) + 1) + pattern
    order = np.argsort(cell, kind="stable")
    ordered = cell[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    return order, starts, np.diff(np.append(starts, len(cell)))


CACHED = 65_536
"""Numbers of Z_i'W_i a piece may hold: half a megabyte."""


def cut(products: CrossProducts) -> CrossProducts:
    """Cut the largest stage, unless another one lies in it.

    Parameters
    ----------
    products : CrossProducts

    Returns
    -------
    CrossProducts
        The same likelihood.
    """
    largest = max(range(len(products.stages)), key=lambda s: products.stages[s].B.size)
    before, stage = products.stages[:largest], products.stages[largest]
    q, m, n_groups = stage.B.shape
    size = max(1, CACHED // (q * m))
    linked = any(link.to == largest for earlier in before for link in earlier.links)
    if n_groups <= 2 * size or stage.crossed or linked:
        return products
    starts = range(0, n_groups, size)
    shift = len(starts) - 1
    pieces = [_piece(stage, slice(start, start + size), shift) for start in starts]
    moved = [
        replace(later, links=tuple(replace(link, to=link.to + shift) for link in later.links))
        for later in products.stages[largest + 1 :]
    ]
    return replace(products, stages=(*before, *pieces, *moved))


def _piece(stage: Stage, part: slice, shift: int) -> Stage:
    links = tuple(
        make_link(link.to + shift, link.parent[part], np.ascontiguousarray(link.C[..., part]))
        for link in stage.links
    )
    return replace(stage.take(part), links=links)

"""Cross-products from sums of few columns: what is constant within groups multiplies afterwards.

Every column is a product of a group-level and a row-level part. For nested factors sums over rows
are taken only of products of the few distinct row-level parts; dummies, baselines and their
interactions multiply afterwards, once a group instead of once a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import combinations_with_replacement, product
from typing import Any

import numpy as np

from outcomes.mixed.likelihood.cross_products import (
    CrossProducts,
    Order,
    make_link,
    nested_stages,
    parents,
    with_crossed,
)
from outcomes.mixed.reading.columns import Columns, Factor
from outcomes.mixed.reading.design import Design
from outcomes.mixed.types import Array

Split = list[tuple[int, int]]


@dataclass(frozen=True)
class Groups:
    """The finest grouping, for sums over its rows.

    Parameters
    ----------
    codes : array of int, shape (n,)
    first : array of int, shape (n_levels,)
        A row of each group, the first one where rows are sorted by group.
    is_sorted : bool
        Whether rows are sorted by group.
    """

    codes: Array
    first: Array
    is_sorted: bool

    def sum(self, values: Array) -> Array:
        """Sum over the rows of each group, shape (n_levels,)."""
        if self.is_sorted:
            return np.asarray(np.add.reduceat(values, self.first))
        return np.bincount(self.codes, weights=values, minlength=len(self.first))

    def is_constant(self, values: Array) -> bool:
        """Tell whether values do not vary within any group."""
        if not np.array_equal(values[self.first][self.codes[:2000]], values[:2000]):
            return False
        return np.array_equal(values[self.first][self.codes], values)


def make_groups(codes: Array, n_levels: int) -> Groups:
    """Look at the order of the rows once."""
    if bool((codes[1:] >= codes[:-1]).all()):
        starts = np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]]))
        return Groups(codes, starts, True)
    first = np.empty(n_levels, dtype=np.intp)
    first[codes] = np.arange(len(codes))
    return Groups(codes, first, False)


@dataclass
class Parts:
    """Distinct row-level and group-level columns, each kept once; the first of each is one."""

    groups: Groups
    rows: dict[tuple[Any, ...], Array] = field(default_factory=dict)
    grouped: dict[tuple[Any, ...], Array] = field(default_factory=dict)
    constant: dict[str, bool] = field(default_factory=dict)

    def split(self, columns: Columns) -> Split:
        """Return for each column the positions of its group-level and its row-level part."""
        found = []
        for used in columns.products:
            factors = [columns.factors[i] for i in used]
            for reverse in product(*[range(factor.width) for factor in reversed(factors)]):
                chosen = list(zip(factors, reversed(reverse), strict=True))
                between = [(f, j) for f, j in chosen if self._is_grouped(f)]
                inside = [(f, j) for f, j in chosen if not self._is_grouped(f)]
                found.append(
                    (
                        self._part(self.grouped, between, self.groups.first),
                        self._part(self.rows, inside, None),
                    )
                )
        return found

    def add_row(self, key: str, values: Array) -> tuple[int, int]:
        """Register a row-level column by itself."""
        self.rows[key,] = values
        return 0, len(self.rows) - 1

    def _is_grouped(self, factor: Factor) -> bool:
        if factor.key not in self.constant:
            columns = list(factor.values.T) if factor.codes is None else [factor.codes]
            self.constant[factor.key] = all(self.groups.is_constant(c) for c in columns)
        return self.constant[factor.key]

    def _part(
        self,
        known: dict[tuple[Any, ...], Array],
        chosen: Sequence[tuple[Factor, int]],
        rows: Array | None,
    ) -> int:
        key = tuple((factor.key, j) for factor, j in chosen)
        if key not in known:
            columns = [
                factor.column(j, slice(None) if rows is None else rows) for factor, j in chosen
            ]
            size = len(self.groups.codes if rows is None else rows)
            known[key] = reduce(np.multiply, columns) if columns else _ones(size)
        return list(known).index(key)


@dataclass(frozen=True)
class GroupGrams:
    """Sums over the rows of each group of products of row-level columns.

    Parameters
    ----------
    grams : array, shape (r, r, n_levels)
    grouped : array, shape (k, n_levels)
        Group-level columns, the first of which is one.
    """

    grams: Array
    grouped: Array

    def cross(self, left: Split, right: Split) -> Array:
        """Sum left_row' right_row over the rows of each group, shape (a, b, n_levels)."""
        result = np.empty((len(left), len(right), self.grams.shape[2]))
        for a, (g, r) in enumerate(left):
            for b, (h, s) in enumerate(right):
                np.multiply(self.grams[r, s], self.grouped[h], out=result[a, b])
                if g:
                    result[a, b] *= self.grouped[g]
        return result

    def total(self, columns: Split) -> Array:
        """Sum column' column over all rows, shape (m, m)."""
        g, r = np.array(columns).T
        result, places = np.empty((len(r), len(r))), [np.flatnonzero(r == s) for s in np.unique(r)]
        for own, other in combinations_with_replacement(places, 2):
            left = self.grouped[g[own]] * self.grams[r[own[0]], r[other[0]]]
            block = left @ self.grouped[g[other]].T
            result[np.ix_(own, other)] = block
            result[np.ix_(other, own)] = block.T
        return result


def structured_products(design: Design, order: Order, response: Array) -> CrossProducts | None:
    """Make all cross-products, the nested factors' from sums of few row-level columns.

    Parameters
    ----------
    design : Design
    order : Order
    response : array, shape (n,)
        Unweighted.

    Returns
    -------
    CrossProducts or None
        In the design's own columns; None where too many columns vary within groups for this to pay.
    """
    finest = design.factors[order.nested[0]]
    groups = make_groups(finest.codes, finest.n_levels)
    parts = Parts(groups, {(): _ones(design.n)}, {(): _ones(finest.n_levels)})
    W = [*parts.split(design.fixed), parts.add_row("response", response)]
    Z = [
        [pair for columns in design.factors[f].columns for pair in parts.split(columns)]
        for f in order.nested
    ]
    if len(parts.rows) ** 2 > 3 * len(W) + 40:
        return None
    grams = _grams(parts, design.weights)
    codes = [factor.codes for factor in design.factors]
    n_levels = [factor.n_levels for factor in design.factors]

    def sums(s: int, t: int | None) -> Array:
        found = grams.cross(Z[s], W if t is None else Z[t])
        if s == 0:
            return found
        lies_in = parents(finest.codes, codes[order.nested[s]], finest.n_levels)
        return make_link(s, lies_in, found).sum(found)

    stages = nested_stages(order, codes, n_levels, sums)
    products = CrossProducts(stages, None, grams.total(W), design.n)
    if not order.crossed:
        return products
    rows = design.root * np.column_stack([design.fixed.matrix, response])
    columns = [design.root * factor.Z for factor in design.factors]
    return with_crossed(products, columns, codes, n_levels, rows, order.crossed)


def _ones(size: int) -> Array:
    """Return ones that take no memory."""
    return np.broadcast_to(np.float64(1.0), (size,))


def _grams(parts: Parts, weights: Array | None) -> GroupGrams:
    rows = list(parts.rows.values())
    grams = np.empty((len(rows), len(rows), len(parts.groups.first)))
    product_ab = np.empty(len(rows[0]))
    for a, row in enumerate(rows):
        weighted = row if weights is None else row * weights
        for b in range(a, len(rows)):
            if a == 0 and weights is None:
                values = rows[b]
            else:
                values = np.multiply(weighted, rows[b], out=product_ab)
            grams[a, b] = grams[b, a] = parts.groups.sum(values)
    return GroupGrams(grams, np.array(list(parts.grouped.values())))

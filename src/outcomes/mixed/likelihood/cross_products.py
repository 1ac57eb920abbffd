"""One pass over the rows: the cross-products a likelihood needs, after which rows are forgotten.

Grouping factors are eliminated one after another. A factor in which every factor before it is
nested is eliminated level by level (a stage of small blocks, all levels at once); what remains,
the crossed factors, is one dense block of its own. Arrays over groups have the group as last axis,
so that every operation runs over all groups in one go.

Every column is a product of a group-level and a row-level part. For nested factors sums over rows
are taken only of products of the few distinct row-level parts; dummies, baselines and their
interactions multiply afterwards, once a group instead of once a row (`structured_products`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import product
from typing import Any

import numpy as np
from scipy import sparse

from outcomes.errors import FitError
from outcomes.mixed.reading.columns import Columns, Factor
from outcomes.mixed.reading.design import Design
from outcomes.mixed.types import Array

MAX_CROSSED = 10_000
"""Largest number of crossed random effects held in one dense block (0.8 GB)."""

DENSE = 20_000
"""Products with the crossed factors that have no more elements than this are not kept sparse."""


@dataclass(frozen=True)
class Link:
    """How the groups of a stage lie in those of a later stage.

    Parameters
    ----------
    to : int
        Position of the later stage.
    parent : array of int, shape (n_groups,)
        Later group each group lies in.
    order : array of int, shape (n_groups,), or None
        Sorts the groups by parent; None where they already are.
    starts : array of int, shape (n_present,)
        Where each later group that has members begins in that order.
    present : slice or array of int, shape (n_present,)
        Those later groups.
    C : array, shape (q, q_later, n_groups)
        Z_i'Z_parent(i).
    """

    to: int
    parent: Array
    order: Array | None
    starts: Array
    present: slice | Array
    C: Array

    def sum(self, values: Array) -> Array:
        """Sum over the members of each later group present, along the last axis."""
        ordered = values if self.order is None else values[..., self.order]
        return np.asarray(np.add.reduceat(ordered, self.starts, axis=-1))


@dataclass(frozen=True)
class Stage:
    """One grouping factor eliminated level by level.

    Parameters
    ----------
    factor : int
        Its position in the design.
    A : array, shape (q, q, n_groups)
        Z_i'Z_i.
    B : array, shape (q, m, n_groups)
        Z_i'W_i with W the fixed columns and the response; empty where ``moments`` replaces it.
    count : array, shape (n_groups,)
        How many groups each stands for.
    links : tuple of Link
        To every later stage.
    crossed : tuple of array, shape (n_groups, d)
        Z_i'Z_crossed, one for each of the q columns, sparse unless small; empty without crossed
        factors.
    moments : array, shape (q, q, n_groups, m, m), or None
        Sums of vec(B_i) vec(B_i)' over the groups each stands for.
    between : array, shape (q, q, n_groups, d, m), or None
        Sums of vec(Z_i'Z_crossed) vec(B_i)' likewise, where there are crossed factors.
    within : sparse array, shape (q * q * n_groups, d * d), or None
        Sums of vec(Z_i'Z_crossed) vec(Z_i'Z_crossed)' likewise.
    shared : tuple of int and array, shape (q, q_later), or None
        A later factor, none of whose levels holds more than one of these groups, and which of the
        columns are its own: both are eliminated together.
    """

    factor: int
    A: Array
    B: Array
    count: Array
    links: tuple[Link, ...] = ()
    crossed: tuple[Any, ...] = ()
    moments: Array | None = None
    between: Array | None = None
    within: Any = None
    shared: tuple[int, Array] | None = None

    def take(self, groups: slice | Array) -> Stage:
        """Return some of the groups, links left out."""
        return replace(
            self,
            A=np.ascontiguousarray(self.A[..., groups]),
            B=np.ascontiguousarray(self.B[..., groups]),
            count=self.count[groups],
            links=(),
            crossed=tuple(D[groups] for D in self.crossed),
        )


@dataclass(frozen=True)
class Crossed:
    """The crossed factors, eliminated together at the end.

    Parameters
    ----------
    factors : tuple of int
        Their positions in the design.
    n_levels, q : tuple of int
        Levels, and random effects per level.
    A : array, shape (d, d)
        Z'Z, level by level within factor by factor.
    B : array, shape (d, m)
        Z'W.
    """

    factors: tuple[int, ...]
    n_levels: tuple[int, ...]
    q: tuple[int, ...]
    A: Array
    B: Array


@dataclass(frozen=True)
class CrossProducts:
    """All a likelihood evaluation needs.

    Parameters
    ----------
    stages : tuple of Stage
        In the order of elimination.
    crossed : Crossed or None
    C : array, shape (m, m)
        W'W.
    n : int
        Rows.
    """

    stages: tuple[Stage, ...]
    crossed: Crossed | None
    C: Array
    n: int

    @property
    def p(self) -> int:
        """Number of estimated fixed coefficients."""
        return len(self.C) - 1


def combined(crossed: Sequence[Any], W: Array) -> list[Any]:
    """Return the products with the crossed factors of random columns W, given those of each."""
    columns = W.T if crossed else ()
    return [sum(w * D for w, D in zip(own, crossed, strict=True)) for own in columns]


def level_sums(products: CrossProducts) -> dict[int, tuple[Array, ...]]:
    """Return, for each factor, sum vec(A_l)vec(A_l)', sum A_l and sum r_l r_l', r_l = Z_l'y."""
    found: dict[int, tuple[Array, ...]] = {}
    for stage in products.stages:
        flat, r = stage.A.reshape(-1, stage.A.shape[-1]), stage.B[:, -1]
        R = r @ r.T if stage.moments is None else stage.moments[..., -1, -1].sum(axis=-1)
        sums = (flat * stage.count) @ flat.T, stage.A @ stage.count, R
        for f, W in [(stage.factor, None), *([stage.shared] if stage.shared else [])]:
            both = None if W is None else (np.kron(W, W), W, W)
            own = sums if both is None else [w.T @ x @ w for w, x in zip(both, sums, strict=True)]
            known = found.get(f, (0.0, 0.0, 0.0))
            found[f] = tuple(a + b for a, b in zip(known, own, strict=True))
    return found if products.crossed is None else found | _crossed_sums(products.crossed)


def _crossed_sums(crossed: Crossed) -> dict[int, tuple[Array, ...]]:
    found: dict[int, tuple[Array, ...]] = {}
    start = 0
    for f, levels, q in zip(crossed.factors, crossed.n_levels, crossed.q, strict=True):
        rows = start + np.arange(levels * q).reshape(levels, q)
        A = crossed.A[rows[:, :, None], rows[:, None, :]]
        r = crossed.B[rows, -1]
        flat = A.reshape(levels, -1)
        found[f] = flat.T @ flat, A.sum(axis=0), r.T @ r
        start += levels * q
    return found


@dataclass(frozen=True)
class Order:
    """The order of elimination.

    Parameters
    ----------
    nested : tuple of int
        Factors eliminated level by level, the finest first; each contains those before it.
    crossed : tuple of int
        Factors left to the end.
    """

    nested: tuple[int, ...]
    crossed: tuple[int, ...]


def elimination_order(codes: Sequence[Array], n_levels: Sequence[int]) -> Order:
    """Decide the order in which grouping factors are eliminated.

    Parameters
    ----------
    codes : sequence of array of int, shape (n,)
        Level of each row, factor by factor.
    n_levels : sequence of int
    """
    by_size = sorted(range(len(codes)), key=lambda f: -n_levels[f])
    nested, crossed = by_size[:1], by_size[:0]
    for f in by_size[1:]:
        inside = all(_is_nested(codes[g], codes[f], n_levels[g]) for g in nested)
        (nested if inside else crossed).append(f)
    return Order(tuple(nested), tuple(crossed))


def _is_nested(inner: Array, outer: Array, n_inner: int) -> bool:
    head = slice(0, 2000)
    return all(
        np.array_equal(parents(inner[rows], outer[rows], n_inner)[inner[rows]], outer[rows])
        for rows in (head, slice(None))
    )


def parents(inner: Array, outer: Array, n_inner: int) -> Array:
    """Return the outer level in which each inner level lies, shape (n_inner,)."""
    found = np.zeros(n_inner, dtype=np.intp)
    found[inner] = outer
    return found


def make_link(to: int, parent: Array, C: Array) -> Link:
    """Prepare the sums over the groups of each later group."""
    order = None if (parent[1:] >= parent[:-1]).all() else np.argsort(parent, kind="stable")
    ordered = parent if order is None else parent[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    found = ordered[starts]
    whole = found[-1] - found[0] + 1 == len(found)
    present = slice(int(found[0]), int(found[-1]) + 1) if whole else found
    return Link(to, parent, order, starts, present, C)


def dense_products(
    Z: Sequence[Array], codes: Sequence[Array], n_levels: Sequence[int], W: Array, order: Order
) -> CrossProducts:
    """Make all cross-products from columns expanded over the rows.

    Parameters
    ----------
    Z : sequence of array, shape (n, q)
        Random columns, factor by factor.
    codes : sequence of array of int, shape (n,)
    n_levels : sequence of int
    W : array, shape (n, m)
        Fixed columns, then the response.
    order : Order

    Returns
    -------
    CrossProducts

    Raises
    ------
    FitError
        The crossed factors have too many levels.
    """
    rest = _crossed_columns(order.crossed, Z, codes, n_levels)
    stages = []
    for position, f in enumerate(order.nested):
        by_level = _indicator(codes[f], n_levels[f])
        links = [
            make_link(
                position + later,
                parents(codes[f], codes[t], n_levels[f]),
                _products(by_level, Z[f], Z[t]),
            )
            for later, t in enumerate(order.nested[position + 1 :], start=1)
        ]
        stages.append(
            Stage(
                factor=f,
                A=_products(by_level, Z[f], Z[f]),
                B=_products(by_level, Z[f], W),
                count=np.ones(n_levels[f]),
                links=tuple(links),
                crossed=()
                if rest is None
                else tuple(_small_as_dense(by_level @ rest.multiply(z[:, None])) for z in Z[f].T),
            )
        )
    crossed = None
    if rest is not None:
        crossed = Crossed(
            factors=order.crossed,
            n_levels=tuple(n_levels[f] for f in order.crossed),
            q=tuple(Z[f].shape[1] for f in order.crossed),
            A=(rest.T @ rest).toarray(),
            B=np.asarray(rest.T @ W),
        )
    return CrossProducts(tuple(stages), crossed, W.T @ W, len(W))


def _small_as_dense(matrix: Any) -> Any:
    return matrix.toarray() if np.prod(matrix.shape) <= DENSE else matrix.tocsr()


def _indicator(codes: Array, n_levels: int) -> Any:
    n = len(codes)
    return sparse.csr_array((np.ones(n), (codes, np.arange(n))), shape=(n_levels, n))


def _products(by_level: Any, left: Array, right: Array) -> Array:
    """Sum left_row' right_row over the rows of each level, shape (q, k, n_levels)."""
    return np.stack([np.ascontiguousarray((by_level @ (z[:, None] * right)).T) for z in left.T])


def _crossed_columns(
    crossed: tuple[int, ...], Z: Sequence[Array], codes: Sequence[Array], n_levels: Sequence[int]
) -> Any:
    if not crossed:
        return None
    size = sum(n_levels[f] * Z[f].shape[1] for f in crossed)
    if size > MAX_CROSSED:
        must = f"Crossed grouping factors may have {MAX_CROSSED:,} random effects together"
        raise FitError(
            must,
            got=f"{size:,}",
            remedy="Keep the largest crossed factor only, or check that codes are not reused.",
        )
    blocks = []
    for f in crossed:
        n, q = Z[f].shape
        columns = codes[f].astype(np.intp)[:, None] * q + np.arange(q)
        starts = np.arange(0, n * q + 1, q)
        shape = (n, n_levels[f] * q)
        blocks.append(sparse.csr_array((Z[f].ravel(), columns.ravel(), starts), shape=shape))
    return sparse.hstack(blocks, format="csr")


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
        result = np.empty((len(columns), len(columns)))
        used = sorted(set(r.tolist()))
        for s in used:
            for t in used[used.index(s) :]:
                block = self._total(s, t, g[r == s], g[r == t])
                result[np.ix_(r == s, r == t)] = block
                result[np.ix_(r == t, r == s)] = block.T
        return result

    def _total(self, s: int, t: int, left: Array, right: Array) -> Array:
        if not left.any():
            return np.tile(self.grouped[right] @ self.grams[s, t], (len(left), 1))
        if not right.any():
            return self._total(t, s, right, left).T
        whole = (self.grouped * self.grams[s, t]) @ self.grouped.T
        return np.asarray(whole[np.ix_(left, right)])


def structured_products(design: Design, order: Order, response: Array) -> CrossProducts | None:
    """Make the cross-products of a design whose grouping factors are nested.

    Parameters
    ----------
    design : Design
    order : Order
        Without crossed factors.
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
    stages = tuple(_stage(design, order, grams, s, Z, W) for s in range(len(Z)))
    return CrossProducts(stages, None, grams.total(W), design.n)


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


def _stage(
    design: Design, order: Order, grams: GroupGrams, position: int, Z: Sequence[Split], W: Split
) -> Stage:
    factors = [design.factors[f] for f in order.nested]
    own, finest = factors[position], factors[0]

    def collect(left: Split, right: Split) -> Array:
        sums = grams.cross(left, right)
        if position == 0:
            return sums
        lies_in = parents(finest.codes, own.codes, finest.n_levels)
        return make_link(position, lies_in, sums).sum(sums)

    links = [
        make_link(
            later,
            parents(own.codes, factors[later].codes, own.n_levels),
            collect(Z[position], Z[later]),
        )
        for later in range(position + 1, len(factors))
    ]
    return Stage(
        factor=order.nested[position],
        A=collect(Z[position], Z[position]),
        B=collect(Z[position], W),
        count=np.ones(own.n_levels),
        links=tuple(links),
    )

"""One pass over the rows: the cross-products a likelihood needs, after which rows are forgotten.

Grouping factors are eliminated one after another. A factor in which every factor before it is
nested is eliminated level by level (a stage of small blocks, all levels at once); what remains,
the crossed factors, is one dense block of its own. Arrays over groups have the group as last axis,
so that every operation runs over all groups in one go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from outcomes.errors import FitError
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
class Packed:
    """Groups of which what is alike, all but the response and crossed effects, stands once.

    Parameters
    ----------
    like : Stage
        A and B of each kind of group, the response's column without what is each group's own;
        products with the crossed factors of each group.
    kind : array of int, shape (n_groups,)
    y : array, shape (q, n_groups)
        What is to be added to that column.
    """

    like: Stage
    kind: Array
    y: Array

    def stage(self, groups: slice | Array) -> Stage:
        """Return some of the groups as they were."""
        part = replace(self.like, crossed=()).take(self.kind[groups])
        part.B[:, -1] += self.y[:, groups]
        return replace(part, crossed=self._crossed(groups))

    def take(self, groups: slice | Array) -> Packed:
        """Return some of the groups."""
        like = replace(self.like, crossed=self._crossed(groups))
        return Packed(like, self.kind[groups], self.y[:, groups])

    def _crossed(self, groups: slice | Array) -> tuple[Any, ...]:
        return tuple(D[groups] for D in self.like.crossed)


@dataclass(frozen=True)
class Kept:
    """Groups that are eliminated some at a time, with the units that they lie in.

    Parameters
    ----------
    packed : Packed
        The groups, those alone in their unit first; ``shared`` names the unit's factor.
    unit : array of int, shape (n_groups,)
        Unit of each, ascending.
    alone : int
        How many are alone.
    cuts : tuple of slice
        Groups that are eliminated together: whole units.
    """

    packed: Packed
    unit: Array
    alone: int
    cuts: tuple[slice, ...]

    def __iter__(self) -> Iterator[tuple[Stage, ...]]:
        for cut in self.cuts:
            groups = self.packed.stage(cut)
            yield (groups,) if cut.stop <= self.alone else _linked(groups, self.unit[cut])


def _linked(groups: Stage, unit: Array) -> tuple[Stage, ...]:
    """Return groups with the units that they lie in."""
    assert groups.shared is not None
    (factor, W), unit = groups.shared, unit - unit[0]
    link = make_link(1, unit, np.einsum("abn,bc->acn", groups.A, W))
    members = indicator(unit, int(unit[-1]) + 1)
    units = Stage(
        factor=factor,
        A=link.sum(np.einsum("ac,adn->cdn", W, link.C)),
        B=link.sum(np.einsum("ac,amn->cmn", W, groups.B)),
        count=np.ones(members.shape[0]),
        crossed=tuple(members @ D for D in combined(groups.crossed, W)),
    )
    return replace(groups, links=(link,), shared=None), units


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
    kept : Kept or None
        Further groups of the finest factor, eliminated some at a time.
    """

    stages: tuple[Stage, ...]
    crossed: Crossed | None
    C: Array
    n: int
    kept: Kept | None = None

    def all_stages(self) -> Iterator[Stage]:
        """Yield each stage, those of the groups that are eliminated some at a time as well."""
        yield from self.stages
        for stages in self.kept or ():
            yield from stages

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
    for stage in products.all_stages():
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
    by_level = [indicator(codes[f], n_levels[f]) for f in order.nested]
    own = [Z[f] for f in order.nested]

    def sums(s: int, t: int | None) -> Array:
        return _products(by_level[s], own[s], W if t is None else own[t])

    stages = nested_stages(order, codes, n_levels, sums)
    nested = CrossProducts(stages, None, W.T @ W, len(W))
    return with_crossed(nested, Z, codes, n_levels, W, order.crossed)


def nested_stages(
    order: Order,
    codes: Sequence[Array],
    n_levels: Sequence[int],
    sums: Callable[[int, int | None], Array],
) -> tuple[Stage, ...]:
    """Make the stages of the nested factors.

    Parameters
    ----------
    order, codes, n_levels
        As in `dense_products`.
    sums : callable
        Takes the place of a nested factor and that of another one, None for the fixed columns and
        the response: returns the sums of their products by level of the first.
    """
    stages = []
    for s, f in enumerate(order.nested):
        later = enumerate(order.nested[s + 1 :], start=s + 1)
        links = [make_link(t, parents(codes[f], codes[g], n_levels[f]), sums(s, t))
                 for t, g in later]  # fmt: skip
        count = np.ones(n_levels[f])
        stages.append(Stage(f, sums(s, s), sums(s, None), count, tuple(links)))
    return tuple(stages)


def with_crossed(
    products: CrossProducts, Z: Sequence[Array], codes: Sequence[Array], n_levels: Sequence[int],
    W: Array, factors: tuple[int, ...],
) -> CrossProducts:  # fmt: skip
    """Add the products with crossed factors to those of the nested ones.

    Raises
    ------
    FitError
        The crossed factors have too many levels.
    """
    if not factors:
        return products
    rest = _crossed_columns(factors, Z, codes, n_levels)
    stages = []
    for stage in products.stages:
        f = stage.factor
        by_level = indicator(codes[f], n_levels[f])
        every = (by_level @ rest.multiply(z[:, None]) for z in Z[f].T)
        D = [own.toarray() if np.prod(own.shape) <= DENSE else own.tocsr() for own in every]
        stages.append(replace(stage, crossed=tuple(D)))
    crossed = Crossed(
        factors=factors,
        n_levels=tuple(n_levels[f] for f in factors),
        q=tuple(Z[f].shape[1] for f in factors),
        A=(rest.T @ rest).toarray(),
        B=np.asarray(rest.T @ W),
    )
    return replace(products, stages=tuple(stages), crossed=crossed)


def indicator(codes: Array, n_levels: int) -> Any:
    """Return the matrix that adds up rows by level, sparse, shape (n_levels, n)."""
    n = len(codes)
    return sparse.csr_array((np.ones(n), (codes, np.arange(n))), shape=(n_levels, n))


def _products(by_level: Any, left: Array, right: Array) -> Array:
    """Sum left_row' right_row over the rows of each level, shape (q, k, n_levels)."""
    rows, ends = by_level.indices, by_level.indptr
    weighted = (sparse.csr_array((z[rows], rows, ends), by_level.shape) for z in left.T)
    return np.stack([(own @ right).T for own in weighted])


def _crossed_columns(
    crossed: tuple[int, ...], Z: Sequence[Array], codes: Sequence[Array], n_levels: Sequence[int]
) -> Any:
    q = [Z[f].shape[1] for f in crossed]
    ends = np.cumsum([0, *(n_levels[f] * k for f, k in zip(crossed, q, strict=True))])
    if ends[-1] > MAX_CROSSED:
        must = f"Crossed grouping factors may have {MAX_CROSSED:,} random effects together"
        remedy = "Keep the largest crossed factor only, or check that codes are not reused."
        raise FitError(must, got=f"{ends[-1]:,}", remedy=remedy)
    own, levels = [Z[f] for f in crossed], [codes[f] for f in crossed]
    return effect_rows(own, levels, [np.eye(k) for k in q], ends[:-1].tolist(), int(ends[-1]))


def effect_rows(
    Z: Sequence[Array],
    codes: Sequence[Array],
    factors: Sequence[Array],
    starts: Sequence[int],
    n_effects: int,
) -> sparse.csr_array:
    """Return rows z'Lambda over all spherical effects; a level of -1 leaves zeros.

    Parameters
    ----------
    Z : sequence of array, shape (k, q)
    codes : sequence of array of int, shape (k,)
    factors : sequence of array, shape (q, q)
    starts : sequence of int
    n_effects : int
    """
    data, columns = [], []
    for own, code, lam, start in zip(Z, codes, factors, starts, strict=True):
        known = code >= 0
        data.append(np.where(known[:, None], own @ lam, 0.0))
        level = np.where(known, code, 0).astype(np.int64)
        columns.append(start + level[:, None] * len(lam) + np.arange(len(lam)))
    values = np.hstack(data)
    k, width = values.shape
    pointers = np.arange(0, k * width + 1, width)
    return sparse.csr_array(
        (values.ravel(), np.hstack(columns).ravel(), pointers), shape=(k, n_effects)
    )

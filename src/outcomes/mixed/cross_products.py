"""One pass over the rows: the cross-products a likelihood needs, after which rows are forgotten.

Grouping factors are eliminated one after another. A factor in which every factor before it is
nested is eliminated level by level (small blocks, all levels at once); what remains, the crossed
factors, is one block of its own: a last stage with one group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from outcomes.errors import FitError

Array = npt.NDArray[Any]

MAX_CROSSED = 12_000
"""Largest number of crossed random effects held in one dense block (about 1 GB)."""


@dataclass(frozen=True)
class Link:
    """Cross-products of a stage's random columns with those of a later stage.

    Parameters
    ----------
    to : int
        Position of the later stage.
    parent : array of int, shape (n_groups,)
        Group of the later stage that each group lies in.
    C : array, shape (n_groups, q, q_later)
        Z_i'Z_parent(i).
    members : sparse array, shape (n_later, n_groups), or None
        Sums over the groups of each later group; None where there is one later group.
    """

    to: int
    parent: Array
    C: Array
    members: Any


@dataclass(frozen=True)
class Stage:
    """The groups eliminated together.

    Parameters
    ----------
    factors : tuple of int
        Positions of the grouping factors in the design; one, unless crossed.
    n_levels : tuple of int
        Levels of each factor within one group; (1,) unless crossed.
    q : tuple of int
        Random effects per level of each factor.
    A : array, shape (n_groups, q, q)
        Z_i'Z_i.
    B : array, shape (n_groups, q, m)
        Z_i'W_i with W = [Q, residual].
    count : array, shape (n_groups,)
        How many groups each stands for.
    links : tuple of Link
    """

    factors: tuple[int, ...]
    n_levels: tuple[int, ...]
    q: tuple[int, ...]
    A: Array
    B: Array
    count: Array
    links: tuple[Link, ...]

    @property
    def n_groups(self) -> int:
        """Number of groups held."""
        return len(self.A)


@dataclass(frozen=True)
class CrossProducts:
    """All a likelihood evaluation needs.

    Parameters
    ----------
    stages : tuple of Stage
        In the order of elimination.
    C : array, shape (m, m)
        W'W.
    n : int
        Rows.
    """

    stages: tuple[Stage, ...]
    C: Array
    n: int

    @property
    def p(self) -> int:
        """Number of estimated fixed coefficients."""
        return len(self.C) - 1


@dataclass(frozen=True)
class Order:
    """The order of elimination.

    Parameters
    ----------
    nested : tuple of int
        Factors eliminated level by level, the finest first; each contains those before it.
    crossed : tuple of int
        Factors left to the last stage.
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

    Raises
    ------
    FitError
        The crossed factors have too many levels.
    """
    by_size = sorted(range(len(codes)), key=lambda f: -n_levels[f])
    nested, crossed = by_size[:1], by_size[:0]
    for f in by_size[1:]:
        inside = all(is_nested(codes[g], codes[f], n_levels[g]) for g in nested)
        (nested if inside else crossed).append(f)
    return Order(tuple(nested), tuple(crossed))


def is_nested(inner: Array, outer: Array, n_inner: int) -> bool:
    """Tell whether each level of the inner factor lies within one level of the outer one."""
    return bool((parents(inner, outer, n_inner)[inner] == outer).all())


def parents(inner: Array, outer: Array, n_inner: int) -> Array:
    """Return the outer level in which each inner level lies, shape (n_inner,)."""
    found = np.zeros(n_inner, dtype=np.intp)
    found[inner] = outer
    return found


def cross_products(
    Z: Sequence[Array], codes: Sequence[Array], n_levels: Sequence[int], W: Array
) -> CrossProducts:
    """Make all cross-products from rows in the working basis.

    Parameters
    ----------
    Z : sequence of array, shape (n, q)
        Random columns, factor by factor.
    codes : sequence of array of int, shape (n,)
    n_levels : sequence of int
    W : array, shape (n, m)
        Fixed columns, then the response.

    Returns
    -------
    CrossProducts
    """
    order = elimination_order(codes, n_levels)
    indicators = [_indicator(codes[f], n_levels[f]) for f in range(len(Z))]
    rest = _crossed_columns(order.crossed, Z, codes, n_levels)
    stages = []
    for position, f in enumerate(order.nested):
        links = [
            Link(
                to=position + later,
                parent=parents(codes[f], codes[t], n_levels[f]),
                C=_products(indicators[f], Z[f], Z[t]),
                members=_indicator(parents(codes[f], codes[t], n_levels[f]), n_levels[t]),
            )
            for later, t in enumerate(order.nested[position + 1 :], start=1)
        ]
        if rest is not None:
            links.append(
                Link(
                    to=len(order.nested),
                    parent=np.zeros(n_levels[f], dtype=np.intp),
                    C=_sparse_products(indicators[f], Z[f], rest),
                    members=None,
                )
            )
        stages.append(
            Stage(
                factors=(f,),
                n_levels=(1,),
                q=(Z[f].shape[1],),
                A=_products(indicators[f], Z[f], Z[f]),
                B=_products(indicators[f], Z[f], W),
                count=np.ones(n_levels[f]),
                links=tuple(links),
            )
        )
    if rest is not None:
        stages.append(
            Stage(
                factors=order.crossed,
                n_levels=tuple(n_levels[f] for f in order.crossed),
                q=tuple(Z[f].shape[1] for f in order.crossed),
                A=(rest.T @ rest).toarray()[None],
                B=np.asarray(rest.T @ W)[None],
                count=np.ones(1),
                links=(),
            )
        )
    return CrossProducts(tuple(stages), W.T @ W, len(W))


def _indicator(codes: Array, n_levels: int) -> Any:
    n = len(codes)
    return sparse.csr_array((np.ones(n), (codes, np.arange(n))), shape=(n_levels, n))


def _products(indicator: Any, left: Array, right: Array) -> Array:
    """Sum left_row' right_row over the rows of each level, shape (n_levels, q, k)."""
    parts = [indicator @ (left[:, [a]] * right) for a in range(left.shape[1])]
    return np.stack(parts, axis=1)


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
        blocks.append(
            sparse.csr_array((Z[f].ravel(), columns.ravel(), starts), shape=(n, n_levels[f] * q))
        )
    return sparse.hstack(blocks, format="csr")


def _sparse_products(indicator: Any, left: Array, rest: Any) -> Array:
    parts = [(indicator @ rest.multiply(left[:, [a]]).tocsr()) for a in range(left.shape[1])]
    return np.stack([part.toarray() for part in parts], axis=1)

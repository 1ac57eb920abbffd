"""The cross-products of a part of the rows, how those of parts are merged, and the fit to them.

A group of the finest factor enters a likelihood through A = Z'Z, B = Z'W (W the fixed columns and
the response) and D = Z'F (F the columns of crossed effects), as a group of any fit does. Where its
visits repeat it enters only through sums over its pattern (`likelihood.patterns`), and these add
up: with repeated visits the products of all parts stay as small as those of one. Groups that share
a unit (courses of one patient), and those of rare visits, are kept one by one, to be joined at the
end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from outcomes.errors import FitError
from outcomes.mixed.likelihood.by_elimination import ByElimination
from outcomes.mixed.likelihood.cross_products import (
    Crossed,
    CrossProducts,
    Kept,
    Order,
    Packed,
    Stage,
    dense_products,
    level_sums,
)
from outcomes.mixed.likelihood.patterns import (
    alike,
    joined_patterns,
    numbered,
    pattern_keys,
    summed_patterns,
)
from outcomes.mixed.likelihood.working import Working, change_basis, gram_basis, random_gram_basis
from outcomes.mixed.products.agreed import (
    Agreed,
    Forgotten,
    agree,
    merge_surveys,
    refuse_unstreamed,
    survey,
)
from outcomes.mixed.reading.columns import Columns, build_columns, response_of
from outcomes.mixed.reading.design import Design, design_matrix, group_codes
from outcomes.mixed.reading.expressions import columns_of
from outcomes.mixed.reading.formula import parse_formula
from outcomes.mixed.reading.frame import ModelFrame, model_frame
from outcomes.mixed.record import Fit, Request, fit_likelihood
from outcomes.mixed.search import one_blas_thread
from outcomes.mixed.types import Array

AT_ONCE = 16
"""Parts that are merged in one go."""
ADDED = 32_000
"""Groups that are added up to sums over patterns in one go."""
PIECE = 8_000
"""Groups of a stage that are eliminated at once: memory does not grow with their number."""


def packed(groups: Stage) -> Packed:
    """Let equal groups of a stage stand once, but for their response."""
    y, B = groups.B[:, -1].copy(), groups.B.copy()
    B[:, -1] = 0.0
    flat = B.reshape(B.shape[0] * B.shape[1], B.shape[2])
    found = alike(np.concatenate([pattern_keys(groups).T, flat]))
    number, first = found or (np.arange(len(groups.count)),) * 2
    like = replace(groups, B=B, crossed=()).take(first)
    return Packed(replace(like, crossed=groups.crossed), number.astype(np.int32), y)


def _joined(held: Sequence[Packed]) -> Packed:
    """Join groups; kinds in several of them are one."""
    A, B = (np.concatenate([getattr(own.like, name) for own in held], axis=-1) for name in "AB")
    likes = replace(held[0].like, A=A, B=B, count=np.ones(A.shape[-1]), crossed=())
    starts = np.cumsum([0, *(own.like.A.shape[-1] for own in held[:-1])])
    kind = np.concatenate([own.kind + start for own, start in zip(held, starts, strict=True)])
    whole, used = packed(likes), np.unique(kind)
    number = np.zeros(len(whole.kind), dtype=np.int32)
    kinds, number[used] = np.unique(whole.kind[used], return_inverse=True)
    columns = zip(*(own.like.crossed for own in held), strict=True)
    crossed = tuple(sparse.vstack(own, format="csr") for own in columns)
    like = replace(whole.like.take(kinds), crossed=crossed)
    return Packed(like, number[kind], np.concatenate([own.y for own in held], axis=-1))


@dataclass(frozen=True)
class Products:
    """The cross-products of some rows, in columns as they are.

    Parameters
    ----------
    agreed : Agreed
        What parts agree on.
    n : int
        Rows.
    C : array, shape (m, m)
        W'W.
    crossed : Crossed or None
        Products of the crossed factors.
    groups : Packed
        Groups of the finest factor that are kept one by one.
    own, unit : Index
        Their labels, and those of the units they lie in.
    patterns : Stage
        Sums over the other groups.
    alone : Index
        Labels of these.
    """

    agreed: Agreed
    n: int
    C: Array
    crossed: Crossed | None
    groups: Packed
    own: pd.Index
    unit: pd.Index
    patterns: Stage
    alone: pd.Index

    @property
    def labels(self) -> pd.Index:
        """Labels of all groups of the finest factor."""
        return self.alone.append(self.own)


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
    coded = [group_codes(factor.group, frame) for factor in agreed.factors]
    codes, n_levels = [own for own, _ in coded], [len(levels) for _, levels in coded]
    for f in agreed.crossed:
        known = agreed.survey.groups[agreed.factors[f].group]
        codes[f], n_levels[f] = known.get_indexer(coded[f][1])[codes[f]], len(known)
    Z = [np.hstack([build_columns(term.expression, frame).matrix for term in factor.terms])
         for factor in agreed.factors]  # fmt: skip
    W = _fixed(agreed, frame)
    made = dense_products(Z, codes, n_levels, W, Order((0,), agreed.crossed))
    (groups,), own = made.stages, coded[0][1]
    groups = replace(groups, crossed=tuple(sparse.csr_array(D) for D in groups.crossed))
    unit = own
    if agreed.unit is not None:
        of_group = np.empty(len(own), dtype=np.intp)
        of_group[codes[0]] = codes[agreed.unit]
        unit = coded[agreed.unit][1][of_group]
    nothing = summed_patterns(groups.take(np.arange(0)))
    kept = packed(groups)
    found = Products(agreed, made.n, made.C, made.crossed, kept, own, unit, nothing, own[:0])
    return _gathered([found])


def _fixed(agreed: Agreed, frame: ModelFrame) -> Array:
    """Return the fixed columns, computed once for rows that say the same, and the response."""
    names = columns_of(agreed.fixed.spec.formula)
    number, first = numbered([np.zeros(frame.n_rows), *map(frame.column, names)])
    shown = design_matrix(agreed.fixed, frame.data.iloc[first])
    W = np.column_stack([shown, np.empty(len(first))])[number]
    W[:, -1] = response_of(agreed.formula.response, frame)
    return W


def _gathered(parts: Sequence[Products]) -> Products:
    """Join parts; add up groups alone in their unit whose visits repeat, or were before."""
    one, patterns = parts[0], joined_patterns([part.patterns for part in parts])
    groups = one.groups if len(parts) == 1 else _joined([part.groups for part in parts])
    own, unit = (_united([getattr(part, name) for part in parts]) for name in ("own", "unit"))
    before, kinds = pattern_keys(patterns), pattern_keys(groups.like)
    place, found = numbered(np.concatenate([before, kinds]).T)
    q, m, _ = groups.like.B.shape
    width = m if one.crossed is None else m + len(one.crossed.A)
    able, at = one.agreed.repeated.get_indexer(unit) < 0, place[len(before) :][groups.kind]
    enough = np.bincount(at[able], minlength=len(found)) > q * width  # sums hold less then
    enough[place[: len(before)]] = True
    moved = able & enough[at]
    added = np.flatnonzero(moved)
    for start in range(0, len(added), ADDED):
        summed = summed_patterns(groups.stage(added[start : start + ADDED]))
        patterns = joined_patterns([patterns, summed])
    return Products(
        agreed=one.agreed,
        n=sum(part.n for part in parts),
        C=np.sum([part.C for part in parts], axis=0),
        crossed=_added([part.crossed for part in parts if part.crossed is not None]),
        groups=groups.take(np.flatnonzero(~moved)),
        own=own[~moved],
        unit=unit[~moved],
        patterns=patterns,
        alone=_united([*(part.alone for part in parts), own[moved]]),
    )


def merge(*parts: Products) -> Products:
    """Add up the cross-products of parts.

    Parameters
    ----------
    *parts : Products
        Of parts with the same `Agreed`, at least one.

    Returns
    -------
    Products
        Those of all rows. Associative and commutative up to rounding; a level of a crossed factor
        or of a unit that is in several parts is one level.

    Raises
    ------
    FitError
        The parts have not agreed, or a group of the finest factor has rows in several: a course
        that is split over parts, or a part that is there twice.
    """
    one = parts[0]
    if any(p.agreed is not one.agreed and p.agreed.formula != one.agreed.formula for p in parts):
        must = "Parts are merged whose columns were agreed on together"
        raise FitError(must, got="others")
    labels = np.concatenate([own.to_numpy() for p in parts for own in (p.alone, p.own)])
    labels.sort()
    twice = len(np.unique(labels[1:][labels[1:] == labels[:-1]]))
    del labels  # memory
    if twice:
        must = f"Every row of a level of '{one.agreed.factors[0].name}' is in one part"
        got = f"{twice} {'level' if twice == 1 else 'levels'} in several parts"
        raise FitError(must, got=got, remedy="Write each course into one part, each part once.")
    return _gathered(parts)


def _united(labels: list[pd.Index]) -> pd.Index:
    return labels[0].append(labels[1:])


def _added(crossed: list[Crossed]) -> Crossed | None:
    if not crossed:
        return None
    A, B = sum(own.A for own in crossed), sum(own.B for own in crossed)
    return replace(crossed[0], A=np.asarray(A), B=np.asarray(B))


def merge_all(parts: Iterable[Products]) -> Products:
    """Merge parts as they come, some at a time: few are held beside what they are merged with.

    Raises
    ------
    FitError
        There is none, or two do not merge.
    """
    held: list[Products] = []
    for part in parts:
        held.append(part)
        if len(held) > AT_ONCE:
            held = [_gathered(held)]
    if not held:
        must = "A model needs rows"
        raise FitError(must, got="no part with any")
    return merge(*held)


def staged(products: Products) -> CrossProducts:
    """Return merged products as those of one table, in columns as they are.

    Effects of groups alone in their unit, as those of patterns are, add up with its own.
    """
    agreed, groups = products.agreed, products.groups
    stages: tuple[Stage, ...] = ()
    shared = None if agreed.unit is None else (agreed.unit, agreed.within)
    if products.patterns.A.shape[-1]:
        stages = (replace(products.patterns, shared=shared),)
    _, unit, size = np.unique(products.unit, return_inverse=True, return_counts=True)
    order = np.lexsort((unit, size[unit] > 1))
    alone, unit = int((size == 1).sum()), np.cumsum(np.diff(unit[order], prepend=-1) != 0)
    first = np.append(np.flatnonzero(np.diff(unit[alone:], prepend=-1)) + alone, len(unit))
    steps = [*range(0, alone, PIECE), *first[:-1:PIECE], len(unit)]
    cuts = tuple(slice(a, b) for a, b in pairwise(steps) if a < b)
    groups = replace(groups, like=replace(groups.like, shared=shared)).take(order)
    kept = Kept(groups, unit, alone, cuts)
    return CrossProducts(stages, products.crossed, products.C, products.n, kept)


Parts = Iterable[pd.DataFrame]

ALIASED = 1e-5
"""A column whose part orthogonal to those before it is relatively smaller than this is aliased."""


@dataclass(frozen=True)
class _Frame(ModelFrame):
    """A frame of rows that were not kept.

    Parameters
    ----------
    n : int
        How many there were.
    """

    n: int = 0

    @property
    def n_rows(self) -> int:
        return self.n


@dataclass(frozen=True)
class _Columns(Columns):
    """The fixed columns as a specification, without their rows."""

    @cached_property
    def matrix(self) -> Array:
        return np.asarray(Forgotten())


def fit_parts(request: Request, parts: Callable[[], Parts]) -> Fit:
    """Fit a mixed model to rows that come in parts, twice over, and are not kept.

    Parameters
    ----------
    request : Request
        Formula and options. Random terms have columns as they are; residuals are independent.
    parts : callable
        Returns the parts, each a frame with every row of the courses in it; called twice.

    Returns
    -------
    Fit
        Of all rows. What looks at single rows is refused.

    Raises
    ------
    FormulaError
        The formula cannot be fitted part by part.
    FitError
        The data cannot carry the model, or a course is in several parts.
    """
    formula = parse_formula(request.formula)
    refuse_unstreamed(formula)
    agreed = agree(formula, merge_surveys(survey(formula, part) for part in parts()))
    return fit_products(request, merge_all(products_of(agreed, part) for part in parts()))


def fit_products(request: Request, products: Products) -> Fit:
    """Search the likelihood of merged products; see `fit_parts`."""
    agreed, held = products.agreed, len(products.labels)
    if held != agreed.factors[0].n_levels or products.n != agreed.survey.n:
        must = "The products are those of every part that was surveyed"
        got = f"{products.n:,} of {agreed.survey.n:,} rows"
        raise FitError(must, got=got, remedy="Merge each part once.")
    whole = staged(products)
    del products  # one copy in memory is enough
    with one_blas_thread():
        working = _working(agreed, whole)
    likelihood = ByElimination(_design(agreed, whole.n), working, request.reml)
    del whole
    return fit_likelihood(likelihood, request)


def _design(agreed: Agreed, n: int) -> Design:
    nothing: Any = Forgotten()
    frame = _Frame(nothing, None, agreed.survey.dropped, agreed.survey.n_dropped, None, n)
    columns = _Columns(**vars(agreed.fixed))
    return Design(agreed.formula, frame, nothing, (), columns, agreed.factors)


def _working(agreed: Agreed, whole: CrossProducts) -> Working:
    """Carry merged products over to a well-conditioned basis."""
    kept = _independent(whole.C[:-1, :-1])
    chosen = np.append(kept, len(whole.C) - 1)
    found = gram_basis(whole.C[np.ix_(chosen, chosen)], whole.n)
    if found is None:
        must = "Cross-products must keep the digits of the fixed part"
        remedy = "Centre columns far from zero; leave out one of two that nearly say the same."
        raise FitError(must, got="columns nearly dependent, or an exact response", remedy=remedy)
    basis, M = found
    sums, transforms = level_sums(whole), []
    for f, factor in enumerate(agreed.factors):
        T = random_gram_basis(sums[f][1], factor.covariance.sizes, factor.names)
        if T is None:
            must = "A random slope needs a column that varies, not too far from zero"
            raise FitError(must, got="another", where=f"grouping factor '{factor.name}'")
        transforms.append(T)
    moved = change_basis(whole, np.eye(len(whole.C))[:, chosen] @ M, transforms)
    return Working(replace(basis, kept=kept), tuple(transforms), moved)


def _independent(gram: Array) -> Array:
    """Return the columns not spanned by those before them, given X'X."""
    norms = np.sqrt(np.diag(gram))
    rest = gram / np.outer(np.where(norms > 0, norms, 1.0), np.where(norms > 0, norms, 1.0))
    kept = []
    for j in range(len(gram)):
        if rest[j, j] > ALIASED**2:
            kept.append(j)
            rest = rest - np.outer(rest[:, j], rest[j]) / rest[j, j]
    return np.array(kept, dtype=np.intp)

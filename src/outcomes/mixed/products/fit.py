"""Fit a model to parts of the rows: survey them, agree, merge their products, search once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd

from outcomes.errors import FitError
from outcomes.mixed.likelihood.by_elimination import ByElimination
from outcomes.mixed.likelihood.cross_products import CrossProducts, level_sums
from outcomes.mixed.likelihood.working import Working, change_basis, gram_basis, random_gram_basis
from outcomes.mixed.products.agreed import Agreed, Forgotten, agree, refuse_unstreamed
from outcomes.mixed.products.products import Products, merge_all, products_of, staged
from outcomes.mixed.products.survey import merge_surveys, survey
from outcomes.mixed.reading.columns import Columns
from outcomes.mixed.reading.design import Design
from outcomes.mixed.reading.formula import parse_formula
from outcomes.mixed.reading.frame import ModelFrame
from outcomes.mixed.record import Fit, Request, fit_likelihood
from outcomes.mixed.search import one_blas_thread
from outcomes.mixed.types import Array

Parts = Iterable[pd.DataFrame]
Map = Callable[..., Iterable[Any]]
"""Like the built-in ``map``; one that works elsewhere gives the same results."""

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


def fit_parts(request: Request, parts: Callable[[], Parts], *, over: Map = map) -> Fit:
    """Fit a mixed model to rows that come in parts, twice over, and are not kept.

    Parameters
    ----------
    request : Request
        Formula and options. Random terms have columns as they are; residuals are independent.
    parts : callable
        Returns the parts, each a frame with every row of the courses in it; called twice.
    over : callable
        Maps a function over parts: `map`, or one that does it elsewhere.

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
    agreed = agree(formula, merge_surveys(over(partial(survey, formula), parts())))
    return fit_products(request, merge_all(over(partial(products_of, agreed), parts())))


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

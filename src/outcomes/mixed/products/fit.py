"""Fit a model to parts of the rows: survey them, agree, merge their products, search once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from outcomes.errors import FitError
from outcomes.mixed.likelihood.by_elimination import ByElimination, factors_of
from outcomes.mixed.likelihood.elimination import Eliminated
from outcomes.mixed.likelihood.working import Working
from outcomes.mixed.products.agreed import Agreed, Grouping, agree, refuse_unstreamed
from outcomes.mixed.products.elimination import (
    Conditioned,
    conditioned,
    eliminate_merged,
    require_search,
)
from outcomes.mixed.products.products import Products, merge_all, products_of
from outcomes.mixed.products.survey import Survey, merge_surveys, survey
from outcomes.mixed.reading.columns import Columns
from outcomes.mixed.reading.design import Design, GroupingFactor
from outcomes.mixed.reading.formula import ModelFormula, parse_formula
from outcomes.mixed.reading.frame import ModelFrame
from outcomes.mixed.record import Fit, Request, fit_likelihood
from outcomes.mixed.search import minimise, one_blas_thread
from outcomes.mixed.types import Array

Parts = Iterable[pd.DataFrame]
Map = Callable[..., Iterable[Any]]
"""Like the built-in ``map``; one that works elsewhere gives the same results."""

FEW_PARTS = 4
"""With more rows than so many parts hold, a search of the first part shows where to begin."""
START = 0.5
"""Relative standard deviation at which a search begins."""


class _Forgotten:
    """In the place of rows that a fit of parts did not keep."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        must = "What looks at single rows needs the rows"
        remedy = "Fit the model to the rows of a sample of whole courses."
        raise FitError(must, got="a fit of parts, which keeps none", remedy=remedy)

    __len__ = __iter__ = __getitem__ = __array__ = __getattr__ = _refuse


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
        return np.asarray(_Forgotten())


@dataclass(frozen=True)
class _Factor(GroupingFactor):
    """A grouping factor without its rows."""

    flat: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return self.flat


@dataclass(frozen=True)
class ByProducts(ByElimination):
    """The likelihood of merged products.

    Parameters
    ----------
    conditioned : Conditioned
    """

    conditioned: Any = None

    @property
    def products(self) -> Any:
        """The merged products: their rows and coefficients are what a likelihood asks for."""
        return self.conditioned

    def eliminate(
        self, lam: Sequence[Array], directions: Sequence[Array] | None = None
    ) -> Eliminated:
        """Eliminate all random effects at Lambda, along dSigma if given."""
        return eliminate_merged(self.conditioned, lam, directions)

    def start(self) -> Array:
        """Return where a search begins."""
        return np.where(self.is_diagonal, START, 0.0)


def fit_parts(
    request: Request, parts: Callable[[], Parts], *, over: Map = map, start: Array | None = None
) -> Fit:
    """Fit a mixed model to rows that come in parts, twice over, and are not kept.

    Parameters
    ----------
    request : Request
        Formula and options. Random terms have columns as they are; residuals are independent.
    parts : callable
        Returns the parts, each a frame with every row of the courses in it; called twice.
    over : callable
        Maps a function over parts: `map`, or one that does it elsewhere.
    start : array, optional
        Theta to start from.

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
    agreed = agree(formula, merge_surveys(over(_Surveyed(formula), parts())))
    made = iter(over(_Multiplied(agreed), parts()))
    first = next(made)
    whole = merge_all(chain([first], made))
    if start is None and whole.n > FEW_PARTS * first.n:
        start = _start(request, first, whole)
    return fit_products(request, whole, start)


def _start(request: Request, first: Products, whole: Products) -> Array | None:
    """Find where the search of all rows begins: at the end of a search of the first part's."""
    try:
        own, other = conditioned(first), conditioned(whole)
        likelihood = _likelihood(request, own)
        with one_blas_thread():
            theta = minimise(likelihood, likelihood.start())[0].end
    except FitError:
        return None
    found = []
    for block, lam, back, T in zip(
        likelihood.blocks, factors_of(theta, likelihood.blocks), own.back, other.transforms,
        strict=True,
    ):  # fmt: skip
        root = T @ back @ lam
        found.append(block.theta(root @ root.T))
    return np.concatenate(found)


def _likelihood(request: Request, found: Conditioned) -> ByProducts:
    design = _design(found.products.agreed, found.n)
    working = Working(found.basis, found.transforms, None)  # type: ignore[arg-type]
    return ByProducts(design, working, request.reml, found)


@dataclass(frozen=True)
class _Surveyed:
    formula: ModelFormula

    def __call__(self, data: pd.DataFrame) -> Survey:
        return survey(self.formula, data)


@dataclass(frozen=True)
class _Multiplied:
    agreed: Agreed

    def __call__(self, data: pd.DataFrame) -> Products:
        return products_of(self.agreed, data)


def fit_products(request: Request, products: Products, start: Array | None = None) -> Fit:
    """Search the likelihood of merged products; see `fit_parts`."""
    with one_blas_thread():
        found = conditioned(products)
        require_search(found)
    likelihood = _likelihood(request, found)
    return fit_likelihood(likelihood, request, None if start is None else likelihood.near(start))


def _design(agreed: Agreed, n: int) -> Design:
    nothing: Any = _Forgotten()
    frame = _Frame(nothing, None, agreed.survey.dropped, agreed.survey.n_dropped, None, n)
    factors = tuple(_factor(own, nothing) for own in agreed.factors)
    return Design(agreed.formula, frame, nothing, (), _Columns(**vars(agreed.fixed)), factors)


def _factor(own: Grouping, nothing: Any) -> GroupingFactor:
    levels = pd.RangeIndex(own.n_levels)
    return _Factor(own.group, own.terms, (), nothing, levels, own.covariance, own.names)


def cut_rows(data: pd.DataFrame, group: str, size: int) -> Iterator[pd.DataFrame]:
    """Cut a table into parts of about so many rows that hold whole groups.

    Parameters
    ----------
    data : DataFrame
    group : str
        The column of the finest groups.
    size : int
        Rows.
    """
    codes = pd.factorize(data[group])[0]
    order = None if (codes[1:] >= codes[:-1]).all() else np.argsort(codes, kind="stable")
    ordered = codes if order is None else codes[order]
    start = 0
    while start < len(data):
        last = ordered[min(start + size, len(data)) - 1]
        end = int(np.searchsorted(ordered, last, side="right"))
        yield data.iloc[start:end] if order is None else data.iloc[order[start:end]]
        start = end

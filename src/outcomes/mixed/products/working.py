"""A design turned into cross-products in a well-conditioned basis, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from outcomes.errors import FitError
from outcomes.mixed.products.conditioning import (
    FixedBasis,
    change_basis,
    fixed_basis,
    gram_basis,
    random_basis,
    random_gram_basis,
)
from outcomes.mixed.products.cross_products import (
    CrossProducts,
    Order,
    dense_products,
    elimination_order,
)
from outcomes.mixed.products.patterns import compress, cut
from outcomes.mixed.products.structured import structured_products
from outcomes.mixed.reading.design import Design
from outcomes.mixed.types import Array


@dataclass(frozen=True)
class Working:
    """The cross-products of a model, in a well-conditioned basis.

    Parameters
    ----------
    basis : FixedBasis
    transforms : tuple of array, shape (q, q)
        T of each grouping factor: working effects are T b.
    products : CrossProducts
    """

    basis: FixedBasis
    transforms: tuple[Array, ...]
    products: CrossProducts


def make_working(design: Design, patterns: bool = True) -> Working:
    """Pass once over the rows of a design.

    Parameters
    ----------
    design : Design
    patterns : bool
        Whether groups may be merged or reordered for speed; False keeps them one by one.

    Returns
    -------
    Working

    Raises
    ------
    FitError
        The response does not vary around the fixed part or within groups, or a slope is constant.
    """
    _refuse_constant(design)
    order = elimination_order(
        [factor.codes for factor in design.factors], [factor.n_levels for factor in design.factors]
    )
    found = _from_groups(design, order, patterns) or _from_rows(design, order)
    basis, transforms, products = found
    return Working(basis, tuple(transforms), products)


def _from_groups(
    design: Design, order: Order, patterns: bool
) -> tuple[FixedBasis, list[Array], CrossProducts] | None:
    """Take the quick way; None where it does not apply or would lose digits."""
    if order.crossed:
        return None
    level = float(design.response.mean()) if "Intercept" in design.fixed.names else 0.0
    products = structured_products(design, order, design.response - level)
    found = None if products is None else gram_basis(products.C, design.n)
    if products is None or found is None:
        return None
    basis, M = found
    if level:
        basis.start[design.fixed.names.index("Intercept")] += level
    transforms: list[Array] = [np.empty((0, 0))] * len(design.factors)
    for stage in products.stages:
        factor = design.factors[stage.factor]
        sums = stage.A.sum(axis=-1)
        T = random_gram_basis(sums, factor.covariance.sizes, factor.names)
        if T is None:
            return None
        transforms[stage.factor] = T
    if patterns:
        products = compress(products)
    products = change_basis(products, M, transforms)
    return basis, transforms, cut(products) if patterns else products


def _from_rows(design: Design, order: Order) -> tuple[FixedBasis, list[Array], CrossProducts]:
    """Expand every column over the rows and orthonormalise: slower, and safe at any condition."""
    root = None if design.weights is None else np.sqrt(design.weights)
    X, response = design.fixed.matrix, design.response
    if root is not None:
        X, response = X * root[:, None], response * root
    basis, Q, residual = fixed_basis(X, response)
    Z, transforms = [], []
    for factor in design.factors:
        columns = factor.Z if root is None else factor.Z * root[:, None]
        working, T = random_basis(columns, factor.covariance.sizes, factor.names)
        Z.append(working)
        transforms.append(T)
    codes = [factor.codes for factor in design.factors]
    n_levels = [factor.n_levels for factor in design.factors]
    W = np.column_stack([Q, residual])
    return basis, transforms, dense_products(Z, codes, n_levels, W, order)


def _refuse_constant(design: Design) -> None:
    if design.response.min() == design.response.max():
        must = "The response must vary"
        raise FitError(must, got="the same response on every row", where=design.formula.response)
    for factor in design.factors:
        if "Intercept" not in factor.names:
            continue
        first = np.empty(factor.n_levels)
        first[factor.codes] = design.response
        for rows in (slice(0, 2000), slice(None)):
            if not np.array_equal(first[factor.codes[rows]], design.response[rows]):
                break
        else:
            must = "The response must vary within groups"
            raise FitError(
                must,
                got="the same response on every row of each level",
                where=f"grouping factor '{factor.name}'",
                remedy="The rows repeat one score: keep one row a level and use least squares.",
            )

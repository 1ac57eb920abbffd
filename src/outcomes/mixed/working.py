"""A design turned into cross-products in a well-conditioned basis, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from outcomes.errors import FitError
from outcomes.mixed.conditioning import FixedBasis, fixed_basis, random_basis
from outcomes.mixed.covariance import BlockCovariance, split_theta
from outcomes.mixed.cross_products import CrossProducts, cross_products
from outcomes.mixed.design import Design

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Working:
    """A model ready for evaluation.

    Parameters
    ----------
    basis : FixedBasis
    transforms : tuple of array, shape (q, q)
        T of each grouping factor: working effects are T b.
    products : CrossProducts
    blocks : tuple of BlockCovariance
    log_weights : float
        Sum of the logarithms of the prior weights.
    """

    basis: FixedBasis
    transforms: tuple[Array, ...]
    products: CrossProducts
    blocks: tuple[BlockCovariance, ...]
    log_weights: float

    def sigma_from_working(self, sigmas: list[Array]) -> list[Array]:
        """Turn relative covariances of working effects into those of the model."""
        back = [np.linalg.inv(T) for T in self.transforms]
        return [B @ sigma @ B.T for B, sigma in zip(back, sigmas, strict=True)]

    def theta_from_working(self, theta: Array) -> Array:
        """Turn theta of the working effects into theta of the model."""
        sigmas = [
            block.factor(part) @ block.factor(part).T
            for block, part in zip(self.blocks, split_theta(theta, self.blocks), strict=True)
        ]
        found = self.sigma_from_working(sigmas)
        return np.concatenate([b.theta(s) for b, s in zip(self.blocks, found, strict=True)])

    def theta_to_working(self, theta: Array) -> Array:
        """Turn theta of the model into theta of the working effects."""
        parts = []
        for block, T, part in zip(
            self.blocks, self.transforms, split_theta(theta, self.blocks), strict=True
        ):
            half = T @ block.factor(part)
            parts.append(block.theta(half @ half.T))
        return np.concatenate(parts)


def make_working(design: Design) -> Working:
    """Pass once over the rows of a design.

    Raises
    ------
    FitError
        The response does not vary around the fixed part or within groups, or a slope is constant.
    """
    root = None if design.weights is None else np.sqrt(design.weights)
    X, response = design.fixed.matrix, design.response
    if root is not None:
        X, response = X * root[:, None], response * root
    basis, Q, residual = fixed_basis(X, response)
    _refuse_constant_within(design)
    Z, transforms = [], []
    for factor in design.factors:
        columns, T = random_basis(factor.Z, factor.covariance.sizes, factor.names)
        Z.append(columns if root is None else columns * root[:, None])
        transforms.append(T)
    products = cross_products(
        Z,
        [factor.codes for factor in design.factors],
        [factor.n_levels for factor in design.factors],
        np.column_stack([Q, residual]),
    )
    return Working(
        basis=basis,
        transforms=tuple(transforms),
        products=products,
        blocks=tuple(factor.covariance for factor in design.factors),
        log_weights=0.0 if design.weights is None else float(np.log(design.weights).sum()),
    )


def _refuse_constant_within(design: Design) -> None:
    for factor in design.factors:
        if "Intercept" not in factor.names:
            continue
        first = np.empty(factor.n_levels)
        first[factor.codes] = design.response
        if np.array_equal(first[factor.codes], design.response):
            must = "The response must vary within groups"
            raise FitError(
                must,
                got="the same response on every row of each level",
                where=f"grouping factor '{factor.name}'",
                remedy="The rows repeat one score: keep one row a level and use least squares.",
            )

"""Where the search begins: variances from the least-squares residuals' own moments."""

from __future__ import annotations

import numpy as np

from outcomes.mixed.covariance import BlockCovariance
from outcomes.mixed.likelihood.deviance import Objective
from outcomes.mixed.products.cross_products import Crossed, CrossProducts
from outcomes.mixed.types import Array

SMALLEST, LARGEST = 0.1, 10.0
"""Bounds of a starting relative standard deviation: away from the saddle at zero."""


def starting_theta(objective: Objective) -> Array:
    """Solve the moment equations of each grouping factor by itself (Rao's MINQUE at V = I).

    With r_l = Z_l'e of the least-squares residuals e, sums of r_l r_l' have expectation
    sum_l A_l Psi A_l + sigma^2 sum_l A_l, and e'e has n sigma^2 + tr(Psi sum_l A_l), but for the
    fixed coefficients.

    Parameters
    ----------
    objective : Objective

    Returns
    -------
    array, shape (n_theta,)
        In the working basis.
    """
    sums = _sums(objective.products)
    n, total = objective.products.n, float(objective.products.C[-1, -1])
    parts = [_solve(block, *sums[f], n, total) for f, block in enumerate(objective.blocks)]
    return np.concatenate(parts)


def _solve(block: BlockCovariance, J: Array, h: Array, R: Array, n: int, total: float) -> Array:
    E = np.array(block.directions())
    q = block.q
    twice = J.reshape(q, q, q, q).transpose(0, 2, 1, 3).reshape(q * q, q * q)
    flat = E.reshape(len(E), -1)
    system = np.zeros((len(E) + 1, len(E) + 1))
    system[1:, 1:] = flat @ twice @ flat.T
    system[0, 1:] = system[1:, 0] = flat @ h.ravel()
    system[0, 0] = n
    solution = np.linalg.lstsq(system, np.append(total, flat @ R.ravel()), rcond=None)[0]
    variance = max(float(solution[0]), 0.05 * total / n)
    sigma = np.tensordot(solution[1:], E, axes=1) / variance
    values, vectors = np.linalg.eigh(sigma)
    bounded = np.clip(values, SMALLEST**2, LARGEST**2)
    return block.theta((vectors * bounded) @ vectors.T)


def _sums(products: CrossProducts) -> dict[int, tuple[Array, Array, Array]]:
    """Return, for each factor, sum vec(A_l)vec(A_l)', sum A_l and sum r_l r_l'."""
    found: dict[int, tuple[Array, ...]] = {}
    for stage in products.stages:
        flat = stage.A.reshape(-1, stage.A.shape[-1])
        r = stage.B[:, -1]
        R = r @ r.T
        if stage.moments is not None:
            R = stage.moments[..., -1, -1].sum(axis=-1)
        own = (flat * stage.count) @ flat.T, stage.A @ stage.count, R
        known = found.get(stage.factor)
        found[stage.factor] = (
            own if known is None else tuple(a + b for a, b in zip(known, own, strict=True))
        )
    if products.crossed is not None:
        found |= _crossed_sums(products.crossed)
    return found  # type: ignore[return-value]


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

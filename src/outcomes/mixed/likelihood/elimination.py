"""Blockwise elimination of the random effects, forwards for values and backwards for gradients.

With V = I + Z Sigma Z' (sigma = 1), forwards gives log|V| and W'V^-1W; backwards gives, for each
grouping factor, the two sums from which every first derivative follows:

    H = sum_l Z_l'V^-1Z_l          T = sum_l (Z_l'V^-1W) outer (Z_l'V^-1W)

Both passes accept a direction dSigma. Results then are complex, their imaginary part being the
exact derivative in that direction times ``STEP`` (complex-step differentiation), so second
derivatives need no code and no step size of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from outcomes.mixed.likelihood.backward_pass import Levels, backwards
from outcomes.mixed.likelihood.batched import gram, outer, weighted_moments
from outcomes.mixed.likelihood.forward_pass import forwards
from outcomes.mixed.products.cross_products import CrossProducts, Stage
from outcomes.mixed.types import Array


@dataclass(frozen=True)
class Eliminated:
    """V^-1-weighted sums at one value of the covariance.

    Parameters
    ----------
    log_det : float or complex
        log|V|.
    S : array, shape (m, m)
        W'V^-1W.
    H : tuple of array, shape (q, q)
        For each grouping factor of the design.
    T : tuple of array, shape (q, q, m, m)
        For each grouping factor of the design.
    J : tuple of array, shape (q * q, q * q)
        sum_l vec(H_l) vec(H_l)', the information between the elements of each Sigma.
    """

    log_det: Any
    S: Array
    H: tuple[Array, ...]
    T: tuple[Array, ...]
    J: tuple[Array, ...]


def eliminate(
    products: CrossProducts,
    factors: Sequence[Array],
    directions: Sequence[Array] | None = None,
) -> Eliminated:
    """Eliminate all random effects.

    Parameters
    ----------
    products : CrossProducts
    factors : sequence of array, shape (q, q)
        Lambda of each grouping factor of the design.
    directions : sequence of array, shape (q, q), optional
        dSigma of each grouping factor.

    Returns
    -------
    Eliminated
    """
    forward = forwards(products, factors, directions)
    sums: dict[int, tuple[Array, Array, Array]] = {}
    levels = backwards(products, forward, factors, directions)
    for stage, found in zip(products.stages, levels, strict=True):
        H, T, J = _sums(stage, found)
        h, t, j = sums.get(stage.factor, (0.0, 0.0, 0.0))
        sums[stage.factor] = H + h, T + t, J + j
    if forward.crossed is not None:
        sums.update(forward.crossed.sums())
    all_H, all_T, all_J = zip(*(sums[f] for f in range(len(factors))), strict=True)
    return Eliminated(forward.log_det, forward.S, all_H, all_T, all_J)


def _sums(stage: Stage, levels: Levels) -> tuple[Array, Array, Array]:
    """Sum over the groups of a stage: H, T and J."""
    flat = levels.H.reshape(-1, *levels.H.shape[2:])
    H, J = levels.H @ stage.count, gram(flat * stage.count, flat)
    if stage.moments is None:
        return H, outer(levels.U), J
    weights = levels.N[:, None, :, None] * levels.N[None, :, None, :]
    return H, weighted_moments(weights, stage.moments), J

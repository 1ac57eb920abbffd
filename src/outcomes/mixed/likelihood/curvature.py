"""Exact second derivatives of the deviance, and first ones of the coefficients' covariance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from outcomes.mixed.covariance import BlockCovariance
from outcomes.mixed.likelihood.deviance import (
    Objective,
    covariance_gradients,
    factors_of,
    profile,
    theta_gradient,
)
from outcomes.mixed.likelihood.elimination import eliminate
from outcomes.mixed.likelihood.forward_pass import STEP, forwards
from outcomes.mixed.types import Array


@dataclass(frozen=True)
class Curvature:
    """Second derivatives at one theta, in the working basis with the residual variance as unit.

    Parameters
    ----------
    hessian : array, shape (k + 1, k + 1)
        Of the deviance in the residual variance and theta, in this order.
    Phi : array, shape (p, p)
        (X'V^-1X)^-1.
    d_Phi : array, shape (k + 1, p, p)
        Derivatives of the residual variance times Phi in the same parameters.
    """

    hessian: Array
    Phi: Array
    d_Phi: Array  # noqa: N815

    @property
    def profiled(self) -> Array:
        """Second derivatives in theta of the deviance profiled over the residual variance."""
        cross = self.hessian[0, 1:]
        return np.asarray(self.hessian[1:, 1:] - np.outer(cross, cross) / self.hessian[0, 0])


def curvature(objective: Objective, theta: Array) -> Curvature:
    """Differentiate exactly, one directional elimination for each element of theta.

    Parameters
    ----------
    objective : Objective
    theta : array, shape (n_theta,)

    Returns
    -------
    Curvature
    """
    lam = factors_of(theta, objective.blocks)
    solved = profile(forwards(objective.products, lam).S)
    variance = solved.rss / objective.degrees
    k = objective.n_theta
    H = np.empty((k + 1, k + 1))
    H[0, 0] = objective.degrees
    d_Phi = [solved.Phi]
    for r in range(k):
        d_lam, directions = theta_direction(objective.blocks, lam, r)
        moved = eliminate(objective.products, lam, directions)
        at = profile(moved.S)
        shifted = [block + 1j * STEP * d for block, d in zip(lam, d_lam, strict=True)]
        G = covariance_gradients(moved, at, variance, objective.reml)
        H[1 + r, 1:] = theta_gradient(objective.blocks, G, shifted).imag / STEP
        H[0, 1 + r] = H[1 + r, 0] = -at.rss.imag / STEP / variance
        d_Phi.append(at.Phi.imag / STEP)
    return Curvature((H + H.T) / 2.0, solved.Phi, np.array(d_Phi))


def theta_direction(
    blocks: Sequence[BlockCovariance], lam: Sequence[Array], k: int
) -> tuple[list[Array], list[Array]]:
    """Return dLambda and dSigma of each grouping factor for element k of theta."""
    unit = np.zeros(sum(block.n_theta for block in blocks))
    unit[k] = 1.0
    d_lam = factors_of(unit, blocks)
    halves = [d @ block.T for d, block in zip(d_lam, lam, strict=True)]
    return d_lam, [half + half.T for half in halves]

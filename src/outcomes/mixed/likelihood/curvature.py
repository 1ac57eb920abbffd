"""Exact second derivatives of the deviance, and first ones of the coefficients' covariance."""

from __future__ import annotations

import numpy as np

from outcomes.mixed.likelihood.deviance import (
    Evaluation,
    Objective,
    covariance_gradients,
    factors_of,
    profile,
    theta_gradient,
)
from outcomes.mixed.likelihood.forward_pass import STEP
from outcomes.mixed.likelihood.protocol import Curvature


def curvature(objective: Objective, at: Evaluation) -> Curvature:
    """Differentiate exactly, one directional elimination for each element of theta.

    The residual variance is the unit; its derivatives come first. A first axis may hold many
    responses.

    Parameters
    ----------
    objective : Objective
    at : Evaluation

    Returns
    -------
    Curvature
    """
    lam = factors_of(at.theta, objective.blocks)
    variance = at.solved.rss / objective.degrees
    k = objective.n_theta
    H = np.empty((*at.theta.shape[:-1], k + 1, k + 1))
    H[..., 0, 0] = objective.degrees
    d_Phi = [at.solved.Phi]
    for r, unit in enumerate(np.eye(k)):
        d_lam = factors_of(unit, objective.blocks)
        halves = [d @ block.swapaxes(-2, -1) for d, block in zip(d_lam, lam, strict=True)]
        moved = objective.eliminate(lam, [half + half.swapaxes(-2, -1) for half in halves])
        solved = profile(moved.S)
        shifted = [block + 1j * STEP * d for block, d in zip(lam, d_lam, strict=True)]
        G = covariance_gradients(moved, solved, variance, objective.reml)
        H[..., 1 + r, 1:] = theta_gradient(objective.blocks, G, shifted).imag / STEP
        H[..., 0, 1 + r] = H[..., 1 + r, 0] = -solved.rss.imag / STEP / variance
        d_Phi.append(solved.Phi.imag / STEP)
    H = (H + H.swapaxes(-2, -1)) / 2.0
    cross = H[..., 0, 1:]
    searched = H[..., 1:, 1:] - cross[..., :, None] * cross[..., None, :] / objective.degrees
    return Curvature(H, at.solved.Phi, np.stack(d_Phi, axis=-3), searched)

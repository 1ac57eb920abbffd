"""First and second derivatives of X'V^-1X and log|V| in the variances and covariances.

V = sum_r tau_r V_r is linear in them, so all that Kenward and Roger's method needs are derivatives
of two functions of tau:

    P_r = d(X'V^-1X)/dtau_r                     (P_r = -X'V^-1 V_r V^-1 X)
    Q_rs + Q_sr = d^2(X'V^-1X)/dtau_r dtau_s
    tr(V^-1V_rV^-1V_s) = -d^2 log|V| / dtau_r dtau_s

First derivatives come from the elimination's sums, second ones from their exact directional
derivatives, and the residual variance's from V being homogeneous of degree one in tau (Euler).
"""

from __future__ import annotations

import numpy as np

from outcomes.mixed.likelihood.deviance import Objective, factors_of, profile
from outcomes.mixed.likelihood.elimination import Eliminated, eliminate
from outcomes.mixed.likelihood.forward_pass import STEP
from outcomes.mixed.likelihood.protocol import Slopes
from outcomes.mixed.types import Array


def variance_slopes(objective: Objective, theta: Array) -> Slopes:
    """Differentiate in the variances and covariances, the residual's last, at sigma = 1.

    Parameters
    ----------
    objective : Objective
        Under REML.
    theta : array, shape (n_theta,)
    """
    lam = factors_of(theta, objective.blocks)
    sigmas = [block @ block.T for block in lam]
    found = eliminate(objective.products, lam)
    Phi = profile(found.S).Phi
    directions = _directions(objective)
    tau = np.array([_inner(d, sigmas) / _inner(d, d) for d in directions])
    P, slopes = _first(found, directions)
    second_F, second_log = [], []
    for direction in directions:
        moved = eliminate(objective.products, lam, direction)
        d_P, d_slopes = _first(moved, directions)
        second_F.append(d_P.imag / STEP)
        second_log.append(d_slopes.imag / STEP)
    F = found.S[:-1, :-1]
    P, R, traces = _with_residual(
        F, P, np.array(second_F), slopes, np.array(second_log), tau, objective.products.n
    )
    return Slopes(
        Phi=Phi,
        P=P,
        traces=traces,
        fixed_traces=0.5 * np.einsum("ij,rsji->rs", Phi, R),
        weighted_Q=lambda W: np.einsum("rs,rsij->ij", W, R / 2.0),
    )


def _directions(objective: Objective) -> list[list[Array]]:
    """Return dSigma of every grouping factor, for each variance and covariance."""
    found = []
    for position, block in enumerate(objective.blocks):
        for direction in block.directions():
            zeros = [np.zeros((other.q, other.q)) for other in objective.blocks]
            zeros[position] = direction
            found.append(zeros)
    return found


def _inner(left: list[Array], right: list[Array]) -> float:
    return float(sum(np.sum(a * b) for a, b in zip(left, right, strict=True)))


def _first(found: Eliminated, directions: list[list[Array]]) -> tuple[Array, Array]:
    """Return P_r, shape (k, p, p), and d log|V|/dtau_r, shape (k,)."""
    P, slopes = [], []
    for direction in directions:
        P.append(
            -sum(np.einsum("abij,ab->ij", T, E) for T, E in zip(found.T, direction, strict=True))[
                :-1, :-1
            ]
        )
        slopes.append(sum(np.sum(H * E) for H, E in zip(found.H, direction, strict=True)))
    return np.array(P), np.array(slopes)


def _with_residual(
    F: Array,
    P: Array,
    R: Array,
    slopes: Array,
    second_log: Array,
    tau: Array,
    n: int,
) -> tuple[Array, Array, Array]:
    """Append the residual variance (equal to one here) by Euler's theorem.

    X'V^-1X has degree -1 in tau, its first derivatives -2; d log|V| has degree -1 and sums to n.
    """
    P_residual = -F - np.tensordot(tau, P, axes=1)
    R_mixed = -2.0 * P - np.tensordot(R, tau, axes=([1], [0]))
    R_residual = -2.0 * P_residual - np.tensordot(tau, R_mixed, axes=1)
    log_mixed = -slopes - second_log @ tau
    log_residual = -(n - tau @ slopes) - tau @ log_mixed
    whole_P = np.concatenate([P, P_residual[None]])
    top = np.concatenate([R, R_mixed[:, None]], axis=1)
    bottom = np.concatenate([R_mixed, R_residual[None]])[None]
    second = np.block([[second_log, log_mixed[:, None]], [log_mixed[None], log_residual]])
    return whole_P, np.concatenate([top, bottom]), -second

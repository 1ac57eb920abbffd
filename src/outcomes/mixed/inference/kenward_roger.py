"""Kenward and Roger's adjusted covariance and degrees of freedom, from expected information.

Kenward & Roger (1997), Biometrics 53, 983-997, as in pbkrtest (Halekoh & Hojsgaard 2014,
J. Stat. Softw. 59(9)). With V = sum_r tau_r V_r linear in the variance parameters tau, all that the
method needs are first and second derivatives of two functions of tau:

    P_r = d(X'V^-1X)/dtau_r                     (P_r = -X'V^-1 V_r V^-1 X)
    Q_rs + Q_sr = d^2(X'V^-1X)/dtau_r dtau_s
    tr(V^-1V_rV^-1V_s) = -d^2 log|V| / dtau_r dtau_s

First derivatives come from the elimination's sums, second ones from their exact directional
derivatives, and the residual variance's from V being homogeneous of degree one in tau (Euler).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from outcomes.mixed.likelihood.deviance import Objective, factors_of, profile
from outcomes.mixed.likelihood.elimination import Eliminated, eliminate
from outcomes.mixed.likelihood.forward_pass import STEP
from outcomes.mixed.types import Array


@dataclass(frozen=True)
class KenwardRoger:
    """Kenward and Roger's method at one fit.

    Parameters
    ----------
    covariance : array, shape (p, p)
        Adjusted covariance of the coefficients.
    unadjusted : array, shape (p, p)
        Phi.
    P : array, shape (k, p, p)
        Derivatives of the inverse of Phi in the variance parameters.
    W : array, shape (k, k)
        Asymptotic covariance of the variance parameters.
    """

    covariance: Array
    unadjusted: Array
    P: Array
    W: Array

    def df(self, contrasts: Array) -> Array:
        """Return degrees of freedom of single contrasts, shape (k,)."""
        return np.array([self.scale_and_df(row[None])[1] for row in contrasts])

    def scale_and_df(self, contrasts: Array) -> tuple[float, float]:
        """Return the F statistic's scale and its denominator df."""
        q = len(contrasts)
        half = contrasts @ self.unadjusted
        middle = np.linalg.inv(half @ contrasts.T)
        M = np.array([middle @ half @ P @ half.T for P in self.P])
        traces = np.trace(M, axis1=1, axis2=2)
        A1 = float(traces @ self.W @ traces)
        A2 = float(np.einsum("rs,rij,sji->", self.W, M, M))
        return _scale_and_df(A1, A2, q)


def _scale_and_df(A1: float, A2: float, q: int) -> tuple[float, float]:
    """Match the first two moments of F (Kenward & Roger 1997, section 4)."""
    if A2 <= 1e-14:
        return 1.0, float(np.inf)
    B = (A1 + 6.0 * A2) / (2.0 * q)
    g = ((q + 1.0) * A1 - (q + 4.0) * A2) / ((q + 2.0) * A2)
    c1, c2, c3 = np.array([g, q - g, q + 2.0 - g]) / (3.0 * q + 2.0 * (1.0 - g))
    expected = 1.0 - A2 / q
    ratio = expected / (1.0 - c2 * B) if abs(1.0 - c2 * B) > 1e-10 else 1.0
    rho = ratio**2 * (1.0 + c1 * B) / (1.0 - c3 * B) / q
    df = 4.0 + (q + 2.0) / (q * rho - 1.0)
    scale = 1.0 if abs(df - 2.0) < 1e-2 else df * expected / (df - 2.0)
    return float(scale), float(df)


def kenward_roger(objective: Objective, theta: Array) -> KenwardRoger:
    """Prepare Kenward and Roger's method in the working basis at residual variance one.

    Parameters
    ----------
    objective : Objective
        Under REML.
    theta : array, shape (n_theta,)
        The optimum, in the working basis.

    Returns
    -------
    KenwardRoger
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
    return _assemble(Phi, P, R, traces)


def _assemble(Phi: Array, P: Array, R: Array, traces: Array) -> KenwardRoger:
    """Build W = I_E^-1 and the adjusted covariance; R_rs = Q_rs + Q_sr."""
    PhiP = Phi @ P
    information = 0.5 * (
        traces - np.einsum("ij,rsji->rs", Phi, R) + np.einsum("rij,sji->rs", PhiP, PhiP)
    )
    W = np.linalg.pinv(information, hermitian=True, rcond=1e-12)
    middle = np.einsum("rs,rsij->ij", W, R / 2.0)
    middle = middle - np.einsum("rs,rij,sjk->ik", W, P, PhiP)
    adjusted = Phi + 2.0 * Phi @ middle @ Phi
    return KenwardRoger((adjusted + adjusted.T) / 2.0, Phi, P, W)


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

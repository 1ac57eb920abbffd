"""Kenward and Roger's adjusted covariance and degrees of freedom, from expected information.

Kenward & Roger (1997), Biometrics 53, 983-997, as in pbkrtest (Halekoh & Hojsgaard 2014,
J. Stat. Softw. 59(9)). Second derivatives of V are left out; there are none where V is linear in
the variance parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from outcomes.mixed.likelihood.protocol import Slopes
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


def kenward_roger(found: Slopes) -> KenwardRoger:
    """Prepare Kenward and Roger's method in the working basis.

    W is the inverse of the expected information; the adjusted covariance is
    Phi + 2 Phi {sum_rs W_rs (Q_rs - P_r Phi P_s)} Phi.
    """
    Phi, P = found.Phi, found.P
    PhiP = Phi @ P
    information = 0.5 * found.traces - found.fixed_traces
    information += 0.5 * np.einsum("rij,sji->rs", PhiP, PhiP)
    W = np.linalg.pinv((information + information.T) / 2.0, hermitian=True, rcond=1e-12)
    middle = found.weighted_Q(W) - np.einsum("rs,rij,sjk->ik", W, P, PhiP)
    adjusted = Phi + 2.0 * Phi @ middle @ Phi
    return KenwardRoger((adjusted + adjusted.T) / 2.0, Phi, P, W)

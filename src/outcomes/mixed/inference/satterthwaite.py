"""Satterthwaite's degrees of freedom from the observed information, as lmerTest.

For one contrast l: df = 2 (l'Vl)^2 / (g'Ag), V being the covariance of the coefficients, g the
gradient of l'Vl in the variance parameters (theta, sigma^2) and A their covariance, twice the
generalised inverse of the deviance's Hessian (Kuznetsova, Brockhoff & Christensen 2017,
J. Stat. Softw. 82(13); Fai & Cornelius 1996 for several contrasts).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from outcomes.mixed.likelihood.protocol import Curvature
from outcomes.mixed.types import Array

FLAT = 1e-8
"""Directions with relatively less curvature carry no information and are left out."""


@dataclass(frozen=True)
class Satterthwaite:
    """Satterthwaite's method at one fit.

    Parameters
    ----------
    covariance : array, shape (p, p)
        Covariance of the coefficients.
    gradients : array, shape (k, p, p)
        Its derivatives in the k variance parameters.
    parameter_covariance : array, shape (k, k)
        Asymptotic covariance of the variance parameters.
    """

    covariance: Array
    gradients: Array
    parameter_covariance: Array

    def df(self, contrasts: Array) -> Array:
        """Return degrees of freedom of single contrasts, shape (k,)."""
        variance = np.einsum("ij,jk,ik->i", contrasts, self.covariance, contrasts)
        half = np.tensordot(self.gradients, contrasts.T, axes=(2, 0))
        slope = np.einsum("ij,rji->ir", contrasts, half)
        spread = np.einsum("ir,rs,is->i", slope, self.parameter_covariance, slope)
        infinite = np.full_like(variance, np.inf)
        df = np.divide(2.0 * variance**2, spread, out=infinite, where=spread > 0.0)
        return np.asarray(df)

    def scale_and_df(self, contrasts: Array) -> tuple[float, float]:
        """Return one and the denominator df of the joint F test (Fai & Cornelius)."""
        _, vectors = np.linalg.eigh(contrasts @ self.covariance @ contrasts.T)
        return 1.0, joint_df(self.df(vectors.T @ contrasts))


def joint_df(df: Array) -> float:
    """Combine the df of orthogonal contrasts into one denominator df."""
    if len(df) == 1 or np.ptp(df) < 1e-8:
        return float(df.mean())
    if np.any(df <= 2.0):
        return 2.0
    if np.all(np.isinf(df)):
        return float(np.inf)
    excess = float(np.sum(np.where(np.isinf(df), 1.0, df / (df - 2.0))))
    return 2.0 * excess / (excess - len(df))


def satterthwaite(found: Curvature) -> Satterthwaite:
    """Prepare Satterthwaite's method in the working basis at residual variance one.

    Parameters
    ----------
    found : Curvature
        At the optimum.

    Returns
    -------
    Satterthwaite
        For coefficients whose covariance is Phi; multiply by sigma^2 for the real one, which leaves
        degrees of freedom unchanged.
    """
    return Satterthwaite(found.Phi, found.d_Phi, 2.0 * generalised_inverse(found.hessian))


def generalised_inverse(H: Array) -> Array:
    """Invert a symmetric matrix on the directions in which it is curved."""
    values, vectors = np.linalg.eigh((H + H.T) / 2.0)
    curved = values > FLAT * max(1.0, float(np.abs(values).max()))
    inverse = np.divide(1.0, values, out=np.zeros_like(values), where=curved)
    return np.asarray(vectors * inverse @ vectors.T)

"""Degrees of freedom of few groups: Satterthwaite's, and Kenward and Roger's, by name.

Satterthwaite, from the observed information as lmerTest: for one contrast l,
df = 2 (l'Vl)^2 / (g'Ag), V being the covariance of the coefficients, g the gradient of l'Vl in the
variance parameters (theta, sigma^2) and A their covariance, twice the generalised inverse of the
deviance's Hessian (Kuznetsova, Brockhoff & Christensen 2017, J. Stat. Softw. 82(13); Fai &
Cornelius 1996 for several contrasts).

Kenward and Roger's adjusted covariance and df, from expected information: Kenward & Roger (1997),
Biometrics 53, 983-997, as in pbkrtest (Halekoh & Hojsgaard 2014, J. Stat. Softw. 59(9)). Second
derivatives of V are left out; there are none where V is linear in the variance parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from outcomes.mixed.inference.testing import Inference
from outcomes.mixed.likelihood.estimates import Curvature, Slopes
from outcomes.mixed.search import Point
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


def normal(covariance: Array) -> Satterthwaite:
    """Return the method of a covariance that is taken as known: degrees of freedom are infinite."""
    p = len(covariance)
    return Satterthwaite(covariance, np.zeros((0, p, p)), np.zeros((0, 0)))


def joint_df(df: Array) -> float:
    """Combine the df of orthogonal contrasts into one denominator df."""
    if np.allclose(df, df[0], rtol=0.0, atol=1e-8):
        return float(df.mean())
    if np.any(df <= 2.0):
        return 2.0
    more = float(np.sum(2.0 / (df - 2.0)))
    return 2.0 * (len(df) + more) / more


def parameter_covariance(found: Curvature) -> Array:
    """Return the asymptotic covariance of the variance parameters, shape (k, k)."""
    return 2.0 * generalised_inverse(found.hessian)


def generalised_inverse(H: Array) -> Array:
    """Invert a symmetric matrix on the directions in which it is curved."""
    values, vectors = np.linalg.eigh((H + H.swapaxes(-2, -1)) / 2.0)
    curved = values > FLAT * np.maximum(1.0, np.abs(values).max(axis=-1, keepdims=True))
    inverse = np.divide(1.0, values, out=np.zeros_like(values), where=curved)
    return np.asarray(vectors * inverse[..., None, :] @ vectors.swapaxes(-2, -1))


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


def inference(name: str, curvature: Curvature, point: Point) -> Inference:
    """Return covariance and degrees of freedom of the estimated coefficients by one method.

    Parameters
    ----------
    name : {"satterthwaite", "kenward-roger", "normal"}
    curvature : Curvature
        At the optimum.
    point : Point
        The optimum.
    """
    R = point.likelihood.basis.R
    forward = solve_triangular(R, np.eye(len(R))) * point.unit
    if name == "normal":
        return Inference(normal(curvature.Phi), forward)
    if name == "kenward-roger":
        return Inference(kenward_roger(point.slopes()), forward)
    found = Satterthwaite(curvature.Phi, curvature.d_Phi, parameter_covariance(curvature))
    return Inference(found, forward)

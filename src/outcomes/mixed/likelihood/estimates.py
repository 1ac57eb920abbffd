"""What a fit estimates, in the units of the data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from outcomes.errors import FitError
from outcomes.mixed.likelihood.working import FixedBasis
from outcomes.mixed.reading.design import Design
from outcomes.mixed.types import Array

LOST_DIGITS = 5e-11
"""Smallest residual variance, as a share of that around the fixed part, that keeps its digits."""


NOTHING = 1e-9
"""A relative standard deviation below this is where a search for zero ended; others are told."""


@dataclass(frozen=True)
class Estimates:
    """What was estimated, in the units of the data.

    Parameters
    ----------
    terms : tuple of str
        Names of the estimated coefficients, length p.
    aliased_terms : tuple of str
        Columns left out because those before them determine them.
    beta : array, shape (p,)
        Fixed coefficients.
    root : array, shape (p, p)
        A with A A' their covariance (unadjusted): more digits than it has where columns nearly
        determine each other.
    sigma : float
        Residual standard deviation; where it differs between rows, the root of its mean square.
    theta : array, shape (n_theta,)
        Relative Cholesky factors of the random effects, on lme4's scale and in its order, then
        the parameters of a residual covariance but one.
    covariances : tuple of array, shape (q, q)
        Covariance of the random effects of each grouping factor.
    roots : tuple of array, shape (q, q)
        A with A A' that covariance: more digits than it has where a column is far from zero.
    loglik : float
        (Restricted) log-likelihood.
    singular_terms : tuple of str
        Terms with a zero variance or a correlation of one.
    """

    terms: tuple[str, ...]
    aliased_terms: tuple[str, ...]
    beta: Array
    root: Array
    sigma: float
    theta: Array
    covariances: tuple[Array, ...]
    roots: tuple[Array, ...]
    loglik: float
    singular_terms: tuple[str, ...]

    @property
    def vcov(self) -> Array:
        """Covariance of the fixed coefficients (unadjusted), shape (p, p)."""
        return np.asarray(self.root @ self.root.T)


def report(
    design: Design,
    basis: FixedBasis,
    reml: bool,
    *,
    deviance: float,
    beta: Array,
    Phi: Array,
    unit: float,
    variance: float,
    factors: Sequence[Array],
    transforms: Sequence[Array],
    residual_theta: Array | None = None,
    residual_singular: Sequence[str] = (),
) -> Estimates:
    """Carry what a likelihood solved at one theta, in its working basis, to the units of the data.

    Parameters
    ----------
    design : Design
    basis : FixedBasis
    reml : bool
    deviance : float
        Minus twice the (restricted) log-likelihood, constants included.
    beta : array, shape (p,)
    Phi : array, shape (p, p)
    unit : float
        Root of what multiplies Phi and the covariances, in the units of the data.
    variance : float
        Mean residual variance, relative to that around the fixed part.
    factors : sequence of array, shape (q, q)
        Lambda of each grouping factor's working effects, in ``unit``.
    transforms : sequence of array, shape (q, q)
        T of each grouping factor: working effects are T b.
    residual_theta : array, optional
    residual_singular : sequence of str
        Terms of the residual covariance that are singular.

    Raises
    ------
    FitError
        The residual variance is too small for its digits to be more than rounding.
    """
    if not variance > LOST_DIGITS:
        must = "The residual variance must be above zero"
        got = "groups and fixed part that reproduce every score"
        remedy = "Use fewer fixed or random columns."
        raise FitError(must, got=got, where=f"in '{design.formula.text}'", remedy=remedy)
    names, kept = design.fixed.names, basis.kept.tolist()
    sigma = basis.scale * float(np.sqrt(variance))
    factors = [np.where(np.abs(lam) < NOTHING, 0.0, lam) for lam in factors]
    pairs = list(zip(design.factors, factors, strict=True))
    roots = [np.linalg.solve(T, lam) * unit for T, lam in zip(transforms, factors, strict=True)]
    covariances = [root @ root.T for root in roots]
    degrees = design.n - len(kept) * reml
    constant = 2.0 * degrees * np.log(basis.scale) + reml * basis.log_det
    if design.weights is not None:
        constant -= float(np.log(design.weights).sum())
    theta = [
        factor.covariance.theta(S / sigma**2)
        for factor, S in zip(design.factors, covariances, strict=True)
    ]
    singular = [str(term) for factor, lam in pairs for term in factor.singular_terms(lam)]
    return Estimates(
        terms=tuple(names[j] for j in kept),
        aliased_terms=tuple(name for j, name in enumerate(names) if j not in set(kept)),
        beta=basis.coefficients(beta),
        root=basis.root(Phi) * unit,
        sigma=sigma,
        theta=np.concatenate([*theta, [] if residual_theta is None else residual_theta]),
        covariances=tuple(covariances),
        roots=tuple(roots),
        loglik=-(deviance + constant) / 2.0,
        singular_terms=tuple(dict.fromkeys([*singular, *residual_singular])),
    )


Component = tuple[str, str, str, float, float]
"""A row of the table of variances: group, term_1, term_2, variance, sd_or_corr."""


@dataclass(frozen=True)
class Curvature:
    """Exact second derivatives at one theta, in the working basis.

    Parameters
    ----------
    hessian : array, shape (k, k)
        Of the deviance in every variance parameter: theta, after the residual variance where theta
        is relative to it.
    Phi : array, shape (p, p)
        (X'V^-1X)^-1.
    d_Phi : array, shape (k, p, p)
        Derivatives of the coefficients' covariance in the same parameters.
    searched : array, shape (n_parameters, n_parameters)
        Hessian of the deviance in theta, the residual variance at its best.
    """

    hessian: Array
    Phi: Array
    d_Phi: Array  # noqa: N815
    searched: Array


@dataclass(frozen=True)
class Slopes:
    """How X'V^-1X and log|V| answer to the variance parameters, in the working basis.

    With V_r = dV/dtau_r and Q_rs = X'V^-1 V_r V^-1 V_s V^-1 X.

    Parameters
    ----------
    Phi : array, shape (p, p)
    P : array, shape (k, p, p)
        d(X'V^-1X)/dtau_r.
    traces : array, shape (k, k)
        tr(V^-1 V_r V^-1 V_s).
    fixed_traces : array, shape (k, k)
        tr(Phi Q_rs).
    weighted_Q : callable
        Takes W, shape (k, k), to sum_rs W_rs Q_rs.
    """

    Phi: Array
    P: Array
    traces: Array
    fixed_traces: Array
    weighted_Q: Callable[[Array], Array]  # noqa: N815

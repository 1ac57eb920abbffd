"""Degrees of freedom with a residual covariance: Satterthwaite, and Kenward-Roger of first order.

Satterthwaite is that of the R package mmrm: the observed Hessian of the (RE)ML deviance. The
Kenward-Roger adjustment leaves out second derivatives of V (mmrm's Kenward-Roger-Linear, SAS's
FIRSTORDER; Harville & Jeske 1992, J. Am. Stat. Assoc. 87, 724), so it does not depend on how the
covariance is parametrised; for us and cs, linear in variances and covariances, it is the complete
one.
"""

from __future__ import annotations

import numpy as np

from outcomes.errors import UsageError
from outcomes.mixed.inference.kenward_roger import KenwardRoger
from outcomes.mixed.residual.objective import parameter_directions
from outcomes.mixed.residual.solved import Correlated
from outcomes.mixed.types import Array


def require_kenward_roger(reml: bool, across: bool) -> None:
    """Refuse Kenward-Roger where it is not defined here.

    Raises
    ------
    UsageError
        For an ML fit, or beside random effects that reach across patients.
    """
    if not reml:
        must = "Kenward-Roger needs a REML fit"
        raise UsageError(must, got="reml=False")
    if across:
        must = "With a residual covariance, Kenward-Roger needs patients that are independent"
        raise UsageError(
            must,
            got="random effects that reach across them",
            remedy="Use df='satterthwaite'.",
        )


def correlated_kenward_roger(at: Correlated) -> KenwardRoger:
    """Prepare Kenward and Roger's method of first order in the working basis."""
    Phi = at.solution.inverse
    P = at.derivatives.slopes[:, :-1, :-1]
    traces, crossed = _second_order(at, Phi)
    PhiP = Phi @ P
    information = 0.5 * traces - crossed + 0.5 * np.einsum("rij,sji->rs", PhiP, PhiP)
    W = np.linalg.pinv((information + information.T) / 2.0, hermitian=True, rcond=1e-12)
    middle = _weighted_q(at, W) - np.einsum("rs,rij,sjk->ik", W, P, PhiP)
    adjusted = Phi + 2.0 * Phi @ middle @ Phi
    return KenwardRoger((adjusted + adjusted.T) / 2.0, Phi, P, W)


def _second_order(at: Correlated, Phi: Array) -> tuple[Array, Array]:
    """Return tr(V^-1 V_r V^-1 V_s) and tr(Phi Q_rs), Q_rs = X'V^-1 V_r V^-1 V_s V^-1 X."""
    objective, theta = at.model.objective, at.solution.theta
    k = objective.n_parameters
    traces, crossed = np.zeros((k, k)), np.zeros((k, k))
    for position, stratum in enumerate(objective.strata):
        free = objective.residual_free(theta)[position]
        for number, batch in enumerate(stratum.batches):
            directions = stratum.directions(free, number)
            K, U = at.solution.K[position][number], at.solution.U[position][number][:, :, :-1]
            fitted = batch.by_pattern(U @ Phi @ U.transpose(0, 2, 1))
            own = directions.pairs(K, batch.counts[:, None, None] * K)
            C, _ = parameter_directions(objective, theta, position, np.zeros(len(own)))
            traces += C @ own @ C.T
            crossed += C @ directions.pairs(K, fitted) @ C.T
    return traces, (crossed + crossed.T) / 2.0


def _weighted_q(at: Correlated, W: Array) -> Array:
    """Return sum_rs W_rs Q_rs, one pass over the patterns for each eigenvector of W."""
    objective = at.model.objective
    values, vectors = np.linalg.eigh(W)
    total = np.zeros((objective.p, objective.p))
    for weight, vector in zip(values, vectors.T, strict=True):
        for position, stratum in enumerate(objective.strata):
            for number, batch in enumerate(stratum.batches):
                V = covariance_change(at, position, number, vector)[batch.pattern]
                moved = V @ at.solution.U[position][number][:, :, :-1]
                inner = at.solution.K[position][number][batch.pattern] @ moved
                total += weight * np.tensordot(moved, inner, axes=([0, 1], [0, 1]))
    return total


def covariance_change(at: Correlated, position: int, number: int, direction: Array) -> Array:
    """Return the derivative of V of each pattern along a direction of the parameters, (P, n, n)."""
    objective, theta = at.model.objective, at.solution.theta
    stratum = objective.strata[position]
    found = stratum.directions(objective.residual_free(theta)[position], number)
    C, _ = parameter_directions(objective, theta, position, np.zeros(found.size))
    return found.combine(direction @ C)

"""Minimise the deviance by Newton steps with the exact Hessian, and keep the record."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from outcomes.mixed.likelihood.curvature import Curvature
from outcomes.mixed.optimise import Optimum
from outcomes.mixed.residual.likelihood import Derivatives, Solution, differentiate, solve
from outcomes.mixed.residual.objective import CorrelatedObjective
from outcomes.mixed.types import Array

TOLERANCE = 1e-11
"""The optimum is reached when a Newton step would lower the deviance by less than this."""

LONGEST = 2.0
"""Longest step, in units of a logarithm."""

MAX_STEPS = 100


@dataclass(frozen=True)
class CorrelatedOptimum(Optimum):
    """The record of an optimisation over covariance parameters, the residual variance included."""

    @property
    def hessian(self) -> Array:
        """Exact second derivatives of the deviance, shape (k, k)."""
        return self.curvature.hessian


def minimise_correlated(
    objective: CorrelatedObjective, start: Array
) -> tuple[CorrelatedOptimum, Solution]:
    """Minimise the deviance.

    Parameters
    ----------
    objective : CorrelatedObjective
    start : array, shape (k,)

    Returns
    -------
    CorrelatedOptimum, Solution
    """
    point = solve(objective, start)
    evaluations, status, message = 1, "stopped", f"{MAX_STEPS} steps were not enough"
    for _ in range(MAX_STEPS):
        found = differentiate(objective, point)
        step, decrease = _step(found)
        if decrease < TOLERANCE:
            status, message = "converged", f"a Newton step lowers the deviance by {decrease:.0e}"
            point, found = _polished(objective, point, found, step)
            evaluations += 1
            break
        better, used = _search(objective, point, step, found.gradient)
        evaluations += used
        if better is None:
            message = "no step lowers the deviance"
            break
        point = better
    return _record(objective, start, point, found, (evaluations, status, message)), point


def _step(found: Derivatives) -> tuple[Array, float]:
    """Return the Newton step, uphill curvature turned round, and the decrease it promises."""
    values, vectors = np.linalg.eigh(found.hessian)
    largest = max(1.0, float(np.abs(values).max()))
    along = vectors.T @ found.gradient
    saddle = values[0] < -1e-6 * largest and abs(along[0]) < 1e-6
    curvature = np.maximum(np.abs(values), 1e-8 * largest)
    step = -vectors @ (along / curvature)
    if saddle:
        step = step + 0.1 * vectors[:, 0]
    length = float(np.abs(step).max())
    step = step if length <= LONGEST else step * (LONGEST / length)
    decrease = float(np.sum(along**2 / curvature)) / 2.0
    return step, np.inf if saddle else decrease


def _polished(
    objective: CorrelatedObjective, point: Solution, found: Derivatives, step: Array
) -> tuple[Solution, Derivatives]:
    """Take the last step too, where it lowers the gradient."""
    better = solve(objective, point.theta + step)
    if not np.isfinite(better.value):
        return point, found
    after = differentiate(objective, better)
    improved = np.abs(after.gradient).max() < np.abs(found.gradient).max()
    return (better, after) if improved else (point, found)


def _search(
    objective: CorrelatedObjective, point: Solution, step: Array, gradient: Array
) -> tuple[Solution | None, int]:
    """Halve a step until it lowers the deviance by a fair share of what it promises."""
    promised = min(0.0, float(gradient @ step))
    rounding = 1e-13 * abs(point.value)
    length = 1.0
    for used in range(1, 40):
        better = solve(objective, point.theta + length * step)
        if better.value <= point.value + 1e-4 * length * promised + rounding:
            return better, used
        length /= 2.0
    return None, used


def _record(
    objective: CorrelatedObjective,
    start: Array,
    point: Solution,
    found: Derivatives,
    end: tuple[int, str, str],
) -> CorrelatedOptimum:
    p = objective.p
    Phi = point.inverse[:p]
    d_Phi = -Phi @ found.slopes[:, :-1, :-1] @ Phi.T
    return CorrelatedOptimum(
        start=start,
        end=point.theta,
        deviance=point.value,
        evaluations=end[0],
        gradient_norm=float(np.abs(found.gradient).max()),
        curvature=Curvature(found.hessian, Phi[:, :p], d_Phi),
        hessian_eigenvalues=np.linalg.eigvalsh(found.hessian),
        status=end[1],
        message=end[2],
    )

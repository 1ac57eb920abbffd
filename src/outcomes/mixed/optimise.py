"""Minimise the deviance and keep the record of how that went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from outcomes.mixed.deviance import Objective, hessian, value_and_gradient

Array = npt.NDArray[Any]

TOLERANCE = 1e-10
"""The optimum is reached when another Newton step would lower the deviance by less than this."""

FLAT = 1e-9
"""Curvature relatively below this is none: theta can move there without changing the model."""

MAX_NEWTON = 30


@dataclass(frozen=True)
class Optimum:
    """The record of an optimisation.

    Parameters
    ----------
    start, end : array, shape (n_theta,)
        Theta in the working basis.
    deviance : float
        Minus twice the (restricted) log-likelihood at the end, in the working basis.
    evaluations : int
        Evaluations of deviance and gradient, those behind second derivatives included.
    gradient_norm : float
        Largest absolute element of the gradient at the end.
    hessian : array, shape (n_theta, n_theta)
        Exact second derivatives at the end.
    hessian_eigenvalues : array, shape (n_theta,)
        Ascending.
    status : str
        "converged" or "stopped".
    message : str
    """

    start: Array
    end: Array
    deviance: float
    evaluations: int
    gradient_norm: float
    hessian: Array
    hessian_eigenvalues: Array
    status: str
    message: str

    @property
    def converged(self) -> bool:
        """Whether the criterion was met."""
        return self.status == "converged"


@dataclass(frozen=True)
class _Point:
    theta: Array
    value: float
    gradient: Array


def minimise(objective: Objective, start: Array) -> Optimum:
    """Minimise the deviance over theta.

    A quasi-Newton search with the exact gradient, then Newton steps with the exact Hessian. Signs
    of Lambda's columns are free during the search, so a variance of zero is an ordinary minimum.

    Parameters
    ----------
    objective : Objective
    start : array, shape (n_theta,)

    Returns
    -------
    Optimum
    """
    point, evaluations = _quasi_newton(objective, start)
    for _ in range(MAX_NEWTON):
        H = hessian(objective, point.theta)
        evaluations += objective.n_theta
        step, decrease, escaping = _newton_step(H, point.gradient)
        if decrease < TOLERANCE and not escaping:
            return _record(
                start, point, evaluations, H, "converged", "Newton decrement below 1e-10"
            )
        if escaping:
            better, used = _quasi_newton(objective, point.theta + step)
        else:
            better, used = _line_search(objective, point, step)
        evaluations += used
        if better.value >= point.value - 1e-13 * abs(point.value) and not escaping:
            status = "converged" if decrease < 1e-6 else "stopped"
            chosen = (
                better if np.abs(better.gradient).max() < np.abs(point.gradient).max() else point
            )
            return _record(start, chosen, evaluations, H, status, "No further decrease possible")
        point = better
    return _record(start, point, evaluations, H, "stopped", f"{MAX_NEWTON} Newton steps used up")


def _quasi_newton(objective: Objective, start: Array) -> tuple[_Point, int]:
    found: Any = minimize(  # type: ignore[call-overload]
        lambda theta: value_and_gradient(objective, theta),
        start,
        jac=True,
        method="L-BFGS-B",
        options={"gtol": 1e-3, "ftol": 1e-9, "maxiter": 300},
    )
    return _Point(found.x, float(found.fun), np.asarray(found.jac)), int(found.nfev)


def _newton_step(H: Array, gradient: Array) -> tuple[Array, float, bool]:
    """Return a step, the decrease it promises, and whether it leaves a saddle."""
    values, vectors = np.linalg.eigh(H)
    scale = max(1.0, float(np.abs(values).max()))
    if values[0] < -1e-6 * scale:
        downhill = vectors[:, 0] * (-1.0 if gradient @ vectors[:, 0] > 0.0 else 1.0)
        return 0.1 * downhill, 0.0, True
    along = vectors.T @ gradient
    curved = values > FLAT * scale
    steps = np.divide(along, values, out=np.zeros_like(along), where=curved)
    return -vectors @ steps, float(along @ steps) / 2.0, False


def _line_search(objective: Objective, point: _Point, step: Array) -> tuple[_Point, int]:
    length = 1.0
    for used in range(1, 12):
        theta = point.theta + length * step
        value, gradient = value_and_gradient(objective, theta)
        if value < point.value or np.abs(gradient).max() < np.abs(point.gradient).max() * 0.1:
            return _Point(theta, value, gradient), used
        length /= 4.0
    return point, used


def _record(
    start: Array, point: _Point, evaluations: int, H: Array, status: str, message: str
) -> Optimum:
    return Optimum(
        start=start,
        end=point.theta,
        deviance=point.value,
        evaluations=evaluations,
        gradient_norm=float(np.abs(point.gradient).max()),
        hessian=H,
        hessian_eigenvalues=np.linalg.eigvalsh(H),
        status=status,
        message=message,
    )

"""Minimise the deviance and keep the record of how that went."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from outcomes.mixed.likelihood.curvature import Curvature, curvature
from outcomes.mixed.likelihood.deviance import Evaluation, Objective, evaluate
from outcomes.mixed.types import Array

Search = Generator[Array, Evaluation, tuple[Evaluation, float]]

NEAR = 1e-10
"""Expected decrease of the deviance below which exact second derivatives take over."""

TOLERANCE = 1e-9
"""The optimum is reached when a Newton step would lower the deviance by less than this."""

FLAT = 1e-9
"""Curvature relatively below this is none: theta can move there without changing the model."""

LONGEST = 2.0
"""Longest step in theta, on the scale of a relative standard deviation."""

ROUNDING = 1e-13
"""Relative error of a deviance."""

MAX_STEPS = 200
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
    curvature : Curvature
        Exact second derivatives at the end.
    hessian_eigenvalues : array, shape (n_theta,)
        Of the profiled deviance in theta, ascending.
    status : str
        "converged" or "stopped".
    message : str
    """

    start: Array
    end: Array
    deviance: float
    evaluations: int
    gradient_norm: float
    curvature: Curvature
    hessian_eigenvalues: Array
    status: str
    message: str

    @property
    def converged(self) -> bool:
        """Whether the criterion was met."""
        return self.status == "converged"

    @property
    def hessian(self) -> Array:
        """Exact second derivatives of the profiled deviance in theta, shape (n_theta, n_theta)."""
        return self.curvature.profiled


def minimise(objective: Objective, start: Array) -> tuple[Optimum, Evaluation]:
    """Minimise the deviance over theta.

    Steps first use the expected information (one evaluation each), then the exact Hessian. Signs
    of Lambda's columns are free, so a variance of zero is an ordinary minimum; a zero that is a
    saddle is left along its downward direction.

    Parameters
    ----------
    objective : Objective
    start : array, shape (n_theta,)

    Returns
    -------
    Optimum, Evaluation
    """
    (point, _), evaluations = _carry_out(objective, descend(start))
    status, message = "stopped", f"{MAX_NEWTON} Newton steps were not enough"
    for _ in range(MAX_NEWTON):
        found = curvature(objective, point.theta)
        evaluations += objective.n_theta
        values, vectors = np.linalg.eigh(found.profiled)
        scale = max(1.0, float(np.abs(values).max()))
        if values[0] < -1e-6 * scale:
            side = -1.0 if point.gradient @ vectors[:, 0] > 0.0 else 1.0
            away = descend(point.theta + 0.1 * side * vectors[:, 0])
            (point, _), used = _carry_out(objective, away)
            evaluations += used
            continue
        step = _newton(values, vectors, point.gradient, FLAT * scale)
        decrease = -float(point.gradient @ step) / 2.0
        better = evaluate(objective, point.theta + step)
        evaluations += 1
        improved = np.abs(better.gradient).max() <= np.abs(point.gradient).max()
        if decrease < TOLERANCE:
            point = better if improved else point
            status, message = "converged", f"a Newton step lowers the deviance by {decrease:.0e}"
            break
        if not improved and better.value >= point.value:
            (better, _), used = _carry_out(objective, descend(point.theta, TOLERANCE / 100.0))
            evaluations += used
            if better.value >= point.value:
                message = "no step lowers the deviance"
                break
        point = better
    optimum = Optimum(
        start=start,
        end=point.theta,
        deviance=point.value,
        evaluations=evaluations,
        gradient_norm=float(np.abs(point.gradient).max()),
        curvature=found,
        hessian_eigenvalues=values,
        status=status,
        message=message,
    )
    return optimum, point


def _newton(values: Array, vectors: Array, gradient: Array, floor: float) -> Array:
    along = vectors.T @ gradient
    steps = np.divide(along, values, out=np.zeros_like(along), where=values > floor)
    return -np.asarray(vectors @ steps)


def _carry_out(objective: Objective, search: Search) -> tuple[tuple[Evaluation, float], int]:
    """Evaluate what a search asks for; returns what it found and the number of evaluations."""
    theta = next(search)
    evaluations = 0
    while True:
        evaluations += 1
        try:
            theta = search.send(evaluate(objective, theta))
        except StopIteration as end:
            return end.value, evaluations


def descend(start: Array, tolerance: float = NEAR) -> Search:
    """Step downhill with the expected information, corrected by the last change of gradient.

    A generator: yields each theta it wants evaluated, is sent the evaluation, and returns the last
    point with the decrease that one more step promises. So many searches can go on together.

    Parameters
    ----------
    start : array, shape (n_theta,)
    tolerance : float
        Promised decrease of the deviance to end at.
    """
    point = yield start
    last: Evaluation | None = None
    for _ in range(MAX_STEPS):
        metric = point.metric if last is None else _secant(point, last)
        step = _downhill(metric, point.gradient)
        promised = -float(point.gradient @ step) / 2.0
        if promised < tolerance:
            break
        better = yield from _shortened(point, step)
        if better is None:
            break
        last, point = point, better
    return point, promised


def _secant(point: Evaluation, last: Evaluation) -> Array:
    """Make the metric agree with the change of gradient over the last step (BFGS)."""
    metric = point.metric
    s, y = point.theta - last.theta, point.gradient - last.gradient
    Bs = metric @ s
    curved, expected = float(s @ y), float(s @ Bs)
    if curved <= 0.1 * abs(expected) or expected <= 0.0:
        return metric
    return np.asarray(metric + np.outer(y, y) / curved - np.outer(Bs, Bs) / expected)


def _downhill(metric: Array, gradient: Array) -> Array:
    values, vectors = np.linalg.eigh(metric)
    size = np.abs(values)
    step = -vectors @ ((vectors.T @ gradient) / np.maximum(size, 1e-6 * max(1.0, size.max())))
    length = float(np.sqrt(step @ step))
    return np.asarray(step if length <= LONGEST else step * (LONGEST / length))


def _shortened(point: Evaluation, step: Array) -> Generator[Array, Evaluation, Evaluation | None]:
    """Shorten a step until it lowers the deviance by a fair share of what it promises."""
    promised = float(point.gradient @ step)
    length = 1.0
    for _ in range(24):
        better = yield point.theta + length * step
        change = better.value - point.value
        if change <= 1e-4 * length * promised + ROUNDING * abs(point.value):
            return better
        length *= float(
            np.clip(-length * promised / (2.0 * (change - length * promised)), 0.1, 0.5)
        )
    return None

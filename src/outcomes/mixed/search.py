"""Minimise the deviance and keep the record of how that went, on one BLAS thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any, Protocol

import numpy as np
from threadpoolctl import ThreadpoolController

from outcomes.errors import FitError
from outcomes.mixed.likelihood.by_elimination import ByElimination, EliminationPoint
from outcomes.mixed.likelihood.by_visit.likelihood import ByVisit, VisitPoint
from outcomes.mixed.likelihood.estimates import Curvature
from outcomes.mixed.types import Array

_LOCK = Lock()
_LIMITS: list[Any] = []
"""The limit once for each block under way."""


@lru_cache(maxsize=1)
def _libraries() -> Any:
    return ThreadpoolController()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit BLAS to one thread inside a ``with`` block.

    The libraries are found once, since looking for them takes as long as a small fit. The limit
    holds for the whole process, so blocks that overlap in several Python threads share it, and the
    last one to end lifts it.

    Examples
    --------
    >>> with one_blas_thread():
    ...     pass
    """
    with _LOCK:
        _LIMITS.append(_LIMITS[0] if _LIMITS else _libraries().limit(limits=1, user_api="blas"))
    try:
        yield
    finally:
        with _LOCK:
            limit = _LIMITS.pop()
            if not _LIMITS:
                limit.restore_original_limits()


Likelihood = ByElimination | ByVisit
"""A likelihood of covariance parameters: a ``start``, the point ``at`` any, a start ``near`` one.

Both work in a well-conditioned basis (`working`); what they report is in the data's units.
"""

Point = EliminationPoint | VisitPoint
"""A likelihood at one theta: its value, exact gradient and ``metric``, curvature and estimates.

The metric is the Hessian where the point ``is_exact``, else cheap and close. Slopes serve Kenward
and Roger's method, ``residual`` is the covariance of the residuals.
"""

NEAR, NEAREST = 1e-11, 1e-15
"""Expected decrease of the deviance below which exact second derivatives take over.

The second where the metric is approximate: the curvature that degrees of freedom come from is then
that of the last point but one, and as many of its digits hold as the two have in common.
"""

STILL = 1e-17
"""A Newton step that promises less is not taken: degrees of freedom would not show it."""

TOLERANCE = 1e-9
"""The optimum is reached when a Newton step would lower the deviance by less than this."""

FLAT = 1e-9
"""Curvature relatively below this is none: theta can move there without changing the model."""

LONGEST = 2.0
"""Longest step in an element of theta: a relative standard deviation, or a logarithm."""

ROUNDING = 1e-13
"""Relative error of a deviance."""

REMEMBERED, GENTLE, EARLY = 8, 0.1, 3
"""Changes of the gradient that correct a metric: where a variance goes to zero it is far off.

One of so many early steps that lowered the deviance by more than the second says nothing of the
curvature at its end. Later ones say something: with very many rows all of them lower it by much.
"""

HOPELESS = 10
"""Halvings of a step after which one that gains nothing is the last."""

LEVEL = 1e-8
"""A share of the largest second derivative; a direction with less has no optimum."""

SADDLE = -1e-6
"""Curvature below which a place where nothing slopes is left along it."""

MAX_STEPS, MOST_STEPS = 200, 60
MAX_TRIES, MOST_HALVINGS = 40, 20
MAX_NEWTON = 30
"""Limits of a search; the second ones of many at once, of which those left are searched alone."""


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
        Evaluations of the deviance, those behind second derivatives included.
    gradient_norm : float
        Largest absolute element of the gradient at the end.
    curvature : Curvature
        Exact second derivatives at the end.
    hessian_eigenvalues : array, shape (n_theta,)
        Of the deviance in theta, ascending.
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
    def is_flat(self) -> bool:
        """Whether the deviance does not change in some direction: parameters are not unique."""
        sizes = np.abs(self.hessian_eigenvalues)
        return bool(len(sizes) and sizes.min() < LEVEL * sizes.max())

    @property
    def hessian(self) -> Array:
        """Exact second derivatives of the deviance in theta, shape (n_theta, n_theta)."""
        return self.curvature.searched


def minimise(likelihood: Likelihood, start: Array) -> tuple[Optimum, Point]:
    """Minimise the deviance over theta.

    Steps first use the metric of each point (by elimination the expected information, at no cost),
    then exact second derivatives. Signs of Lambda's columns are free, so a variance of zero is an
    ordinary minimum; a zero that is a saddle is left along its downward direction.

    Parameters
    ----------
    likelihood : Likelihood
    start : array, shape (n_theta,)

    Returns
    -------
    Optimum, Point

    Raises
    ------
    FitError
        The deviance is not defined at the start.
    """
    point, evaluations = likelihood.at(start), 1
    if not np.isfinite(point.value):
        must = "The covariance must be positive definite at its start"
        raise FitError(must, got="one that is not", where=f"in '{likelihood.design.formula.text}'")
    near = NEAR if point.is_exact else NEAREST
    point, used, goes_on = descend(likelihood, point, near)
    evaluations += used
    status, message = "stopped", "its steps came to no end"
    for _ in range(MAX_NEWTON):
        found = point.curvature()
        evaluations += len(start) * (not point.is_exact)
        if goes_on and point.is_exact:
            break
        values, vectors = np.linalg.eigh(found.searched)
        if values[0] < -1e-6 * max(1.0, float(np.abs(values).max())):
            side = -1.0 if point.gradient @ vectors[:, 0] > 0.0 else 1.0
            away = likelihood.at(point.theta + 0.1 * side * vectors[:, 0])
            evaluations += 1
            if not np.isfinite(away.value):
                message = "no step lowers the deviance"
                break
            point, used, goes_on = descend(likelihood, away, near)
            evaluations += used
            continue
        step = newton_step(values, vectors, point.gradient)
        decrease = -float(point.gradient @ step) / 2.0
        if decrease < TOLERANCE:
            status, message = "converged", f"a Newton step lowers the deviance by {decrease:.0e}"
        if decrease < STILL:
            break
        better = likelihood.at(point.theta + step)
        evaluations += 1
        improved = np.isfinite(better.value) and largest(better.gradient) <= largest(point.gradient)
        if decrease < TOLERANCE:
            point = better if improved else point
            found = point.curvature() if point.is_exact else found
            break
        if not improved and better.value >= point.value:
            better, used, goes_on = descend(likelihood, point, TOLERANCE / 100.0)
            evaluations += used
            if better.value >= point.value:
                message = "no step lowers the deviance"
                break
        point = better
    return ended(start, point, evaluations, found, status, message), point


def ended(
    start: Array, point: Point, evaluations: int, found: Curvature, status: str, message: str
) -> Optimum:
    """Return the record of a search that ended at a point."""
    values = np.linalg.eigvalsh(found.searched)
    norm = largest(point.gradient)
    return Optimum(
        start, point.theta, point.value, evaluations, norm, found, values, status, message
    )


def largest(gradient: Array) -> float:
    """Return the largest absolute element."""
    return float(np.abs(gradient).max())


def newton_step(values: Array, vectors: Array, gradient: Array) -> Array:
    """Return the Newton step along directions that are curved, given the Hessian's eigenvectors."""
    floor = FLAT * max(1.0, float(np.abs(values).max()))
    along = vectors.T @ gradient
    step = np.divide(along, values, out=np.zeros_like(along), where=values > floor)
    return np.asarray(-vectors @ step)


def descend(likelihood: Likelihood, point: Point, tolerance: float) -> tuple[Point, int, bool]:
    """Step downhill with each point's metric, corrected by the last changes of gradient.

    Parameters
    ----------
    likelihood : Likelihood
    point : Point
        Where to begin.
    tolerance : float
        Promised decrease of the deviance to end at.

    Returns
    -------
    Point, int, bool
        The last point, the number of evaluations, and whether there was more to gain.
    """
    changes: deque[tuple[Array, Array]] = deque(maxlen=REMEMBERED)
    evaluations = 0
    for taken in range(MAX_STEPS):
        metric = point.metric
        if not point.is_exact:
            for s, y in changes:
                metric = secant(metric, s, y)
        step = downhill(metric, point.gradient)
        if -float(point.gradient @ step) / 2.0 < tolerance:
            return point, evaluations, False
        better, used = _shortened(likelihood, point, step)
        evaluations += used
        if better is None:
            return point, evaluations, False
        if used > HOPELESS and better.value >= point.value:
            return point, evaluations, True
        if taken >= EARLY or point.value - better.value < GENTLE:
            changes.append((better.theta - point.theta, better.gradient - point.gradient))
        point = better
    return point, evaluations, True


class Searches(Protocol):
    """The deviances of many models, each at its own theta: arrays with one row a model."""

    @property
    def deviance(self) -> Array:
        """Of each."""

    @property
    def in_theta(self) -> tuple[Array, Array]:
        """Gradient and Hessian of each."""


def descend_all(
    at: Callable[[Array, Array], Searches],
    start: Array,
    tolerance: float,
    longest: float,
) -> tuple[Array, Array]:
    """Step downhill from many starts at once, each by its own steps.

    Parameters
    ----------
    at : callable
        Takes the numbers of some models, and their theta.
    start : array, shape (n, n_theta)
    tolerance : float
        Promised decrease of the deviance to end at; a last step is taken there.
    longest : float
        Longest step in an element of theta.

    Returns
    -------
    array, shape (n, n_theta), array of bool
        Where each search ended, and whether it met the tolerance. Where one of them comes to a
        singular matrix, the starts, of which none does.
    """
    try:
        return _walked(at, start, tolerance, longest)
    except np.linalg.LinAlgError:
        return start, np.zeros(len(start), bool)


def _walked(
    at: Callable[[Array, Array], Searches], start: Array, tolerance: float, longest: float
) -> tuple[Array, Array]:
    theta, current = start.copy(), np.arange(len(start))
    ended, length = np.zeros(len(start), bool), np.ones(len(start))
    point = at(current, theta)
    gradient, metric = point.in_theta
    for _ in range(MOST_STEPS):
        step = downhill(metric, gradient)
        step *= longest / np.maximum(longest, np.abs(step).max(axis=1, keepdims=True))
        promised = np.sum(gradient * step, axis=-1)
        done = -promised / 2.0 < tolerance
        if done.any():
            values, vectors = np.linalg.eigh(metric)
            saddle = done & (values[:, 0] < SADDLE)
            step[saddle], done = 0.1 * vectors[saddle, :, 0], done & ~saddle
        last = done & ~ended[current]
        theta[current[last]] += step[last]
        ended[current[done]], length[current[done]] = True, 0.0
        if done.all():
            break
        left = ~done if 2 * done.sum() > len(current) else np.ones(len(done), bool)
        known, begin = point.deviance[left], (theta[current[left]], gradient[left])
        current, step, promised = current[left], step[left], promised[left]
        for _ in range(MOST_HALVINGS):
            tried = begin[0] + length[current, None] * step
            point = at(current, tried)
            least = 1e-4 * length[current] * promised + ROUNDING * np.abs(known)
            good = point.deviance <= known + least
            if good.all():
                break
            length[current[~good]] /= 2.0
        theta[current], length[current] = tried, np.where(length[current] > 0.0, 1.0, 0.0)
        gradient, metric = point.in_theta
    return theta, ended


def secant(metric: Array, s: Array, y: Array) -> Array:
    """Make the metric agree with the change y of the gradient over the last step s (BFGS)."""
    Bs, curved = metric @ s, float(s @ y)
    expected = float(s @ Bs)
    if not (curved > 0.1 * abs(expected) and expected > 0.0):
        return metric
    return np.asarray(metric + np.outer(y, y / curved) - np.outer(Bs, Bs / expected))


def downhill(metric: Array, gradient: Array) -> Array:
    """Return a Newton step, uphill curvature turned round and long steps shortened.

    A first axis may hold many searches.
    """
    values, vectors = np.linalg.eigh(metric)
    size = np.abs(values)
    floor = FLAT * np.maximum(1.0, size.max(axis=-1, keepdims=True))
    step = -_times(vectors, _times(vectors.swapaxes(-2, -1), gradient) / np.maximum(size, floor))
    length = np.abs(step).max(axis=-1, keepdims=True)
    return np.asarray(step * (LONGEST / np.maximum(length, LONGEST)))


def _times(matrix: Array, vector: Array) -> Array:
    return np.asarray((matrix @ vector[..., None])[..., 0])


def _shortened(likelihood: Likelihood, point: Point, step: Array) -> tuple[Point | None, int]:
    """Halve a step until it lowers the deviance by a fair share of what it promises."""
    promised = float(point.gradient @ step)
    length = 1.0
    for used in range(1, MAX_TRIES + 1):
        better = likelihood.at(point.theta + length * step)
        least = 1e-4 * length * promised + ROUNDING * abs(point.value)
        if better.value <= point.value + least:
            return better, used
        length /= 2.0
    return None, used

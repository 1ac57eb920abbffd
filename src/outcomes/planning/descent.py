"""Searches side by side: each walks downhill by its own steps, and ends where it would alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from outcomes.mixed.search import ROUNDING, downhill
from outcomes.mixed.types import Array

ENDED = 1e-15
"""Promised decrease of the deviance at the optimum."""
FLAT = 1e-8
"""Curvature relatively below this is none."""
SADDLE = -1e-6
"""Curvature below which a place where nothing slopes is left along it."""
LONGEST = 0.5
"""Longest step in a standard deviation, that of a study's scores being one."""
MOST_STEPS, MOST_HALVINGS = 60, 20


class Point(Protocol):
    """Searches at their parameters."""

    @property
    def deviance(self) -> Array:
        """Of each."""

    @property
    def in_theta(self) -> tuple[Array, Array]:
        """Gradient and second derivatives of each."""


def descended(at: Callable[[Any, Array], Point], start: Array, enough: float = ENDED) -> Any:
    """Walk downhill from many starts at once, each until it ends where it would alone.

    Parameters
    ----------
    at : callable
        Takes the numbers of some searches, and their parameters.
    start : array, shape (n, k)
    enough : float
        Promised decrease of the deviance at the end.

    Returns
    -------
    array, shape (n, k), array of bool
        Where each search ended, and whether that is a minimum; where one of them comes to a
        singular matrix, the starts, of which none is.
    """
    try:
        return _walked(at, start, enough)
    except np.linalg.LinAlgError:
        return start, np.zeros(len(start), bool)


def _walked(at: Callable[[Any, Array], Point], start: Array, enough: float) -> Any:
    theta, ended, length = start.copy(), np.zeros(len(start), bool), np.ones(len(start))
    current = np.arange(len(start))
    point = at(current, theta)
    for _ in range(MOST_STEPS):
        gradient, hessian = point.in_theta
        step = downhill(hessian, gradient)
        step *= LONGEST / np.maximum(LONGEST, np.abs(step).max(axis=1, keepdims=True))
        promised = np.einsum("sk,sk->s", gradient, step)
        done = -promised / 2.0 < enough
        values, vectors = np.linalg.eigh(hessian)
        saddle = done & (values[:, 0] < SADDLE)
        step[saddle], done = 0.1 * vectors[saddle, :, 0], done & ~saddle
        last = done & ~ended[current]
        theta[current[last]] += step[last]
        ended[current[done]], length[current[done]] = True, 0.0
        if done.all():
            break
        left = ~done if 2 * done.sum() > len(current) else np.ones(len(done), bool)
        current, step, promised = current[left], step[left], promised[left]
        known = point.deviance[left]
        for _ in range(MOST_HALVINGS):
            tried = theta[current] + length[current, None] * step
            point = at(current, tried)
            least = 1e-4 * length[current] * promised + ROUNDING * np.abs(known)
            good = point.deviance <= known + least
            if good.all():
                break
            length[current[~good]] /= 2.0
        theta[current] = tried
        length[current] = np.where(length[current] > 0.0, 1.0, 0.0)
    return theta, ended


def satterthwaite(variance: Array, slope: Array, hessian: Array) -> Array:
    """Return the degrees of freedom of estimates, given what their variance changes by.

    Parameters
    ----------
    variance : array, shape (n,)
    slope : array, shape (n, k)
    hessian : array, shape (n, k, k)
        Of the deviance in the same parameters.
    """
    values, vectors = np.linalg.eigh(hessian)
    along = (vectors.swapaxes(1, 2) @ slope[..., None])[..., 0]
    curved = values > FLAT * np.maximum(1.0, np.abs(values).max(axis=1, keepdims=True))
    spread = 2.0 * np.sum(np.where(curved, along**2 / np.where(curved, values, 1.0), 0.0), axis=1)
    infinite = np.full_like(spread, np.inf)
    return np.asarray(np.divide(2.0 * variance**2, spread, out=infinite, where=spread > 0.0))

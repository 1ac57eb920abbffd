"""Correlations that depend on the distance of two scores, one free number each.

``curve`` gives the correlation and its first two derivatives in that number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from outcomes.mixed.types import Array

Curve = tuple[Array, Array, Array]


class Correlation(Protocol):
    """A correlation of the distance between two scores."""

    def value(self, distance: Array, free: float) -> Array:
        """Return the correlation at each distance."""
        ...

    def curve(self, distance: Array, free: float) -> Curve:
        """Return the correlation at each distance and its derivatives in ``free``."""
        ...

    def start(self, distance: float, value: float) -> float:
        """Return the free number at which the correlation at a distance is near a value."""
        ...


@dataclass(frozen=True)
class Autoregressive:
    """AR(1): rho^|j - i| over numbered visits, rho = tanh(free)."""

    def value(self, distance: Array, free: float) -> Array:
        """Return the correlation at each distance."""
        return np.asarray(np.tanh(free) ** distance)

    def curve(self, distance: Array, free: float) -> Curve:
        """Return the correlation at each distance and its derivatives."""
        rho, d = np.tanh(free), distance
        slope = 1.0 - rho**2
        once, twice = rho ** np.maximum(d - 1.0, 0.0), rho ** np.maximum(d - 2.0, 0.0)
        first = d * once * slope
        second = d * (d - 1.0) * twice * slope**2 - 2.0 * rho * first
        return rho**d, first, second

    def start(self, distance: float, value: float) -> float:
        """Return the free number for a correlation of neighbours."""
        del distance
        return float(np.arctanh(value))


@dataclass(frozen=True)
class OrnsteinUhlenbeck:
    """Continuous AR(1): exp(-rate |t - s|) over any times, rate = exp(free)."""

    def value(self, distance: Array, free: float) -> Array:
        """Return the correlation at each distance."""
        return np.asarray(np.exp(-np.exp(free) * distance))

    def curve(self, distance: Array, free: float) -> Curve:
        """Return the correlation at each distance and its derivatives."""
        reach = distance * np.exp(free)
        value = np.exp(-reach)
        return value, -reach * value, (reach**2 - reach) * value

    def start(self, distance: float, value: float) -> float:
        """Return the free number for a correlation at a distance."""
        return float(np.log(-np.log(max(value, 0.05)) / distance))


@dataclass(frozen=True)
class Compound:
    """Compound symmetry: the same correlation between any two scores of a patient.

    Parameters
    ----------
    lowest : float
        Smallest correlation that leaves the largest patient positive definite, -1/(n - 1).
    """

    lowest: float

    def value(self, distance: Array, free: float) -> Array:
        """Return the correlation at each distance."""
        share = 1.0 / (1.0 + np.exp(-free))
        return np.where(distance > 0.0, self.lowest + (1.0 - self.lowest) * share, 1.0)

    def curve(self, distance: Array, free: float) -> Curve:
        """Return the correlation at each distance and its derivatives."""
        share = 1.0 / (1.0 + np.exp(-free))
        room = (1.0 - self.lowest) * (distance > 0.0)
        value = self.value(distance, free)
        slope = share * (1.0 - share)
        return value, room * slope, room * slope * (1.0 - 2.0 * share)

    def start(self, distance: float, value: float) -> float:
        """Return the free number for a correlation."""
        del distance
        share = (value - self.lowest) / (1.0 - self.lowest)
        return float(np.log(share / (1.0 - share)))

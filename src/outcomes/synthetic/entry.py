"""Entry selection: who comes is who hurts enough, and regression to the mean follows by itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from outcomes.errors import DesignError
from outcomes.synthetic.design import Design

Floats = NDArray[np.float64]

CEILING = 10.0
"""Highest pain rating; the lowest is 0."""
LEAST_ENTERING = 0.001
"""Part of a population that enters at least; below that the population is not a real one."""


@dataclass(frozen=True)
class Spread:
    """Variances that make up pain at the first visit, in NPRS points squared, before selection.

    Parameters
    ----------
    person : float
        Level shared by a patient's courses.
    course : float
        Level of the course.
    serial : float
        Part of the residual with memory.
    white : float
        Part of the residual without memory, rating error included.
    """

    person: float
    course: float
    serial: float
    white: float

    @property
    def total(self) -> float:
        """Their sum."""
        return self.person + self.course + self.serial + self.white

    @property
    def parts(self) -> Floats:
        """The four, shape (4,)."""
        return np.array([self.person, self.course, self.serial, self.white])


def spread_of(design: Design) -> Spread:
    """Return the variances of a design."""
    patient, residual = design.patient_sd**2, design.residual_sd**2
    return Spread(
        person=design.person_share * patient,
        course=(1 - design.person_share) * patient,
        serial=design.serial_share * residual,
        white=(1 - design.serial_share) * residual,
    )


def cluster_sd(icc: float, within: float) -> float:
    """Return the SD of cluster effects with intraclass correlation `icc` over variance `within`.

    Notes
    -----
    ``icc = b / (b + within)``, so ``b = within * icc / (1 - icc)``.
    """
    return float(np.sqrt(within * icc / (1 - icc)))


def threshold(design: Design) -> float:
    """Return the unrounded pain from which a rating reaches the entry minimum."""
    if design.entry_minimum <= 0:
        return -np.inf
    return design.entry_minimum - design.rating_step / 2


@lru_cache(maxsize=64)
def population_means(design: Design) -> Floats:
    """Return mean pain before selection, so that those who enter have each `baseline_mean`.

    Parameters
    ----------
    design : Design
        The design.

    Returns
    -------
    ndarray, shape (conditions,)
        Means in NPRS points, found by bisection on `mean_at_entry`.

    Raises
    ------
    DesignError
        When no population gives that mean, or one of whom hardly anybody enters.
    """
    wanted = np.array([item.baseline_mean for item in design.conditions])
    low, high = np.full(len(wanted), -60.0), np.full(len(wanted), 70.0)
    for _ in range(80):
        middle = (low + high) / 2
        below = mean_at_entry(middle, design) < wanted
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    reached = mean_at_entry(low, design)
    enter = ndtr((low - threshold(design)) / np.sqrt(spread_of(design).total + 1e-24))
    if (np.abs(reached - wanted) > 1e-3).any() or (enter < LEAST_ENTERING).any():
        must = "baseline_mean can be reached with this entry_minimum, patient_sd and residual_sd"
        remedy = "Move baseline_mean away from entry_minimum and 10, or raise patient_sd."
        raise DesignError(must, got="a mean no population gives", where="design", remedy=remedy)
    low.flags.writeable = False
    return low


def mean_at_entry(means: Floats, design: Design) -> Floats:
    """Return the mean rating of those who enter, for population means of shape (k,).

    Notes
    -----
    Ratings are ``x`` rounded to the step and held in 0 to 10, with ``x ~ N(mean, total)``; those
    with a rating below the entry minimum do not enter. Digit preference and clinics are left out.
    """
    step = max(design.rating_step, 0.01)
    sd = np.sqrt(spread_of(design).total) + 1e-12
    ratings = np.arange(0, CEILING + step / 2, step)
    edges = np.concatenate([[-np.inf], ratings[1:] - step / 2, [np.inf]])
    low, high = (edges[:-1] - means[:, None]) / sd, (edges[1:] - means[:, None]) / sd
    # each probability on the side where it does not cancel
    mass = np.where(low > 0, ndtr(-low) - ndtr(-high), ndtr(high) - ndtr(low))
    mass = np.where(ratings >= design.entry_minimum - 1e-9, mass, 0.0)
    total = np.maximum(mass.sum(axis=1), 1e-300)
    mean: Floats = (mass * ratings).sum(axis=1) / total
    return mean


def draw_entrants(
    means: Floats, variances: Floats, cut: float, uniforms: Floats, normals: Floats
) -> Floats:
    """Draw the parts of pain at the first visit of people who enter.

    Parameters
    ----------
    means : ndarray, shape (n,)
        Mean pain before selection.
    variances : ndarray, shape (k,)
        Variances of the parts.
    cut : float
        Lowest unrounded pain of those who enter.
    uniforms : ndarray, shape (n,)
        Uniform numbers that choose the sum.
    normals : ndarray, shape (k, n)
        Standard normal numbers that share it out.

    Returns
    -------
    ndarray, shape (k, n)
        The parts; their sum is at least `cut - means`.

    Notes
    -----
    The sum is a truncated normal drawn by its inverse distribution function. Given their sum,
    independent normals a_1..a_k are distributed as ``z_j + v_j / V * (sum - sum(z))`` with z drawn
    without the condition (conditional normal distribution).
    """
    total = float(variances.sum())
    if total == 0:
        return np.zeros_like(normals)
    sd = np.sqrt(total)
    upper = ndtr(-(cut - means) / sd)  # probability of entering
    sums = -sd * ndtri(np.clip(upper * uniforms, 1e-300, 1.0 - 1e-16))
    free = normals * np.sqrt(variances)[:, None]
    shares: Floats = free + (variances / total)[:, None] * (sums - free.sum(axis=0))
    return shares

"""How much improvement selection alone brings: who comes is who scores badly on the day."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy
from numpy.typing import ArrayLike
from scipy.special import chdtri, log_ndtr, ndtr, ndtri

from outcomes.dictionary.instruments import Instrument
from outcomes.mixed.types import Array

LEAST_BASELINES = 20
LEAST_CUT = 0.1
"""Share of the curve below the entry rule from which on it is told from the lowest of all."""
WIDEST = 1.0
"""A std. error above the estimate itself says that the baselines do not tell."""


@dataclass(frozen=True)
class RegressionToTheMean:
    """Improvement expected with no change in anybody.

    Parameters
    ----------
    estimate, std_error, conf_low, conf_high : float
        In points of the instrument, positive = better; the interval is symmetric in the logarithm.
    """

    estimate: float
    std_error: float
    conf_low: float
    conf_high: float


@dataclass(frozen=True)
class Rating:
    """How the baselines came about.

    Parameters
    ----------
    best, entry, worst : float
        Best score of the scale, lowest that enters, worst of the scale; in points, higher = worse.
    step : float
        Distance between scores, above 0.
    """

    best: float
    entry: float
    worst: float
    step: float


def rated(instrument: Instrument, baselines: ArrayLike) -> tuple[Array, Rating]:
    """Return baselines as points that are higher = worse, and how they came about.

    Parameters
    ----------
    instrument : Instrument
    baselines : array, shape (courses,)
        Scores of those who came: nobody with a better one was taken on.
    """
    worse = -instrument.sign * np.asarray(baselines, dtype=float)
    ends = -instrument.sign * np.array([instrument.minimum, instrument.maximum])
    step = instrument.step or (instrument.maximum - instrument.minimum) / 1000
    return worse, Rating(float(ends.min()), float(worse.min()), float(ends.max()), step)


def regression_to_the_mean(
    baselines: ArrayLike, rating: Rating, share: float, share_error: float
) -> RegressionToTheMean | None:
    """Estimate regression to the mean from the baselines of those who came.

    Parameters
    ----------
    baselines : array, shape (courses,)
        Baseline scores, higher = worse, in points.
    rating : Rating
        Entry rule, ends and step of the scale.
    share, share_error : float
        Points of improvement for each point that a baseline is worse, and its standard error. A
        person's own score is what selection does not change, so those who come show it unbiased.

    Returns
    -------
    RegressionToTheMean or None
        None where the baselines do not tell the mean of those who did not come: fewer than 20, all
        equal, no cut to be seen (less than a tenth of the curve is cut off, or the whole curve fits
        as well by a likelihood ratio at 5 %), a tail that fits any mean, a mean off the scale, or
        none who improve more from worse.

    Notes
    -----
    It is the least that selection brings: what passes of a bad time in which people came by
    themselves adds to it, and leaves no cut. Baselines are ratings of a normal curve (m, s) cut off
    at the entry rule, fitted by maximum likelihood. Those who enter lie ``s * phi(z) / (1 -
    Phi(z))`` above m, ``z = (cut - m) / s``; `share` of it falls away: ``(1 - rho) s phi(z) / (1 -
    Phi(z))`` in Barnett, van der Pols & Dobson (2005), Int J Epidemiol 34, 215. The standard error
    is by the delta method.

    Examples
    --------
    >>> scores = np.random.default_rng(1).normal(4, 2.2, 40_000)
    >>> rating = Rating(-20.0, 4.0, 20.0, 0.001)
    >>> found = regression_to_the_mean(scores[scores >= 4], rating, 0.5, 0.01)
    >>> round(found.estimate, 1)  # 0.5 * 2.2 * phi(0) / (1 - Phi(0)) = 0.88
    0.9
    """
    x, n = _counted(baselines)
    if n.sum() < LEAST_BASELINES or len(x) < 2 or share <= 0:
        return None
    best = _everybody(x, n, rating)
    if not _cut_seen(best, x, n, rating):
        return None
    curvature = scipy.differentiate.hessian(
        lambda at: np.apply_along_axis(_minus_log_likelihood, 0, at, x, n, rating), best
    ).ddf
    if best[0] < rating.best or np.linalg.eigvalsh(curvature)[0] <= 0:
        return None
    above, slope = _above(best, rating)
    relative = np.hypot(share_error / share, np.sqrt(slope @ np.linalg.solve(curvature, slope)))
    if relative > WIDEST:
        return None
    estimate = share * above
    low, high = estimate * np.exp(np.array([-1.0, 1.0]) * ndtri(0.975) * relative)
    return RegressionToTheMean(float(estimate), float(estimate * relative), float(low), float(high))


def expected_return(
    first: float, baselines: ArrayLike, rating: Rating, error: float
) -> float | None:
    """Return by how much one patient's next score is expected to be better with no change at all.

    Parameters
    ----------
    first : float
        The patient's first score, higher = worse, in points.
    baselines : array, shape (courses,)
        First scores of those who came, this patient's among them.
    rating : Rating
        Entry rule, ends and step of the scale.
    error : float
        Standard error of measurement, in points, above 0.

    Returns
    -------
    float or None
        In points, 0 for those who came with less than the usual score. None where the baselines do
        not tell the usual score: fewer than 20, all equal, or a tail that fits any mean.

    Notes
    -----
    Kelley's regressed score: with reliability ``1 - error**2 / s**2`` the score expected is ``m +
    reliability * (first - m)``, m and s being of everybody, not of those bad enough to come
    (Speer 1992, J Consult Clin Psychol 60:402).

    Examples
    --------
    >>> scores = np.random.default_rng(1).normal(4, 2.2, 40_000)
    >>> rating = Rating(-20.0, 4.0, 20.0, 0.001)
    >>> found = expected_return(8.0, scores[scores >= 4], rating, 1.1)
    >>> round(found, 1)  # (1.1 / 2.2) ** 2 * (8 - 4)
    1.0
    """
    x, n = _counted(baselines)
    if n.sum() < LEAST_BASELINES or len(x) < 2:
        return None
    mean, log_sd = _everybody(x, n, rating)
    if mean < rating.best:
        return None
    share = min(1.0, error**2 / np.exp(2 * log_sd))
    return max(0.0, float(share * (first - mean)))


def _counted(baselines: ArrayLike) -> tuple[Array, Array]:
    """Return the baselines that occur, and how many courses have each."""
    x, n = np.unique(np.asarray(baselines, dtype=float), return_counts=True)
    return x, n.astype(float)


def _everybody(x: Array, n: Array, rating: Rating) -> Array:
    """Return mean and log standard deviation of the curve of which the baselines are the end."""
    far = 20 * np.ptp(x)  # a tail that fits any mean leads the search there, and no further
    mean = np.average(x, weights=n)
    start = np.array([mean, np.log(np.average((x - mean) ** 2, weights=n)) / 2])
    ends = [(x.min() - far, x.max() + far), (np.log(rating.step / 10), np.log(far))]
    return np.asarray(
        scipy.optimize.minimize(
            _minus_log_likelihood, start, args=(x, n, rating), method="Nelder-Mead", bounds=ends
        ).x
    )


def _cut_seen(best: Array, x: Array, n: Array, rating: Rating) -> bool:
    """Whether baselines are the end of a curve: much is cut off, and a whole curve fits worse."""
    if ndtr((_cut(rating) - best[0]) / np.exp(best[1])) < LEAST_CUT:
        return False
    whole = replace(rating, entry=-np.inf)
    gain = _minus_log_likelihood(_everybody(x, n, whole), x, n, whole)
    gain -= _minus_log_likelihood(best, x, n, rating)
    return bool(2 * gain > chdtri(1, 0.05))


def _cut(rating: Rating) -> float:
    return rating.entry - rating.step / 2


def _minus_log_likelihood(parameters: Array, x: Array, n: Array, rating: Rating) -> float:
    """Of ratings: the chance of the interval each stands for, among those who enter."""
    mean, sd, half = parameters[0], np.exp(parameters[1]), rating.step / 2
    high = np.where(x + half > rating.worst, np.inf, (x + half - mean) / sd)
    inside = _log_chance((x - half - mean) / sd, high)
    return float(n.sum() * log_ndtr((mean - _cut(rating)) / sd) - n @ inside)


def _log_chance(low: Array, high: Array) -> Array:
    """Return the logarithm of a normal curve's part from `low` to `high`, in its smaller tail."""
    left = low + high < 0
    near, beyond = np.where(left, -high, low), np.where(left, -low, high)
    return np.asarray(log_ndtr(-near) + np.log1p(-np.exp(log_ndtr(-beyond) - log_ndtr(-near))))


def _above(parameters: Array, rating: Rating) -> tuple[float, Array]:
    """Return how far entrants lie above the mean, and the slope of its logarithm by (m, log s)."""
    sd = np.exp(parameters[1])
    z = (_cut(rating) - parameters[0]) / sd
    hazard = np.exp(-(z**2) / 2.0 - log_ndtr(-z)) / np.sqrt(2.0 * np.pi)
    return float(sd * hazard), np.array([-(hazard - z) / sd, 1.0 - (hazard - z) * z])

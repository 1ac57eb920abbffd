"""From pain to what is written down: integer ratings, digit preference, floor and ceiling."""

from __future__ import annotations

import numpy as np

from outcomes.dictionary.instruments import instrument
from outcomes.synthetic.design import Design
from outcomes.synthetic.entry import CEILING, spread_of
from outcomes.synthetic.people import Floats, Ints, People

_STABLE = np.sqrt(0.7), np.sqrt(0.3)
"""How the part of function that pain does not share splits into level and visit ([A])."""


def rate(pain: Floats, design: Design, heap: Floats) -> Floats:
    """Return pain ratings from 0 to 10.

    Parameters
    ----------
    pain : ndarray
        Pain, NPRS points, without bounds.
    design : Design
        Gives step and digit preference.
    heap : ndarray
        Uniform numbers that choose who rounds to 5 and 10.
    """
    step = design.rating_step
    rating = np.clip(np.floor(pain / step + 0.5) * step, 0.0, CEILING)
    if step != 1:
        return np.round(rating, 6)
    heaped = np.where(np.abs(rating - 5) == 1, 5.0, np.where(rating == 9, CEILING, rating))
    return np.where(heap < design.digit_preference, heaped, rating)


def rate_function(design: Design, people: People, pain0: Floats, gain: Floats) -> Floats:
    """Return totals of each course's second instrument, shape (columns, n).

    Parameters
    ----------
    design : Design
        Gives means, SDs and the correlation with pain.
    people : People
        The people.
    pain0 : ndarray, shape (columns, n)
        Pain without what the course has changed.
    gain : ndarray, shape (columns, n)
        What the course has changed, NPRS points, positive = better.

    Notes
    -----
    Level and visit noise correlate with pain's as the design says; a change in pain moves function
    by as many of its standard deviations.
    """
    worse, mean, sd, step, low, high, baseline = second_instrument(design, people.condition)
    total = np.sqrt(spread_of(design).total) + 1e-12
    shared = design.function_correlation * (pain0 - baseline) / total
    rest = np.sqrt(1 - design.function_correlation**2)
    noise = people.normals[2, : len(pain0)]
    own = _STABLE[0] * people.function_level + _STABLE[1] * noise
    score = mean + worse * sd * (shared + rest * own - gain / total)
    rounded: Floats = np.clip(np.round(np.floor(score / step + 0.5) * step, 2), low, high)
    return rounded


def second_instrument(design: Design, condition: Ints) -> Floats:
    """Return sign of worse, mean, SD, step, ends of the scale and pain's baseline, shape (7, n)."""
    rows = []
    for item in design.conditions:
        measure = instrument(item.function_instrument)
        rows.append((
            -measure.sign, item.function_mean, item.function_sd, item.function_step,
            measure.minimum, measure.maximum, item.baseline_mean,
        ))  # fmt: skip
    return np.array(rows, dtype=float).T[:, condition]

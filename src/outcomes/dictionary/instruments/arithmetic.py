"""The arithmetic of scores: pure functions from an array of items to one score a row.

Items have shape (patients, items), NaN where not answered; scores have shape (patients,), NaN where
too few items are answered. Sources of the rules stand with each instrument.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

GAS_CORRELATION = 0.3
"""Correlation between goals that goal attainment scaling assumes (Kiresuk and Sherman 1968)."""


def reverse(items: Array, positions: tuple[int, ...], minimum: float, maximum: float) -> Array:
    """Reverse the items at 1-based `positions` within their range.

    Examples
    --------
    >>> reverse(np.array([[0.0, 1.0]]), (2,), 0, 4)
    array([[0., 3.]])
    """
    columns = np.array(positions, dtype=int) - 1
    turned = items.copy()
    turned[:, columns] = minimum + maximum - items[:, columns]
    return turned


def blanks_as_zero(items: Array) -> Array:
    """Count empty items as 0 in rows that have an answer; a row without any stays empty.

    Examples
    --------
    >>> blanks_as_zero(np.array([[1.0, np.nan], [np.nan, np.nan]]))
    array([[ 1.,  0.],
           [nan, nan]])
    """
    returned = np.isfinite(items).any(axis=1, keepdims=True)
    return np.where(np.isnan(items) & returned, 0.0, items)


def item_mean(items: Array, required: int) -> Array:
    """Mean of the items answered, where at least `required` are.

    Examples
    --------
    >>> item_mean(np.array([[1.0, 3.0, np.nan], [1.0, np.nan, np.nan]]), required=2)
    array([ 2., nan])
    """
    answered = np.isfinite(items).sum(axis=1)
    enough = answered >= required
    return np.where(enough, np.nansum(items, axis=1), np.nan) / np.where(enough, answered, 1)


def item_sum(items: Array, required: int) -> Array:
    """Sum of the items, a missing one counting as the mean of the row's others.

    Examples
    --------
    Nine items of the Neck Disability Index that sum to 18 are 20 of 50.

    >>> item_sum(np.array([[2.0] * 9 + [np.nan]]), required=8)
    array([20.])
    """
    answered = np.isfinite(items).sum(axis=1)
    enough = answered >= required
    total = np.where(enough, np.nansum(items, axis=1), np.nan)
    return np.asarray(total * items.shape[1] / np.where(enough, answered, 1))


def percent_of_range(
    items: Array, required: int, minimum: float, maximum: float, *, inverted: bool = False
) -> Array:
    """Mean of the items answered as a percentage of an item's range; `inverted`: 100 minus it.

    Examples
    --------
    >>> percent_of_range(np.full((1, 11), 3.0), 10, 1, 5)
    array([50.])
    >>> percent_of_range(np.full((1, 9), 1.0), 5, 0, 4, inverted=True)
    array([75.])
    """
    percent = 100 * (item_mean(items, required) - minimum) / (maximum - minimum)
    return 100 - percent if inverted else percent


def by_table(items: Array, table: tuple[tuple[float, float], ...]) -> Array:
    """Look the sum of complete rows up in a table of (sum, score).

    Examples
    --------
    >>> by_table(np.array([[1.0, 1.0], [1.0, np.nan]]), ((2, 41.6), (3, 49.6)))
    array([41.6,  nan])
    """
    sums, scores = np.array(table).T
    totals = items.sum(axis=1)
    positions = np.searchsorted(sums, np.nan_to_num(totals, nan=sums[0]))
    return np.where(np.isnan(totals), np.nan, scores[positions])


def goal_attainment(levels: Array, weights: Array, required: int = 1) -> Array:
    """T score of goals rated from -2 to +2: 50 + 10 Sum(wx) / sqrt((1 - r) Sum(w^2) + r (Sum w)^2).

    Parameters
    ----------
    levels : array, shape (patients, goals)
        Attainment; NaN where a patient has no such goal, or it was not rated.
    weights : array, shape (patients, goals)
        Importance, at least 0; those of goals without a level are not used.
    required : int
        Goals that must be rated.

    Returns
    -------
    array, shape (patients,)
        50 is what was expected; NaN where too few goals are rated or all weights are 0.

    Notes
    -----
    Kiresuk and Sherman 1968, r = 0.3. The 2009 guide of Turner-Stokes printed another formula,
    which its erratum corrects to this one.

    Examples
    --------
    >>> goal_attainment(np.array([[2.0, 1.0, -1.0]]), np.array([[3.0, 2.0, 1.0]])).round(2)
    array([65.42])
    """
    rated = np.isfinite(levels)
    used = np.where(rated, weights, 0.0)
    attained = (used * np.where(rated, levels, 0.0)).sum(axis=1)
    spread = np.sqrt(
        (1 - GAS_CORRELATION) * (used**2).sum(axis=1) + GAS_CORRELATION * used.sum(axis=1) ** 2
    )
    scored = (rated.sum(axis=1) >= required) & (spread > 0)
    ratio: Any = np.divide(attained, spread, out=np.full(len(levels), np.nan), where=scored)
    return np.asarray(50 + 10 * ratio)

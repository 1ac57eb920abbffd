"""Where labels beside a plot go so that none lies on another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import isotonic_regression


def spread(
    wanted: Sequence[float], heights: Sequence[float], low: float, high: float
) -> list[float]:
    """Return the positions nearest to those wanted at which no two labels overlap.

    Parameters
    ----------
    wanted : sequence of float, shape (n,)
        Where the middle of each label should be.
    heights : sequence of float, shape (n,)
        Height of each label, in the same unit, gaps included.
    low, high : float
        Labels stay between these where they fit; where not, they leave at the lower end.

    Returns
    -------
    list of float
        Middles, in the order of `wanted`; least squares under the spacing.

    Notes
    -----
    Positions less the heights stacked below them must not decrease: isotonic regression.

    Examples
    --------
    >>> spread([1.0, 1.0, 5.0], [1.0, 1.0, 1.0], 0.0, 10.0)
    [0.5, 1.5, 5.0]
    """
    if not len(wanted):
        return []
    order = np.argsort(wanted, kind="stable")
    tall = np.asarray(heights, float)[order]
    stacked = np.cumsum(tall) - tall / 2
    free = isotonic_regression(np.asarray(wanted, float)[order] - stacked).x
    highest = high - tall.sum()
    placed = np.clip(free, min(low, highest), highest) + stacked
    result = np.empty(len(order))
    result[order] = placed
    return [float(value) for value in result]

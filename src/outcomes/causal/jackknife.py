"""Estimates from cross-products, their errors by leaving out groups of courses, and intervals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outcomes.mixed.inference.testing import interval_table
from outcomes.mixed.types import Array

MOST_GROUPS = 100
"""More courses than this are left out several at a time."""
_RIDGE = 1e-9
"""Added to the diagonal, relative to it: facts may determine each other."""


def grouped(columns: Array, people: NDArray[np.intp]) -> Array:
    """Return the cross-products of columns in each group of people.

    Parameters
    ----------
    columns : array, shape (rows, p)
    people : array of int, shape (rows,)
        Whom each row is of, from 0 on.

    Returns
    -------
    array, shape (groups, p, p)
        Each person is a group, or `MOST_GROUPS` groups hold them all.
    """
    group = people % MOST_GROUPS
    return np.stack([columns[own].T @ columns[own] for own in group == np.unique(group)[:, None]])


def slopes(products: Array, n_kept: int) -> Array:
    """Return the coefficients of the other columns in the regressions of the first ones.

    Parameters
    ----------
    products : array, shape (..., p, p)
    n_kept : int
        Columns that are regressed.

    Returns
    -------
    array, shape (..., p - n_kept, n_kept)
        Where some columns determine each other, one of the solutions.
    """
    others = products[..., n_kept:, n_kept:]
    ridge = _RIDGE * np.einsum("...ii->...i", others) + np.finfo(float).tiny
    others = others + ridge[..., None] * np.eye(others.shape[-1])
    return np.asarray(np.linalg.solve(others, products[..., n_kept:, :n_kept]))


def residual(products: Array, n_kept: int) -> Array:
    """Return the cross-products of the first columns, what the others explain taken out.

    Parameters
    ----------
    products : array, shape (..., p, p)
    n_kept : int
        Columns that stay.

    Examples
    --------
    >>> x = np.array([[1.0, 1.0], [2.0, 1.0], [6.0, 1.0]])
    >>> residual(x.T @ x, 1).round(6).tolist()  # sum of squares about the mean of 1, 2, 6
    [[14.0]]
    """
    explained = products[..., :n_kept, n_kept:] @ slopes(products, n_kept)
    return np.asarray(products[..., :n_kept, :n_kept] - explained)


def jackknife(
    parts: tuple[Array, ...], statistic: Callable[[Any], Array], n_episodes: int
) -> dict[str, Any]:
    """Estimate from the sums of all groups, with an error from leaving each out in turn.

    Parameters
    ----------
    parts : tuple of array, shape (groups, ...)
        Sums by group.
    statistic : callable
        Of a tuple of sums, whose first axis may be what was left out.
    n_episodes : int
        Courses behind it.

    Returns
    -------
    dict
        As `interval_row`; degrees of freedom are the groups less one.

    Notes
    -----
    Delete-a-group jackknife (Kott 2001, J Off Stat 17:521).
    """
    whole = tuple(part.sum(axis=0) for part in parts)
    n_groups = len(parts[0])
    without = statistic(tuple(total - part for total, part in zip(whole, parts, strict=True)))
    error = np.sqrt((n_groups - 1) * np.var(without))
    return interval_row(float(statistic(whole)), float(error), n_groups - 1, n_episodes=n_episodes)


def interval_row(estimate: float, std_error: float, df: float, **more: Any) -> dict[str, Any]:
    """Return an estimate as a row of an answer's table, with its 95 % t interval and `more`."""
    table = interval_table(np.array([estimate]), np.array([std_error]), df)
    return {str(name): float(value) for name, value in table.iloc[0].items()} | more

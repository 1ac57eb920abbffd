"""Small matrices, one a group, with the group as last axis: (rows, columns, n_groups).

Several studies at once put their axis before it, (rows, columns, n_studies, n_groups), and then
every sum over groups has one value a study, along the last axis.
"""

from __future__ import annotations

from math import isqrt
from typing import Any

import numpy as np

from outcomes.mixed.types import Array


def multiply(left: Array, right: Array) -> Array:
    """Multiply group by group: (a, b, k) by (b, c, k)."""
    result = left[:, 0, None] * right[0]
    for b in range(1, left.shape[1]):
        result += left[:, b, None] * right[b]
    return np.asarray(result)


def multiply_constant(left: Array, right: Array) -> Array:
    """Multiply one matrix, shape (a, b) or (a, b, n_studies, 1), by each of (b, c, k)."""
    if left.ndim > 2:
        return multiply(left, right)
    if left.shape == (1, 1):
        return np.asarray(left[0, 0] * right)
    flat = left @ right.reshape(right.shape[0], -1)
    return np.asarray(flat.reshape(left.shape[0], *right.shape[1:]))


def congruence(left: Array, middle: Array) -> Array:
    """Return L M L' for one L, shape (a, b), and symmetric M, shape (b, b, k)."""
    half = multiply_constant(left, middle)
    return multiply_constant(left, np.swapaxes(half, 0, 1))


def transpose(matrix: Array) -> Array:
    """Transpose group by group."""
    return np.swapaxes(matrix, 0, 1)


def identity_minus(matrix: Array) -> Array:
    """Return I - M, overwriting M."""
    np.negative(matrix, out=matrix)
    diagonal = np.arange(len(matrix))
    matrix[diagonal, diagonal] += 1.0
    return matrix


def gram(left: Array, right: Array) -> Array:
    """Sum products of rows over groups: (a, k) and (b, k) give (a, b)."""
    if left.ndim == 2:
        return np.asarray(left @ right.T)
    return np.moveaxis(left.swapaxes(0, 1) @ right.transpose(1, 2, 0), 0, -1)


def weighted_gram(weight: Array, values: Array) -> Array:
    """Sum B_i'K_iB_i over groups for symmetric K: (q, q, k) and (q, m, k) give (m, m)."""
    total: Any = 0.0
    for a in range(len(values)):
        for b in range(a + 1):
            part = gram(weight[a, b] * values[a], values[b])
            total = total + (part if a == b else part + transpose(part))
    return np.asarray(total)


def weighted_moments(weights: Array, moments: Any) -> Array:
    """Sum weights times moments over pairs of random columns and groups.

    Parameters
    ----------
    weights : array, shape (..., q, q, n_groups)
    moments : array, shape (q, q, n_groups, m, m), or sparse array, shape (q * q * n_groups, m * m)
        With crossed factors (d, m) or (d, d) may
        stand in the place of (m, m).

    Returns
    -------
    array, shape (..., m, m)
    """
    if np.iscomplexobj(weights):  # moments are real: they need no copy
        parts = (weighted_moments(part, moments) for part in (weights.real, weights.imag))
        return np.asarray(next(parts) + 1j * next(parts))
    if moments.ndim == 2:
        whole = weights.reshape(-1, moments.shape[0]) @ moments
        return np.asarray(whole.reshape(*weights.shape[:-3], *[isqrt(moments.shape[1])] * 2))
    size = int(np.prod(moments.shape[:3]))
    whole = weights.reshape(-1, size) @ moments.reshape(size, -1)
    return np.asarray(whole.reshape(*weights.shape[:-3], *moments.shape[3:]))


def outer(values: Array) -> Array:
    """Sum vec(U_i) vec(U_i)' over groups: (q, m, k) gives (q, q, m, m)."""
    q, m = values.shape[:2]
    flat = values.reshape(q * m, *values.shape[2:])
    if np.iscomplexobj(flat):
        mixed = gram(flat.real, flat.imag)
        total = gram(flat.real, flat.real) + 1j * (mixed + transpose(mixed))
    else:
        total = gram(flat, flat)
    return np.asarray(total.reshape(q, m, q, m, *total.shape[2:]).swapaxes(1, 2))


def invert(matrix: Array) -> tuple[Array, Array]:
    """Invert positive definite matrices, shape (q, q, k); also their log-determinants, (k,)."""
    size = len(matrix)
    if size == 1:
        return 1.0 / matrix, np.log(matrix[0, 0])
    if size == 2:
        a, b, d = matrix[0, 0], matrix[1, 0], matrix[1, 1]
        det = a * (d - b * (b / a))
        inverse = np.empty_like(matrix)
        inverse[0, 0], inverse[1, 1] = d / det, a / det
        inverse[0, 1] = inverse[1, 0] = -b / det
        return inverse, np.log(det)
    lower = np.linalg.cholesky(np.moveaxis(matrix, (0, 1), (-2, -1)))
    root = np.linalg.inv(lower)
    inverse = np.moveaxis(np.swapaxes(root, -2, -1) @ root, (-2, -1), (0, 1))
    diagonal = np.diagonal(lower, axis1=-2, axis2=-1)
    return np.ascontiguousarray(inverse), 2.0 * np.log(diagonal).sum(axis=-1)

"""Small matrices, one a group, with the group as last axis: (rows, columns, n_groups)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def multiply(left: Array, right: Array) -> Array:
    """Multiply group by group: (a, b, k) by (b, c, k)."""
    result = left[:, 0, None, :] * right[0]
    for b in range(1, left.shape[1]):
        result += left[:, b, None, :] * right[b]
    return np.asarray(result)


def multiply_transposed(left: Array, right: Array) -> Array:
    """Multiply the transpose of the left ones: (b, a, k) by (b, c, k)."""
    return multiply(np.swapaxes(left, 0, 1), right)


def multiply_constant(left: Array, right: Array) -> Array:
    """Multiply one matrix, shape (a, b), by each of (b, c, k)."""
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
    """Sum left_i' right_i over groups: (q, a, k) and (q, b, k) give (a, b)."""
    total = left[0] @ right[0].T
    for j in range(1, len(left)):
        total = total + left[j] @ right[j].T
    return np.asarray(total)


def weighted_gram(weight: Array, values: Array) -> Array:
    """Sum B_i'K_iB_i over groups for symmetric K: (q, q, k) and (q, m, k) give (m, m)."""
    total: Any = 0.0
    for a in range(len(values)):
        for b in range(a + 1):
            part = (weight[a, b] * values[a]) @ values[b].T
            total = total + (part if a == b else part + part.T)
    return np.asarray(total)


def outer(values: Array) -> Array:
    """Sum vec(U_i) vec(U_i)' over groups: (q, m, k) gives (q, q, m, m)."""
    q, m, k = values.shape
    flat = values.reshape(q * m, k)
    if np.iscomplexobj(flat):
        mixed = flat.real @ flat.imag.T
        total = flat.real @ flat.real.T + 1j * (mixed + mixed.T)
    else:
        total = flat @ flat.T
    return np.asarray(total.reshape(q, m, q, m).transpose(0, 2, 1, 3))


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
    lower = np.linalg.cholesky(np.moveaxis(matrix, -1, 0))
    root = np.linalg.inv(lower)
    inverse = np.swapaxes(root, 1, 2) @ root
    diagonal = np.diagonal(lower, axis1=1, axis2=2)
    return np.ascontiguousarray(np.moveaxis(inverse, 0, -1)), 2.0 * np.log(diagonal).sum(axis=1)

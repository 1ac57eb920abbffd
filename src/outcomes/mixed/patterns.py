"""Groups with the same visits share everything but the response: keep their moments only.

Groups with equal Z_i'Z_i have equal M_i and K_i, so of their Z_i'W_i only the second moments
sum_i vec(B_i) vec(B_i)' enter a likelihood. With session counts as random slope there are as many
patterns as kinds of course, and a likelihood evaluation no longer depends on the number of groups.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from outcomes.mixed.cross_products import CrossProducts, Stage

Array = npt.NDArray[Any]

WORTHWHILE = 2
"""Moments must be this many times smaller than the products they replace."""


def compress(products: CrossProducts) -> CrossProducts:
    """Replace the products of groups of one pattern by their moments, where that saves work.

    Parameters
    ----------
    products : CrossProducts
        In the design's own columns, so that equal visits give exactly equal products.

    Returns
    -------
    CrossProducts
        The same likelihood; unchanged with several grouping factors or few repeated patterns.
    """
    if len(products.stages) != 1 or products.crossed is not None:
        return products
    (stage,) = products.stages
    q, m, n_groups = stage.B.shape
    found = find_patterns(stage.A)
    if found is None or WORTHWHILE * len(found[1]) * q * m > n_groups:
        return products
    return replace(products, stages=(_moments(stage, *found),))


def find_patterns(A: Array) -> tuple[Array, Array] | None:
    """Give the same number to equal matrices.

    Parameters
    ----------
    A : array, shape (q, q, n_groups)

    Returns
    -------
    pattern : array of int, shape (n_groups,)
    first : array of int, shape (n_patterns,)
        A group of each pattern. None where the numbering is not exact.
    """
    rows, columns = np.tril_indices(len(A))
    values = A[rows, columns]
    key = np.zeros(A.shape[-1])
    for weight, value in zip(np.sqrt(np.arange(len(values)) + 2.0), values, strict=True):
        key += weight * value
    _, first, pattern = np.unique(key, return_index=True, return_inverse=True)
    exact = np.array_equal(values[:, first][:, pattern], values)
    return (pattern, first) if exact else None


def _moments(stage: Stage, pattern: Array, first: Array) -> Stage:
    q, m, n_groups = stage.B.shape
    order = np.argsort(pattern, kind="stable")
    flat = np.take(stage.B.reshape(q * m, n_groups), order, axis=1)
    ends = np.cumsum(np.bincount(pattern))
    moments = np.empty((len(first), q * m, q * m))
    for g, (start, end) in enumerate(zip(np.append(0, ends), ends, strict=False)):
        part = flat[:, start:end]
        np.matmul(part, part.T, out=moments[g])
    by_pair = moments.reshape(-1, q, m, q, m).transpose(1, 3, 0, 2, 4)
    return Stage(
        factor=stage.factor,
        A=np.ascontiguousarray(stage.A[..., first]),
        B=np.empty((q, m, 0)),
        count=np.bincount(pattern).astype(float),
        moments=np.ascontiguousarray(by_pair),
    )

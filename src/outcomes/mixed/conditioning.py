"""A well-conditioned basis for the same model: cross-products square the condition number.

The fixed columns are orthonormalised, the response is replaced by its least-squares residual, the
random columns are scaled and, where that leaves the model unchanged, centred. Everything is undone
in the results.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_triangular

from outcomes.errors import FitError

Array = npt.NDArray[Any]

ALIASED = 1e-11
"""A column whose part orthogonal to those before it is relatively smaller than this is aliased."""

EXACT = 1e-12
"""A residual relatively smaller than this is rounding."""


@dataclass(frozen=True)
class FixedBasis:
    """Orthonormal fixed columns Q and how they make the estimated columns, X = Q R.

    Parameters
    ----------
    kept : array of int, shape (p,)
        Columns estimated; the others are aliased.
    R : array, shape (p, p)
        Upper triangular.
    start : array, shape (p,)
        Least-squares coefficients, added back to the estimates.
    scale : float
        Root mean square of the least-squares residual, in units of the response.
    """

    kept: Array
    R: Array
    start: Array
    scale: float

    def coefficients(self, working: Array) -> Array:
        """Turn coefficients of Q into coefficients of X, shape (p,)."""
        return np.asarray(self.start + self.scale * solve_triangular(self.R, working))

    def covariance(self, working: Array) -> Array:
        """Turn a covariance in the working basis (sigma = 1) into one of X (sigma = 1)."""
        half = solve_triangular(self.R, working)
        return np.asarray(solve_triangular(self.R, half.T))

    @property
    def log_det(self) -> float:
        """Two log |det R|, the difference of log|X'V^-1X| between the two bases."""
        return float(2.0 * np.log(np.abs(np.diag(self.R))).sum())


def fixed_basis(X: Array, response: Array) -> tuple[FixedBasis, Array, Array]:
    """Orthonormalise the fixed columns.

    Parameters
    ----------
    X : array, shape (n, p)
        Weighted fixed columns.
    response : array, shape (n,)
        Weighted response minus offset.

    Returns
    -------
    basis : FixedBasis
    Q : array, shape (n, rank)
    residual : array, shape (n,)
        Least-squares residual, divided by ``basis.scale``.

    Raises
    ------
    FitError
        The fixed part already reproduces the response, or there are no rows left.
    """
    norms = np.linalg.norm(X, axis=0)
    scaled = X / np.where(norms > 0.0, norms, 1.0)
    Q, R = np.linalg.qr(scaled)
    kept = independent_columns(R)
    if len(kept) < X.shape[1]:
        Q, R = np.linalg.qr(scaled[:, kept])
    _require_rows(len(X), len(kept))
    working = Q.T @ response
    residual = response - Q @ working
    correction = Q.T @ residual
    residual -= Q @ correction
    scale = float(np.sqrt(np.mean(residual**2)))
    _refuse_exact(scale, response)
    R = R * norms[kept]
    start = solve_triangular(R, working + correction)
    return FixedBasis(kept, R, start, scale), Q, residual / scale


def independent_columns(R: Array) -> Array:
    """Return the columns not spanned by those before them, given X = Q R.

    Parameters
    ----------
    R : array, shape (k, p)
        Any factor with X'X = R'R whose columns have unit norm.
    """
    if R.shape[0] == R.shape[1] and np.abs(np.diag(R)).min(initial=1.0) > ALIASED:
        return np.arange(R.shape[1])
    basis = np.empty((R.shape[0], 0))
    kept = []
    for j in range(R.shape[1]):
        column = R[:, j]
        for _ in range(2):
            column = column - basis @ (basis.T @ column)
        norm = np.linalg.norm(column)
        if norm > ALIASED:
            kept.append(j)
            basis = np.column_stack([basis, column / norm])
    return np.array(kept, dtype=np.intp)


def random_basis(Z: Array, sizes: tuple[int, ...], names: tuple[str, ...]) -> tuple[Array, Array]:
    """Scale the columns of a grouping factor, and centre them where a term has an intercept.

    Parameters
    ----------
    Z : array, shape (n, q)
    sizes : tuple of int
        Columns of each term; within a term the covariance is unrestricted.
    names : tuple of str
        Column names, length q.

    Returns
    -------
    Z_working : array, shape (n, q)
        With Z = Z_working T.
    T : array, shape (q, q)
        Working effects are T b, so their covariance is T Sigma T'.
    """
    T = np.eye(Z.shape[1])
    start = 0
    for size in sizes:
        if size > 1 and names[start] == "Intercept":
            T[start, start + 1 : start + size] = Z[:, start + 1 : start + size].mean(axis=0)
        start += size
    centred = Z @ (2.0 * np.eye(len(T)) - T)
    scale = np.sqrt(np.mean(centred**2, axis=0))
    flat = [name for name, value in zip(names, scale, strict=True) if not value > 0.0]
    if flat:
        must = "A random slope needs a column that varies"
        raise FitError(
            must,
            got="a constant",
            where=f"column '{flat[0]}'",
            remedy="Leave it out of the random term.",
        )
    return centred / scale, scale[:, None] * T


def _require_rows(n: int, p: int) -> None:
    if n <= p:
        must = "There must be more rows than fixed coefficients"
        raise FitError(
            must,
            got=f"{n} rows for {p} coefficients",
            remedy="Use a simpler fixed part.",
        )


def _refuse_exact(scale: float, response: Array) -> None:
    size = float(np.sqrt(np.mean(response**2)))
    if scale > EXACT * size:
        return
    constant = bool(np.ptp(response) <= EXACT * size)
    must = "The response must vary around the fixed part"
    raise FitError(
        must,
        got="a constant response" if constant else "a fixed part that reproduces it exactly",
        remedy="Check the response column, and that it is not among the explanatory columns.",
    )

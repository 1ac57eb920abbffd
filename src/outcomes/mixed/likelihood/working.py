"""A design turned into cross-products in a well-conditioned basis, and the way back.

Cross-products square the condition number. So the fixed columns are orthonormalised, the response
is replaced by its least-squares residual, the random columns are scaled and, where that leaves the
model unchanged, centred. Everything is undone in the results.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.linalg import solve_triangular

from outcomes.errors import FitError, UnvaryingError
from outcomes.mixed.covariance import semidefinite_cholesky
from outcomes.mixed.likelihood.cross_products import (
    CrossProducts,
    Order,
    combined,
    dense_products,
    elimination_order,
    level_sums,
)
from outcomes.mixed.likelihood.patterns import compress, cut
from outcomes.mixed.likelihood.structured import structured_products
from outcomes.mixed.reading.design import Design
from outcomes.mixed.types import Array

ALIASED = 1e-11
"""A column whose part orthogonal to those before it is relatively smaller than this is aliased."""

TRUSTED = 1e-3
"""Cross-products are used where every column keeps this much of itself orthogonal to the others."""

MANY_ROWS = 5_000
"""From so many rows on, cross-products beside crossed factors save more than they cost."""

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

    def root(self, working: Array) -> Array:
        """Turn a covariance in the working basis (sigma = 1) into a root of that of X."""
        return np.asarray(solve_triangular(self.R, semidefinite_cholesky(working)))

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
    kept = _independent(R)
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


def independent_columns(X: Array) -> Array:
    """Return the columns not spanned by those before them, shape (rank,)."""
    norms = np.linalg.norm(X, axis=0)
    return _independent(np.linalg.qr(X / np.where(norms > 0.0, norms, 1.0)).R)


def _independent(R: Array) -> Array:
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


def gram_basis(C: Array, n: int, level: float = 0.0) -> tuple[FixedBasis, Array] | None:
    """Find the same basis from cross-products alone.

    Parameters
    ----------
    C : array, shape (m, m)
        [X response]'[X response].
    n : int
        Rows.
    level : float
        What was taken off the response beforehand.

    Returns
    -------
    basis : FixedBasis
    M : array, shape (m, m)
        Takes [X response] to [Q residual]. None where cross-products would lose digits that
        orthonormalising the columns themselves keeps, or where nothing but rounding is left.
    """
    p = len(C) - 1
    _require_rows(n, p)
    norms = np.sqrt(np.diag(C))
    if not norms.all():
        return None
    scaled = C / np.outer(norms, norms)
    try:
        whole = np.linalg.cholesky(scaled).T
    except np.linalg.LinAlgError:
        return None
    if np.diag(whole).min() < TRUSTED:
        return None
    inverse = np.linalg.inv(whole[:p, :p])
    start = inverse @ whole[:p, p] * norms[p] / norms[:p]
    scale = float(whole[p, p] * norms[p] / np.sqrt(n))
    if scale <= EXACT * np.hypot(norms[p] / np.sqrt(n), level):
        return None
    M = np.zeros_like(C)
    M[:p, :p] = inverse / norms[:p, None]
    M[:p, p], M[p, p] = -start / scale, 1.0 / scale
    return FixedBasis(np.arange(p), whole[:p, :p] * norms[:p], start, scale), M


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
    T : array, shape (q, q)
        With Z = Z_working T; working effects are T b, with covariance T Sigma T'.

    Raises
    ------
    FitError
        A slope's column is constant.
    """
    T = _centring(Z.T @ Z, sizes, names)
    centred = Z @ (2.0 * np.eye(len(T)) - T)
    scale = np.sqrt(np.mean(centred**2, axis=0))
    flat = scale <= 1e-13 * np.sqrt(np.mean(Z**2, axis=0))
    if flat.any():
        must = "A random slope needs a column that varies"
        where = f"column '{names[int(np.argmax(flat))]}'"
        remedy = "Leave it out of the random term."
        raise FitError(must, got="a constant", where=where, remedy=remedy)
    return centred / scale, scale[:, None] * T


def random_gram_basis(gram: Array, sizes: tuple[int, ...], names: tuple[str, ...]) -> Array | None:
    """Find T of ``random_basis`` from Z'Z alone; None where that would lose digits."""
    T = _centring(gram, sizes, names)
    back = 2.0 * np.eye(len(T)) - T
    left = np.diag(back.T @ gram @ back)
    if np.any(left <= TRUSTED**2 * np.diag(gram)):
        return None
    return np.asarray(np.sqrt(left / gram[0, 0])[:, None] * T)


def _centring(gram: Array, sizes: tuple[int, ...], names: tuple[str, ...]) -> Array:
    T = np.eye(len(gram))
    start = 0
    for size in sizes:
        if size > 1 and names[start] == "Intercept":
            inside = slice(start + 1, start + size)
            T[start, inside] = gram[start, inside] / gram[start, start]
        start += size
    return T


def change_basis(products: CrossProducts, M: Array, transforms: Sequence[Array]) -> CrossProducts:
    """Carry cross-products over to the columns W M and Z T^-1.

    Parameters
    ----------
    products : CrossProducts
    M : array, shape (m, m) or (m, k)
    transforms : sequence of array, shape (q, q)
        T of each grouping factor of the design.
    """
    back = [np.linalg.inv(T) for T in transforms]
    crossed, ends = products.crossed, None
    if crossed is not None:
        levels = zip(crossed.factors, crossed.n_levels, strict=True)
        blocks = [sparse.kron(sparse.eye_array(n), back[f], format="csr") for f, n in levels]
        ends = sparse.block_diag(blocks, format="csr")
        A = np.asarray(ends.T @ (ends.T @ crossed.A).T)
        crossed = replace(crossed, A=A, B=ends.T @ crossed.B @ M)
    stages, kept = [], products.kept
    for stage in (*products.stages, *([kept.packed.like] if kept else [])):
        own = back[stage.factor]
        links = [
            replace(link, C=_both(own, link.C, back[products.stages[link.to].factor]))
            for link in stage.links
        ]
        moved = replace(
            stage,
            A=_both(own, stage.A, own),
            B=_both(own, stage.B, M),
            links=tuple(links),
            crossed=tuple(D @ ends for D in combined(stage.crossed, own)),
        )
        if stage.moments is not None:
            moments = M.T @ stage.moments @ M
            moved = replace(moved, moments=_of_pairs(own, moments))
        if stage.between is not None and ends is not None:
            q, _, n, d, m = stage.between.shape
            between = ends.T @ np.moveaxis(stage.between, 3, 0).reshape(d, -1)
            between = np.moveaxis(between.reshape(d, q, q, n, m), 0, 3) @ M
            mixed = sparse.kron(np.kron(own, own).T, sparse.eye_array(n), format="csr")
            within = mixed @ stage.within @ sparse.kron(ends, ends, format="csr")
            moved = replace(moved, between=_of_pairs(own, between), within=within)
        if stage.shared is not None:
            f, W = stage.shared
            moved = replace(moved, shared=(f, transforms[stage.factor] @ W @ back[f]))
        stages.append(moved)
    if kept is not None:
        like = stages.pop()
        y = back[like.factor].T @ kept.packed.y * M[-1, -1]
        kept = replace(kept, packed=replace(kept.packed, like=like, y=y))
    C = M.T @ products.C @ M
    return replace(products, stages=tuple(stages), kept=kept, crossed=crossed, C=C)


def _of_pairs(own: Array, moments: Array) -> Array:
    """Carry moments over to other columns of the groups, shape (q, q, n_groups, a, b)."""
    half = np.tensordot(own, moments, axes=(0, 0))
    return np.ascontiguousarray(np.tensordot(own, half, axes=(0, 1)).swapaxes(0, 1))


def _both(left: Array, middle: Array, right: Array) -> Array:
    """Return L' X R for each X, shape (a, b, n_groups)."""
    half = (left.T @ middle.reshape(len(middle), -1)).reshape(left.shape[1], *middle.shape[1:])
    return np.stack([right.T @ part for part in half])


def _require_rows(n: int, p: int) -> None:
    if n <= p:
        must = "There must be more rows than fixed coefficients"
        raise FitError(
            must, got=f"{n} rows for {p} coefficients", remedy="Use a simpler fixed part."
        )


def _refuse_exact(scale: float, response: Array) -> None:
    size = float(np.sqrt(np.mean(response**2)))
    if scale > EXACT * size:
        return
    constant = bool(np.ptp(response) <= EXACT * size)
    must = "The response must vary around the fixed part"
    got = "a constant response" if constant else "a fixed part that reproduces it exactly"
    remedy = "Check the response column, and that it is not among the explanatory columns."
    raise UnvaryingError(must, got=got, remedy=remedy)


@dataclass(frozen=True)
class Working:
    """The cross-products of a model, in a well-conditioned basis.

    Parameters
    ----------
    basis : FixedBasis
    transforms : tuple of array, shape (q, q)
        T of each grouping factor: working effects are T b.
    products : CrossProducts
    """

    basis: FixedBasis
    transforms: tuple[Array, ...]
    products: CrossProducts


def make_working(design: Design, patterns: bool = True) -> Working:
    """Pass once over the rows of a design.

    Parameters
    ----------
    design : Design
    patterns : bool
        Whether groups may be merged or reordered for speed; False keeps them one by one.

    Returns
    -------
    Working

    Raises
    ------
    FitError
        The response does not vary around the fixed part or within groups, or a slope is constant.
    """
    _refuse_constant(design)
    order = elimination_order(
        [factor.codes for factor in design.factors], [factor.n_levels for factor in design.factors]
    )
    found = _from_groups(design, order, patterns) or _from_rows(design, order)
    basis, transforms, products = found
    return Working(basis, tuple(transforms), products)


def _from_groups(
    design: Design, order: Order, patterns: bool
) -> tuple[FixedBasis, list[Array], CrossProducts] | None:
    """Take the quick way; None where it does not apply or would lose digits."""
    if order.crossed and design.n < MANY_ROWS:
        return None
    level = float(design.response.mean()) if "Intercept" in design.fixed.names else 0.0
    products = structured_products(design, order, design.response - level)
    found = None if products is None else gram_basis(products.C, design.n, level)
    if products is None or found is None:
        return None
    basis, M = found
    if level:
        basis.start[design.fixed.names.index("Intercept")] += level
    sums = level_sums(products)
    transforms = []
    for f, factor in enumerate(design.factors):
        T = random_gram_basis(sums[f][1], factor.covariance.sizes, factor.names)
        if T is None:
            return None
        transforms.append(T)
    if patterns:
        products = compress(products)
    products = change_basis(products, M, transforms)
    return basis, transforms, cut(products) if patterns else products


def _from_rows(design: Design, order: Order) -> tuple[FixedBasis, list[Array], CrossProducts]:
    """Expand every column over the rows and orthonormalise: slower, and safe at any condition."""
    root = design.root
    basis, Q, residual = fixed_basis(design.fixed.matrix * root, design.response * root[:, 0])
    Z, transforms = [], []
    for factor in design.factors:
        working, T = random_basis(factor.Z * root, factor.covariance.sizes, factor.names)
        Z.append(working)
        transforms.append(T)
    codes = [factor.codes for factor in design.factors]
    n_levels = [factor.n_levels for factor in design.factors]
    W = np.column_stack([Q, residual])
    return basis, transforms, dense_products(Z, codes, n_levels, W, order)


def _refuse_constant(design: Design) -> None:
    if design.response.min() == design.response.max():
        must = "The response must vary"
        raise UnvaryingError(
            must, got="the same response on every row", where=design.formula.response
        )
    for factor in design.factors:
        if "Intercept" not in factor.names:
            continue
        first = np.empty(factor.n_levels)
        first[factor.codes] = design.response
        for rows in (slice(0, 2000), slice(None)):
            if not np.array_equal(first[factor.codes[rows]], design.response[rows]):
                break
        else:
            must = "The response must vary within groups"
            got = "the same response on every row of each level"
            where = f"grouping factor '{factor.name}'"
            remedy = "The rows repeat one score: keep one row a level and use least squares."
            raise UnvaryingError(must, got=got, where=where, remedy=remedy)

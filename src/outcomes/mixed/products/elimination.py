"""A likelihood from merged cross-products: its work does not depend on the number of rows.

With S(Sigma) = F'F - sum_i Q_i'K_iQ_i over units, sigma = 1, and N_i = I - A_iK_i,

    dS = -sum_i Q_i'(N_i' dSigma N_i)Q_i        d log|V| = sum_i tr(dSigma N_iA_i)

so that S and its derivatives are the same sums with other matrices in the place of K. The crossed
factors are eliminated from S as one dense block (`likelihood.crossed`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from outcomes.errors import FitError
from outcomes.mixed.likelihood.cross_products import Crossed
from outcomes.mixed.likelihood.crossed import CrossedStep, eliminate_crossed
from outcomes.mixed.likelihood.elimination import STEP, Eliminated
from outcomes.mixed.likelihood.working import FixedBasis, gram_basis, random_gram_basis
from outcomes.mixed.products.products import Products
from outcomes.mixed.types import Array

ALIASED = 1e-5
"""A column whose part orthogonal to those before it is relatively smaller than this is aliased."""


@dataclass(frozen=True)
class Units:
    """Units with the same number of groups of the finest factor.

    Parameters
    ----------
    A : array, shape (k, r, r)
        Z'Z with Z of all their groups: a pattern, or one unit each.
    count : array, shape (k,)
    moments : sparse array, shape (k * r (r + 1) / 2, columns ** 2), or None
        As in `Products`, where units of one pattern are added up.
    Q : sparse array, shape (k * r, columns), or None
        Z'F where they are not.
    """

    A: Array
    count: Array
    moments: Any
    Q: Any

    def sums(self, K: Array, width: int) -> Array:
        """Sum Q'KQ over the units, for real K of shape (d, k, r, r); shape (d, width, width)."""
        if self.moments is None:
            return np.stack([self._sum(own) for own in K])
        rows, columns = np.tril_indices(K.shape[-1])
        flat = K[:, :, rows, columns].reshape(len(K), -1)
        upper = np.asarray(self.moments.T @ flat.T).T.reshape(-1, width, width)
        whole = upper + upper.swapaxes(1, 2)
        diagonal = np.arange(width)
        whole[:, diagonal, diagonal] /= 2.0
        return np.asarray(whole)

    @cached_property
    def _turned(self) -> Any:
        return self.Q.T.tocsr()

    def _sum(self, K: Array) -> Array:
        k = len(K)
        blocks = sparse.bsr_array((K, np.arange(k), np.arange(k + 1)))
        return np.asarray((self._turned @ (blocks.tocsr() @ self.Q)).toarray())


def units_of(products: Products) -> tuple[Units, ...]:
    """Return the units of merged products by the number of groups in them.

    Raises
    ------
    FitError
        A group is in several parts.
    """
    q = products.together.A.shape[-1]
    rows, columns = np.tril_indices(q)
    A = np.zeros((len(products.patterns), q, q))
    A[:, rows, columns] = A[:, columns, rows] = products.patterns
    found = [Units(A, products.count, products.moments, None)] if len(A) else []
    together = products.together
    codes = np.unique(together.unit, return_inverse=True)[1] if len(together.unit) else np.zeros(0)
    order = np.argsort(codes, kind="stable")
    members = np.bincount(codes.astype(np.intp)) if len(codes) else np.zeros(0, dtype=int)
    sizes = np.repeat(members, members)
    for size in np.unique(members).tolist():
        chosen = order[sizes == size]
        own = together.A[chosen].reshape(-1, size, q, q)
        whole = np.zeros((len(own), size, q, size, q))
        for c in range(size):
            whole[:, c, :, c, :] = own[:, c]
        place = (chosen[:, None] * q + np.arange(q)).ravel()
        whole = whole.reshape(len(own), size * q, size * q)
        found.append(Units(whole, np.ones(len(own)), None, together.Q[place]))
    return tuple(found)


@dataclass(frozen=True)
class Conditioned:
    """Merged products with the well-conditioned basis in which a likelihood is searched.

    Parameters
    ----------
    products : Products
    basis : FixedBasis
    fixed : array, shape (n_strata * (rows + 1), p + 1)
        Takes row-level columns by stratum to orthonormal fixed columns and residual.
    transforms : tuple of array, shape (q, q)
        T of each grouping factor.
    """

    products: Products
    basis: FixedBasis
    fixed: Array
    transforms: tuple[Array, ...]

    @property
    def n(self) -> int:
        """Rows."""
        return self.products.n

    @property
    def p(self) -> int:
        """Estimated fixed coefficients."""
        return len(self.basis.kept)

    @cached_property
    def units(self) -> tuple[Units, ...]:
        """Units by the number of groups in them."""
        return units_of(self.products)

    @cached_property
    def total(self) -> Array:
        """F'F."""
        return np.asarray(self.products.C.toarray())

    @cached_property
    def back(self) -> list[Array]:
        """Inverse of each factor's transform."""
        return [np.linalg.inv(T) for T in self.transforms]

    @property
    def crossed(self) -> Crossed | None:
        """Layout of the crossed factors, None without any."""
        agreed = self.products.agreed
        if not agreed.crossed:
            return None
        own = [agreed.factors[f] for f in agreed.crossed]
        return Crossed(
            agreed.crossed,
            tuple(factor.n_levels for factor in own),
            tuple(factor.covariance.q for factor in own),
            np.empty((0, 0)),
            np.empty((0, 0)),
        )


def conditioned(products: Products) -> Conditioned:
    """Find the basis.

    Raises
    ------
    FitError
        The response does not vary around the fixed part, or products would lose digits.
    """
    agreed = products.agreed
    d = int(agreed.offsets[-1])
    gram = agreed.maps.T @ products.C[d:, d:].toarray() @ agreed.maps
    kept = _independent(gram[:-1, :-1])
    chosen = np.append(kept, len(gram) - 1)
    found = gram_basis(gram[np.ix_(chosen, chosen)], products.n)
    if found is None:
        must = "Cross-products must keep the digits of the fixed part"
        remedy = "Centre columns far from zero; leave out one of two that nearly say the same."
        raise FitError(must, got="columns nearly dependent, or an exact response", remedy=remedy)
    basis, M = found
    basis = FixedBasis(kept, basis.R, basis.start, basis.scale)
    transforms = []
    for f, factor in enumerate(agreed.factors):
        T = random_gram_basis(_random_gram(products, f), factor.covariance.sizes, factor.names)
        if T is None:
            must = "A random slope needs a column that varies, not too far from zero"
            raise FitError(must, got="another", where=f"grouping factor '{':'.join(factor.group)}'")
        transforms.append(T)
    return Conditioned(products, basis, agreed.maps[:, chosen] @ M, tuple(transforms))


def _independent(gram: Array) -> Array:
    """Return the columns not spanned by those before them, given X'X."""
    norms = np.sqrt(np.diag(gram))
    rest = gram / np.outer(np.where(norms > 0, norms, 1.0), np.where(norms > 0, norms, 1.0))
    kept = []
    for j in range(len(gram)):
        if rest[j, j] > ALIASED**2:
            kept.append(j)
            rest = rest - np.outer(rest[:, j], rest[j]) / rest[j, j]
    return np.array(kept, dtype=np.intp)


def _random_gram(products: Products, f: int) -> Array:
    """Return Z'Z of one grouping factor, levels summed."""
    agreed = products.agreed
    if f in agreed.crossed:
        start, q = agreed.offsets[agreed.crossed.index(f)], agreed.factors[f].covariance.q
        rows = start + np.arange(agreed.factors[f].n_levels * q).reshape(-1, q)
        C = products.C.tocsr()
        return np.array([[C[a, b].sum() for b in rows.T] for a in rows.T])
    q = products.together.A.shape[-1]
    rows, columns = np.tril_indices(q)
    A = np.zeros((q, q))
    A[rows, columns] = A[columns, rows] = products.count @ products.patterns
    A = A + products.together.A.sum(axis=0)
    within = agreed.within
    return A if f == agreed.finest else np.asarray(within.T @ A @ within)


@dataclass(frozen=True)
class _Nested:
    """S and log|V| before the crossed factors, and their derivatives in each Sigma's elements."""

    S: Array
    log_det: Any
    slopes: Array
    logs: Array
    J: dict[int, Array]


def eliminate_merged(
    at: Conditioned, factors: Sequence[Array], directions: Sequence[Array] | None = None
) -> Eliminated:
    """Eliminate all random effects; as `likelihood.elimination.eliminate`.

    Parameters
    ----------
    at : Conditioned
    factors : sequence of array, shape (q, q)
        Lambda of each grouping factor, in the working basis.
    directions : sequence of array, shape (q, q), optional
        dSigma of each.
    """
    agreed = at.products.agreed
    lam = [back @ own for back, own in zip(at.back, factors, strict=True)]
    moved = None
    if directions is not None:
        moved = [back @ own @ back.T for back, own in zip(at.back, directions, strict=True)]
    elements = [
        (f, a, b)
        for f in (agreed.finest, agreed.unit)
        if f is not None
        for a in range(agreed.factors[f].covariance.q)
        for b in range(a + 1)
    ]
    nested = _nested(at, lam, moved, elements)
    (A, B, S), (dA, dB, slopes) = (_blocks(at, own) for own in (nested.S, nested.slopes))
    log_det, logs, step = nested.log_det, nested.logs, None
    if at.crossed is not None:
        step = eliminate_crossed(at.crossed, (A, B), lam, moved, STEP)
        KB = step.K @ B
        cross = dB.swapaxes(1, 2) @ KB
        slopes = slopes - cross - cross.swapaxes(1, 2) + KB.T @ (dA @ KB)
        logs = logs + np.array([np.sum(step.K * own) for own in dA])
        S, log_det = S - step.explained, log_det + step.log_det
    return _collected(at, elements, S, log_det, slopes, logs, nested.J, step)


def _blocks(at: Conditioned, S: Array) -> tuple[Array, Array, Array]:
    """Return products of crossed effects, with the fixed part, and of the fixed part."""
    d = int(at.products.agreed.offsets[-1])
    W = S[..., d:] @ at.fixed
    return S[..., :d, :d], W[..., :d, :], at.fixed.T @ W[..., d:, :]


def _collected(
    at: Conditioned, elements: list[tuple[int, int, int]], S: Array, log_det: Any,
    slopes: Array, logs: Array, J: dict[int, Array], step: CrossedStep | None,
) -> Eliminated:  # fmt: skip
    """Sort derivatives by grouping factor; those of crossed ones come from their levels."""
    m = len(S)
    found: dict[int, tuple[Array, Array, Array]] = {}
    for f, information in J.items():
        q = at.products.agreed.factors[f].covariance.q
        H, T = np.zeros((q, q), dtype=S.dtype), np.zeros((q, q, m, m), dtype=S.dtype)
        for (own, a, b), slope, log in zip(elements, slopes, logs, strict=True):
            if own == f:
                H[a, b] = H[b, a] = log
                T[a, b] = T[b, a] = -slope
        found[f] = H, T, information
    for f, (H, T, information) in ({} if step is None else step.sums()).items():
        back, both = at.back[f], np.kron(at.back[f], at.back[f])
        T = np.einsum("ca,db,cdij->abij", back, back, T)
        found[f] = back.T @ H @ back, T, both.T @ information @ both
    all_H, all_T, all_J = zip(*(found[f] for f in range(len(at.back))), strict=True)
    return Eliminated(log_det, S, all_H, all_T, all_J)


def _nested(
    at: Conditioned,
    lam: Sequence[Array],
    moved: Sequence[Array] | None,
    elements: list[tuple[int, int, int]],
) -> _Nested:
    agreed = at.products.agreed
    width = agreed.n_columns
    S: Array = at.total
    slopes: Any = np.zeros((len(elements), width, width))
    log_det: Any = 0.0
    logs: Any = np.zeros(len(elements))
    J: dict[int, Array] = {}
    for units in at.units:
        spread = _Spread(at, units.A.shape[-1])
        K, N, log = _posterior(units.A, spread.factor(lam), spread.direction(moved))
        H = N @ units.A
        E = np.stack([spread.element(*element) for element in elements])
        changed = np.stack([N.swapaxes(1, 2) @ e @ N for e in E])
        own = _complex_sums(units, np.concatenate([K[None], changed]), width)
        S, slopes = S - own[0], slopes - own[1:]
        log_det = log_det + units.count @ log
        logs = logs + np.einsum("k,kij,rij->r", units.count, H, E)
        for f in dict.fromkeys(element[0] for element in elements):
            J[f] = J.get(f, 0.0) + spread.information(f, H.real, units.count)
    return _Nested(S, log_det, slopes, logs, J)


def _complex_sums(units: Units, K: Array, width: int) -> Array:
    """Sum real and imaginary parts apart: products of moments are real, and need no copy."""
    if not np.iscomplexobj(K):
        return units.sums(K, width)
    return units.sums(K.real, width) + 1j * units.sums(K.imag, width)


def _posterior(A: Array, lam: Array, direction: Array | None) -> tuple[Array, Array, Array]:
    """Return K, N = I - AK and log|I + A Sigma| of each unit, their derivatives as imaginary."""
    M = lam.T @ A @ lam
    M[:, np.arange(len(M[0])), np.arange(len(M[0]))] += 1.0
    K = lam @ np.linalg.inv(M) @ lam.T
    log = np.linalg.slogdet(M)[1]
    N = np.eye(A.shape[-1]) - A @ K
    if direction is None:
        return K, N, log
    dK = N.swapaxes(1, 2) @ direction @ N
    d_log = np.einsum("ij,kij->k", direction, N @ A)
    return K + 1j * STEP * dK, N - 1j * STEP * (A @ dK), log + 1j * STEP * d_log


@dataclass(frozen=True)
class _Spread:
    """Covariances of the finest factor and of the unit, put on the effects of one unit.

    Parameters
    ----------
    at : Conditioned
    size : int
        Random effects of all its groups.
    """

    at: Conditioned
    size: int

    @property
    def members(self) -> int:
        """Groups of the finest factor in a unit."""
        return self.size // self.at.products.agreed.factors[self.finest].covariance.q

    @property
    def finest(self) -> int:
        """Position of the finest factor."""
        return self.at.products.agreed.finest

    @property
    def shared(self) -> Array:
        """Takes effects of the unit to those of all its groups, shape (size, q_unit)."""
        return np.tile(self.at.products.agreed.within, (self.members, 1))

    def factor(self, lam: Sequence[Array]) -> Array:
        """Return a root of the unit's covariance, shape (size, size + q_unit)."""
        own = np.kron(np.eye(self.members), lam[self.finest])
        unit = self.at.products.agreed.unit
        return own if unit is None else np.hstack([own, self.shared @ lam[unit]])

    def direction(self, moved: Sequence[Array] | None) -> Array | None:
        """Return the change of the unit's covariance, None where there is none."""
        if moved is None:
            return None
        own = np.kron(np.eye(self.members), moved[self.finest])
        unit = self.at.products.agreed.unit
        return own if unit is None else own + self.shared @ moved[unit] @ self.shared.T

    def element(self, f: int, a: int, b: int) -> Array:
        """Return what a working element of one factor's Sigma changes of the unit's covariance."""
        left, right = self.at.back[f][:, a], self.at.back[f][:, b]
        E = (np.outer(left, right) + np.outer(right, left)) / 2.0
        if f == self.finest:
            return np.kron(np.eye(self.members), E)
        return np.asarray(self.shared @ E @ self.shared.T)

    def information(self, f: int, H: Array, count: Array) -> Array:
        """Sum vec(H_l)vec(H_l)' over the levels of a factor, in the working basis."""
        q, back = len(self.at.back[f]), self.at.back[f]
        if f == self.finest:
            blocks = H.reshape(-1, self.members, q, self.members, q)
            own = np.concatenate([blocks[:, c, :, c, :] for c in range(self.members)])
            count = np.tile(count, self.members)
        else:
            own = self.shared.T @ H @ self.shared
        flat = (back.T @ own @ back).reshape(len(own), -1)
        return np.asarray((flat * count[:, None]).T @ flat)


def require_search(at: Conditioned) -> None:
    """Refuse products that hold a unit's groups only in part.

    Raises
    ------
    FitError
        A part is missing.
    """
    held = len(at.products.alone) + len(at.products.together.own)
    expected = at.products.agreed.factors[at.products.agreed.finest].n_levels
    if held != expected or at.products.n != at.products.agreed.survey.n:
        must = "The products are those of every part that was surveyed"
        got = f"{at.products.n:,} of {at.products.agreed.survey.n:,} rows"
        raise FitError(must, got=got, remedy="Merge each part once.")

"""Blockwise elimination of the random effects, forwards for values and backwards for gradients.

With V = I + Z Sigma Z' (sigma = 1), forwards gives log|V| and W'V^-1W; backwards gives, for each
grouping factor, the two sums from which every first derivative follows:

    H = sum_l Z_l'V^-1Z_l          T = sum_l vec(Z_l'V^-1W) vec(Z_l'V^-1W)'

Both passes accept a direction dSigma. Results then are complex, their imaginary part being the
exact derivative in that direction times ``STEP`` (complex-step differentiation), so second
derivatives need no code and no step size of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import lapack

from outcomes.mixed.cross_products import CrossProducts, Link, Stage

Array = npt.NDArray[Any]

STEP = 1e-30
"""Size of the imaginary direction; its square is lost in rounding, so there is no truncation."""


@dataclass(frozen=True)
class Eliminated:
    """V^-1-weighted sums at one value of the covariance.

    Parameters
    ----------
    log_det : float or complex
        log|V|.
    S : array, shape (m, m)
        W'V^-1W.
    H : tuple of array, shape (q, q)
        For each grouping factor of the design.
    T : tuple of array, shape (q, m, q, m)
        For each grouping factor of the design.
    """

    log_det: Any
    S: Array
    H: tuple[Array, ...]
    T: tuple[Array, ...]


@dataclass(frozen=True)
class Levels:
    """What one stage's groups hold in the end.

    Parameters
    ----------
    H : array, shape (n_groups, q, q)
        Z_i'V^-1Z_i.
    U : array, shape (n_groups, q, m)
        Z_i'V^-1W.
    P : array, shape (n_groups, q, q)
        Covariance of the random effects given the response, at sigma = 1.
    """

    H: Array
    U: Array
    P: Array


@dataclass(frozen=True)
class Step:
    """What one stage leaves behind for the pass backwards."""

    A: Array
    B: Array
    K: Array
    links: dict[int, Array]


def eliminate(
    products: CrossProducts,
    factors: Sequence[Array],
    directions: Sequence[Array] | None = None,
) -> Eliminated:
    """Eliminate all random effects.

    Parameters
    ----------
    products : CrossProducts
    factors : sequence of array, shape (q, q)
        Lambda of each grouping factor of the design.
    directions : sequence of array, shape (q, q), optional
        dSigma of each grouping factor.

    Returns
    -------
    Eliminated
    """
    log_det, S, steps = forwards(products, factors, directions)
    sums: dict[int, tuple[Array, Array]] = {}
    for stage, levels in zip(
        products.stages, backwards(products, steps, factors, directions), strict=True
    ):
        sums.update(zip(stage.factors, _sums(stage, levels.H, levels.U), strict=True))
    ordered = [sums[f] for f in range(len(factors))]
    return Eliminated(log_det, S, tuple(h for h, _ in ordered), tuple(t for _, t in ordered))


def forwards(
    products: CrossProducts,
    factors: Sequence[Array],
    directions: Sequence[Array] | None = None,
) -> tuple[Any, Array, list[Step]]:
    """Eliminate stage by stage; returns log|V|, W'V^-1W and what each stage met."""
    S: Array = products.C
    log_det: Any = 0.0
    blocks = [(stage.A, stage.B) for stage in products.stages]
    links = [{link.to: link.C for link in stage.links} for stage in products.stages]
    steps = []
    for position, stage in enumerate(products.stages):
        A, B = blocks[position]
        K, logs = _posterior(stage, A, factors, directions)
        KB = K @ B
        log_det = log_det + stage.count @ logs
        S = S - _gram(B, KB)
        for link in stage.links:
            C = links[position][link.to]
            KC = K @ C
            A_later, B_later = blocks[link.to]
            blocks[link.to] = A_later - _collect(link, C, KC), B_later - _collect(link, C, KB)
            for other in products.stages[link.to].links:
                update = _collect(link, KC, links[position][other.to])
                links[link.to][other.to] = links[link.to][other.to] - update
        steps.append(Step(A, B, K, links[position]))
    return log_det, S, steps


def backwards(
    products: CrossProducts,
    steps: Sequence[Step],
    factors: Sequence[Array],
    directions: Sequence[Array] | None = None,
) -> list[Levels]:
    """Substitute backwards; returns what each stage's groups hold."""
    found: dict[int, Levels] = {}
    effects: dict[int, Array] = {}
    joint: dict[tuple[int, int], Array] = {}
    for position in reversed(range(len(steps))):
        stage, step = products.stages[position], steps[position]
        N = np.eye(step.A.shape[1]) - step.A @ step.K
        rest, H, P = step.B, N @ step.A, step.K
        explained: Any = 0.0
        for link in stage.links:
            C = step.links[link.to]
            CP = _times_joint(stage, step, joint, link.to)
            rest = rest - _from_later(link, C, effects[link.to])
            explained = explained + CP @ _t(C)
            joint[position, link.to] = -step.K @ CP
        if stage.links:
            H = H - N @ explained @ _t(N)
            P = P + step.K @ explained @ step.K
        U = N @ rest
        if position:
            effects[position] = times_sigma(stage, U, factors, directions)
            joint[position, position] = P
        found[position] = Levels(H, U, P)
    return [found[position] for position in range(len(steps))]


def _times_joint(stage: Stage, step: Step, joint: dict[tuple[int, int], Array], to: int) -> Array:
    """Sum over the later stages u of C_u P[u, to], P being their joint posterior covariance."""
    links = {link.to: link for link in stage.links}
    total: Any = 0.0
    for u, C in step.links.items():
        known, P = (u, joint[u, to]) if u <= to else (to, _t(joint[to, u]))
        total = total + _from_later(links[known], C, P)
    return np.asarray(total)


def _from_later(link: Link, C: Array, values: Array) -> Array:
    """Multiply each group's C_i by what the later group it lies in holds."""
    if link.members is None:
        return np.asarray((C.reshape(-1, C.shape[2]) @ values[0]).reshape(*C.shape[:2], -1))
    return np.asarray(C @ values[link.parent])


def _posterior(
    stage: Stage, A: Array, factors: Sequence[Array], directions: Sequence[Array] | None
) -> tuple[Array, Array]:
    """Return K = (Sigma^-1 + A)^-1, defined for singular Sigma too, and log|I + A Sigma|."""
    lam = [factors[f] for f in stage.factors]
    M = _times_blocks(stage, _t(_times_blocks(stage, A.real, lam)), lam)
    diagonal = np.arange(A.shape[1])
    M[:, diagonal, diagonal] += 1.0
    inverse, logs = invert(M)
    lam_t = [block.T for block in lam]
    K = _times_blocks(stage, _t(_times_blocks(stage, inverse, lam_t)), lam_t)
    if directions is None and not np.iscomplexobj(A):
        return K, logs
    dK = -K @ A.imag @ K
    dlogs = np.sum(K * A.imag, axis=(1, 2))
    if directions is not None:
        N = np.eye(A.shape[1]) - A.real @ K
        dN = _times_blocks(stage, _t(N), [STEP * directions[f] for f in stage.factors])
        dK = dK + dN @ N
        dlogs = dlogs + np.sum(dN * A.real, axis=(1, 2))
    return K + 1j * dK, logs + 1j * dlogs


def invert(M: Array) -> tuple[Array, Array]:
    """Invert positive definite matrices of one size, shape (k, q, q); also their log|M|, (k,)."""
    size = M.shape[1]
    if size == 1:
        return 1.0 / M, np.log(M[:, 0, 0])
    if size == 2:
        a, b, d = M[:, 0, 0], M[:, 1, 0], M[:, 1, 1]
        det = a * (d - b * b / a)
        inverse = np.stack([d / det, -b / det, -b / det, a / det], axis=-1)
        return inverse.reshape(-1, 2, 2), np.log(det)
    if len(M) == 1:
        lower, _ = lapack.dpotrf(M[0], lower=1)
        half, _ = lapack.dpotri(lower, lower=1)
        whole = np.tril(half) + np.tril(half, -1).T
        return whole[None], 2.0 * np.log(np.diag(lower)).sum(keepdims=True)
    lower = np.linalg.cholesky(M)
    root = np.linalg.inv(lower)
    diagonal = np.arange(size)
    return _t(root) @ root, 2.0 * np.log(lower[:, diagonal, diagonal]).sum(axis=1)


def times_sigma(
    stage: Stage, U: Array, factors: Sequence[Array], directions: Sequence[Array] | None = None
) -> Array:
    """Multiply level by level by Sigma: effects from Z_i'V^-1W."""
    sigma = [factors[f] @ factors[f].T for f in stage.factors]
    if directions is not None:
        sigma = [s + 1j * STEP * directions[f] for s, f in zip(sigma, stage.factors, strict=True)]
    return _t(_times_blocks(stage, _t(U), sigma))


def _times_blocks(stage: Stage, matrix: Array, blocks: Sequence[Array]) -> Array:
    """Multiply from the right by the block-diagonal matrix of a stage."""
    if stage.n_levels == (1,):
        return matrix @ blocks[0]
    parts = []
    for part, block, levels, q in zip(
        _split(stage, matrix, -1), blocks, stage.n_levels, stage.q, strict=True
    ):
        by_level = part.reshape(*matrix.shape[:-1], levels, q) @ block
        parts.append(by_level.reshape(*matrix.shape[:-1], levels * q))
    return np.concatenate(parts, axis=-1)


def _split(stage: Stage, matrix: Array, axis: int) -> list[Array]:
    widths = np.multiply(stage.n_levels, stage.q)
    return np.split(matrix, np.cumsum(widths)[:-1], axis=axis)


def _sums(stage: Stage, H: Array, U: Array) -> list[tuple[Array, Array]]:
    """Sum H over levels, and U as outer products, factor by factor."""
    if stage.n_levels == (1,):
        return [(np.tensordot(stage.count, H, axes=1), _outer(U))]
    found = []
    rows, cells = _split(stage, U[0], 0), [_split(stage, h, 1) for h in _split(stage, H[0], 0)]
    for position, (levels, q) in enumerate(zip(stage.n_levels, stage.q, strict=True)):
        blocks = cells[position][position].reshape(levels, q, levels, q)
        each = np.arange(levels)
        h = blocks[each, :, each].sum(axis=0)
        found.append((h, _outer(rows[position].reshape(levels, q, -1))))
    return found


def _outer(U: Array) -> Array:
    flat = U.reshape(len(U), -1)
    return (flat.T @ flat).reshape(*U.shape[1:], *U.shape[1:])


def _collect(link: Link, left: Array, right: Array) -> Array:
    """Sum left_i' right_i over the groups that lie in each later group."""
    if link.members is None:
        return _gram(left, right)[None]
    each = _t(left) @ right
    total = link.members @ each.reshape(len(each), -1)
    return np.asarray(total).reshape(-1, *each.shape[1:])


def _gram(left: Array, right: Array) -> Array:
    return left.reshape(-1, left.shape[2]).T @ right.reshape(-1, right.shape[2])


def _t(matrix: Array) -> Array:
    return np.swapaxes(matrix, -1, -2)

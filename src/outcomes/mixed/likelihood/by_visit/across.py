"""Random effects that reach across patients: Lambda, and its derivatives, applied level by level.

B takes [X C y] to [X C Lambda y]. It is the identity but for a block kron(I, Lambda) for each
grouping factor, and dB/dt is kron(I, unit) in one block and zero elsewhere, so both work on the
rows or columns of their block only, q at a time; neither is ever written out. With Omega the weight
of B'SB in the first derivatives and S_t = dB'SB + (dB'SB)',

    d/dt     = <Omega, S_t>,
    d2/dtdu  = 2 <dB_t Omega dB_u', S>,
    d2/dtdr  = 2 <dB_t Omega, S_r B>          for r of V, all at fixed solution.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from outcomes.mixed.likelihood.by_visit.model import Model
from outcomes.mixed.types import Array


def expanded(model: Model, factors: list[Array], M: Array) -> Array:
    """Return M B for a factor Lambda of each part, M of shape (..., m)."""
    if not factors:
        return M
    out = M.copy(order="K")
    for inside, factor in zip(_blocks(model), factors, strict=True):
        out[..., inside] = _by_level(M[..., inside], factor)
    return out


def on_both_sides(model: Model, factors: list[Array], M: Array) -> Array:
    """Return B'MB for symmetric M, shape (m, m)."""
    return expanded(model, factors, expanded(model, factors, M).T)


def _blocks(model: Model) -> list[slice]:
    """Return where the columns of each part stand in [X C y]."""
    sizes = [part.n_levels * part.block.q for part in model.across]
    ends = model.p + np.cumsum([0, *sizes])
    return [slice(int(a), int(b)) for a, b in pairwise(ends)]


def _by_level(M: Array, factor: Array) -> Array:
    """Return M kron(I, factor)."""
    if len(factor) == 1:  # a random intercept: scaling moves less memory than a product
        return np.asarray(M * factor[0, 0])
    return np.asarray((M.reshape(-1, len(factor)) @ factor).reshape(M.shape))


def _moves(model: Model) -> list[tuple[slice, Array]]:
    """Return dB of each parameter: where its block is, and the unit that is repeated there."""
    return [
        (inside, part.block.factor(unit))
        for inside, part in zip(_blocks(model), model.across, strict=True)
        for unit in np.eye(part.block.n_theta)
    ]


def across_derivatives(
    model: Model, S: Array, SB: Array, raw: Array, Omega: Array
) -> tuple[Array, Array, Array]:
    """Return what the parameters of these random effects add at fixed solution.

    Parameters
    ----------
    model : Model
    S, SB : array, shape (m, m)
    raw : array, shape (k_inner, m, m)
        S_r B for the parameters of V.
    Omega : array, shape (m, m)

    Returns
    -------
    gradient : array, shape (k_across,)
    hessian : array, shape (k_across, k)
        Columns: the parameters of V, then these.
    slopes : array, shape (k_across, m, m)
        S_t.
    """
    found = _moves(model)
    gradient, slopes = np.zeros(len(found)), np.zeros((len(found), *S.shape))
    hessian = np.zeros((len(found), len(raw) + len(found)))
    for t, (own, unit) in enumerate(found):
        half = _by_level(SB[own].T, unit)
        slopes[t][:, own] = half
        slopes[t][own] += half.T
        gradient[t] = 2.0 * np.sum(Omega[:, own] * half)
        moved = _by_level(Omega[:, own], unit.T).T
        hessian[t, : len(raw)] = 2.0 * np.tensordot(raw[:, own], moved, axes=2)
        for u, (other, second) in enumerate(found, len(raw)):
            twice = _by_level(moved[:, other], second.T)
            hessian[t, u] = 2.0 * np.sum(twice * S[own, other])
    return gradient, hessian, slopes

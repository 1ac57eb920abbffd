"""Substitute backwards through the stages: what each group holds of V^-1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from outcomes.mixed.likelihood.batched import (
    identity_minus,
    multiply,
    multiply_constant,
    transpose,
)
from outcomes.mixed.likelihood.crossed import CrossedStep, row_dots
from outcomes.mixed.likelihood.forward_pass import STEP, Forward, Step
from outcomes.mixed.products.cross_products import CrossProducts, Stage
from outcomes.mixed.types import Array


@dataclass(frozen=True)
class Levels:
    """What one stage's groups hold in the end.

    Parameters
    ----------
    H : array, shape (q, q, n_groups)
        Z_i'V^-1Z_i.
    U : array, shape (q, m, n_groups)
        Z_i'V^-1W.
    P : array, shape (q, q, n_groups)
        Covariance of the random effects given the response, at sigma = 1.
    N : array, shape (q, q, n_groups)
        I - A K.
    """

    H: Array
    U: Array
    P: Array
    N: Array


def backwards(
    products: CrossProducts,
    forward: Forward,
    factors: Sequence[Array],
    directions: Sequence[Array] | None = None,
) -> list[Levels]:
    """Substitute backwards; returns what each stage's groups hold."""
    found: dict[int, Levels] = {}
    later = Later(forward.crossed)
    targets = {link.to for stage in products.stages for link in stage.links}
    for s in reversed(range(len(forward.steps))):
        stage, step = products.stages[s], forward.steps[s]
        N = identity_minus(multiply(step.A, step.K))
        H, P, U = multiply(N, step.A), step.K, step.B
        if stage.moments is None:
            U = multiply(N, U - later.fitted(stage, step))
        if stage.links or stage.crossed:
            explained = later.explained(s, stage, step)
            H = H - multiply(multiply(N, explained), transpose(N)) / stage.count
            P = P + multiply(multiply(step.K, explained), step.K)
        if s in targets:
            later.effects[s] = multiply_constant(_sigma(stage, factors, directions), U)
            later.joint[s, s] = P
        found[s] = Levels(H, U, P, N)
    return [found[s] for s in range(len(forward.steps))]


@dataclass
class Later:
    """What a stage needs of those after it, filled from the last one backwards.

    Parameters
    ----------
    crossed : CrossedStep or None
    effects : dict
        For each stage Sigma_i Z_i'V^-1W, shape (q, m, n_groups).
    joint : dict
        For pairs of stages the covariance of a group's effects with those of the later group it
        lies in, given the response, shape (q, q_later, n_groups).
    joint_crossed : dict
        The same with the crossed effects, shape (q, n_groups, d).
    """

    crossed: CrossedStep | None
    effects: dict[int, Array] = field(default_factory=dict)
    joint: dict[tuple[int, int], Array] = field(default_factory=dict)
    joint_crossed: dict[int, Array] = field(default_factory=dict)

    def fitted(self, stage: Stage, step: Step) -> Any:
        """Return what the later effects account for of Z_i'V^-1W."""
        total: Any = 0.0
        for link in stage.links:
            total = total + multiply(step.links[link.to], self.effects[link.to][..., link.parent])
        if self.crossed is not None:
            total = total + np.stack([(D @ self.crossed.effects).T for D in step.crossed])
        return total

    def explained(self, s: int, stage: Stage, step: Step) -> Array:
        """Return C P C' of all later effects, shape (q, q, n_groups), and note their covariance."""
        total: Any = 0.0
        for link in stage.links:
            CP = self._times_joint(stage, step, link.to)
            self.joint[s, link.to] = -multiply(step.K, CP)
            total = total + multiply(CP, transpose(step.links[link.to]))
        if self.crossed is not None:
            DP = self._times_crossed(stage, step, self.crossed)
            if s:
                self.joint_crossed[s] = -np.einsum("abn,bnd->and", step.K, np.stack(DP))
            total = total + np.array([[row_dots(D, dp) for D in step.crossed] for dp in DP])
        return np.asarray(total)

    def _times_joint(self, stage: Stage, step: Step, to: int) -> Array:
        """Sum C_u P[u, to] over the later stages u and the crossed factors."""
        links = {link.to: link for link in stage.links}
        total: Any = 0.0
        for u, C in step.links.items():
            known, P = (u, self.joint[u, to]) if u <= to else (to, transpose(self.joint[to, u]))
            total = total + multiply(C, P[..., links[known].parent])
        if self.crossed is not None:
            P = self.joint_crossed[to][:, links[to].parent]
            total = total + np.array([[row_dots(D, p) for p in P] for D in step.crossed])
        return np.asarray(total)

    def _times_crossed(self, stage: Stage, step: Step, last: CrossedStep) -> list[Array]:
        """Sum C_u P[u, crossed] likewise, shape (n_groups, d) for each of the q columns."""
        total = [D @ last.K for D in step.crossed]
        for link in stage.links:
            P = self.joint_crossed[link.to][:, link.parent]
            C = step.links[link.to]
            total = [t + np.einsum("bn,bnd->nd", c, P) for t, c in zip(total, C, strict=True)]
        return total


def _sigma(stage: Stage, factors: Sequence[Array], directions: Sequence[Array] | None) -> Array:
    lam = factors[stage.factor]
    sigma = multiply_constant(lam, transpose(lam))
    return sigma if directions is None else sigma + 1j * STEP * directions[stage.factor]

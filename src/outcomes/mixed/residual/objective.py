"""A likelihood of covariance parameters: its patients by stratum, and what each parameter means."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from outcomes.mixed.covariance import BlockCovariance
from outcomes.mixed.residual.batches import Batch
from outcomes.mixed.residual.directions import (
    Directions,
    VisitDirections,
    pattern_directions,
    visit_directions,
)
from outcomes.mixed.residual.structures import ByDistance, ByVisit, Structure
from outcomes.mixed.types import Array

SPARSE = 0.1
"""Below this share of elements a sparse product is faster than a dense one."""


@dataclass(frozen=True)
class Stratum:
    """Patients who share the parameters of R.

    Parameters
    ----------
    structure : Structure
    batches : tuple of Batch
    """

    structure: Structure
    batches: tuple[Batch, ...]

    @cached_property
    def by_visit(self) -> tuple[VisitDirections, ...]:
        """Directions of the batches where they do not depend on the parameters, else ()."""
        if not isinstance(self.structure, ByVisit):
            return ()
        return tuple(visit_directions(self.structure, batch) for batch in self.batches)

    def covariances(self, free: Array, batch: int) -> Array:
        """Return R of each pattern of a batch, shape (P, n, n)."""
        times = self.batches[batch].times
        if isinstance(self.structure, ByDistance):
            return self.structure.covariances(free, times)
        at = np.searchsorted(self.structure.visits, times)
        return np.asarray(self.structure.matrix(free)[at[:, :, None], at[:, None, :]])

    def directions(self, free: Array, batch: int) -> Directions:
        """Return the matrices that the derivatives of V in a batch are made of."""
        if isinstance(self.structure, ByDistance):
            own = self.batches[batch]
            return pattern_directions(self.structure.parts(free, own.times), own)
        return self.by_visit[batch]


@dataclass(frozen=True)
class Across:
    """Random effects that reach across patients.

    Parameters
    ----------
    block : BlockCovariance
    n_levels : int
    """

    block: BlockCovariance
    n_levels: int


@dataclass(frozen=True)
class CorrelatedObjective:
    """A likelihood of the parameters of R and of the random effects.

    Its parameters are those of R, stratum by stratum, then Lambda of the patients' own random
    effects, then Lambda of the others.

    Parameters
    ----------
    strata : tuple of Stratum
    own : BlockCovariance
        Of the patients' own random effects; no sizes where there are none.
    across : tuple of Across
    p : int
        Fixed columns.
    m : int
        Columns of [X, C, y].
    reml : bool
    """

    strata: tuple[Stratum, ...]
    own: BlockCovariance
    across: tuple[Across, ...]
    p: int
    m: int
    reml: bool

    @property
    def n_residual(self) -> int:
        """Parameters of R, all strata together."""
        return sum(stratum.structure.n_parameters for stratum in self.strata)

    @property
    def n_parameters(self) -> int:
        """Number of covariance parameters."""
        own = self.own.n_theta if self.own.sizes else 0
        return self.n_residual + own + sum(part.block.n_theta for part in self.across)

    @property
    def n_inner(self) -> int:
        """Parameters that V of a patient depends on: all but those of ``across``."""
        return self.n_parameters - sum(part.block.n_theta for part in self.across)

    @cached_property
    def touched(self) -> tuple[Array, Array] | None:
        """Rows and columns, in order, of elements of S that need not be zero; None if many are."""
        batches = [batch for stratum in self.strata for batch in stratum.batches]
        if any(batch.columns is None for batch in batches):
            return None
        places = np.unique(np.concatenate([np.unique(batch.pairs) for batch in batches]))
        few = len(places) < SPARSE * self.m**2
        return (places // self.m, places % self.m) if few else None

    def residual_free(self, theta: Array) -> list[Array]:
        """Return the parameters of R of each stratum."""
        ends = np.cumsum([stratum.structure.n_parameters for stratum in self.strata])
        return np.split(theta[: ends[-1]], ends[:-1])

    def own_factor(self, theta: Array) -> Array:
        """Return Lambda of the patients' own random effects, shape (q, q)."""
        if not self.own.sizes:
            return np.zeros((0, 0))
        start = self.n_residual
        return self.own.factor(theta[start : start + self.own.n_theta])

    def across_factors(self, theta: Array) -> list[Array]:
        """Return Lambda of each of the other grouping factors."""
        sizes = [part.block.n_theta for part in self.across]
        start = self.n_parameters - sum(sizes)
        ends = start + np.cumsum([0, *sizes])
        return [
            part.block.factor(theta[ends[i] : ends[i + 1]]) for i, part in enumerate(self.across)
        ]


def parameter_directions(
    objective: CorrelatedObjective, theta: Array, position: int, sums: Array
) -> tuple[Array, Array]:
    """Return dV of each parameter as a combination of a stratum's directions, and sum <d2V, G>.

    Parameters
    ----------
    objective : CorrelatedObjective
    theta : array, shape (k,)
    position : int
        Of the stratum.
    sums : array, shape (e,)
        Sums of the directions with G.
    """
    k_own = objective.own.n_theta if objective.own.sizes else 0
    inner = objective.n_inner
    structures = [stratum.structure for stratum in objective.strata]
    start = sum(structure.n_parameters for structure in structures[:position])
    structure, free = structures[position], objective.residual_free(theta)[position]
    rows = slice(start, start + structure.n_parameters)
    jacobian = structure.jacobian(free)
    e = jacobian.shape[1]
    C, curvature = np.zeros((inner, len(sums))), np.zeros((inner, inner))
    C[rows, :e] = jacobian
    curvature[rows, rows] = structure.curvature(free, sums[:e])
    if k_own:
        lam, q = objective.own_factor(theta), objective.own.q
        r, c = objective.own.rows, objective.own.columns
        own = slice(objective.n_residual, inner)
        D = np.zeros((k_own, q, q))
        D[np.arange(k_own), r] = lam[:, c].T
        C[own, e:] = (D + D.transpose(0, 2, 1)).reshape(k_own, -1)
        G = sums[e:].reshape(q, q)
        curvature[own, own] = (G + G.T)[np.ix_(r, r)] * (c[:, None] == c)
    return C, curvature

"""A design with a residual covariance, ready for evaluation, and what each parameter means.

Also where a search begins, and whether the data can tell the parameters apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.linalg import block_diag

from outcomes.errors import FitError
from outcomes.mixed.covariance import BlockCovariance, factors_of
from outcomes.mixed.likelihood.by_visit.batches import make_rows
from outcomes.mixed.likelihood.by_visit.courses import Stratum
from outcomes.mixed.likelihood.by_visit.layout import Layout, make_layout
from outcomes.mixed.likelihood.by_visit.structures import (
    Autoregressive,
    Compound,
    Correlation,
    OrnsteinUhlenbeck,
    PerVisit,
    Stationary,
    Structure,
)
from outcomes.mixed.likelihood.working import FixedBasis, fixed_basis, gram_basis
from outcomes.mixed.reading.design import Design, GroupingFactor
from outcomes.mixed.reading.formula import RESIDUAL_BY_VISIT
from outcomes.mixed.types import Array

MAX_ACROSS = 500
"""Most random effects that reach across patients, such as therapists'."""


@dataclass(frozen=True)
class Model:
    """A model ready for evaluation, in a well-conditioned basis.

    Its parameters are those of R, stratum by stratum, then Lambda of the patients' own random
    effects, then Lambda of those that reach across patients.

    Parameters
    ----------
    design : Design
    reml : bool
    layout : Layout
    basis : FixedBasis
    residual : array, shape (n,)
        Response minus its least-squares fit, of root mean square one.
    strata : tuple of Stratum
    own : tuple of GroupingFactor
        The one whose levels are the patients; empty or one.
    across : tuple of GroupingFactor
        The others.
    n_levels : tuple of int
        Their levels that have columns in C.
    lone : int or None
        Which of them has levels of one patient each; their effect stands in that patient's V.
    m : int
        Columns of [X, C, y].
    """

    design: Design
    reml: bool
    layout: Layout
    basis: FixedBasis
    residual: Array
    strata: tuple[Stratum, ...]
    own: tuple[GroupingFactor, ...]
    across: tuple[GroupingFactor, ...]
    n_levels: tuple[int, ...]
    lone: int | None
    m: int

    @property
    def p(self) -> int:
        """Fixed columns."""
        return len(self.basis.kept)

    @cached_property
    def n_residual(self) -> int:
        """Parameters of R, all strata together."""
        return sum(stratum.structure.n_parameters for stratum in self.strata)

    @cached_property
    def n_inner(self) -> int:
        """Parameters that V of a patient depends on: all but those of ``across``."""
        return self.n_residual + sum(factor.covariance.n_theta for factor in self.own)

    @cached_property
    def n_parameters(self) -> int:
        """Number of covariance parameters."""
        return self.n_inner + sum(factor.covariance.n_theta for factor in self.across)

    def residual_free(self, theta: Array) -> list[Array]:
        """Return the parameters of R of each stratum."""
        ends = np.cumsum([stratum.structure.n_parameters for stratum in self.strata])
        return np.split(theta[: ends[-1]], ends[:-1])

    def own_factor(self, theta: Array) -> Array:
        """Return Lambda of the patients' own random effects, shape (q, q)."""
        if not self.own:
            return np.zeros((0, 0))
        return self.own[0].covariance.factor(theta[self.n_residual : self.n_inner])

    def inner_factor(self, theta: Array) -> Array:
        """Return Lambda of all random effects that stand in V, those of lone levels last."""
        own = self.own_factor(theta)
        return own if self.lone is None else block_diag(own, self.across_factors(theta)[self.lone])

    @cached_property
    def inner(self) -> BlockCovariance:
        """Layout of ``inner_factor``."""
        sizes = [size for factor in self.own for size in factor.covariance.sizes]
        return BlockCovariance((*sizes, *[1] * (self.lone is not None)))

    @cached_property
    def tie(self) -> Array:
        """Which parameter each derivative is in: of lone levels in V, the same as of the others."""
        tie = np.eye(self.n_parameters)
        if self.lone is None:
            return tie
        before = sum(factor.covariance.n_theta for factor in self.across[: self.lone])
        return np.insert(tie, self.n_inner, tie[self.n_inner + before], axis=0)

    def across_factors(self, theta: Array) -> list[Array]:
        """Return Lambda of each of the other grouping factors."""
        return factors_of(theta[self.n_inner :], [factor.covariance for factor in self.across])

    def factors(self, theta: Array) -> list[Array]:
        """Return Lambda of every grouping factor, in the design's order."""
        across = iter(self.across_factors(theta))
        own = [any(factor is other for other in self.own) for factor in self.design.factors]
        return [self.own_factor(theta) if is_own else next(across) for is_own in own]


def make_model(design: Design, reml: bool) -> Model:
    """Prepare a design.

    Parameters
    ----------
    design : Design
        Its formula has a residual term.
    reml : bool

    Raises
    ------
    FitError
        The data cannot carry the covariance.
    """
    layout = make_layout(design.formula, design.frame)
    basis, Q, residual = _basis(design)
    size = np.sqrt(design.n)
    patients = next((factor for factor in design.factors if _is_own(factor, layout)), None)
    own = () if patients is None else (patients,)
    across = tuple(factor for factor in design.factors if factor is not patients)
    levels = [_levels(factor, factor.Z * (design.root / scale_of(factor))) for factor in across]
    lone, levels, inside = _lone_levels(levels, layout)
    source = make_rows(Q * size, levels, residual)
    parts = [factor.Z * (design.root / scale_of(factor)) for factor in own]
    Z = np.hstack([np.empty((design.n, 0)), *parts, *inside])
    strata = tuple(
        Stratum(_structure(layout, stratum), layout, layout.strata == stratum, source, Z)
        for stratum in range(len(layout.stratum_names))
    )
    basis = replace(basis, R=basis.R / size)
    n_levels = tuple(number for _, _, number in levels)
    fixed = design, reml, layout, basis, residual
    return Model(*fixed, strata, own, across, n_levels, lone, source.m)


def scale_of(factor: GroupingFactor) -> Array:
    """Return what the working columns of a factor are divided by, shape (q,)."""
    return np.asarray(np.sqrt(np.mean(factor.Z**2, axis=0)))


def _basis(design: Design) -> tuple[FixedBasis, Array, Array]:
    """Orthonormalise the fixed columns: by cross-products where rows are many and that is safe."""
    root = design.root[:, 0]
    X, response = design.fixed.matrix * design.root, design.response * root
    level = float(design.response.mean()) if "Intercept" in design.fixed.names else 0.0
    W = np.column_stack([X, response - level * root])
    found = gram_basis(W.T @ W, design.n, level)
    if found is None:
        return fixed_basis(X, response)
    basis, M = found
    if level:
        basis.start[design.fixed.names.index("Intercept")] += level
    moved = W @ M
    return basis, moved[:, :-1], moved[:, -1]


def _is_own(factor: GroupingFactor, layout: Layout) -> bool:
    pairs = factor.codes.astype(np.int64) * len(layout.levels) + layout.codes
    return factor.n_levels == len(layout.levels) == len(np.unique(pairs))


Levels = tuple[Array, Array, int]
"""The level of each row, its columns, shape (n, q), and the number of levels."""


def _lone_levels(
    levels: list[Levels], layout: Layout
) -> tuple[int | None, list[Levels], list[Array]]:
    """Take levels of one patient each, who has no other, out of the first factor that has such.

    Most people who come have one course: their own effect then needs no column beside those of V.
    """
    for position, (codes, Z, n_levels) in enumerate(levels):
        pairs = np.unique(np.column_stack([codes, layout.codes]), axis=0)
        few = [np.bincount(column) for column in pairs.T]
        alone = np.ones(n_levels, dtype=bool)
        np.logical_and.at(
            alone, pairs[:, 0], (few[0][pairs[:, 0]] == 1) & (few[1][pairs[:, 1]] == 1)
        )
        if Z.shape[1] == 1 and alone.any() and not alone.all():
            kept, inside = np.maximum(np.cumsum(~alone) - 1, 0), alone[codes][:, None]
            others = kept[codes], np.where(inside, 0.0, Z), int((~alone).sum())
            found = [*levels[:position], others, *levels[position + 1 :]]
            return position, found, [np.where(inside, Z, 0.0)]
    return None, levels, []


def _levels(factor: GroupingFactor, Z: Array) -> Levels:
    size = factor.n_levels * Z.shape[1]
    if size > MAX_ACROSS:
        must = f"Effects that reach across patients beside us, ar1, ...: at most {MAX_ACROSS}"
        remedy = "Give the residual covariance the same group, or leave that random term out."
        raise FitError(must, got=f"{size}", where=f"grouping factor '{factor.name}'", remedy=remedy)
    return factor.codes, Z, factor.n_levels


def _structure(layout: Layout, stratum: int) -> Structure:
    rows = layout.strata == stratum
    kind = layout.term.kind
    correlation = _correlation(kind, int(np.bincount(layout.codes[rows]).max()))
    if kind not in RESIDUAL_BY_VISIT:
        return Stationary(correlation)
    visits = np.unique(layout.times[rows])
    patients = len(np.unique(layout.codes[rows]))
    if kind == "us" and patients <= len(visits):
        must = f"{layout.term} needs more {layout.term.group[-1]} levels than visits"
        where = f"stratum {stratum + 1} of {len(layout.stratum_names)}"
        remedy = "Use a covariance with fewer parameters: csh, ar1h, cs or ar1."
        raise FitError(must, got=f"{patients} for {len(visits)} visits", where=where, remedy=remedy)
    return PerVisit(visits, correlation, unstructured=kind == "us")


def _correlation(kind: str, longest: int) -> Correlation | None:
    if kind in ("ar1", "ar1h"):
        return Autoregressive()
    if kind == "ou":
        return OrnsteinUhlenbeck()
    if kind in ("cs", "csh"):
        return Compound(-1.0 / max(1, longest - 1))
    return None


def parameter_directions(
    model: Model, theta: Array, position: int, sums: Array
) -> tuple[Array, Array]:
    """Return dV of each parameter as a combination of a stratum's directions, and sum <d2V, G>.

    Parameters
    ----------
    model : Model
    theta : array, shape (k,)
    position : int
        Of the stratum.
    sums : array, shape (e,)
        Sums of the directions with G.
    """
    inner = model.n_inner + (model.lone is not None)
    structures = [stratum.structure for stratum in model.strata]
    start = sum(structure.n_parameters for structure in structures[:position])
    structure, free = structures[position], model.residual_free(theta)[position]
    rows = slice(start, start + structure.n_parameters)
    jacobian = structure.jacobian(free)
    e = jacobian.shape[1]
    C, curvature = np.zeros((inner, len(sums))), np.zeros((inner, inner))
    C[rows, :e] = jacobian
    curvature[rows, rows] = structure.curvature(free, sums[:e])
    D = model.inner.slopes(model.inner_factor(theta))
    C[model.n_residual :, e:] = D.reshape(len(D), len(sums) - e)
    own = slice(model.n_residual, inner)
    curvature[own, own] = model.inner.curvature(sums[e:].reshape(D.shape[1:]))
    return C, curvature


SHARE = 0.5
"""Standard deviation of the random effects to start from, in that of the residuals."""

LEAST, MOST = 0.1, 0.8
"""Of neighbours' correlations to start from."""

UNTELLABLE = 1e-9
"""Directions in which no V changes, relatively."""


def start_values(model: Model) -> Array:
    """Return parameters to start from: moments of the least-squares residual.

    Returns
    -------
    array, shape (k,)
    """
    layout = model.layout
    own, parts = SHARE**2 * len(model.own), []
    near, before = (model.residual[rows] for rows in layout.neighbours)
    alike = near @ before / max(near @ near, before @ before, 1e-9)
    alike = min(max((alike - own) / (1.0 - own), LEAST), MOST)
    for position, stratum in enumerate(model.strata):
        rows = layout.strata == position
        moments = np.sqrt(1.0 - own) * model.residual[rows], layout.codes[rows], layout.times[rows]
        parts.append(stratum.structure.start(*moments, layout.gap, alike))
    effects = [*model.own, *model.across]
    parts += [SHARE * factor.covariance.is_diagonal.astype(float) for factor in effects]
    return np.concatenate(parts)


def require_identified(model: Model, start: Array) -> None:
    """Refuse covariance parameters that these visits cannot tell apart.

    The derivatives of V in the parameters must be linearly independent over the patterns of visits,
    at values with nothing special about them.

    Raises
    ------
    FitError
        Naming the parameters.
    """
    theta = start + 0.1 * np.cos(1.0 + np.arange(len(start)))
    few = replace(model, strata=tuple(stratum.few for stratum in model.strata))
    if _told_apart(few, theta)[0] > UNTELLABLE:
        return
    told, direction = _told_apart(model, theta)
    if told > UNTELLABLE:
        return
    involved = np.abs(direction) > 0.1 * np.abs(direction).max()
    names = np.array(parameter_names(model))[involved].tolist()
    must = "The visits must tell the parameters of the covariance apart"
    got = f"visits that cannot tell {_listed(names)}"
    remedy = (
        "Leave a random term out (us, cs and csh hold a random intercept already), or use a "
        "covariance with fewer parameters."
    )
    raise FitError(must, got=got, where=f"in '{model.design.formula.text}'", remedy=remedy)


def _told_apart(model: Model, theta: Array) -> tuple[float, Array]:
    """Return how far the derivatives of V are from dependent, and which direction is nearest."""
    gram = np.zeros((model.n_inner, model.n_inner))
    for position, free in enumerate(model.residual_free(theta)):
        for batch, directions in model.strata[position].sorted_at(free):
            n = batch.times.shape[1]
            unit = np.broadcast_to(np.eye(n), (len(batch.counts), n, n))
            pairs = directions.pairs(unit, batch.counts[:, None, None] * unit)
            C, _ = parameter_directions(model, theta, position, np.zeros(len(pairs)))
            gram += (C @ pairs @ C.T)[: model.n_inner, : model.n_inner]
    size = np.sqrt(np.diag(gram))
    values, vectors = np.linalg.eigh(gram / np.outer(size + (size == 0.0), size + (size == 0.0)))
    return float(values[0]), vectors[:, 0]


def _listed(names: list[str]) -> str:
    distinct = list(dict.fromkeys(names))
    more = f" and {len(distinct) - 3} more" if len(distinct) > 3 else ""
    return ", ".join(distinct[:3]) + more


def parameter_names(model: Model) -> list[str]:
    """Return what each parameter of R and of the patients' own random effects stands for."""
    names = []
    for position, stratum in enumerate(model.strata):
        inside = f" in stratum {position + 1}" if len(model.strata) > 1 else ""
        names += [f"{name}{inside}" for name in stratum.structure.names(model.layout.labels)]
    for factor in model.own:
        pairs = zip(factor.terms, factor.columns, strict=True)
        terms = [str(term) for term, columns in pairs for _ in columns.names]
        names += [terms[row] for row in factor.covariance.rows]
    return names

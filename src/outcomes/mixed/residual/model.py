"""A design with a residual covariance, made ready for evaluation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from outcomes.errors import FitError
from outcomes.mixed.covariance import BlockCovariance
from outcomes.mixed.products.conditioning import FixedBasis, fixed_basis, gram_basis
from outcomes.mixed.reading.design import Design
from outcomes.mixed.reading.formula import RESIDUAL_BY_VISIT
from outcomes.mixed.reading.random_effects_design import GroupingFactor
from outcomes.mixed.residual.batches import make_batches
from outcomes.mixed.residual.correlation import (
    Autoregressive,
    Compound,
    Correlation,
    OrnsteinUhlenbeck,
)
from outcomes.mixed.residual.layout import Layout, make_layout
from outcomes.mixed.residual.objective import Across, CorrelatedObjective, Stratum
from outcomes.mixed.residual.rows import make_rows
from outcomes.mixed.residual.structures import ByDistance, ByVisit, Structure
from outcomes.mixed.types import Array

MAX_ACROSS = 500
"""Most random effects that reach across patients, such as therapists'."""


MANY_ROWS = 5_000


@dataclass(frozen=True)
class CorrelatedModel:
    """A model ready for evaluation, in a well-conditioned basis.

    Parameters
    ----------
    layout : Layout
    basis : FixedBasis
    objective : CorrelatedObjective
    own : int or None
        Position in the design of the grouping factor whose levels are the patients.
    across : tuple of int
        Positions of the others.
    scales : tuple of array, shape (q,)
        Of each grouping factor: its working columns are Z / scale.
    residual : array, shape (n,)
        Response minus its least-squares fit, of root mean square one.
    """

    layout: Layout
    basis: FixedBasis
    objective: CorrelatedObjective
    own: int | None
    across: tuple[int, ...]
    scales: tuple[Array, ...]
    residual: Array


def make_model(design: Design, reml: bool) -> CorrelatedModel:
    """Prepare a design.

    Parameters
    ----------
    design : Design
        Its formula has a residual term.
    reml : bool

    Returns
    -------
    CorrelatedModel

    Raises
    ------
    FitError
        The data cannot carry the covariance.
    """
    layout = make_layout(design.formula, design.frame)
    root = np.ones(design.n) if design.weights is None else np.sqrt(design.weights)
    basis, Q, residual = _basis(design, root)
    size = np.sqrt(design.n)
    basis = replace(basis, R=basis.R / size)
    scales = tuple(np.sqrt(np.mean(factor.Z**2, axis=0)) for factor in design.factors)
    columns = [
        factor.Z * (root[:, None] / scale)
        for factor, scale in zip(design.factors, scales, strict=True)
    ]
    own = next((i for i, factor in enumerate(design.factors) if _is_own(factor, layout)), None)
    across = tuple(i for i in range(len(design.factors)) if i != own)
    levels = [_levels(design.factors[i], columns[i]) for i in across]
    source = make_rows(Q * size, levels, residual)
    Z = columns[own] if own is not None else np.empty((design.n, 0))
    objective = CorrelatedObjective(
        strata=tuple(
            Stratum(_structure(layout, stratum), make_batches(layout, stratum, source, Z))
            for stratum in range(len(layout.stratum_names))
        ),
        own=design.factors[own].covariance if own is not None else BlockCovariance(()),
        across=tuple(
            Across(design.factors[i].covariance, design.factors[i].n_levels) for i in across
        ),
        p=Q.shape[1],
        m=source.m,
        reml=reml,
    )
    return CorrelatedModel(layout, basis, objective, own, across, scales, residual)


def _basis(design: Design, root: Array) -> tuple[FixedBasis, Array, Array]:
    """Orthonormalise the fixed columns: by cross-products where rows are many and that is safe."""
    X, response = design.fixed.matrix * root[:, None], design.response * root
    if design.n < MANY_ROWS:
        return fixed_basis(X, response)
    level = float(design.response.mean()) if "Intercept" in design.fixed.names else 0.0
    W = np.column_stack([X, response - level * root])
    found = gram_basis(W.T @ W, design.n)
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


def _levels(factor: GroupingFactor, Z: Array) -> tuple[Array, Array, int]:
    """Return the level of each row, its columns, shape (n, q), and the number of levels."""
    size = factor.n_levels * Z.shape[1]
    if size > MAX_ACROSS:
        must = f"Effects that reach across patients beside us, ar1, ...: at most {MAX_ACROSS}"
        raise FitError(
            must,
            got=f"{size}",
            where=f"grouping factor '{factor.name}'",
            remedy="Give the residual covariance the same group, or leave that random term out.",
        )
    return factor.codes, Z, factor.n_levels


def _structure(layout: Layout, stratum: int) -> Structure:
    rows = layout.strata == stratum
    kind = layout.term.kind
    correlation = _correlation(kind, int(np.bincount(layout.codes[rows]).max()))
    if kind not in RESIDUAL_BY_VISIT:
        return ByDistance(correlation)
    visits = np.unique(layout.times[rows])
    patients = len(np.unique(layout.codes[rows]))
    if kind == "us" and patients <= len(visits):
        must = f"{layout.term} needs more {layout.term.group[-1]} levels than visits"
        raise FitError(
            must,
            got=f"{patients} for {len(visits)} visits",
            where=f"stratum {stratum + 1} of {len(layout.stratum_names)}",
            remedy="Use a covariance with fewer parameters: csh, ar1h, cs or ar1.",
        )
    return ByVisit(visits, correlation, unstructured=kind == "us")


def _correlation(kind: str, longest: int) -> Correlation | None:
    if kind in ("ar1", "ar1h"):
        return Autoregressive()
    if kind == "ou":
        return OrnsteinUhlenbeck()
    if kind in ("cs", "csh"):
        return Compound(-1.0 / max(1, longest - 1))
    return None

"""The same model fitted to many responses on the same rows: the bootstrap, power, rehearsal.

The rows are visited once for all: products of the columns are those of the fit, and only products
with the responses are made anew. Where these are small, the cost of a fit is that of calling its
steps, so all responses are searched at once: every array has the responses as an axis of its own
(`batched`), and a sweep evaluates each response at its own theta. Ends at a boundary or a saddle,
crossed factors and large products are searched one by one.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import solve_triangular

from outcomes.errors import FitError, OutcomesWarning
from outcomes.mixed import search
from outcomes.mixed.likelihood.by_elimination import ByElimination, EliminationPoint, Profile
from outcomes.mixed.likelihood.cross_products import CrossProducts, Stage, indicator
from outcomes.mixed.likelihood.elimination import Eliminated, eliminate
from outcomes.mixed.likelihood.estimates import Curvature
from outcomes.mixed.likelihood.patterns import compress
from outcomes.mixed.likelihood.working import EXACT, Working, make_working
from outcomes.mixed.record import Kind, refit
from outcomes.mixed.search import Optimum, Point, one_blas_thread
from outcomes.mixed.types import Array

CACHED = 131_072
"""Numbers that the products of the responses searched at once may hold: a megabyte."""

FEW = 8
"""Responses that are searched one by one rather than at once."""

CHEAPER = 8
"""How much less an element of the moments costs than one of the products they replace."""

TOGETHER = 64
"""Responses whose products are made at once, if the rows are few."""

CELLS = 4_000_000
"""Rows times responses held at once."""


def refit_many(fit: Kind, responses: Array) -> Iterator[Kind | None]:
    """Fit the same model to other responses on the same rows, all started from the fit's optimum.

    Parameters
    ----------
    fit : Fit
    responses : array, shape (n_rows, n_responses)
        In the order of the rows used, offset included.

    Yields
    ------
    Fit or None
        In the order of the responses. None where a response cannot be fitted, or the search stopped
        early. Nothing is warned of.

    Examples
    --------
    >>> import pandas as pd
    >>> from outcomes.mixed.fit import lmm
    >>> rng = np.random.default_rng(1)
    >>> data = pd.DataFrame({"patient": np.repeat(range(20), 6), "visit": np.tile(range(6), 20)})
    >>> level = rng.normal(size=20)[data.patient]
    >>> data["score"] = 5 - 0.3 * data.visit + level + rng.normal(size=120)
    >>> fit = lmm("score ~ visit + (1 | patient)", data)
    >>> doubled, constant = refit_many(fit, np.column_stack([2.0 * fit.y, np.ones(120)]))
    >>> (doubled.estimates.beta / fit.estimates.beta).round(6), constant
    (array([2., 2.]), None)
    """
    if not isinstance(fit.likelihood, ByElimination):
        yield from (_one(fit, response) for response in responses.T)
        return
    with one_blas_thread():
        shared = _share(fit.likelihood)
    size = max(1, min(TOGETHER, CELLS // fit.design.n))
    for first in range(0, responses.shape[1], size):
        with one_blas_thread():
            found = _fits(fit, shared, responses[:, first : first + size])
        yield from found


def _one(fit: Kind, response: Array) -> Kind | None:
    with warnings.catch_warnings(action="ignore", category=OutcomesWarning):
        try:
            again = refit(fit, response)
        except FitError:
            return None
    return again.bound(type(fit)) if again.optimum.converged else None


@dataclass(frozen=True)
class Shared:
    """What fits to the same rows share.

    Parameters
    ----------
    likelihood : ByElimination
        Of the fit, groups kept one by one.
    Q : array, shape (n, p)
        Orthonormal fixed columns.
    """

    likelihood: ByElimination
    Q: Array


def _share(likelihood: ByElimination) -> Shared:
    design = likelihood.design
    working = make_working(design, patterns=False)
    X = design.root * design.fixed.matrix[:, working.basis.kept]
    Q = solve_triangular(working.basis.R, X.T, trans=1).T
    return Shared(ByElimination(design, working, likelihood.reml), Q)


def _fits(fit: Kind, shared: Shared, responses: Array) -> list[Kind | None]:
    working, p = shared.likelihood.working, shared.Q.shape[1]
    fitted, residuals = _residuals(shared, responses)
    starts = solve_triangular(working.basis.R, fitted)
    scales = np.sqrt(np.mean(residuals**2, axis=0))
    able = np.flatnonzero(scales > EXACT * np.sqrt(np.mean(responses**2, axis=0)))
    wide = _with_responses(shared, residuals[:, able] / scales[able])
    begin = fit.likelihood.near(fit.optimum.end)
    cells = sum(_cells(stage, p + 1) for stage in wide.stages)
    together = wide.crossed is None and cells * FEW <= CACHED
    found: list[Kind | None] = [None] * responses.shape[1]
    for part in np.array_split(np.arange(len(able)), 1 + len(able) * cells // CACHED):
        ends = _together(shared, wide, part, begin) if together else [None] * len(part)
        for i, end in zip(part, ends, strict=True):
            d = able[i]
            basis = replace(working.basis, start=starts[:, d], scale=float(scales[d]))
            products = of_responses(wide, np.append(np.arange(p), p + i))
            design = replace(shared.likelihood.design, y=responses[:, d])
            own = Working(basis, working.transforms, products)
            likelihood = ByElimination(design, own, fit.request.reml)
            with suppress(FitError):
                found[d] = _record(fit, likelihood, begin, end)
    return found


def _record(fit: Kind, likelihood: ByElimination, begin: Array, end: End | None) -> Kind | None:
    """Make the record of one response, after a search of its own where that is needed."""
    if end is not None and end[1].converged:
        optimum = end[1]
        point: Point = replace(end[0], likelihood=likelihood)
    else:
        optimum, point = search.minimise(likelihood, begin if end is None else end[0].theta)
    if not optimum.converged:
        return None
    return type(fit)(fit.request, optimum, point.estimates(), point)


def _residuals(shared: Shared, responses: Array) -> tuple[Array, Array]:
    """Return the least-squares coefficients of Q, and the residuals, a column each."""
    design, Q = shared.likelihood.design, shared.Q
    offset = 0.0 if design.offset is None else design.offset[:, None]
    residuals, fitted = design.root * (responses - offset), np.zeros((Q.shape[1], 1))
    for _ in range(2):
        part = Q.T @ residuals
        residuals, fitted = residuals - Q @ part, fitted + part
    return fitted, residuals


def _with_responses(shared: Shared, residuals: Array) -> CrossProducts:
    """Put the products with all responses in the place of those with one."""
    design, working = shared.likelihood.design, shared.likelihood.working
    products, p = working.products, working.products.p
    columns = residuals * design.root

    def sums(f: int) -> Array:
        factor = design.factors[f]
        by_level = indicator(factor.codes, factor.n_levels)
        Z = factor.Z @ np.linalg.inv(working.transforms[f])
        return np.array([(by_level @ (z[:, None] * columns)).T for z in Z.T])

    stages = [
        replace(stage, B=np.concatenate([stage.B[:, :p], sums(stage.factor)], axis=1))
        for stage in products.stages
    ]
    C = np.zeros((p + residuals.shape[1],) * 2)
    C[:p, :p], C[p:, p:] = products.C[:p, :p], residuals.T @ residuals
    crossed = products.crossed
    if crossed is not None:
        own = [sums(f).transpose(2, 0, 1).reshape(-1, residuals.shape[1]) for f in crossed.factors]
        crossed = replace(crossed, B=np.hstack([crossed.B[:, :p], np.vstack(own)]))
    wide = CrossProducts(tuple(stages), crossed, C, design.n)
    return wide if crossed else compress(wide, max(1, (p + 1) // CHEAPER))


def _cells(stage: Stage, m: int) -> int:
    """Return the size of a stage's products with one response."""
    if stage.moments is None:
        return stage.B[:, :m].size
    return int(np.prod(stage.moments.shape[:3])) * m * m // CHEAPER


End = tuple[EliminationPoint, Optimum]
"""Where the search of one response ended, and its record."""


@dataclass(frozen=True)
class Many(ByElimination):
    """The likelihoods of many responses at once; every array has them as its first axis."""

    def eliminate(
        self, lam: Sequence[Array], directions: Sequence[Array] | None = None
    ) -> Eliminated:
        """Eliminate all random effects, each response at its own Lambda."""

        def last(parts: Sequence[Array]) -> list[Array]:
            return [np.moveaxis(part, 0, -1)[..., None] for part in parts]

        def first(parts: Sequence[Array]) -> tuple[Array, ...]:
            return tuple(np.ascontiguousarray(np.moveaxis(part, -1, 0)) for part in parts)

        along = None if directions is None else last(directions)
        found = eliminate(self.products, last(lam), along)
        (S,) = first([found.S])
        return Eliminated(found.log_det, S, first(found.H), first(found.T), first(found.J))


def _together(shared: Shared, wide: CrossProducts, part: Array, begin: Array) -> list[End]:
    """Search the optimum of some responses, all at once; one not regular counts as stopped."""
    known, p = shared.likelihood, shared.likelihood.products.p

    def likelihood(of: Array) -> Many:
        rows = p + part[of]
        columns = np.vstack([np.tile(np.arange(p)[:, None], len(rows)), rows])
        working = replace(known.working, products=of_responses(wide, columns))
        return Many(known.design, working, known.reml)

    whole = likelihood(np.arange(len(part)))
    parts = {len(part): whole}

    def at(of: Array, theta: Array) -> EliminationPoint:
        if len(of) not in parts:
            parts[len(of)] = likelihood(of)
        return parts[len(of)].at(theta)

    theta, evaluations, _ = search.descend_all(at, np.tile(begin, (len(part), 1)), search.NEAR)
    point = whole.at(theta)
    found = point.curvature()
    values, vectors = np.linalg.eigh(found.searched)
    step = search.newton_step(values, vectors, point.gradient)
    decrease = -np.sum(point.gradient * step, axis=-1) / 2.0
    better = whole.at(point.theta + step)
    improved = np.abs(better.gradient).max(axis=-1) <= np.abs(point.gradient).max(axis=-1)
    scale = np.maximum(1.0, np.abs(values).max(axis=-1))
    regular = (decrease < search.TOLERANCE) & (values[:, 0] >= -1e-6 * scale)
    ends = []
    for i in range(len(part)):
        own = _pick(better if improved[i] else point, i)
        curvature = Curvature(*(getattr(found, name)[i] for name in vars(found)))
        status = "converged" if regular[i] else "stopped"
        message = f"a Newton step lowers the deviance by {decrease[i]:.0e}"
        used = int(evaluations[i]) + len(begin) + 2
        ends.append((own, search.ended(begin, own, used, curvature, status, message)))
    return ends


def _pick(point: EliminationPoint, row: int) -> EliminationPoint:
    """Return the point of one response."""
    solved = Profile(*(values[row] for values in vars(point.solved).values()))
    own = {name: getattr(point, name)[row] for name in ("theta", "value", "gradient", "metric")}
    return replace(point, **own, solved=solved)


def of_responses(products: CrossProducts, columns: Array) -> CrossProducts:
    """Take the products of the fixed columns with one response, or with several side by side.

    Parameters
    ----------
    products : CrossProducts
        Of all responses.
    columns : array of int, shape (m,) or (m, n_responses)
    """

    def spread(matrix: Array) -> Array:
        if columns.ndim == 1:
            return matrix
        shape = *matrix.shape[:2], columns.shape[1], matrix.shape[2]
        return np.broadcast_to(matrix[:, :, None], shape)

    def moments(of: Array) -> Array:
        at = columns.T
        picked = of[..., at[..., :, None], at[..., None, :]]
        return np.ascontiguousarray(np.moveaxis(picked, range(3, at.ndim + 2), range(at.ndim - 1)))

    stages = tuple(
        replace(
            stage,
            A=spread(stage.A),
            B=stage.B[:, columns],
            links=tuple(replace(link, C=spread(link.C)) for link in stage.links),
            moments=None if stage.moments is None else moments(stage.moments),
        )
        for stage in products.stages
    )
    crossed = products.crossed
    if crossed is not None:
        crossed = replace(crossed, B=crossed.B[:, columns])
    C = products.C[columns[:, None], columns[None]]
    return CrossProducts(stages, crossed, C, products.n)
